//! Searching for what is no list.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::views::search::Carriers;

/// The events that carry this very id.
#[server(endpoint = "carriers", input = Json)]
pub async fn find_carriers(id: String) -> Result<Carriers, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    if id.chars().count() > crate::views::lists::SEARCH_MAX {
        return Err(ApiError::Invalid {
            message: format!(
                "a search text has at most {} characters",
                crate::views::lists::SEARCH_MAX
            ),
        });
    }
    Ok(caller.ledger().carriers(&id).await?)
}
