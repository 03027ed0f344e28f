//! Moments and spans of time: in UTC, largest unit first, with the full moment in the title. Ages are relative to a
//! `now` that the server sent. No clock is read here, so server and browser render the same.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use maud::{Markup, html};

use super::markup::written;
use crate::domain::event::{format_recorded, format_time};

/// The precision of a moment. Its full value is always in the title.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fineness {
    Day,
    Minute,
    #[default]
    Second,
    /// For recorded times, which have whole milliseconds.
    Milli,
}

/// A moment in UTC. Write `UTC` once near it: in the column's head or the label.
#[component]
pub fn Time(at: DateTime<Utc>, #[prop(optional)] fineness: Fineness) -> impl IntoView {
    written(time(at, fineness))
}

/// A moment as HTML text.
pub fn time(at: DateTime<Utc>, fineness: Fineness) -> Markup {
    let (day, clock) = split_moment(at, fineness);
    html! {
        time.time datetime=(format_time(at)) title=(full_moment(at)) {
            (day)
            @if let Some(clock) = clock {
                span.time-clock { " " (clock) }
            }
        }
    }
}

/// The time since a moment, such as `3 d 4 h ago`, with the moment in the title.
#[component]
pub fn Since(at: DateTime<Utc>, now: DateTime<Utc>) -> impl IntoView {
    written(html! {
        time.time datetime=(format_time(at)) title=(full_moment(at)) { (format_ago((now - at).num_seconds())) }
    })
}

/// The age of something, such as `3 d 4 h`, in whole seconds that the server counted, with the moment in the title.
#[component]
pub fn Age(since: DateTime<Utc>, seconds: i64) -> impl IntoView {
    view! {
        <time class="time" datetime=format_time(since) title=format!("since {}", full_moment(since))>
            {format_span(seconds)}
        </time>
    }
    .into_any()
}

/// A span in whole seconds, such as `3 d 4 h`.
#[component]
pub fn Span(seconds: i64) -> impl IntoView {
    view! {
        <time class="span" datetime=format!("PT{}S", seconds.max(0))>
            {format_span(seconds)}
        </time>
    }
    .into_any()
}

/// The day and the time of day: `2026-11-23` and `11:49:26`.
fn split_moment(at: DateTime<Utc>, fineness: Fineness) -> (String, Option<String>) {
    let full = format_recorded(at);
    let (day, clock) = full.split_once('T').unwrap_or((&full, ""));
    let clock = match fineness {
        Fineness::Day => None,
        Fineness::Minute => clock.get(..5),
        Fineness::Second => clock.get(..8),
        Fineness::Milli => clock.get(..12),
    };
    (day.to_owned(), clock.map(str::to_owned))
}

/// A moment for running text: `2026-11-23 11:49 UTC`.
pub fn format_moment(at: DateTime<Utc>, fineness: Fineness) -> String {
    match split_moment(at, fineness) {
        (day, Some(clock)) => format!("{day} {clock} UTC"),
        (day, None) => day,
    }
}

/// The moment with all its decimals, for titles.
fn full_moment(at: DateTime<Utc>) -> String {
    format_time(at).replace('T', " ").replace('Z', " UTC")
}

/// A span in its two largest units: `3 d 4 h`, `5 min`, `12 s`. A negative span has a minus sign.
pub fn format_span(seconds: i64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let size = seconds.unsigned_abs();
    let sign = if seconds < 0 { "−" } else { "" };
    let largest = UNITS.iter().position(|(unit, _)| size >= *unit).unwrap_or(3);
    let (unit, name) = UNITS[largest];
    let first = format!("{sign}{}\u{a0}{name}", size / unit);
    match UNITS.get(largest + 1) {
        // Seconds are left out beside minutes.
        Some(&(next, next_name)) if next > 1 && size % unit >= next => {
            format!("{first} {}\u{a0}{next_name}", size % unit / next)
        }
        _ => first,
    }
}

/// `3 d 4 h ago`, `just now`, or `in 5 min` for the future.
pub fn format_ago(seconds: i64) -> String {
    match seconds {
        0..5 => "just now".to_owned(),
        ..0 => format!("in {}", format_span(seconds.saturating_neg())),
        _ => format!("{} ago", format_span(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        text.replace('\u{a0}', " ")
    }

    #[test]
    fn spans_have_their_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (119, "1 min"),
            (3_600, "1 h"),
            (3_661, "1 h 1 min"),
            (86_399, "23 h 59 min"),
            (273_600, "3 d 4 h"),
            (86_460, "1 d"),
            (-7_200, "−2 h"),
            (i64::MIN, "−106751991167300 d 15 h"),
        ] {
            assert_eq!(plain(&format_span(seconds)), text);
        }
    }

    #[test]
    fn future_moments_are_written_with_in() {
        assert_eq!(format_ago(3), "just now");
        assert_eq!(plain(&format_ago(7_200)), "2 h ago");
        assert_eq!(plain(&format_ago(-300)), "in 5 min");
    }

    #[test]
    fn moments_are_as_fine_as_asked() {
        let at: DateTime<Utc> = "2026-01-02T03:04:05.678Z".parse().unwrap();
        assert_eq!(format_moment(at, Fineness::Day), "2026-01-02");
        assert_eq!(format_moment(at, Fineness::Minute), "2026-01-02 03:04 UTC");
        assert_eq!(format_moment(at, Fineness::Second), "2026-01-02 03:04:05 UTC");
        assert_eq!(format_moment(at, Fineness::Milli), "2026-01-02 03:04:05.678 UTC");
        assert_eq!(full_moment(at), "2026-01-02 03:04:05.678 UTC");
    }
}
