//! A page that follows what changes. The stream itself is `public/live.js`, which says what it hears in attributes of the
//! page's root; here a page says what it is about, and asks the server again when that has changed. On the server nothing
//! happens: effects run in browsers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use crate::{
    components::{
        badge::Tone,
        notice::Notice,
        time::{Fineness, format_moment},
    },
    domain::listing::TimelineQuery,
};

/// What is known of the stream, for everything under the frame.
#[derive(Clone, Copy)]
pub struct Live {
    /// What the page is about; `None`: nothing that moves.
    topic: RwSignal<Option<String>>,
    /// Changes with every piece of news.
    news: RwSignal<String>,
    /// How the stores are, in words that only serve to be compared.
    pub stores: RwSignal<String>,
    state: RwSignal<String>,
    /// When the server last said something, and how many minutes ago that was.
    heard: RwSignal<(String, String)>,
    /// How many events the page's subject has by now.
    events: RwSignal<Option<u64>>,
    paused: RwSignal<bool>,
}

impl Live {
    /// Begins to read what the stream says.
    pub fn provide() -> Self {
        let live = Self {
            topic: RwSignal::default(),
            news: RwSignal::default(),
            stores: RwSignal::default(),
            state: RwSignal::default(),
            heard: RwSignal::default(),
            events: RwSignal::default(),
            paused: RwSignal::default(),
        };
        provide_context(live);
        Effect::new(move || {
            let listener = window_event_listener_untyped("live", move |_| live.read());
            on_cleanup(move || listener.remove());
        });
        live
    }

    /// The one that [`Live::provide`] made.
    pub fn current() -> Self {
        expect_context()
    }

    fn read(self) {
        let Some(root) = document().document_element() else {
            return;
        };
        let said = |name: &str| root.get_attribute(name).unwrap_or_default();
        set_if_new(self.state, said("data-live"));
        set_if_new(self.heard, (said("data-live-now"), said("data-live-minutes")));
        set_if_new(self.events, said("data-live-events").parse().ok());
        set_if_new(self.stores, said("data-live-stores"));
        set_if_new(self.news, said("data-live-news"));
    }

    /// Makes a page follow `topic`, and calls `again` when something of it has changed, unless `held` says that
    /// the reader is in the middle of something.
    pub fn follow(
        self,
        topic: impl Fn() -> Option<String> + 'static,
        held: impl Fn() -> bool + 'static,
        again: impl Fn() + 'static,
    ) {
        Effect::new(move || {
            self.paused.set(false);
            self.topic.set(topic());
        });
        // Once the page is gone, unless the next one already says what it is about.
        on_cleanup(move || {
            let _ = self.topic.try_set(None);
        });
        Effect::new(move |last: Option<String>| {
            let (news, still) = (self.news.get(), self.paused.get() || held());
            match last {
                // What comes while the page stands still is asked for when it goes on.
                Some(last) if still => last,
                Some(last) if last != news => {
                    again();
                    news
                }
                _ => news,
            }
        });
    }
}

/// The topic of lists and totals.
pub fn all() -> Option<String> {
    Some("all".to_owned())
}

fn set_if_new<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

/// What the stream reads of the page, and where it says what it did to it.
#[component]
pub fn LivePlace() -> impl IntoView {
    let topic = Live::current().topic;
    view! {
        <div id="live" data-topic=move || topic.get() hidden></div>
        <p id="live-said" class="visually-hidden" role="status"></p>
    }
    .into_any()
}

/// Says that the stream is interrupted, and how old the figures are.
#[component]
pub fn LiveBanner() -> impl IntoView {
    let live = Live::current();
    let shown = Memo::new(move |_| live.state.with(|state| state == "off"));
    move || {
        shown.get().then(|| {
            let text = move || live.heard.with(|(now, minutes)| age(now, minutes));
            view! {
                <Notice tone=Tone::Caution title="Live updates are interrupted">
                    <p>{text}</p>
                </Notice>
            }
        })
    }
}

/// How old the figures are, in a sentence.
fn age(now: &str, minutes: &str) -> String {
    let Ok(at) = now.parse::<DateTime<Utc>>() else {
        return "The figures are those that the page was loaded with.".to_owned();
    };
    let at = format_moment(at, Fineness::Second);
    match minutes {
        "" | "0" => format!("Figures are from {at}."),
        minutes => format!("Figures are from {at} ({minutes} min ago)."),
    }
}

/// The button of a timeline that moves; one of the past does not.
pub fn pause(query: TimelineQuery, shown: u64) -> AnyView {
    let moves = query.filter.is_empty();
    moves.then(|| view! { <Pause shown /> }).into_any()
}

/// Stops and resumes what a timeline of `shown` events does by itself.
#[component]
fn Pause(shown: u64) -> impl IntoView {
    let Live {
        state, events, paused, ..
    } = Live::current();
    let is_live = Memo::new(move |_| state.with(|state| state == "on" || state == "off"));
    let word = move || match events.get().map(|events| events.saturating_sub(shown)) {
        _ if !paused.get() => "Pause".to_owned(),
        None | Some(0) => "Resume".to_owned(),
        Some(new) => format!("Resume · {new} new"),
    };
    let press = move |_| paused.update(|paused| *paused = !*paused);
    move || {
        is_live.get().then(|| {
            view! {
                <button class="button is-small" type="button" aria-pressed=move || paused.get().to_string() on:click=press>
                    {word}
                </button>
            }
        })
    }
}

/// Calls `ask` every `interval` while the page is in front.
pub fn every(interval: Duration, ask: impl Fn() + Clone + 'static) {
    Effect::new(move || {
        let ask = ask.clone();
        let seen_ask = move || {
            if !document().hidden() {
                ask();
            }
        };
        if let Ok(timer) = set_interval_with_handle(seen_ask, interval) {
            on_cleanup(move || timer.clear());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_figures_is_said() {
        assert_eq!(
            age("2026-03-03T10:42:07Z", "2"),
            "Figures are from 2026-03-03 10:42:07 UTC (2 min ago)."
        );
        assert_eq!(
            age("2026-03-03T10:42:07Z", "0"),
            "Figures are from 2026-03-03 10:42:07 UTC."
        );
        assert!(age("", "0").contains("loaded with"));
    }
}
