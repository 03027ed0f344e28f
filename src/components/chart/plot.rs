//! The arithmetic of a balance chart: the coordinates of points, steps and ticks, as whole numbers on a field of
//! [`FIELD`] × [`FIELD`] units that the drawing stretches. Amounts are compared as whole minor units, without floats.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::ticks::{self, AmountTick, FIELD, TimeTick};
use crate::views::timelines::ChartPoint;

/// Larger amounts in minor units are drawn at the edge. 28 digits and 4 decimals are the largest possible balance.
const MINOR_MAX: i128 = 10_i128.pow(32);

/// The layout of a chart. `x` grows to the right from 0 to [`FIELD`], `y` grows downwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    points: Vec<ChartPoint>,
    /// The `x` of each point's step; never decreases.
    starts: Vec<i128>,
    /// Step lines, as SVG path data.
    pub posted: String,
    pub available: String,
    /// The surface between the available balance and zero.
    pub surface: String,
    pub amounts: Vec<AmountTick>,
    pub times: Vec<TimeTick>,
    /// The `y` of zero.
    pub zero: i128,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl Plot {
    /// Lays out points in sequence order. The last balance is drawn up to `until`. `None` without points.
    ///
    /// An event with an earlier time than its predecessor is drawn at the predecessor's `x`: the line shows the
    /// balances in the order of the replay.
    pub fn new(points: Vec<ChartPoint>, until: DateTime<Utc>) -> Option<Self> {
        let from = points.first()?.time;
        let latest = points.iter().map(|point| point.time).max()?;
        let until = until.max(latest);
        let starts = starts(&points, from, until);
        let scale = points.iter().map(|p| p.posted.scale().max(p.available.scale())).max()?;
        let minor: Vec<_> = points
            .iter()
            .map(|point| (minor_units(point.posted, scale), minor_units(point.available, scale)))
            .collect();
        let low = minor.iter().map(|(posted, available)| *posted.min(available)).min()?;
        let high = minor.iter().map(|(posted, available)| *posted.max(available)).max()?;
        let amounts = ticks::amounts(low.min(0), high.max(0), scale);
        let (bottom, top) = (amounts.first()?.minor, amounts.last()?.minor);
        let y = |minor: i128| FIELD - (minor - bottom) * FIELD / (top - bottom);
        let line = |value: fn(&(i128, i128)) -> i128| {
            let ys: Vec<_> = minor.iter().map(|pair| y(value(pair))).collect();
            step_line(&starts, &ys)
        };
        let available = line(|pair| pair.1);
        Some(Self {
            posted: line(|pair| pair.0),
            surface: format!("{available}V{zero}H0Z", zero = y(0)),
            available,
            times: ticks::times(from, until),
            zero: y(0),
            amounts: amounts
                .into_iter()
                .map(|tick| AmountTick {
                    y: y(tick.minor),
                    ..tick
                })
                .collect(),
            starts,
            points,
            from,
            until,
        })
    }

    /// The point whose step contains `x`.
    pub fn point_at(&self, x: i128) -> Option<&ChartPoint> {
        let after = self.starts.partition_point(|start| *start <= x);
        self.points.get(after.saturating_sub(1))
    }

    /// The last point with a sequence up to `sequence`.
    pub fn upto(&self, sequence: u64) -> Option<&ChartPoint> {
        let after = self.points.partition_point(|point| point.sequence <= sequence);
        self.points.get(after.checked_sub(1)?)
    }

    /// The `x` at which the step of [`Plot::upto`] begins.
    pub fn start_of(&self, sequence: u64) -> Option<i128> {
        let after = self.points.partition_point(|point| point.sequence <= sequence);
        self.starts.get(after.checked_sub(1)?).copied()
    }

    /// The points with the lowest and the highest available balance.
    pub fn range(&self) -> Option<(&ChartPoint, &ChartPoint)> {
        let low = self.points.iter().min_by_key(|point| point.available)?;
        let high = self.points.iter().max_by_key(|point| point.available)?;
        Some((low, high))
    }

    pub fn points(&self) -> &[ChartPoint] {
        &self.points
    }
}

fn starts(points: &[ChartPoint], from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<i128> {
    let mut reached = 0;
    points
        .iter()
        .map(|point| {
            reached = reached.max(ticks::place(point.time, from, until));
            reached
        })
        .collect()
}

/// An amount in units of `10^-scale`, clamped to [`MINOR_MAX`].
fn minor_units(amount: Decimal, scale: u32) -> i128 {
    let missing = scale.saturating_sub(amount.scale());
    let factor = 10_i128.checked_pow(missing).unwrap_or(MINOR_MAX);
    amount.mantissa().saturating_mul(factor).clamp(-MINOR_MAX, MINOR_MAX)
}

/// A line that keeps its height until the next point and then jumps. The last height is drawn up to the right edge.
fn step_line(starts: &[i128], ys: &[i128]) -> String {
    let mut steps = Vec::new();
    let mut height = None;
    for (x, y) in starts.iter().zip(ys) {
        match height {
            None => steps.push(format!("M0 {y}")),
            Some(height) if height == y => continue,
            Some(_) => steps.push(format!("H{x}V{y}")),
        }
        height = Some(y);
    }
    steps.push(format!("H{FIELD}"));
    steps.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(sequence: u64, second: i64, posted: &str, available: &str) -> ChartPoint {
        ChartPoint {
            sequence,
            time: DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap(),
            posted: posted.parse().unwrap(),
            available: available.parse().unwrap(),
        }
    }

    fn plot(points: &[ChartPoint]) -> Plot {
        Plot::new(points.to_vec(), points.last().unwrap().time).unwrap()
    }

    #[test]
    fn steps_are_drawn_to_scale() {
        let points = [
            point(1, 0, "0.00", "0.00"),
            point(2, 25, "100.00", "100.00"),
            point(3, 50, "100.00", "60.00"),
            point(4, 100, "50.00", "50.00"),
        ];
        let plot = plot(&points);
        assert_eq!(plot.posted, "M0 10000H2500V0H10000V5000H10000");
        assert_eq!(plot.available, "M0 10000H2500V0H5000V4000H10000V5000H10000");
        assert_eq!(plot.surface, format!("{}V10000H0Z", plot.available));
        assert_eq!(plot.zero, FIELD);
    }

    #[test]
    fn zero_is_always_on_the_field() {
        let below = plot(&[point(1, 0, "-30.00", "-40.00"), point(2, 10, "-10.00", "-20.00")]);
        assert_eq!(below.zero, 0);
        let around = plot(&[point(1, 0, "-50.00", "-50.00"), point(2, 10, "50.00", "50.00")]);
        assert_eq!(around.zero, FIELD / 2);
    }

    #[test]
    fn an_event_that_happened_earlier_does_not_draw_backwards() {
        let late = plot(&[point(1, 0, "0", "0"), point(2, 100, "8", "8"), point(3, 50, "4", "4")]);
        assert_eq!(late.starts, [0, FIELD, FIELD]);
        assert_eq!(late.until, point(2, 100, "0", "0").time);
    }

    #[test]
    fn point_at_returns_the_point_of_the_step_there() {
        let points = [point(1, 0, "0", "0"), point(2, 50, "8", "8"), point(7, 100, "4", "4")];
        let plot = plot(&points);
        assert_eq!(plot.point_at(-5).unwrap().sequence, 1);
        assert_eq!(plot.point_at(4_999).unwrap().sequence, 1);
        assert_eq!(plot.point_at(5_000).unwrap().sequence, 2);
        assert_eq!(plot.point_at(FIELD).unwrap().sequence, 7);
        assert_eq!(plot.start_of(6), Some(5_000));
        assert_eq!(plot.start_of(0), None);
        assert_eq!(plot.upto(6).unwrap().sequence, plot.point_at(5_000).unwrap().sequence);
        assert_eq!(plot.upto(0), None);
    }

    #[test]
    fn one_lone_event_is_a_level_line() {
        let plot = plot(&[point(1, 0, "8.00", "8.00")]);
        assert_eq!(plot.posted, "M0 0H10000");
        assert!(Plot::new(Vec::new(), plot.until).is_none());
    }

    #[test]
    fn the_largest_balances_stay_on_the_field() {
        let most = "99999999999999999999999999.99";
        let least = format!("-{most}");
        let plot = plot(&[point(1, 0, most, &least), point(2, 9, "0.0001", "0")]);
        let inside = |y: i128| (0..=FIELD).contains(&y);
        assert!(plot.amounts.iter().all(|tick| inside(tick.y)));
        assert!(inside(plot.zero));
    }
}
