//! The outcome of a case with links to the appended events, and the events that others appended to its streams.

use leptos::prelude::*;

use crate::{
    components::{badge::Tone, news::News, notice::Notice, words::sentence},
    domain::{
        compensation::{
            case::{CaseStatus, IssuedEvent},
            decide::Step,
        },
        replay::Filter,
    },
    views::{compensations::CaseView, events::Recent, href, query::timeline_href, timelines::TimelineQuery},
};

/// The outcome of the case, or that it is being issued. Empty while it waits for an approval.
pub(super) fn verdict(case: &CaseView) -> AnyView {
    let state = &case.state;
    if state.is_to_be_issued() {
        let here = href::compensation(case.row.id.as_str());
        return view! {
            <Notice tone=Tone::Info title="The case is being issued">
                <p>
                    "The outcome is not known yet. The case will be issued or refused automatically, and this page \
                     then shows the outcome. Do not repeat it. "
                    <a href=here rel="external">
                        "Load the page again"
                    </a>
                </p>
            </Notice>
        }
        .into_any();
    }
    let why = state.why.clone().map(|why| format!("{}.", sentence(&why)));
    let (tone, title) = match case.row.status {
        CaseStatus::Issued => (Tone::Good, "Issued"),
        CaseStatus::Refused => (Tone::Danger, "Refused: it was not issued"),
        CaseStatus::Declined => (Tone::Neutral, "Declined: it was not issued"),
        CaseStatus::Withdrawn => (Tone::Neutral, "Withdrawn: it was not issued"),
        CaseStatus::Lapsed => (Tone::Neutral, "Lapsed: it was not issued"),
        CaseStatus::Proposed | CaseStatus::Approved => return ().into_any(),
    };
    let text = match case.row.status {
        CaseStatus::Refused if !state.events.is_empty() => {
            let undone = "Its first event was appended and then reversed.";
            Some(why.map_or_else(|| undone.to_owned(), |why| format!("{why} {undone}")))
        }
        CaseStatus::Declined => state.decided_by.clone().map(|decider| format!("By {decider}.")),
        _ => why,
    };
    let issued = links(&state.events, &case.news);
    view! {
        <Notice tone title>
            {text.map(|text| view! { <p>{text}</p> })}
            {issued}
        </Notice>
    }
    .into_any()
}

/// Links to the appended events.
fn links(issued: &[IssuedEvent], news: &[Recent]) -> AnyView {
    if issued.is_empty() {
        return ().into_any();
    }
    let items = issued
        .iter()
        .map(|event| {
            let href = place(event, news);
            let text = format!("Event {} of {} {}", event.sequence, event.domain, event.id);
            view! {
                <li>
                    <a href=href>{text}</a>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="issued">{items}</ul> }.into_any()
}

/// The events that others appended to the streams of the case. If there are any, an approval is refused.
pub(super) fn since(news: Vec<Recent>, case: &CaseView) -> AnyView {
    if news.is_empty() {
        return ().into_any();
    }
    let open = case.state.awaits_approval();
    let (tone, title, text) = if open {
        (
            Tone::Caution,
            "Events were appended since the proposal",
            "An approval would be refused, because it is valid only for the previewed state. Open a new preview and \
             propose it again.",
        )
    } else {
        (
            Tone::Neutral,
            "Appended since the preview",
            "These events are not of this case.",
        )
    };
    view! {
        <Notice tone title>
            <p>{text}</p>
            <News news />
        </Notice>
    }
    .into_any()
}

/// For each step, the address of the event that was appended for it. `None` if none was.
pub(super) fn places(steps: &[Step], issued: &[IssuedEvent], news: &[Recent]) -> Vec<Option<String>> {
    steps
        .iter()
        .map(|step| {
            let of_step = |event: &&IssuedEvent| (event.domain, &event.id) == (step.domain, &step.subject);
            issued.iter().find(of_step).map(|event| place(event, news))
        })
        .collect()
}

/// The page of the event if `news` has its position, otherwise the page of its entity at its sequence.
fn place(event: &IssuedEvent, news: &[Recent]) -> String {
    let written = news.iter().find(|recent| {
        (recent.domain, &recent.subject) == (event.domain, &event.id)
            && recent.entry.fields.id() == Some(event.event.as_str())
    });
    match written {
        Some(recent) => href::event(recent.domain, &recent.subject, recent.entry.position),
        None => timeline_href(
            &href::entity(event.domain, event.id.as_str()),
            &TimelineQuery {
                filter: Filter {
                    sequence: Some(event.sequence),
                    ..Filter::default()
                },
                ..TimelineQuery::default()
            },
        ),
    }
}

/// The events of `news` that the case itself did not append.
pub(super) fn foreign_news(news: Vec<Recent>, issued: &[IssuedEvent]) -> Vec<Recent> {
    let own = |recent: &Recent| {
        let id = recent.entry.fields.id();
        issued.iter().any(|event| id == Some(event.event.as_str()))
    };
    news.into_iter().filter(|recent| !own(recent)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::{Entry, Fields, Known, RawDigest},
        ids::{Domain, EntityId},
    };

    fn recent(id: &str, position: &str) -> Recent {
        Recent {
            domain: Domain::Wallet,
            subject: EntityId::new("W-1").unwrap(),
            entry: Entry {
                position: position.parse().unwrap(),
                recorded: "2026-01-01T00:00:00Z".parse().unwrap(),
                fields: Fields::of([(Known::Id, id)]),
                digest: RawDigest::default(),
            },
        }
    }

    #[test]
    fn issued_events_have_addresses_and_are_not_foreign_news() {
        let step = Step {
            domain: Domain::Wallet,
            subject: EntityId::new("W-1").unwrap(),
            at: 4,
            r#type: "wallet.credited".to_owned(),
            data: "{}".to_owned(),
            key: String::new(),
        };
        let issued = [IssuedEvent {
            domain: Domain::Wallet,
            id: EntityId::new("W-1").unwrap(),
            sequence: 5,
            event: "mine".to_owned(),
        }];
        let news = vec![recent("theirs", "1-0"), recent("mine", "2-0")];
        let steps = [step];
        assert_eq!(
            places(&steps, &issued, &news),
            [Some("/events/wallet/W-1/2-0".to_owned())]
        );
        assert_eq!(
            places(&steps, &issued, &[]),
            [Some("/wallets/W-1?sequence=5".to_owned())]
        );
        assert_eq!(places(&steps, &[], &news), [None]);
        assert_eq!(foreign_news(news, &issued), [recent("theirs", "1-0")]);
    }
}
