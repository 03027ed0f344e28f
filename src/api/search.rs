//! The search over all kinds.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::views::search::{SearchKind, SearchView};

/// The hits of a text, of one kind or of all.
#[server(endpoint = "search", input = Json)]
pub async fn search(text: String, kind: Option<SearchKind>) -> Result<SearchView, ApiError> {
    use crate::{
        read_model::search::SearchText,
        views::search::{HITS_MAX, HITS_SHOWN},
    };
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let text = SearchText::read(&text).map_err(|error| ApiError::Invalid {
        message: error.to_string(),
    })?;
    let Some(text) = text else {
        return Ok(SearchView::default());
    };
    let mut view = caller.ledger().search(&text, kind, caller.search()).await?;
    if kind.is_none_or(|kind| kind == SearchKind::Case) {
        let shown = if kind.is_some() { HITS_MAX } else { HITS_SHOWN };
        match caller.compensations().search_cases(&caller.who(), &text, shown).await {
            Ok(cases) => view.cases = cases,
            // The hits of other kinds are still shown.
            Err(error) => view.unsearched.push(format!("Cases were not searched: {error}.")),
        }
    }
    caller.shown(view, "search").await
}
