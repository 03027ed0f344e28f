//! Why money goes back and where it goes: the contract's codes as words, a producer's own codes as they were written.

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

/// The same as text.
pub fn reason(reason: &Reason) -> Markup {
    match reason {
        Reason::Other(code) => foreign(code),
        known => html! { (sentence(known.as_str())) },
    }
}

/// The same as text.
pub fn destination(destination: &Destination) -> Markup {
    match destination {
        Destination::Other(code) => foreign(code),
        known => html! { (sentence(known.as_str())) },
    }
}

/// What a producer wrote in place of a code that the contract knows: a code of its own, or a sentence.
fn foreign(code: &str) -> Markup {
    html! {
        @if code.contains(char::is_whitespace) {
            q.quote { (code) }
        } @else {
            code.foreign title="a code that the contract does not name" { (code) }
        }
    }
}
