//! The state of a refund: the states that it went through, who acts next and the time limit for that, and what should
//! happen next. The past states come from the events of the story.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use crate::{
    components::{
        badge::Tone,
        bar::Bar,
        time::{Fineness, Time, format_span},
        words::sentence,
    },
    domain::{
        ids::Domain,
        refund::{Destination, RefundRow, RefundState},
    },
    views::refunds::{RefundView, StoryRow},
};

/// A state that the refund entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Passed {
    state: RefundState,
    at: Option<DateTime<Utc>>,
}

#[component]
pub fn StateSection(view: RefundView) -> impl IntoView {
    let way = passed(&view.story);
    let row = view.row;
    let last = way.len().saturating_sub(1);
    let steps = way
        .into_iter()
        .enumerate()
        .map(|(index, step)| {
            let class = if index == last {
                "step is-current"
            } else {
                "step is-passed"
            };
            let current = (index == last).then_some("step");
            let at = step.at.map(|at| view! { <Time at fineness=Fineness::Minute /> });
            view! {
                <li class=class aria-current=current>
                    <span class="step-name">{sentence(step.state.as_str())}</span>
                    {at}
                </li>
            }
        })
        .collect_view();
    let ahead = row.state.is_pending().then(|| {
        view! {
            <li class="step is-ahead">
                <span class="step-name">{choices(row.state.next())}</span>
                <span class="step-hint">"possible next"</span>
            </li>
        }
    });
    view! {
        <ol class="steps" aria-label="States it went through">
            {steps}
            {ahead}
        </ol>
        {waiting(&row, view.limit_seconds)}
        <p class="expected">
            <strong>"Next: "</strong>
            {expected(row.state, &row.destination)}
        </p>
    }
    .into_any()
}

/// Who acts next, since when the refund waits, and how much of the time limit is used. `limit` is in seconds.
fn waiting(row: &RefundRow, limit: Option<i64>) -> AnyView {
    let (Some(who), Some(limit)) = (row.waits_for, limit) else {
        return ().into_any();
    };
    let age = row.age_seconds.max(0);
    let verdict = if row.overdue {
        format!("overdue by {}", format_span(age - limit))
    } else {
        format!("{} left", format_span(limit - age))
    };
    let tone = if row.overdue { Tone::Danger } else { Tone::Info };
    let used = |seconds: i64| u64::try_from(seconds).unwrap_or_default();
    view! {
        <div class=format!("waiting {}", tone.class())>
            <p>
                "Waits for " <strong>{who.as_str()}</strong> " since " <Time at=row.state_since fineness=Fineness::Minute />
                " UTC: " {format_span(age)} " of " {format_span(limit)} ", " <strong>{verdict}</strong>
            </p>
            <Bar part=used(age.min(limit)) whole=used(limit) tone />
        </div>
    }
    .into_any()
}

/// The states that the refund entered by applied events of the order, oldest first.
fn passed(story: &[StoryRow]) -> Vec<Passed> {
    story
        .iter()
        .filter(|row| row.applied && row.of_refund && row.domain == Domain::Order)
        .filter_map(|row| {
            let state = row.entry.fields.r#type()?.strip_prefix("order.refund_")?;
            Some(Passed {
                state: state.parse().ok()?,
                at: row.entry.time(),
            })
        })
        .collect()
}

/// The states as a list in words: `Approved, rejected or canceled`.
fn choices(states: &[RefundState]) -> String {
    let words: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    let joined = match &words[..] {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        _ => words.join(""),
    };
    sentence(&joined)
}

/// What should happen next, and who does it.
fn expected(state: RefundState, destination: &Destination) -> &'static str {
    let to_wallet = *destination == Destination::Wallet;
    match state {
        RefundState::Requested => "finance approves or rejects it. Until then the customer may still cancel.",
        RefundState::Approved if to_wallet => "the system credits the wallet and reports success.",
        RefundState::Approved => "the system sends it to the payment provider.",
        RefundState::Processing => "the provider reports success or failure.",
        RefundState::Failed => "support retries it, settles it in another way, or cancels it.",
        RefundState::Succeeded if to_wallet => {
            "nothing. The wallet should have a credit for it, which the story shows."
        }
        RefundState::Succeeded => "nothing. The money went back to the original payment method.",
        RefundState::Rejected | RefundState::Canceled => "nothing. It was closed without paying.",
        RefundState::Reversed => "nothing. The paid refund was reversed.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::{Entry, Fields, Known, RawDigest},
        ids::EntityId,
    };

    fn row(domain: Domain, r#type: &str, applied: bool, of_refund: bool) -> StoryRow {
        StoryRow {
            domain,
            subject: EntityId::new("O-1").unwrap(),
            entry: Entry {
                position: "1-0".parse().unwrap(),
                recorded: "2026-01-01T00:00:00Z".parse().unwrap(),
                fields: Fields::of([(Known::Type, r#type)]),
                digest: RawDigest::default(),
            },
            applied,
            of_refund,
            anomalies: Vec::new(),
        }
    }

    #[test]
    fn passed_has_the_states_of_applied_order_events_of_the_refund() {
        let story = [
            row(Domain::Order, "order.placed", true, false),
            row(Domain::Order, "order.refund_requested", true, true),
            row(Domain::Order, "order.refund_succeeded", false, true),
            row(Domain::Order, "order.refund_approved", true, false),
            row(Domain::Wallet, "wallet.credited", true, true),
            row(Domain::Order, "order.refund_rejected", true, true),
        ];
        let states: Vec<_> = passed(&story).iter().map(|step| step.state).collect();
        assert_eq!(states, [RefundState::Requested, RefundState::Rejected]);
    }

    #[test]
    fn choices_joins_states_with_commas_and_or() {
        assert_eq!(choices(RefundState::Requested.next()), "Approved, rejected or canceled");
        assert_eq!(choices(RefundState::Processing.next()), "Succeeded or failed");
        assert_eq!(choices(RefundState::Succeeded.next()), "Reversed");
        assert_eq!(choices(&[]), "");
    }
}
