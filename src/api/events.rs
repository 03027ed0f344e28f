//! One event as it was written.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::{
    domain::ids::{Domain, EntityId, Position},
    views::events::EventView,
};

#[server(endpoint = "event", input = Json)]
pub async fn get_event(domain: Domain, subject: EntityId, position: Position) -> Result<EventView, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let view = caller.ledger().event(domain, &subject, position).await?;
    caller
        .shown(view, &format!("event {position} of {domain} {subject}"))
        .await
}
