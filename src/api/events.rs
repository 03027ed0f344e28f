//! One event, as it was written.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::domain::{
    ids::{Domain, EntityId, Position},
    listing::EventView,
};

#[server(endpoint = "event", input = Json)]
pub async fn get_event(domain: Domain, subject: EntityId, position: Position) -> Result<EventView, ApiError> {
    Ok(super::context::ledger()?.event(domain, &subject, position).await?)
}
