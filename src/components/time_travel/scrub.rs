//! Time travel along one clock: the stops of a slider, the filter of a stop, and the state of the wallet there. The
//! state is computed with the same `replay` as on the server. Pure: this module fetches nothing.

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        event::Entry,
        ids::Sequence,
        replay::{Balances, Filter, replay},
        wallet::{WalletState, WalletStatus},
    },
    views::timelines::Extent,
};

/// The clock that the slider moves along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// One event after the other, by sequence.
    #[default]
    Sequence,
    /// Effective time: when events happened.
    Happened,
    /// Recorded time: when the ledger recorded events.
    Recorded,
}

impl Clock {
    pub const ALL: [Self; 3] = [Self::Sequence, Self::Happened, Self::Recorded];

    /// The clock of a filter. For a filter with several terms, the most specific one: sequence, then happened, then
    /// recorded.
    pub const fn of(filter: &Filter) -> Self {
        match filter {
            Filter { sequence: Some(_), .. } => Self::Sequence,
            Filter { at: Some(_), .. } => Self::Happened,
            Filter {
                as_known_at: Some(_), ..
            } => Self::Recorded,
            _ => Self::Sequence,
        }
    }

    /// Whether a filter has a term on this clock.
    pub const fn limits(self, filter: &Filter) -> bool {
        match self {
            Self::Sequence => filter.sequence.is_some(),
            Self::Happened => filter.at.is_some(),
            Self::Recorded => filter.as_known_at.is_some(),
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Happened => "happened",
            Self::Recorded => "recorded",
        }
    }
}

/// A stop of the slider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    Sequence(Sequence),
    Time(DateTime<Utc>),
}

/// All stops along one clock, first to last; never empty. The last stop is "now": it keeps all events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stops {
    clock: Clock,
    places: Places,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Places {
    /// Sequences from 1 to this one.
    Counted(u64),
    Listed(Vec<Stop>),
}

impl Stops {
    /// The distinct stops of these entries. `None` without any.
    pub fn of(clock: Clock, entries: &[Entry]) -> Option<Self> {
        let stop = |entry: &Entry| match clock {
            Clock::Sequence => entry.sequence().map(Stop::Sequence),
            // The filter does the same: an event without a readable time counts at its recorded time.
            Clock::Happened => Some(Stop::Time(entry.time().unwrap_or(entry.recorded))),
            Clock::Recorded => Some(Stop::Time(entry.recorded)),
        };
        let mut stops: Vec<_> = entries.iter().filter_map(stop).collect();
        stops.sort_unstable();
        stops.dedup();
        (!stops.is_empty()).then_some(Self {
            clock,
            places: Places::Listed(stops),
        })
    }

    /// Stops that are known without the entries: those of a sequence without gaps.
    pub fn foreseen(clock: Clock, extent: &Extent) -> Option<Self> {
        let gapless = clock == Clock::Sequence && extent.events == extent.last_sequence;
        (gapless && extent.events > 0).then_some(Self {
            clock,
            places: Places::Counted(extent.last_sequence),
        })
    }

    /// The index of the last stop. The first is 0.
    pub fn last(&self) -> u64 {
        let stops = match &self.places {
            Places::Counted(last) => *last,
            Places::Listed(stops) => u64::try_from(stops.len()).unwrap_or(u64::MAX),
        };
        stops.saturating_sub(1)
    }

    pub fn get(&self, index: u64) -> Option<Stop> {
        match &self.places {
            Places::Counted(last) => (index < *last).then(|| Stop::Sequence(index + 1)),
            Places::Listed(stops) => stops.get(usize::try_from(index).ok()?).copied(),
        }
    }

    /// The filter of a stop. A stop by sequence clears the times. A stop by one time keeps the term of the other, so
    /// that both can be combined. The last stop removes the term of its clock.
    pub fn filter_at(&self, index: u64, base: &Filter) -> Filter {
        let stop = self.get(index).filter(|_| index < self.last());
        let (sequence, time) = match stop {
            Some(Stop::Sequence(sequence)) => (Some(sequence), None),
            Some(Stop::Time(time)) => (None, Some(time)),
            None => (None, None),
        };
        match self.clock {
            Clock::Sequence => Filter {
                sequence,
                ..Filter::default()
            },
            Clock::Happened => Filter {
                at: time,
                sequence: None,
                ..*base
            },
            Clock::Recorded => Filter {
                as_known_at: time,
                sequence: None,
                ..*base
            },
        }
    }

    /// The index of a filter on this clock: the last stop that it keeps.
    pub fn index_of(&self, filter: &Filter) -> u64 {
        let limit = match self.clock {
            Clock::Sequence => filter.sequence.map(Stop::Sequence),
            Clock::Happened => filter.at.map(Stop::Time),
            Clock::Recorded => filter.as_known_at.map(Stop::Time),
        };
        let Some(limit) = limit else {
            return self.last();
        };
        let kept = match (&self.places, limit) {
            (Places::Counted(last), Stop::Sequence(sequence)) => sequence.min(*last),
            (Places::Counted(_), Stop::Time(_)) => 0,
            (Places::Listed(stops), limit) => {
                u64::try_from(stops.partition_point(|stop| *stop <= limit)).unwrap_or(u64::MAX)
            }
        };
        kept.saturating_sub(1)
    }
}

/// The state of the wallet under a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The sequence of the last event that the filter keeps.
    pub sequence: Sequence,
    /// The time of that event, if it can be parsed.
    pub time: Option<DateTime<Utc>>,
    pub events: u64,
    pub status: WalletStatus,
    pub balances: Balances,
    pub complete: bool,
}

/// Replays the wallet under `filter`. `None` if the wallet did not exist yet.
pub fn preview(entries: &[Entry], filter: &Filter) -> Option<Preview> {
    let replay = replay::<WalletState>(entries.to_vec(), filter)?;
    let last = replay.steps.last()?;
    Some(Preview {
        sequence: replay.fold.sequence,
        time: last.entry.time(),
        events: replay.fold.events,
        status: replay.fold.state.status,
        balances: last.after,
        complete: replay.fold.complete,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::{Fields, Known, RawDigest, format_time},
        ids::Position,
    };

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn entry(sequence: &str, happened: i64, recorded: i64, r#type: &str, data: &str) -> Entry {
        Entry {
            position: Position::new(u64::try_from(recorded).unwrap(), 0),
            recorded: at(recorded),
            fields: Fields::of([
                (Known::Id, format!("e{sequence}").as_str()),
                (Known::Type, r#type),
                (Known::Sequence, sequence),
                (Known::Time, &format_time(at(happened))),
                (Known::Data, data),
            ]),
            digest: RawDigest::default(),
        }
    }

    /// Opened at 0; 10.00 credited at 10 and recorded at 11; 5.00 credited at 5 and recorded late, at 20.
    fn history() -> Vec<Entry> {
        let credit = |amount| format!(r#"{{"amount":{{"amount":"{amount}","currency":"EUR"}},"kind":"top_up"}}"#);
        vec![
            entry("1", 0, 0, "wallet.opened", r#"{"owner":{"id":"C-1"},"currency":"EUR"}"#),
            entry("2", 10, 11, "wallet.credited", &credit("10.00")),
            entry("3", 5, 20, "wallet.credited", &credit("5.00")),
        ]
    }

    fn posted(filter: &Filter) -> Option<String> {
        preview(&history(), filter).map(|preview| preview.balances.posted.to_string())
    }

    #[test]
    fn each_clock_has_its_own_stops() {
        let stops = |clock| {
            let stops = Stops::of(clock, &history()).unwrap();
            (0..=stops.last())
                .map_while(|index| stops.get(index))
                .collect::<Vec<_>>()
        };
        assert_eq!(stops(Clock::Sequence), [1, 2, 3].map(Stop::Sequence));
        assert_eq!(stops(Clock::Happened), [at(0), at(5), at(10)].map(Stop::Time));
        assert_eq!(stops(Clock::Recorded), [at(0), at(11), at(20)].map(Stop::Time));
    }

    #[test]
    fn a_stop_limits_the_replay_on_its_clock() {
        let shown = |clock| {
            let stops = Stops::of(clock, &history()).unwrap();
            (0..=stops.last())
                .map(|index| posted(&stops.filter_at(index, &Filter::default())).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(Clock::Sequence), ["0.00", "10.00", "15.00"]);
        assert_eq!(shown(Clock::Happened), ["0.00", "5.00", "15.00"]);
        assert_eq!(shown(Clock::Recorded), ["0.00", "10.00", "15.00"]);
    }

    #[test]
    fn both_clocks_combine() {
        let base = Filter {
            as_known_at: Some(at(11)),
            ..Filter::default()
        };
        let stops = Stops::of(Clock::Happened, &history()).unwrap();
        let filter = stops.filter_at(1, &base);
        assert_eq!((filter.at, filter.as_known_at), (Some(at(5)), Some(at(11))));
        assert_eq!(posted(&filter).unwrap(), "0.00");
    }

    #[test]
    fn a_filter_finds_its_stop_again() {
        for clock in Clock::ALL {
            let stops = Stops::of(clock, &history()).unwrap();
            for index in 0..=stops.last() {
                let filter = stops.filter_at(index, &Filter::default());
                assert_eq!(stops.index_of(&filter), index, "{clock:?}");
                if index < stops.last() {
                    assert_eq!(Clock::of(&filter), clock);
                    assert!(clock.limits(&filter));
                } else {
                    assert!(filter.is_empty());
                }
            }
        }
    }

    #[test]
    fn there_is_no_preview_before_the_first_event() {
        let filter = Filter {
            at: Some(at(-1)),
            ..Filter::default()
        };
        assert_eq!(preview(&history(), &filter), None);
        let stops = Stops::of(Clock::Happened, &history()).unwrap();
        assert_eq!(stops.index_of(&filter), 0);
    }

    #[test]
    fn only_a_gapless_sequence_can_be_foreseen() {
        let extent = |events, last_sequence| Extent {
            events,
            last_sequence,
            first_time: at(0),
            last_time: at(10),
            first_recorded: at(0),
            last_recorded: at(20),
        };
        let foreseen = Stops::foreseen(Clock::Sequence, &extent(3, 3)).unwrap();
        let listed = Stops::of(Clock::Sequence, &history()).unwrap();
        assert_eq!(foreseen.last(), listed.last());
        for index in 0..=foreseen.last() + 1 {
            assert_eq!(foreseen.get(index), listed.get(index));
            let filter = foreseen.filter_at(index, &Filter::default());
            assert_eq!(filter, listed.filter_at(index, &Filter::default()));
            assert_eq!(foreseen.index_of(&filter), listed.index_of(&filter));
        }
        assert_eq!(Stops::foreseen(Clock::Sequence, &extent(3, 4)), None);
        assert_eq!(Stops::foreseen(Clock::Happened, &extent(3, 3)), None);
    }
}
