//! Asking again every so often, in the browser only, as long as the page is there and seen.

use std::time::Duration;

use leptos::prelude::*;

/// Calls `ask` every `interval` while the page is in front. On the server nothing happens: effects run in browsers.
pub fn every(interval: Duration, ask: impl Fn() + Clone + 'static) {
    Effect::new(move || {
        let ask = ask.clone();
        let seen_ask = move || {
            if !document().hidden() {
                ask();
            }
        };
        if let Ok(timer) = set_interval_with_handle(seen_ask, interval) {
            on_cleanup(move || timer.clear());
        }
    });
}
