//! Controls of time travel: a slider that replays in the browser, a form that asks the server and needs no script, and
//! the banner of a page that shows the past.

pub mod scrub;
mod slider;

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use leptos::prelude::*;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use self::scrub::{Clock, Preview, Stops, preview};
use super::{
    badge::Tone,
    notice::Notice,
    time::{Fineness, format_moment},
};
use crate::{
    domain::{
        event::{Entry, format_recorded},
        ids::{EntityId, Sequence},
        money::Currency,
        replay::{Balances, Filter},
    },
    views::timelines::{ChartPoint, Extent, HISTORY_IN_BROWSER_MAX, TimelineQuery},
};

pub use self::slider::Slider;

/// The data of a wallet's page that the browser part needs for time travel. The page contains it as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    pub wallet: EntityId,
    pub extent: Extent,
    /// The query of the page.
    pub query: TimelineQuery,
    pub currency: Option<Currency>,
    /// The end of the chart, and its points.
    pub until: DateTime<Utc>,
    pub points: Vec<ChartPoint>,
}

/// The id of the element in which the browser part draws the slider, and the attribute that contains the [`Journey`].
pub const JOURNEY: &str = "journey";
pub const JOURNEY_DATA: &str = "data-journey";

/// The element in which the browser part draws the slider. Without the browser part it is empty, and the form beside
/// does the same.
#[component]
pub fn JourneyPlace(journey: Journey) -> impl IntoView {
    let wallet = journey.wallet.to_string();
    // Serialisation can't fail: the fields are texts and numbers.
    let journey = serde_json::to_string(&journey).unwrap_or_default();
    view! { <div id=JOURNEY data-program="" data-own=wallet data-journey=journey></div> }
}

/// The figures of a wallet that change with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    Posted,
    Held,
    Available,
}

impl Figure {
    pub const ALL: [Self; 3] = [Self::Posted, Self::Held, Self::Available];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Posted => "Posted",
            Self::Held => "Held",
            Self::Available => "Available",
        }
    }

    pub const fn of(self, balances: &Balances) -> Decimal {
        match self {
            Self::Posted => balances.posted,
            Self::Held => balances.held,
            Self::Available => balances.available,
        }
    }
}

/// The reader's position in a wallet's history. It belongs to the page and outlives the server's answers. State that an
/// answer's view creates is dropped as soon as the next answer is requested, although the view is still shown.
#[derive(Clone, Copy)]
pub struct Travel {
    /// The history is needed.
    pub wanted: RwSignal<bool>,
    /// The whole history, once the page has fetched it.
    pub history: RwSignal<Option<Arc<Vec<Entry>>>>,
    /// The history could not be fetched.
    pub failed: RwSignal<bool>,
    /// The state of the wallet at the slider's position; `None` while the slider is not used.
    pub preview: Memo<Option<Preview>>,
    /// The extent of the history in the answer that is shown, and the filter of that answer.
    answer: RwSignal<Option<(Extent, Filter)>>,
    chosen: RwSignal<Option<Clock>>,
    index: RwSignal<Option<u64>>,
    /// The stop that the page was asked to go to.
    sent: RwSignal<Option<u64>>,
    clock: Memo<Clock>,
    stops: Memo<Option<Arc<Stops>>>,
}

impl Travel {
    pub fn new() -> Self {
        let history = RwSignal::new(None::<Arc<Vec<Entry>>>);
        let answer = RwSignal::new(None::<(Extent, Filter)>);
        let chosen = RwSignal::new(None);
        let index = RwSignal::new(None);
        let clock = Memo::new(move |_| {
            let asked = || answer.get().map(|(_, filter)| Clock::of(&filter));
            chosen.get().or_else(asked).unwrap_or_default()
        });
        let stops = Memo::new(move |_| {
            let clock = clock.get();
            let listed = history.with(|history| Stops::of(clock, history.as_ref()?));
            listed
                .or_else(|| Stops::foreseen(clock, &answer.get()?.0))
                .map(Arc::new)
        });
        let preview = Memo::new(move |_| {
            let (_, filter) = answer.get()?;
            let filter = stops.get()?.filter_at(index.get()?, &filter);
            history.with(|history| preview(history.as_ref()?, &filter))
        });
        Self {
            wanted: RwSignal::new(false),
            history,
            failed: RwSignal::new(false),
            preview,
            answer,
            chosen,
            index,
            sent: RwSignal::new(None),
            clock,
            stops,
        }
    }

    /// Records an answer that is about to be shown.
    pub fn arrived(self, extent: Extent, filter: Filter) {
        let read = self
            .history
            .with_untracked(|history| history.as_ref().map(|history| history.len()));
        if read.is_some_and(|read| u64::try_from(read).is_ok_and(|read| read < extent.events)) {
            // Events were appended after the history was fetched.
            self.history.set(None);
            self.wanted.set(false);
        }
        if self.sent.get_untracked() == self.index.get_untracked() {
            // This is the answer to the slider's request. From here on the slider follows the answer's filter.
            self.index.set(None);
            self.sent.set(None);
        }
        let before = self.answer.get_untracked().map(|(_, filter)| filter);
        if before != Some(filter)
            && !filter.is_empty()
            && !self.chosen.get_untracked().is_some_and(|clock| clock.limits(&filter))
        {
            // The answer has a filter on another clock than the slider's. The slider changes to that clock.
            self.chosen.set(None);
        }
        self.answer.set(Some((extent, filter)));
    }

    /// Requests the history, if it is short enough to be replayed in the browser.
    pub fn want(self) {
        if self.replays() && !self.wanted.get_untracked() {
            self.wanted.set(true);
        }
    }

    /// Moves to a stop.
    fn slide_to(self, index: u64) {
        self.want();
        self.index.set(Some(index));
    }

    /// The filter of the stop at which the slider was released.
    fn release_at(self, index: u64) -> Option<Filter> {
        let (_, filter) = self.answer.get_untracked()?;
        let stops = self.stops.get_untracked()?;
        self.index.set(Some(index));
        self.sent.set(Some(index));
        Some(stops.filter_at(index, &filter))
    }

    /// The index of the slider's stop.
    fn place(self) -> u64 {
        let rest = || {
            let (_, filter) = self.answer.get()?;
            Some(self.stops.get()?.index_of(&filter))
        };
        self.index.get().or_else(rest).unwrap_or_default()
    }

    fn replays(self) -> bool {
        let answer = self.answer.get_untracked();
        answer.is_some_and(|(extent, _)| extent.events <= HISTORY_IN_BROWSER_MAX)
    }

    /// Whether the page shows the past while the slider is not used, on any clock.
    fn is_elsewhere(self) -> bool {
        self.index.with(Option::is_none)
            && self
                .answer
                .with(|answer| answer.is_some_and(|(_, filter)| !filter.is_empty()))
    }

    /// The history is being fetched.
    fn waits(self) -> bool {
        self.wanted.get() && self.history.with(Option::is_none) && !self.failed.get()
    }

    /// Whether the stops of the slider's clock are known only from the history.
    pub fn lacks_stops(self) -> bool {
        self.answer.with(Option::is_some) && self.clock.get() != Clock::Sequence && self.history.with(Option::is_none)
    }
}

impl Default for Travel {
    fn default() -> Self {
        Self::new()
    }
}

/// The fields of a form that asks the server for a moment, without a script. The page puts them into a form of its own.
#[component]
pub fn MomentFields(query: TimelineQuery) -> impl IntoView {
    let TimelineQuery {
        filter, oldest_first, ..
    } = query;
    let sequence = filter.sequence.map(|sequence| sequence.to_string()).unwrap_or_default();
    let order = oldest_first.then(|| view! { <input type="hidden" name="order" value="oldest" /> });
    view! {
        {order}
        <label class="field">
            <span class="field-label">"Up to event no."</span>
            <input
                type="number"
                name="sequence"
                min="1"
                step="1"
                inputmode="numeric"
                value=sequence
            />
        </label>
        {time_field("at", "Happened by (UTC)", filter.at)}
        {time_field("known", "Recorded by (UTC)", filter.as_known_at)}
        <button class="button" type="submit">
            "Show"
        </button>
    }
    .into_any()
}

fn time_field(name: &'static str, label: &'static str, time: Option<DateTime<Utc>>) -> AnyView {
    let value = time.map(input_time).unwrap_or_default();
    view! {
        <label class="field">
            <span class="field-label">{label}</span>
            <input type="datetime-local" name=name step="any" value=value />
        </label>
    }
    .into_any()
}

/// A moment in UTC as the value of an input of type `datetime-local`. These inputs have milliseconds. A finer moment is
/// rounded up, so that the event at that moment is still included. Trailing zeros are left out, as browsers do.
fn input_time(time: DateTime<Utc>) -> String {
    let cut = time.trunc_subsecs(3);
    let up = if cut < time {
        cut + TimeDelta::milliseconds(1)
    } else {
        cut
    };
    let text = format_recorded(up);
    let text = text.trim_end_matches('Z');
    text.strip_suffix(".000").unwrap_or(text).to_owned()
}

/// The banner of a page that shows the past, with a link to the present. Nothing if the page shows the present.
#[component]
pub fn AsOf(filter: Filter, #[prop(into)] now: String) -> impl IntoView {
    if filter.is_empty() {
        return ().into_any();
    }
    let terms = terms(&filter)
        .into_iter()
        .map(|term| view! { <li>{term}</li> })
        .collect_view();
    view! {
        <div class="as-of">
            <Notice tone=Tone::Info title=headline(&filter)>
                <ul>{terms}</ul>
                <p>"This page shows the past, so it is not updated."</p>
                <p>
                    <a class="button" href=now data-noscroll="">
                        "Back to now"
                    </a>
                </p>
            </Notice>
        </div>
    }
    .into_any()
}

/// `As of event 17`, or the moment. Of several terms, the most specific one is used.
fn headline(filter: &Filter) -> String {
    let moment = |at| format_moment(at, Fineness::Second);
    match (filter.sequence, filter.at, filter.as_known_at) {
        (Some(sequence), ..) => format!("As of event {sequence}, not now"),
        (None, Some(at), _) => format!("As of {}, not now", moment(at)),
        (None, None, Some(at)) => format!("As known on {}, not now", moment(at)),
        (None, None, None) => String::new(),
    }
}

/// The terms of the filter, one sentence each.
fn terms(filter: &Filter) -> Vec<String> {
    let moment = |at| format_moment(at, Fineness::Milli);
    let sequence = |last: Sequence| format!("Only events up to number {last} are included.");
    [
        filter.sequence.map(sequence),
        filter
            .at
            .map(|at| format!("Only events that had happened by {} are included.", moment(at))),
        filter.as_known_at.map(|at| {
            format!(
                "Only events that the ledger had recorded by {} are included.",
                moment(at)
            )
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Links to the state one event earlier and one event later, by sequence. The state after the last event is the
/// present.
#[component]
pub fn Neighbours(
    /// The sequence of the last event that the filter keeps.
    sequence: Sequence,
    last: Sequence,
    /// The address of a filter.
    href: impl Fn(Filter) -> String,
) -> impl IntoView {
    let link = |to: Option<Filter>, word: &'static str, rel: &'static str| match to {
        Some(filter) => view! {
            <a class="button" href=href(filter) rel=rel data-noscroll="">
                {word}
            </a>
        }
        .into_any(),
        None => view! { <span class="button is-off">{word}</span> }.into_any(),
    };
    let (earlier, later) = neighbours(sequence, last);
    view! {
        <p class="neighbours">
            {link(earlier, "One event earlier", "prev")}
            {link(later, "One event later", "next")}
        </p>
    }
    .into_any()
}

fn neighbours(sequence: Sequence, last: Sequence) -> (Option<Filter>, Option<Filter>) {
    let up_to = |sequence| Filter {
        sequence: Some(sequence).filter(|sequence| *sequence < last),
        ..Filter::default()
    };
    let earlier = (sequence > 1).then(|| up_to(sequence - 1));
    let later = (sequence < last).then(|| up_to(sequence + 1));
    (earlier, later)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::parse_time;

    fn moment(text: &str) -> DateTime<Utc> {
        parse_time(text).unwrap()
    }

    #[test]
    fn an_input_holds_the_moment_rounded_up_to_its_milliseconds() {
        for (time, input) in [
            ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00"),
            ("2026-03-01T10:00:00.120Z", "2026-03-01T10:00:00.120"),
            ("2026-03-01T10:00:59.999001Z", "2026-03-01T10:01:00"),
        ] {
            assert_eq!(input_time(moment(time)), input);
        }
    }

    #[test]
    fn the_banner_says_every_term() {
        let filter = Filter {
            at: Some(moment("2026-03-01T10:00:00Z")),
            as_known_at: Some(moment("2026-03-02T10:00:00.5Z")),
            sequence: None,
        };
        assert_eq!(headline(&filter), "As of 2026-03-01 10:00:00 UTC, not now");
        assert_eq!(
            terms(&filter),
            [
                "Only events that had happened by 2026-03-01 10:00:00.000 UTC are included.",
                "Only events that the ledger had recorded by 2026-03-02 10:00:00.500 UTC are included."
            ]
        );
    }

    #[test]
    fn neighbours_end_at_the_first_event_and_at_now() {
        let up_to = |sequence| Filter {
            sequence: Some(sequence),
            ..Filter::default()
        };
        assert_eq!(neighbours(1, 3), (None, Some(up_to(2))));
        assert_eq!(neighbours(2, 3), (Some(up_to(1)), Some(Filter::default())));
        assert_eq!(neighbours(3, 3), (Some(up_to(2)), None));
        assert_eq!(neighbours(1, 1), (None, None));
    }
}
