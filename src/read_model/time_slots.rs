//! Days, hours and minutes by which rows are counted. The number of rows before a time is the sum of whole days, then of hours of
//! the last day, then of minutes of the last hour. Only the rows of the last minute are read.

use chrono::{DateTime, Utc};

/// Seconds from the year 0 to 1970. With this bias slots are never negative, so SQL and Rust divide them alike.
const BIAS: i64 = 62_167_219_200;
/// The minutes of each unit: day, hour, minute.
pub const UNITS: [i64; 3] = [24 * 60, 60, 1];

/// The minute of a time, counted from the year 0.
pub fn minute(time: DateTime<Utc>) -> i64 {
    (time.timestamp().saturating_add(BIAS)).max(0).div_euclid(60)
}

/// When a minute begins.
pub fn begin(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(minute * 60 - BIAS, 0).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// The slots before a minute, as `(unit, first, last)` for each unit. `last` is excluded.
pub fn before(minute: i64) -> [(usize, i64, i64); 3] {
    let [day, hour] = [UNITS[0], UNITS[1]];
    let (days, hours) = (minute / day, minute / hour);
    [(0, 0, days), (1, days * (day / hour), hours), (2, hours * hour, minute)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_minute_before_is_in_one_slot(minute in 0_i64..3_000_000, other in 0_i64..3_000_000) {
            let slots = before(minute);
            let covering = slots.iter().filter(|(unit, from, to)| (*from..*to).contains(&(other / UNITS[*unit]))).count();
            prop_assert_eq!(covering, usize::from(other < minute));
        }
    }

    #[test]
    fn a_time_is_in_its_minute() {
        for text in [
            "2026-11-27T23:59:59.999Z",
            "1969-12-31T23:59:00Z",
            "0001-01-01T00:00:30Z",
        ] {
            let time: DateTime<Utc> = text.parse().unwrap();
            let begins = begin(minute(time));
            assert!(begins <= time && (time - begins).num_seconds() < 60, "{text}");
        }
    }
}
