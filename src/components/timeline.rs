//! A timeline: the events of an entity, the changes of each, and the figures after it. Wallets and orders use the same
//! table with different columns. An event that was not applied keeps its row and is marked.

mod effect;
mod figures;

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use maud::{Markup, html};

use self::figures::{Change, Line, changes};
pub use self::{
    effect::{Effect, EffectTable, effect_of},
    figures::Figures,
};
use super::{
    anomalies::anomaly_notes,
    badge::nothing,
    command::{Offer, offer_link},
    event_summary::{Fact, event_amount, event_facts, summary},
    markup::written,
    money::money,
    notice::Empty,
    pagination::Pagination,
    table::Table,
    time::{Fineness, format_span, time},
    words::counted,
};
use crate::{
    domain::{
        event::Entry,
        ids::{Domain, EntityId},
        money::Currency,
    },
    views::{
        href,
        timelines::{Timeline, TimelineQuery},
    },
};

/// Seconds between an event's time and its recorded time from which the difference is shown.
const LATE_FROM: i64 = 60;

/// A page of a timeline with its head and its page links. `href` returns the address of a query. `offers` returns the
/// commands for an applied event. `pause` is the control that pauses live updates.
pub fn timeline_section<F: Figures>(
    timeline: Timeline<F>,
    (domain, subject): (Domain, EntityId),
    currency: Option<Currency>,
    query: TimelineQuery,
    href: impl Fn(&TimelineQuery) -> String,
    offers: impl Fn(&Entry) -> Vec<Offer>,
    pause: AnyView,
) -> AnyView {
    let Timeline {
        rows,
        page,
        pages,
        total,
    } = timeline;
    let ends = [("Newest first", false), ("Oldest first", true)].map(|(word, oldest_first)| {
        let there = TimelineQuery {
            oldest_first,
            page: 1,
            ..query
        };
        let current = (oldest_first == query.oldest_first).then_some("true");
        view! {
            <li>
                <a href=href(&there) aria-current=current data-noscroll="">
                    {word}
                </a>
            </li>
        }
    });
    let lines = rows
        .into_iter()
        .map(Line::from)
        .map(|line| {
            let offers = if line.applied { offers(&line.entry) } else { Vec::new() };
            (line, offers)
        })
        .collect();
    let page_href = |page| format!("{}#timeline", href(&TimelineQuery { page, ..query }));
    view! {
        <section class="panel" id="timeline" aria-label="Timeline">
            <div class="panel-head">
                <h2>"Timeline"</h2>
                <p class="aside">{counted(total, "event")}</p>
                {pause}
                <ul class="switch" aria-label="Order">
                    {ends}
                </ul>
            </div>
            {table(lines, F::COLUMNS, domain, &subject, currency)}
            <Pagination label="Timeline" page pages href=page_href />
        </section>
    }
    .into_any()
}

/// Not generic, so that it is compiled once.
fn table(
    lines: Vec<(Line, Vec<Offer>)>,
    columns: &'static [&'static str],
    domain: Domain,
    subject: &EntityId,
    currency: Option<Currency>,
) -> AnyView {
    if lines.is_empty() {
        return view! { <Empty title="There are no events on this page" /> }.into_any();
    }
    let heads = columns
        .iter()
        .map(|column| {
            view! {
                <th scope="col" class="figures">
                    {*column}
                </th>
            }
        })
        .collect_view();
    let rows = html! {
        tbody {
            @for (line, offers) in &lines {
                (row(line, offers, columns, domain, subject, currency))
            }
        }
    };
    view! {
        <Table caption="Events and the figures after each" class="timeline cards-when-narrow">
            <thead>
                <tr>
                    <th scope="col">"No."</th>
                    <th scope="col">"Happened (UTC)"</th>
                    <th scope="col">"Event"</th>
                    <th scope="col" class="figures">
                        "Change"
                    </th>
                    {heads}
                </tr>
            </thead>
            {written(rows)}
        </Table>
    }
    .into_any()
}

fn row(
    line: &Line,
    offers: &[Offer],
    columns: &'static [&'static str],
    domain: Domain,
    subject: &EntityId,
    currency: Option<Currency>,
) -> Markup {
    let Line {
        entry,
        applied,
        anomalies,
        before,
        after,
    } = line;
    let changes = changes(columns, before, after);
    let class = match (applied, anomalies.is_empty()) {
        (false, _) => "is-refused",
        (true, false) => "is-noted",
        (true, true) => "",
    };
    let number = entry
        .sequence()
        .map_or_else(|| "?".to_owned(), |sequence| sequence.to_string());
    html! {
        tr class=(class) data-key=(entry.position.to_string()) {
            th.timeline-number scope="row" {
                a.event-link href=(href::event(domain, subject, entry.position)) {
                    span.visually-hidden { "Event " }
                    (number)
                }
            }
            td.timeline-moment { (moment(entry)) }
            td.timeline-event {
                (event_text(entry, domain, subject, changes.is_empty()))
                (anomaly_notes(anomalies, *applied))
                @for offer in offers {
                    (offer_link(offer, &format!("event {number}")))
                }
            }
            td.figures.timeline-change data-label="Change" { (change_list(&changes, currency)) }
            @for (column, (before, after)) in columns.iter().zip(before.iter().zip(after)) {
                td class=(if before == after { "figures is-same" } else { "figures" }) data-label=(column) {
                    (money(*after, currency, false, true))
                }
            }
        }
    }
}

/// When the event happened, and when it was recorded if that differs by [`LATE_FROM`] or more.
fn moment(entry: &Entry) -> Markup {
    let recorded = entry.recorded;
    html! {
        @match entry.time() {
            Some(at) => {
                (time(at, Fineness::default()))
                @if let Some(text) = late(at, recorded) {
                    span.timeline-late { (text) }
                }
            }
            None => {
                span.timeline-late { "at an unreadable time; recorded" }
                (time(recorded, Fineness::default()))
            }
        }
    }
}

/// The time between an event and its recording; `None` if it is shorter than [`LATE_FROM`].
fn late(at: DateTime<Utc>, recorded: DateTime<Utc>) -> Option<String> {
    let seconds = (recorded - at).num_seconds();
    match seconds {
        LATE_FROM.. => Some(format!("recorded {} later", format_span(seconds))),
        _ if seconds <= -LATE_FROM => Some(format!("recorded {} before", format_span(seconds.saturating_neg()))),
        _ => None,
    }
}

/// The title and the facts of an event. Its amount is shown only if no figure changes.
fn event_text(entry: &Entry, domain: Domain, subject: &EntityId, with_amount: bool) -> Markup {
    let summary = summary(entry);
    let mut facts = summary.facts;
    facts.extend(Fact::by(entry));
    html! {
        p.timeline-title {
            span.timeline-type { (summary.title) }
            @if let Some(amount) = summary.amount.filter(|_| with_amount) {
                (event_amount(amount))
            }
        }
        @if !facts.is_empty() {
            (event_facts(&facts, domain, subject, subject.as_str()))
        }
    }
}

fn change_list(changes: &[Change], currency: Option<Currency>) -> Markup {
    html! {
        @if changes.is_empty() {
            (nothing())
        } @else {
            ul.changes {
                @for change in changes {
                    li {
                        span.timeline-what { (change.of.to_lowercase()) }
                        " "
                        (money(change.by, currency, true, true))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_shown_from_one_minute_in_both_directions() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let late = |happened, recorded| late(at(happened), at(recorded)).map(|text| text.replace('\u{a0}', " "));
        assert_eq!(late(0, 59), None);
        assert_eq!(late(0, 60).unwrap(), "recorded 1 min later");
        assert_eq!(late(7_200, 0).unwrap(), "recorded 2 h before");
        assert_eq!(late(30, 0), None);
    }
}
