//! A random number generator with a seed, and the values that the shop draws from it. The same seed gives the same
//! values.

use chrono::{DateTime, TimeDelta, Utc};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use uuid::Builder;

/// How busy each hour of a day is (UTC), as relative weights: few purchases at night, most in the evening.
const BUSY: [u64; 24] = [
    2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 13, 14, 12, 11, 11, 12, 14, 17, 20, 19, 15, 9, 5,
];

pub struct Chance(ChaCha8Rng);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number from 0 to `end` - 1; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // The ranges are so small beside 2^64 that the bias of the remainder does not matter.
        self.0.next_u64() % end.max(1)
    }

    /// A number from `first` to `last`, both included.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last.saturating_sub(first) + 1)
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// An index into a slice of this length.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// A duration from `first` to `last` minutes, plus 0 to 59 seconds.
    pub fn minutes(&mut self, first: u64, last: u64) -> TimeDelta {
        let seconds = self.between(first * 60, last * 60 + 59);
        TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0))
    }

    pub fn hours(&mut self, first: u64, last: u64) -> TimeDelta {
        self.minutes(first * 60, last * 60)
    }

    /// A moment of the day that begins at `midnight`, weighted by [`BUSY`].
    pub fn moment(&mut self, midnight: DateTime<Utc>) -> DateTime<Utc> {
        let mut left = self.below(BUSY.iter().sum());
        let mut hour = 0;
        for busy in BUSY {
            if left < busy {
                break;
            }
            left -= busy;
            hour += 1;
        }
        midnight + TimeDelta::hours(hour) + self.minutes(0, 59)
    }

    /// An event's id: a `UUIDv7` of its time.
    pub fn event_id(&mut self, time: DateTime<Utc>) -> String {
        let mut random = [0; 10];
        self.0.fill_bytes(&mut random);
        let millis = u64::try_from(time.timestamp_millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &random)
            .into_uuid()
            .to_string()
    }
}
