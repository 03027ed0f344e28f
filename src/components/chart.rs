//! A wallet's balances over time, drawn on the server as step lines in SVG. It needs no script; in the browser,
//! pointing at it shows the values there. Every value is also in the timeline as text.

pub mod plot;
pub mod ticks;

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use self::{plot::Plot, ticks::FIELD};
use super::{
    money::{Money, format_amount},
    time::{Fineness, Time, format_moment},
};
use crate::{domain::money::Currency, views::timelines::ChartPoint};

/// Divisor: if the history ended long ago, the chart ends 1/20 of the history's length after it.
const TAIL: i32 = 20;

/// The end of a chart: `now`, unless the time since the last event is longer than the history. Then the chart ends soon
/// after the last event, so that the history keeps most of the width and the last balance is still visible.
pub fn chart_end(points: &[ChartPoint], now: DateTime<Utc>) -> DateTime<Utc> {
    let times = || points.iter().map(|point| point.time);
    match (times().min(), times().max()) {
        (Some(first), Some(last)) if now - last <= last - first => now,
        (Some(first), Some(last)) => now.min(last + (last - first) / TAIL),
        _ => now,
    }
}

/// Posted and available balance as step lines. Nothing is drawn for fewer than two points.
#[component]
pub fn BalanceChart(
    /// In sequence order.
    points: Vec<ChartPoint>,
    currency: Option<Currency>,
    /// The end of the chart. The last balance is drawn up to here.
    until: DateTime<Utc>,
) -> impl IntoView {
    let plot = (points.len() > 1).then(|| Plot::new(points, until)).flatten();
    plot.map(|plot| figure(&plot, currency))
}

/// The class of the drawing, which receives pointer events, and the id of the vertical line at the pointer.
pub const DRAWING: &str = "chart-drawing";
pub const CURSOR: &str = "chart-cursor";

/// The values at a position of the chart. The browser part updates them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Sequence,
    Time,
    Posted,
    Available,
}

impl Reading {
    pub const ALL: [Self; 4] = [Self::Sequence, Self::Time, Self::Posted, Self::Available];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Time => "time",
            Self::Posted => "posted",
            Self::Available => "available",
        }
    }
}

fn figure(plot: &Plot, currency: Option<Currency>) -> AnyView {
    let last = plot.point_at(FIELD).copied();
    view! {
        <figure class="chart">
            <figcaption class="panel-head">
                <h2>"Balance over time"</h2>
                {last.map(|point| reading(point, currency))}
            </figcaption>
            <div class="chart-field">
                <svg class=DRAWING role="img" aria-labelledby="chart-title chart-text">
                    <title id="chart-title">"Posted and available balance over time"</title>
                    <desc id="chart-text">{describe(plot, currency)}</desc>
                    {drawing(plot, currency)}
                    <line id=CURSOR class="chart-cursor" y1="0" y2="100%" visibility="hidden"></line>
                </svg>
            </div>
        </figure>
    }
    .into_any()
}

/// The legend: the colours, with the values at the marked position.
fn reading(point: ChartPoint, currency: Option<Currency>) -> AnyView {
    view! {
        <dl class="chart-reading">
            <div class="chart-key is-moment">
                <dt data-reading=Reading::Sequence.word()>{format!("#{}", point.sequence)}</dt>
                <dd data-reading=Reading::Time.word()>
                    <Time at=point.time fineness=Fineness::Minute />
                </dd>
            </div>
            <div class="chart-key is-posted">
                <dt>"Posted"</dt>
                <dd data-reading=Reading::Posted.word()>
                    <Money amount=point.posted currency bare=true />
                </dd>
            </div>
            <div class="chart-key is-available">
                <dt>"Available"</dt>
                <dd data-reading=Reading::Available.word()>
                    <Money amount=point.available currency bare=true />
                </dd>
            </div>
        </dl>
    }
    .into_any()
}

/// The ticks and the lines. Ticks are placed by percent, so that their text keeps its size. The field of the lines is
/// stretched.
fn drawing(plot: &Plot, currency: Option<Currency>) -> AnyView {
    let amounts = plot
        .amounts
        .iter()
        .map(|tick| {
            let class = if tick.minor == 0 {
                "chart-rule is-zero"
            } else {
                "chart-rule"
            };
            view! {
                <line class=class x1="0" x2="100%" y1=percent(tick.y) y2=percent(tick.y)></line>
                <text class="chart-amount" x="0" y=percent(tick.y) dx="-8" dy="4">
                    {tick.label.clone()}
                </text>
            }
        })
        .collect_view();
    let times = plot
        .times
        .iter()
        .enumerate()
        .map(|(index, tick)| {
            // Labels at the edges are aligned inwards. On narrow screens the style sheet hides every other label.
            let place = match tick.x {
                ..500 => " is-first",
                9_500.. => " is-last",
                _ => "",
            };
            let class = format!("chart-time{place}{}", if index % 2 == 1 { " is-minor" } else { "" });
            view! {
                <line class="chart-notch" x1=percent(tick.x) x2=percent(tick.x) y1="0" y2="100%"></line>
                <text class=class x=percent(tick.x) y="100%" dy="18">
                    {tick.label.clone()}
                </text>
            }
        })
        .collect_view();
    view! {
        {amounts}
        {times}
        <text class="chart-amount is-unit" x="0" y="100%" dx="-8" dy="18">
            {currency.map(|currency| currency.to_string())}
        </text>
        <svg
            class="chart-lines"
            width="100%"
            height="100%"
            viewBox=format!("0 0 {FIELD} {FIELD}")
            preserveAspectRatio="none"
        >
            <path class="chart-surface" d=plot.surface.clone()></path>
            <path class="chart-posted" d=plot.posted.clone()></path>
            <path class="chart-available" d=plot.available.clone()></path>
        </svg>
    }
    .into_any()
}

/// The description of the chart for screen readers.
fn describe(plot: &Plot, currency: Option<Currency>) -> String {
    let moment = |at| format_moment(at, Fineness::Minute);
    let amount = |amount| {
        let code = currency.map(|currency| format!(" {currency}")).unwrap_or_default();
        format!("{}{code}", format_amount(amount, currency, false))
    };
    let span = format!("From {} to {}.", moment(plot.from), moment(plot.until));
    let range = if let (Some((low, high)), Some(last)) = (plot.range(), plot.points().last()) {
        format!(
            " Available was lowest at {} on {}, highest at {} on {}. At the end {} are posted and {} available. \
             Every value is in the timeline.",
            amount(low.available),
            moment(low.time),
            amount(high.available),
            moment(high.time),
            amount(last.posted),
            amount(last.available),
        )
    } else {
        String::new()
    };
    span + &range
}

/// A coordinate of the field as a percentage, for an attribute of the drawing.
pub fn percent(units: i128) -> String {
    let hundredths = units * 10_000 / FIELD;
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn points(seconds: &[i64]) -> Vec<ChartPoint> {
        let point = |(index, second): (usize, &i64)| ChartPoint {
            sequence: index as u64 + 1,
            time: at(*second),
            posted: "1.50".parse().unwrap(),
            available: "1.00".parse().unwrap(),
        };
        seconds.iter().enumerate().map(point).collect()
    }

    #[test]
    fn a_chart_ends_now_unless_the_history_is_old() {
        assert_eq!(chart_end(&points(&[0, 100]), at(200)), at(200));
        assert_eq!(chart_end(&points(&[0, 100]), at(201)), at(105));
        assert_eq!(chart_end(&points(&[0, 100]), at(50)), at(50));
        assert_eq!(chart_end(&points(&[5]), at(9)), at(5));
        assert_eq!(chart_end(&[], at(9)), at(9));
    }

    #[test]
    fn coordinates_are_written_as_percent() {
        assert_eq!(percent(0), "0.00%");
        assert_eq!(percent(3_333), "33.33%");
        assert_eq!(percent(FIELD), "100.00%");
    }

    #[test]
    fn the_description_says_what_the_lines_show() {
        let plot = Plot::new(points(&[0, 60]), at(60)).unwrap();
        let text = describe(&plot, "EUR".parse().ok());
        assert!(
            text.starts_with("From 1970-01-01 00:00 UTC to 1970-01-01 00:01 UTC."),
            "{text}"
        );
        assert!(
            text.contains("At the end 1.50 EUR are posted and 1.00 EUR available."),
            "{text}"
        );
    }
}
