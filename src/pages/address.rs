//! Reads the address of the page that is being rendered.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map};

use crate::views::query::{SENT_ERROR, SENT_PATH};

/// The path, with its leading slash.
pub fn path() -> String {
    use_location().pathname.get_untracked()
}

/// The raw query string.
pub fn search() -> String {
    use_location().search.get_untracked()
}

/// The value of a route's parameter. Empty if the route has no such parameter.
pub fn param(name: &str) -> String {
    use_params_map()
        .with_untracked(|params| params.get(name))
        .unwrap_or_default()
}

/// The address of this page for a link back to it: path and query, without the error of a form ([`SENT_ERROR`]).
pub fn here() -> String {
    let search = search();
    let kept: Vec<_> = search
        .trim_start_matches('?')
        .split('&')
        .filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && name != SENT_PATH && name != SENT_ERROR
        })
        .collect();
    if kept.is_empty() {
        path()
    } else {
        format!("{}?{}", path(), kept.join("&"))
    }
}
