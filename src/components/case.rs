//! Cases as they look everywhere: where one stands, and the way to its page.

use leptos::prelude::*;

use super::{
    badge::{Badge, Tone},
    words::sentence,
};
use crate::{domain::compensation::case::CaseStatus, views::href};

/// Where a case stands. `being_issued`: nothing is awaited any more, and nothing says yet how it ended.
#[component]
pub fn CaseStatusBadge(status: CaseStatus, being_issued: bool) -> impl IntoView {
    if being_issued {
        return view! { <Badge tone=Tone::Info word="Being issued" /> }.into_any();
    }
    let tone = match status {
        CaseStatus::Proposed => Tone::Caution,
        CaseStatus::Approved => Tone::Info,
        CaseStatus::Issued => Tone::Good,
        CaseStatus::Refused => Tone::Danger,
        CaseStatus::Declined | CaseStatus::Withdrawn | CaseStatus::Lapsed => Tone::Neutral,
    };
    view! { <Badge tone word=sentence(status.as_str()) settled=status.is_final() /> }.into_any()
}

/// A case by its id.
#[component]
pub fn CaseLink(#[prop(into)] id: String) -> impl IntoView {
    view! {
        <a class="id id-link" href=href::compensation(&id) title=id.clone()>
            {id.clone()}
        </a>
    }
    .into_any()
}
