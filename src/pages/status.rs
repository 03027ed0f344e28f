//! The HTTP status of a page. The server provides [`PageStatus`] as context for each request. Without a request, as when
//! the routes are listed, the context is absent and [`set_page_status`] does nothing.

use std::sync::Arc;

use leptos::prelude::*;

/// The function that sets the status of the response.
#[derive(Clone)]
pub struct PageStatus(Arc<dyn Fn(u16) + Send + Sync>);

impl PageStatus {
    /// `set` gets the status code.
    pub fn new(set: impl Fn(u16) + Send + Sync + 'static) -> Self {
        Self(Arc::new(set))
    }
}

/// Sets the HTTP status of the page, such as 404.
pub fn set_page_status(code: u16) {
    if let Some(PageStatus(set)) = use_context() {
        set(code);
    }
}
