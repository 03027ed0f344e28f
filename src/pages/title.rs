//! The title of a page that follows what the address names. On the server the title is written after the page, when what it
//! reads may be gone with the page's owner; so it remembers what it was.

use leptos::prelude::*;
use leptos_meta::Title;

/// A title that changes with what `text` reads. `text` reads by `try_get` and the like: `None` where it is gone.
pub fn title(text: impl Fn() -> Option<String> + Send + Sync + 'static) -> impl IntoView {
    let first = untrack(&text).unwrap_or_default();
    view! { <Title text=move || text().unwrap_or_else(|| first.clone()) /> }
}
