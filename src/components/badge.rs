//! States as badges: a word with a mark. The shape and the colour of the mark both depend on the state. This module
//! maps states to tones.

use leptos::prelude::*;
use maud::{Markup, html};

use super::{icon::Icon, markup::written, words::sentence};
use crate::domain::{
    findings::{FindingKind, Severity},
    order::OrderStatus,
    refund::{RefundState, WaitsFor},
    wallet::{HoldState, WalletStatus},
};

/// The meaning of a badge or a notice, shown by its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Neutral,
    Info,
    Caution,
    Danger,
    Good,
}

impl Tone {
    /// The CSS class of the tone.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Neutral => "tone-neutral",
            Self::Info => "tone-info",
            Self::Caution => "tone-caution",
            Self::Danger => "tone-danger",
            Self::Good => "tone-good",
        }
    }
}

/// A word with a mark. `settled` fills the mark: the state is final.
#[component]
pub fn Badge(tone: Tone, #[prop(into)] word: String, #[prop(optional)] settled: bool) -> impl IntoView {
    let settled = if settled { " is-settled" } else { "" };
    written(html! { span class={ "badge " (tone.class()) (settled) } { (word) } })
}

#[component]
pub fn RefundStateBadge(state: RefundState) -> impl IntoView {
    let tone = match state {
        RefundState::Requested => Tone::Caution,
        RefundState::Approved | RefundState::Processing => Tone::Info,
        RefundState::Failed => Tone::Danger,
        RefundState::Succeeded => Tone::Good,
        RefundState::Rejected | RefundState::Canceled | RefundState::Reversed => Tone::Neutral,
    };
    view! { <Badge tone word=sentence(state.as_str()) settled=!state.is_pending() /> }.into_any()
}

#[component]
pub fn WalletStatusBadge(status: WalletStatus) -> impl IntoView {
    let (tone, settled) = match status {
        WalletStatus::Open => (Tone::Good, false),
        WalletStatus::Frozen => (Tone::Info, false),
        WalletStatus::Unopened => (Tone::Caution, false),
        WalletStatus::Closed => (Tone::Neutral, true),
    };
    view! { <Badge tone word=sentence(status.as_str()) settled /> }.into_any()
}

#[component]
pub fn HoldStateBadge(state: HoldState) -> impl IntoView {
    let (tone, settled) = match state {
        HoldState::Open => (Tone::Info, false),
        HoldState::Captured => (Tone::Good, true),
        HoldState::Released | HoldState::Expired => (Tone::Neutral, true),
    };
    view! { <Badge tone word=sentence(state.as_str()) settled /> }.into_any()
}

#[component]
pub fn OrderStatusBadge(status: OrderStatus) -> impl IntoView {
    let (tone, settled) = match status {
        OrderStatus::Placed | OrderStatus::Unknown => (Tone::Caution, false),
        OrderStatus::Paid | OrderStatus::Shipped => (Tone::Info, false),
        OrderStatus::Delivered => (Tone::Good, true),
        OrderStatus::Cancelled => (Tone::Neutral, true),
    };
    view! { <Badge tone word=sentence(status.as_str()) settled /> }.into_any()
}

#[component]
pub fn SeverityBadge(severity: Severity) -> impl IntoView {
    let tone = match severity {
        Severity::Critical => Tone::Danger,
        Severity::High => Tone::Caution,
        Severity::Medium => Tone::Neutral,
    };
    view! { <Badge tone word=sentence(severity.as_str()) settled=true /> }.into_any()
}

/// The name of a kind of finding.
#[component]
pub fn FindingName(kind: FindingKind) -> impl IntoView {
    sentence(kind.as_str())
}

/// Who has to act next; a dash if nobody has to.
#[component]
pub fn WaitsForLabel(waits_for: Option<WaitsFor>) -> impl IntoView {
    match waits_for {
        Some(who) => view! { <span class="waits-for">{sentence(who.as_str())}</span> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    }
}

/// The mark of a refund that has waited longer than its limit.
#[component]
pub fn OverdueMark() -> impl IntoView {
    view! { <span class="overdue">{Icon::Clock.view()} "Overdue"</span> }.into_any()
}

/// The mark of an entity whose history could not be applied completely.
#[component]
pub fn IncompleteMark() -> impl IntoView {
    view! {
        <span class="incomplete" title="Events are missing or could not be applied, so its figures may be wrong">
            {Icon::Warning.view()}
            "Incomplete"
        </span>
    }
    .into_any()
}

/// The dash for an absent value.
#[component]
pub fn Nothing() -> impl IntoView {
    written(nothing())
}

/// The dash for an absent value as HTML text.
pub fn nothing() -> Markup {
    html! {
        span.nothing {
            span aria-hidden="true" { "–" }
            span.visually-hidden { "none" }
        }
    }
}
