//! Reasons and destinations of refunds. Codes of the contract are shown as words, other codes as they were written.

use leptos::prelude::*;
use maud::{Markup, html};

use super::{markup::written, words::sentence};
use crate::domain::refund::{Destination, Reason};

#[component]
pub fn ReasonLabel(reason: Reason) -> impl IntoView {
    written(self::reason(&reason))
}

#[component]
pub fn DestinationLabel(destination: Destination) -> impl IntoView {
    written(self::destination(&destination))
}

/// The label of a reason as HTML text.
pub fn reason(reason: &Reason) -> Markup {
    match reason {
        Reason::Other(code) => foreign(code),
        known => html! { (sentence(known.as_str())) },
    }
}

/// The label of a destination as HTML text.
pub fn destination(destination: &Destination) -> Markup {
    match destination {
        Destination::Other(code) => foreign(code),
        known => html! { (sentence(known.as_str())) },
    }
}

/// A text that a producer wrote instead of a code of the contract: a code of its own, or a sentence.
fn foreign(code: &str) -> Markup {
    html! {
        @if code.contains(char::is_whitespace) {
            q.quote { (code) }
        } @else {
            code.foreign title="a code that the contract does not name" { (code) }
        }
    }
}
