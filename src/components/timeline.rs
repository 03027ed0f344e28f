//! A timeline: what happened, event by event, what each changed and the figures after it. The same table for wallets and
//! orders; they differ in their columns. An event that did not count stays in its place and says so.

mod effect;
mod figures;

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use self::figures::{Change, Line, changes};
pub use self::{
    effect::{Effect, EffectTable, effect_of},
    figures::Figures,
};
use super::{
    anomalies::AnomalyNotes,
    badge::Nothing,
    command::{Offer, OfferLink},
    event_summary::{EventAmount, EventFacts, Fact, summary},
    id::EventLink,
    money::Money,
    notice::Empty,
    pagination::Pagination,
    table::Table,
    time::{Time, format_span},
    words::counted,
};
use crate::domain::{
    event::Entry,
    ids::{Domain, EntityId},
    listing::{Timeline, TimelineQuery},
    money::Currency,
};

/// Seconds between when something happened and when it was recorded that are not worth a word.
const LATE_FROM: i64 = 60;

/// A page of a timeline with its head and its page links. `href` gives the address of another query, `offers` what can be
/// done to an event that counted, `pause` stops what it does by itself.
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

/// Not generic, so that it is compiled, and downloaded, once.
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
    let rows = lines
        .into_iter()
        .map(|(line, offers)| row(line, offers, columns, domain, subject, currency))
        .collect_view();
    view! {
        <Table caption="Events and the figures after each" class="timeline folds">
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
            <tbody>{rows}</tbody>
        </Table>
    }
    .into_any()
}

fn row(
    line: Line,
    offers: Vec<Offer>,
    columns: &'static [&'static str],
    domain: Domain,
    subject: &EntityId,
    currency: Option<Currency>,
) -> AnyView {
    let Line {
        entry,
        applied,
        anomalies,
        before,
        after,
    } = line;
    let changes = changes(columns, &before, &after);
    let figures = columns
        .iter()
        .zip(before.iter().zip(&after))
        .map(|(column, (before, after))| {
            let class = if before == after { "figures is-same" } else { "figures" };
            view! {
                <td class=class data-label=*column>
                    <Money amount=*after currency bare=true />
                </td>
            }
        })
        .collect_view();
    let class = match (applied, anomalies.is_empty()) {
        (false, _) => "is-refused",
        (true, false) => "is-noted",
        (true, true) => "",
    };
    let number = entry
        .sequence()
        .map_or_else(|| "?".to_owned(), |sequence| sequence.to_string());
    let offers = offers
        .into_iter()
        .map(|offer| view! { <OfferLink offer about=format!("event {number}") /> })
        .collect_view();
    view! {
        <tr class=class>
            <th scope="row" class="timeline-number">
                <EventLink domain subject=subject.clone() position=entry.position>
                    <span class="visually-hidden">"Event "</span>
                    {number}
                </EventLink>
            </th>
            <td class="timeline-moment">{moment(&entry)}</td>
            <td class="timeline-event">
                {told(&entry, domain, subject, changes.is_empty())}
                <AnomalyNotes anomalies applied />
                {offers}
            </td>
            <td class="figures timeline-change" data-label="Change">
                {change_list(changes, currency)}
            </td>
            {figures}
        </tr>
    }
    .into_any()
}

/// When it happened; when the ledger learnt of it, where that was not at once.
fn moment(entry: &Entry) -> AnyView {
    let recorded = entry.recorded;
    match entry.time() {
        Some(at) => {
            let late = late(at, recorded).map(|text| view! { <span class="timeline-late">{text}</span> });
            view! {
                <Time at />
                {late}
            }
            .into_any()
        }
        None => view! {
            <span class="timeline-late">"at an unreadable time; recorded"</span>
            <Time at=recorded />
        }
        .into_any(),
    }
}

/// How much later than it happened something was recorded; `None` where that was at once.
fn late(at: DateTime<Utc>, recorded: DateTime<Utc>) -> Option<String> {
    let seconds = (recorded - at).num_seconds();
    match seconds {
        LATE_FROM.. => Some(format!("recorded {} later", format_span(seconds))),
        _ if seconds <= -LATE_FROM => Some(format!("recorded {} before", format_span(seconds.saturating_neg()))),
        _ => None,
    }
}

/// What the event says. The amount that it names is shown where no change of a figure does.
fn told(entry: &Entry, domain: Domain, subject: &EntityId, with_amount: bool) -> AnyView {
    let summary = summary(entry);
    let mut facts = summary.facts;
    facts.extend(entry.fields.actor.clone().map(|actor| Fact::Text("by", actor)));
    view! {
        <p class="timeline-title">
            <span class="timeline-type">{summary.title}</span>
            {with_amount.then(|| view! { <EventAmount amount=summary.amount /> })}
        </p>
        {(!facts.is_empty()).then(|| view! { <EventFacts facts domain subject=subject.clone() here=subject.as_str() /> })}
    }
    .into_any()
}

fn change_list(changes: Vec<Change>, currency: Option<Currency>) -> AnyView {
    if changes.is_empty() {
        return view! { <Nothing /> }.into_any();
    }
    let items = changes
        .into_iter()
        .map(|change| {
            view! {
                <li>
                    <span class="timeline-what">{change.of.to_lowercase()}</span>
                    " "
                    <Money amount=change.by currency signed=true bare=true />
                </li>
            }
        })
        .collect_view();
    view! { <ul class="changes">{items}</ul> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_told_from_a_minute_on_in_both_directions() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let late = |happened, recorded| late(at(happened), at(recorded)).map(|text| text.replace('\u{a0}', " "));
        assert_eq!(late(0, 59), None);
        assert_eq!(late(0, 60).unwrap(), "recorded 1 min later");
        assert_eq!(late(7_200, 0).unwrap(), "recorded 2 h before");
        assert_eq!(late(30, 0), None);
    }
}
