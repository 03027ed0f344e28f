//! The HTTP status of a page. A page knows that something does not exist, but not that HTTP is there; the server
//! gives it this as context; where routes are only listed there is no response, it is absent and nothing happens.

use std::sync::Arc;

use leptos::prelude::*;

/// Set by the server for each request.
#[derive(Clone)]
pub struct PageStatus(Arc<dyn Fn(u16) + Send + Sync>);

impl PageStatus {
    /// `set` is called with the status code.
    pub fn new(set: impl Fn(u16) + Send + Sync + 'static) -> Self {
        Self(Arc::new(set))
    }
}

/// Answers this page with `code`, such as 404.
pub fn set_page_status(code: u16) {
    if let Some(PageStatus(set)) = use_context() {
        set(code);
    }
}
