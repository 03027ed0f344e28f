//! Streams that are short by their nature, such as an operator's or a day's: they are read as a whole, and each event names who caused
//! it and has an idempotency key.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    domain::{
        event::{Entry, NewEvent, format_time},
        ids::{EntityId, Position},
    },
    event_log::{EventLog, Unavailable},
};

/// Every entry of a stream that is short by its nature.
pub async fn whole(log: &Arc<dyn EventLog>, id: &EntityId) -> Result<Vec<Entry>, Unavailable> {
    after(log, id, Position::START).await
}

/// Those after a position.
pub async fn after(log: &Arc<dyn EventLog>, id: &EntityId, position: Position) -> Result<Vec<Entry>, Unavailable> {
    Ok(log.read_all(id, position).await?)
}

/// The ids of the streams that start with `prefix`, each once, sorted.
pub async fn ids(log: &Arc<dyn EventLog>, prefix: &str) -> Result<Vec<EntityId>, Unavailable> {
    let mut ids: Vec<EntityId> = Vec::new();
    let mut pages = log.streams();
    while let Some(page) = pages.try_next().await? {
        ids.extend(page.into_iter().filter(|id| id.as_str().starts_with(prefix)));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// An id of a stream that is made up of checked parts.
pub fn stream(text: String) -> Result<EntityId, Unavailable> {
    EntityId::new(text).map_err(|error| Unavailable(format!("a stream of the access store can't be named: {error}")))
}

/// A name for one thing, and the key that makes its append safe to repeat.
pub fn fresh_key() -> String {
    Uuid::now_v7().to_string()
}

/// An event by `actor`, good for one append: `key` names it.
pub fn event(
    kind: &str,
    actor: &str,
    key: &str,
    time: DateTime<Utc>,
    data: &impl Serialize,
) -> Result<NewEvent, Unavailable> {
    let data = serde_json::to_string(data)
        .map_err(|error| Unavailable(format!("an event of the access store can't be written: {error}")))?;
    Ok(NewEvent {
        id: fresh_key(),
        r#type: kind.to_owned(),
        time: format_time(time),
        actor: Some(actor.to_owned()),
        idempotencykey: Some(key.to_owned()),
        correlationid: None,
        causationid: None,
        data,
        extra: Vec::new(),
    })
}
