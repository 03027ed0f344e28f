//! The story of a refund: the events of its order and of the wallets that it touches, oldest first, each marked with its
//! domain. Pauses between two events are shown, because they show where a refund got stuck.

use chrono::{DateTime, TimeDelta, Utc};
use leptos::prelude::*;

use super::omitted_words;
use crate::{
    components::{
        anomalies::AnomalyNotes,
        event_summary::{EventAmount, EventFacts, Fact, Summary, summary},
        id::{DomainTag, EntityLink, EventLink},
        notice::Empty,
        time::{Time, format_span},
        words::counted,
    },
    domain::ids::Domain,
    views::refunds::{RefundView, StoryRow},
};

/// The shortest time between two events that is shown as a pause, and the shortest delay between the time of an event
/// and its recording that is shown.
const WORTH_SAYING: TimeDelta = TimeDelta::minutes(1);

#[component]
pub fn Story(view: RefundView) -> impl IntoView {
    let RefundView {
        row,
        story,
        omitted,
        now,
        ..
    } = view;
    let here = row.refund;
    let own = story.iter().filter(|event| event.of_refund).count();
    let around = story.len() - own;
    let count = |count: usize, noun| counted(count.try_into().unwrap_or(u64::MAX), noun);
    let pause_now = row.state.is_pending().then(|| pause(story.last(), now)).flatten();
    let waits = row.waits_for.map(|who| {
        view! {
            <li class="story-row is-now">
                <p class="story-when">"Now"</p>
                <div class="story-what">
                    <p>{pause_now.map(|pause| format!("{pause} later: "))} "waits for " {who.as_str()}</p>
                </div>
            </li>
        }
    });
    let mut before: Option<StoryRow> = None;
    let rows = story
        .into_iter()
        .map(|event| {
            let gap = pause(before.as_ref(), moment(&event));
            before = Some(event.clone());
            story_row(event, gap, &here)
        })
        .collect_view();
    let empty = (own + around == 0).then(|| {
        view! {
            <Empty title="No event of this refund can be read">
                <p>"The stores with its events do not answer."</p>
            </Empty>
        }
    });
    view! {
        <section class="panel story" aria-labelledby="story">
            <div class="panel-head">
                <h2 id="story">"Story"</h2>
                <p class="aside">
                    {format!("{} of the refund, {} of its order and wallet. Times are UTC.", count(own, "event"), count(around, "event"))}
                </p>
            </div>
            {omitted_words(omitted).map(|words| view! { <p class="story-omitted">{words}</p> })}
            {empty}
            <ol class="story-rows">{rows} {waits}</ol>
        </section>
    }
    .into_any()
}

/// The time of the event, or when it was recorded if the time can't be read.
fn moment(row: &StoryRow) -> DateTime<Utc> {
    row.entry.time().unwrap_or(row.entry.recorded)
}

/// The time from `before` to `next` in words. `None` if it is shorter than [`WORTH_SAYING`], or without `before`.
fn pause(before: Option<&StoryRow>, next: DateTime<Utc>) -> Option<String> {
    let gap = next - moment(before?);
    (gap >= WORTH_SAYING).then(|| format_span(gap.num_seconds()))
}

fn story_row(row: StoryRow, gap: Option<String>, here: &str) -> AnyView {
    let at = moment(&row);
    let StoryRow {
        domain,
        subject,
        entry,
        applied,
        of_refund,
        anomalies,
    } = row;
    let Summary {
        title,
        amount,
        mut facts,
    } = summary(&entry);
    let late = entry.recorded - at;
    facts.extend(Fact::by(&entry));
    if late >= WORTH_SAYING {
        facts.push(Fact::Text(
            "recorded",
            format!("{} later", format_span(late.num_seconds())),
        ));
    }
    let domain_class = match domain {
        Domain::Wallet => "is-wallet",
        Domain::Order => "is-order",
    };
    let of_subject = subject.clone();
    let position = entry.position;
    view! {
        <li
            class=format!("story-row {domain_class}")
            class:is-around=!of_refund
            class:is-refused=!applied
        >
            <div class="story-when">
                <Time at />
                {gap.map(|gap| view! { <span class="story-gap">{format!("{gap} later")}</span> })}
            </div>
            <div class="story-what">
                <p class="story-head">
                    <DomainTag domain />
                    <EventLink domain subject=subject.clone() position>
                        <strong>{title}</strong>
                    </EventLink>
                    <EventAmount amount />
                    <EntityLink domain id=subject.to_string() />
                </p>
                <EventFacts facts domain subject=of_subject here=here.to_owned() />
                <AnomalyNotes anomalies applied />
            </div>
        </li>
    }
    .into_any()
}
