//! Searching for what is no list.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::views::{lists::SEARCH_MAX, search::Carriers};

/// The events that carry this very id.
#[server(endpoint = "carriers", input = Json)]
pub async fn find_carriers(id: String) -> Result<Carriers, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    if id.chars().count() > SEARCH_MAX {
        return Err(ApiError::Invalid {
            message: format!("a search text has at most {SEARCH_MAX} characters"),
        });
    }
    Ok(caller.ledger().carriers(&id).await?)
}
