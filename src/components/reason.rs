//! Why money goes back and where it goes: the contract's codes as words, a producer's own codes as they were written.

use leptos::prelude::*;

use super::words::sentence;
use crate::domain::refund::{Destination, Reason};

#[component]
pub fn ReasonLabel(reason: Reason) -> impl IntoView {
    match reason {
        Reason::Other(code) => foreign(code),
        known => sentence(known.as_str()).into_any(),
    }
}

#[component]
pub fn DestinationLabel(destination: Destination) -> impl IntoView {
    match destination {
        Destination::Other(code) => foreign(code),
        known => sentence(known.as_str()).into_any(),
    }
}

/// What a producer wrote in place of a code that the contract knows: a code of its own, or a sentence.
fn foreign(code: String) -> AnyView {
    if code.contains(char::is_whitespace) {
        return view! { <q class="quote">{code}</q> }.into_any();
    }
    view! {
        <code class="foreign" title="a code that the contract does not name">
            {code}
        </code>
    }
    .into_any()
}
