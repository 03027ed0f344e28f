//! Streams that stay short, such as those of an operator or of a day. They are read as a whole. Each of their events
//! has an actor and an idempotency key.

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

/// Every entry of a short stream.
pub async fn whole(log: &Arc<dyn EventLog>, id: &EntityId) -> Result<Vec<Entry>, Unavailable> {
    after(log, id, Position::START).await
}

/// The entries of a short stream after a position.
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

/// The id of a stream, made of parts that were checked.
pub fn stream(text: String) -> Result<EntityId, Unavailable> {
    EntityId::new(text).map_err(|error| Unavailable(format!("a stream of the access store can't be named: {error}")))
}

/// A new unique id, which also serves as the idempotency key of one append.
pub fn fresh_key() -> String {
    Uuid::now_v7().to_string()
}

/// An event by `actor`, for one append. `key` is its idempotency key.
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
