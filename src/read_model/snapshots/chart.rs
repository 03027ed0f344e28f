//! A chart of a balance in bounded memory: stretches of points, each with its lowest, highest and last point. If there are too
//! many stretches, neighbours are joined. So a long stream is drawn as well as a short one, at a bounded cost.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{domain::ids::Sequence, views::timelines::ChartPoint};

/// The largest number of stretches.
const STRETCHES_MAX: usize = 256;

/// A chart point in compact form.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    sequence: Sequence,
    seconds: i64,
    nanoseconds: u32,
    posted: (i128, u32),
    available: (i128, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct SnapshotRange {
    lowest: Point,
    highest: Point,
    last: Point,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    stretches: Vec<SnapshotRange>,
    /// The number of points in each range but the last.
    width: u32,
    /// The number of points in the last range.
    filled: u32,
}

impl From<ChartPoint> for Point {
    fn from(point: ChartPoint) -> Self {
        Self {
            sequence: point.sequence,
            seconds: point.time.timestamp(),
            nanoseconds: point.time.timestamp_subsec_nanos(),
            posted: (point.posted.mantissa(), point.posted.scale()),
            available: (point.available.mantissa(), point.available.scale()),
        }
    }
}

impl Point {
    fn available(&self) -> Decimal {
        amount(self.available)
    }

    fn shown(&self) -> Option<ChartPoint> {
        Some(ChartPoint {
            sequence: self.sequence,
            time: DateTime::<Utc>::from_timestamp(self.seconds, self.nanoseconds)?,
            posted: amount(self.posted),
            available: amount(self.available),
        })
    }
}

fn amount((mantissa, scale): (i128, u32)) -> Decimal {
    Decimal::try_from_i128_with_scale(mantissa, scale).unwrap_or_default()
}

impl SnapshotRange {
    const fn of(point: Point) -> Self {
        Self {
            lowest: point,
            highest: point,
            last: point,
        }
    }

    fn join(&mut self, later: &Self) {
        if later.lowest.available() < self.lowest.available() {
            self.lowest = later.lowest;
        }
        if later.highest.available() > self.highest.available() {
            self.highest = later.highest;
        }
        self.last = later.last;
    }
}

impl Chart {
    /// Adds the next point in sequence order. A point with the same figures as the one before it is dropped.
    pub fn push(&mut self, point: ChartPoint) {
        let point = Point::from(point);
        if let Some(last) = self.stretches.last().map(|range| range.last)
            && last.posted == point.posted
            && last.available == point.available
        {
            return;
        }
        match self.stretches.last_mut() {
            Some(range) if self.filled < self.width.max(1) => {
                range.join(&SnapshotRange::of(point));
                self.filled += 1;
            }
            _ => {
                if self.stretches.len() >= STRETCHES_MAX {
                    self.halve();
                }
                self.stretches.push(SnapshotRange::of(point));
                self.filled = 1;
            }
        }
    }

    fn halve(&mut self) {
        let mut halved: Vec<SnapshotRange> = Vec::with_capacity(STRETCHES_MAX);
        for pair in self.stretches.chunks(2) {
            let mut joined = pair[0];
            if let Some(later) = pair.get(1) {
                joined.join(later);
            }
            halved.push(joined);
        }
        self.stretches = halved;
        self.width = self.width.max(1).saturating_mul(2);
    }

    /// The points up to a sequence, oldest first.
    pub fn points(&self, to: Sequence) -> Vec<ChartPoint> {
        let mut points: Vec<ChartPoint> = Vec::new();
        for range in &self.stretches {
            let mut three = [range.lowest, range.highest, range.last];
            three.sort_by_key(|point| point.sequence);
            let known = points.last().map(|last| last.sequence);
            let mut last = known;
            for point in three {
                if point.sequence <= to && last != Some(point.sequence) {
                    points.extend(point.shown());
                    last = Some(point.sequence);
                }
            }
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_chart_keeps_its_extremes_and_its_last_point() {
        let mut chart = Chart::default();
        let amount = |n: u64| match n {
            70_001 => Decimal::new(-5_000, 2),
            33_333 => Decimal::new(9_999_999, 2),
            n => Decimal::new(i64::try_from(n % 1_000).unwrap(), 2),
        };
        for sequence in 1..=100_000 {
            let time = DateTime::from_timestamp(i64::try_from(sequence).unwrap(), 0).unwrap();
            let (posted, available) = (amount(sequence), amount(sequence));
            chart.push(ChartPoint {
                sequence,
                time,
                posted,
                available,
            });
        }
        let points = chart.points(u64::MAX);
        assert!(points.len() <= 3 * STRETCHES_MAX);
        assert!(points.is_sorted_by_key(|point| point.sequence));
        assert!(points.iter().all(|point| point.available == amount(point.sequence)));
        for kept in [33_333, 70_001, 100_000] {
            assert!(points.iter().any(|point| point.sequence == kept), "{kept}");
        }
        assert!(chart.points(50_000).iter().all(|point| point.sequence <= 50_000));
    }
}
