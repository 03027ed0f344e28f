//! The ticks of a chart's axes and their labels: round amounts and round moments in UTC. Whole numbers only; an amount
//! is a count of minor units.

use chrono::{DateTime, Datelike, Months, TimeDelta, Timelike, Utc};

use crate::components::words::group_digits;

/// Units across and down: so many that rounding to them is not visible.
pub const FIELD: i128 = 10_000;

/// Maximum number of steps between ticks, for narrow screens.
const AMOUNT_STEPS_MAX: i128 = 4;
const TIME_STEPS_MAX: i64 = 6;

/// A tick of the amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountTick {
    pub minor: i128,
    pub y: i128,
    pub label: String,
}

/// A tick of the times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeTick {
    pub x: i128,
    pub label: String,
}

/// Ticks from at or below `low` to at or above `high`, lowest first, at least two. The caller sets `y`.
pub fn amounts(low: i128, high: i128, scale: u32) -> Vec<AmountTick> {
    let unit = 10_i128.pow(scale);
    let high = if high > low { high } else { low + unit };
    let step = amount_step(high - low);
    let mut minor = low.div_euclid(step) * step;
    let mut ticks = Vec::new();
    loop {
        ticks.push(AmountTick {
            minor,
            y: 0,
            label: amount_label(minor, step, scale),
        });
        if minor >= high {
            return ticks;
        }
        minor += step;
    }
}

/// The smallest of 1, 2, 5, 10, 20, 50 … for which [`AMOUNT_STEPS_MAX`] steps cover the range.
fn amount_step(range: i128) -> i128 {
    let mut decade = 1;
    loop {
        for step in [decade, 2 * decade, 5 * decade] {
            if range <= step * AMOUNT_STEPS_MAX {
                return step;
            }
        }
        decade *= 10;
    }
}

/// `1,500`, `20k`, `−0.50`: with decimals if the step needs them, and in thousands, millions … if the step is at least
/// as large.
fn amount_label(minor: i128, step: i128, scale: u32) -> String {
    const UNITS: [(u32, &str); 4] = [(12, "tn"), (9, "bn"), (6, "M"), (3, "k")];
    let whole = |zeros: u32| 10_i128.pow(scale + zeros);
    let sign = if minor < 0 { "−" } else { "" };
    let size = minor.abs();
    if size == 0 {
        return "0".to_owned();
    }
    for (zeros, name) in UNITS {
        if step >= whole(zeros) {
            return format!("{sign}{}{name}", group_digits(&(size / whole(zeros)).to_string()));
        }
    }
    let units = group_digits(&(size / whole(0)).to_string());
    let rest = size % whole(0);
    if step % whole(0) == 0 {
        format!("{sign}{units}")
    } else {
        format!("{sign}{units}.{rest:0width$}", width = scale as usize)
    }
}

/// The position of a moment between two others, clamped to the field.
pub fn place(time: DateTime<Utc>, from: DateTime<Utc>, until: DateTime<Utc>) -> i128 {
    let span = i128::from((until - from).num_milliseconds());
    if span <= 0 {
        return 0;
    }
    let passed = i128::from((time - from).num_milliseconds());
    (passed * FIELD / span).clamp(0, FIELD)
}

/// The distance between ticks: seconds, counted from an aligned moment, or months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Seconds(i64),
    Months(u32),
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 1970-01-01 was a Thursday. Ticks of weeks are on Mondays.
const FIRST_MONDAY: i64 = 4 * DAY;

const STEPS: [Step; 24] = [
    Step::Seconds(1),
    Step::Seconds(5),
    Step::Seconds(15),
    Step::Seconds(30),
    Step::Seconds(MINUTE),
    Step::Seconds(5 * MINUTE),
    Step::Seconds(15 * MINUTE),
    Step::Seconds(30 * MINUTE),
    Step::Seconds(HOUR),
    Step::Seconds(3 * HOUR),
    Step::Seconds(6 * HOUR),
    Step::Seconds(12 * HOUR),
    Step::Seconds(DAY),
    Step::Seconds(2 * DAY),
    Step::Seconds(7 * DAY),
    Step::Seconds(14 * DAY),
    Step::Months(1),
    Step::Months(2),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(24),
    Step::Months(60),
    Step::Months(120),
];

impl Step {
    /// The approximate length, for the choice of a step.
    fn seconds(self) -> i64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Months(months) => i64::from(months) * 30 * DAY,
        }
    }

    /// The first round moment at or after `time`.
    fn first(self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Seconds(step) => {
                let offset = if step >= 7 * DAY { FIRST_MONDAY } else { 0 };
                let seconds = time.timestamp() + i64::from(time.timestamp_subsec_nanos() > 0) - offset;
                let steps = seconds.div_euclid(step) + i64::from(seconds.rem_euclid(step) > 0);
                DateTime::from_timestamp(steps * step + offset, 0)
            }
            Self::Months(step) => {
                let month = i64::from(time.year()) * 12 + i64::from(time.month0());
                let step = i64::from(step);
                let start = |month: i64| {
                    let year = i32::try_from(month.div_euclid(12)).ok()?;
                    let month = u32::try_from(month.rem_euclid(12)).ok()? + 1;
                    Some(
                        chrono::NaiveDate::from_ymd_opt(year, month, 1)?
                            .and_hms_opt(0, 0, 0)?
                            .and_utc(),
                    )
                };
                let floor = month.div_euclid(step) * step;
                start(floor)
                    .filter(|start| *start >= time)
                    .or_else(|| start(floor + step))
            }
        }
    }

    fn next(self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Seconds(seconds) => time.checked_add_signed(TimeDelta::seconds(seconds)),
            Self::Months(months) => time.checked_add_months(Months::new(months)),
        }
    }

    /// The label of a tick. `first`: no tick to its left names the day or the year.
    fn label(self, time: DateTime<Utc>, first: bool) -> String {
        const NAMES: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let month = NAMES.get(time.month0() as usize).copied().unwrap_or_default();
        let (year, day) = (time.year(), time.day());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        match self {
            Self::Months(12..) => year.to_string(),
            Self::Months(_) if first || time.month0() == 0 => format!("{month} {year}"),
            Self::Months(_) => month.to_owned(),
            Self::Seconds(DAY..) if first => format!("{day} {month} {year}"),
            Self::Seconds(DAY..) => format!("{day} {month}"),
            Self::Seconds(_) if first || (hour, minute, second) == (0, 0, 0) => {
                format!("{day} {month} {hour:02}:{minute:02}")
            }
            Self::Seconds(MINUTE..) => format!("{hour:02}:{minute:02}"),
            Self::Seconds(_) => format!("{hour:02}:{minute:02}:{second:02}"),
        }
    }
}

/// Round moments from `from` to `until`, oldest first.
pub fn times(from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<TimeTick> {
    let span = (until - from).num_seconds();
    let fits = |step: &&Step| span / step.seconds() <= TIME_STEPS_MAX;
    let step = STEPS.iter().find(fits).copied().unwrap_or(Step::Months(1_200));
    let mut ticks = Vec::new();
    let mut next = step.first(from);
    while let Some(time) = next.filter(|time| *time <= until) {
        ticks.push(TimeTick {
            x: place(time, from, until),
            label: step.label(time, ticks.is_empty()),
        });
        next = step.next(time);
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: i128, high: i128, scale: u32) -> Vec<String> {
        amounts(low, high, scale).into_iter().map(|tick| tick.label).collect()
    }

    fn marks(from: &str, until: &str) -> Vec<String> {
        let (from, until) = (from.parse().unwrap(), until.parse().unwrap());
        times(from, until).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn amounts_are_marked_at_round_numbers() {
        assert_eq!(labels(0, 10_000, 2), ["0", "50", "100"]);
        assert_eq!(labels(-12_345, 40_000, 2), ["−200", "0", "200", "400"]);
        assert_eq!(labels(0, 150, 2), ["0", "0.50", "1.00", "1.50"]);
        assert_eq!(labels(0, 750_000, 2), ["0", "2k", "4k", "6k", "8k"]);
        assert_eq!(labels(0, 130_000, 2), ["0", "500", "1,000", "1,500"]);
        assert_eq!(labels(0, 3, 0), ["0", "1", "2", "3"]);
        assert_eq!(labels(0, 0, 3), ["0", "0.500", "1.000"]);
        assert_eq!(labels(0, 10_i128.pow(20), 2), ["0", "500,000tn", "1,000,000tn"]);
    }

    #[test]
    fn moments_are_marked_at_round_times() {
        assert_eq!(
            marks("2026-01-20T10:00:00Z", "2026-04-03T00:00:00Z"),
            ["2 Feb 2026", "16 Feb", "2 Mar", "16 Mar", "30 Mar"]
        );
        assert_eq!(
            marks("2025-11-20T10:00:00Z", "2026-03-03T00:00:00Z"),
            ["Dec 2025", "Jan 2026", "Feb", "Mar"]
        );
        assert_eq!(
            marks("2026-01-20T22:30:00Z", "2026-01-21T02:10:00Z"),
            ["20 Jan 23:00", "21 Jan 00:00", "01:00", "02:00"]
        );
        assert_eq!(
            marks("2019-06-01T00:00:00Z", "2022-03-01T00:00:00Z"),
            ["Jul 2019", "Jan 2020", "Jul", "Jan 2021", "Jul", "Jan 2022"]
        );
        assert_eq!(
            marks("2012-06-01T00:00:00Z", "2022-03-01T00:00:00Z"),
            ["2014", "2016", "2018", "2020", "2022"]
        );
    }

    #[test]
    fn marks_are_few_and_on_the_field_for_any_span() {
        let from = DateTime::from_timestamp(1_700_000_001, 500).unwrap();
        let mut span = 0;
        while span < 5_000_000_000_i64 {
            let ticks = times(from, from + TimeDelta::seconds(span));
            assert!(ticks.len() <= 8, "{span} s have {} marks", ticks.len());
            assert!(ticks.is_sorted_by_key(|tick| tick.x));
            assert!(ticks.iter().all(|tick| (0..=FIELD).contains(&tick.x)));
            span = span * 3 / 2 + 1;
        }
    }

    #[test]
    fn a_moment_is_placed_even_without_a_span() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        assert_eq!(place(at(5), at(0), at(10)), FIELD / 2);
        assert_eq!(place(at(50), at(0), at(10)), FIELD);
        assert_eq!(place(at(5), at(5), at(5)), 0);
    }
}
