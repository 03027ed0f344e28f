//! Tests of wallets with long histories: every page shows what a replay of the whole stream shows, but reads only a few
//! segments.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{LATER, TestLogs, hour};
use crate::{
    domain::{
        ids::{Domain, EntityId},
        replay::Filter,
    },
    ledger::Ledger,
    read_model::{
        Settings,
        snapshots::{SEGMENT, Wanted},
    },
    views::{
        timelines::{ChartPoint, PartPages, TimelineQuery},
        wallets::WalletView,
    },
};

/// Without a directory, long wallets are replayed from their whole streams.
fn start(logs: &TestLogs, dir: Option<&Path>) -> std::sync::Arc<Ledger> {
    let settings = Settings {
        rescan: LATER,
        clock: || hour(20_000),
        dir: dir.map(Path::to_owned),
        snapshots: dir.is_some(),
        ..Settings::default()
    };
    Ledger::start(logs.stores(), settings).unwrap()
}

fn id() -> EntityId {
    EntityId::new("W-1").unwrap()
}

/// Writes random events: mostly in sequence order, with gaps and repeats, with times that sometimes go back, and with
/// reversals and holds that refer to events many segments earlier.
struct Writer {
    random: ChaCha8Rng,
    sequence: u64,
    written: u64,
    /// How far an event's time may be before its order in the stream, in hours.
    disorder: i64,
}

impl Writer {
    fn new(seed: u64) -> Self {
        let disorder = [0, 3, 60][usize::try_from(seed % 3).unwrap()];
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self {
            random,
            sequence: 0,
            written: 0,
            disorder,
        }
    }

    fn write(&mut self, logs: &TestLogs, count: u64) {
        for _ in 0..count {
            self.written += 1;
            self.sequence += match self.random.random_range(0..60) {
                0 => 3,
                1 if self.sequence > 0 => 0,
                _ => 1,
            };
            let sequence = match self.random.random_range(0..80) {
                0 => "?".to_owned(),
                _ => self.sequence.to_string(),
            };
            let (kind, data) = self.event();
            let at = i64::try_from(self.written).unwrap();
            // Sometimes an event comes very late: after segments in which a filter keeps nothing.
            let late = self.disorder > 0 && self.random.random_range(0..100) == 0;
            let back = if late { 1_000 } else { self.disorder };
            let time = hour(at - self.random.random_range(0..=back));
            logs.wallet
                .write_at("W-1", &sequence, kind, time, hour(at), &data, true);
        }
    }

    fn event(&mut self) -> (&'static str, Value) {
        let random = &mut self.random;
        let amount = json!({"amount": format!("{}.25", random.random_range(1..9)), "currency": "EUR"});
        let order = format!("O-{}", random.random_range(0..30));
        let refund = format!("R-{}", random.random_range(0..30));
        let hold = format!("h{}", random.random_range(0..400));
        let earlier = format!("W-1.{}", random.random_range(1..=self.written));
        if self.written == 1 {
            return (
                "wallet.opened",
                json!({"owner": {"id": "C-1", "name": "Ada"}, "currency": "EUR"}),
            );
        }
        match random.random_range(0..16) {
            0..4 => ("wallet.credited", json!({"amount": amount, "kind": "top_up"})),
            4 => (
                "wallet.credited",
                json!({"amount": amount, "kind": "refund", "refund": refund, "order": order}),
            ),
            5..8 => (
                "wallet.debited",
                json!({"amount": amount, "kind": "purchase", "order": order}),
            ),
            8 | 9 => ("wallet.held", json!({"hold": hold, "amount": amount, "order": order})),
            10 => ("wallet.hold_captured", json!({"hold": hold, "amount": amount})),
            11 => ("wallet.hold_released", json!({"hold": hold})),
            12 | 13 => (
                "wallet.entry_reversed",
                json!({"reverses": earlier, "amount": amount, "reason": "error"}),
            ),
            14 => ("wallet.mystery", json!({})),
            _ => ("wallet.opened", json!({"owner": {"id": "C-2"}, "currency": "EUR"})),
        }
    }

    fn query(&mut self) -> TimelineQuery {
        let random = &mut self.random;
        let written = i64::try_from(self.written).unwrap();
        let mut moment = |chance: u32| -> Option<DateTime<Utc>> {
            let minutes = TimeDelta::minutes(random.random_range(-60..60));
            (random.random_range(0..4) < chance).then(|| hour(random.random_range(0..written + 5)) + minutes)
        };
        let filter = match moment(3) {
            None => Filter::default(),
            at => Filter {
                at: at.filter(|_| self.random.random_range(0..2) == 0),
                as_known_at: at.filter(|_| self.random.random_range(0..3) == 0),
                sequence: (self.random.random_range(0..3) == 0).then(|| self.random.random_range(1..self.sequence + 3)),
            },
        };
        TimelineQuery {
            filter,
            oldest_first: self.random.random_range(0..2) == 0,
            page: self.random.random_range(1..40),
            parts: PartPages::default(),
        }
    }
}

/// The part of a view that has to be exactly equal.
fn summary(view: &WalletView) -> String {
    let view = WalletView {
        chart: Vec::new(),
        ..view.clone()
    };
    serde_json::to_string_pretty(&view).unwrap()
}

fn lowest_and_highest(points: &[ChartPoint]) -> (Option<String>, Option<String>) {
    let amounts = || points.iter().map(|point| point.available);
    (
        amounts().min().map(|a| a.to_string()),
        amounts().max().map(|a| a.to_string()),
    )
}

async fn compare(short: &Ledger, long: &Ledger, query: &TimelineQuery) {
    let (whole, range) = (short.wallet(&id(), query).await, long.wallet(&id(), query).await);
    match (whole, range) {
        (Ok(whole), Ok(range)) => {
            let (one, other) = (summary(&whole), summary(&range));
            let differs = one.lines().zip(other.lines()).find(|(one, other)| one != other);
            assert!(one == other, "{query:?}: {differs:?}");
            let last = |view: &WalletView| view.chart.last().map(|point| (point.posted, point.available));
            assert_eq!(last(&whole), last(&range), "{query:?}");
            // If a filter cuts a range of the chart, the extremes of its rest may be missing.
            if query.filter.is_empty() {
                assert_eq!(
                    lowest_and_highest(&whole.chart),
                    lowest_and_highest(&range.chart),
                    "{query:?}"
                );
            }
        }
        (Err(whole), Err(range)) => assert_eq!(whole, range, "{query:?}"),
        (whole, range) => panic!("{query:?}: {:?} {:?}", whole.err(), range.err()),
    }
}

#[tokio::test]
async fn a_long_wallets_page_equals_its_whole_replay() {
    for seed in 0..6 {
        let (logs, dir, mut writer) = (TestLogs::new(), tempfile::tempdir().unwrap(), Writer::new(seed));
        writer.write(&logs, 3 * SEGMENT + 40);
        let (short, long) = (start(&logs, None), start(&logs, Some(dir.path())));
        short.loaded().await;
        long.loaded().await;
        long.histories().track(&id(), u64::MAX).await.unwrap();
        assert!(long.histories().is_long(&id()).await.unwrap());
        for round in 0..3 {
            for _ in 0..20 {
                compare(&short, &long, &writer.query()).await;
            }
            for _ in 0..15 {
                let at = writer.random.random_range(1..=writer.written);
                let position = crate::domain::ids::Position::new(at, 0);
                let (whole, part) = (
                    short.event(Domain::Wallet, &id(), position).await.unwrap(),
                    long.event(Domain::Wallet, &id(), position).await.unwrap(),
                );
                assert_eq!(
                    (
                        &whole.entry,
                        whole.applied,
                        &whole.anomalies,
                        whole.previous,
                        whole.next
                    ),
                    (&part.entry, part.applied, &part.anomalies, part.previous, part.next),
                    "{seed} {round} {at}"
                );
            }
            // More events follow, beyond the ends of segments, and the read model follows them.
            writer.write(&logs, 200);
            let fresh = start(&logs, None);
            fresh.loaded().await;
            super::durable::same_rows(&long, &fresh).await;
            super::durable::same_rows(&short, &fresh).await;
        }
    }
}

#[tokio::test]
async fn looking_at_a_long_wallet_reads_a_few_segments() {
    let (logs, dir, mut writer) = (TestLogs::new(), tempfile::tempdir().unwrap(), Writer::new(7));
    writer.disorder = 3;
    writer.write(&logs, 6_000);
    let long = start(&logs, Some(dir.path()));
    long.loaded().await;
    long.histories().track(&id(), u64::MAX).await.unwrap();
    let looks = [
        TimelineQuery::default(),
        TimelineQuery {
            page: 60,
            ..TimelineQuery::default()
        },
        TimelineQuery {
            filter: Filter {
                at: Some(hour(2_500)),
                ..Filter::default()
            },
            ..TimelineQuery::default()
        },
        TimelineQuery {
            filter: Filter {
                as_known_at: Some(hour(50)),
                ..Filter::default()
            },
            ..TimelineQuery::default()
        },
        TimelineQuery {
            filter: Filter {
                sequence: Some(3_456),
                ..Filter::default()
            },
            ..TimelineQuery::default()
        },
    ];
    for look in looks {
        let before = logs.wallet.entries_read();
        long.wallet(&id(), &look).await.unwrap();
        let read = logs.wallet.entries_read() - before;
        assert!(read <= 6 * SEGMENT, "{read} entries were read for {look:?}");
    }
    // One more event does not cause a second read of the stream either.
    let before = logs.wallet.entries_read();
    writer.write(&logs, 1);
    let fresh = long.clone();
    super::becomes(|| fresh.overview().unwrap().events == 6_001).await;
    let read = logs.wallet.entries_read() - before;
    assert!(read <= 2 * SEGMENT, "{read} entries were read for one event");
}

#[tokio::test]
async fn a_wallet_that_becomes_long_while_it_is_followed_gets_snapshots_from_then_on() {
    let (logs, dir, mut writer) = (TestLogs::new(), tempfile::tempdir().unwrap(), Writer::new(5));
    writer.disorder = 0;
    writer.write(&logs, SEGMENT);
    let long = start(&logs, Some(dir.path()));
    long.loaded().await;
    // One event at a time, so that the cached fold is continued.
    for _ in 0..SEGMENT + 40 {
        writer.write(&logs, 1);
        super::becomes(|| long.overview().unwrap().events == writer.written).await;
    }
    long.histories().track(&id(), u64::MAX).await.unwrap();
    for _ in 0..8 {
        writer.write(&logs, SEGMENT / 2);
        super::becomes(|| long.overview().unwrap().events == writer.written).await;
    }
    let before = logs.wallet.entries_read();
    long.wallet(&id(), &TimelineQuery::default()).await.unwrap();
    let read = logs.wallet.entries_read() - before;
    assert!(read <= 2 * SEGMENT, "{read} entries were read");
}

#[tokio::test]
async fn unfinished_snapshots_of_another_process_are_continued() {
    let (logs, dir, mut writer) = (TestLogs::new(), tempfile::tempdir().unwrap(), Writer::new(8));
    writer.write(&logs, 4 * SEGMENT);
    let first = start(&logs, Some(dir.path()));
    first.loaded().await;
    first.histories().track(&id(), u64::MAX).await.unwrap();
    super::durable::close(first).await;
    writer.write(&logs, 20 * SEGMENT);
    let before = logs.wallet.entries_read();
    let long = start(&logs, Some(dir.path()));
    long.loaded().await;
    long.histories().track(&id(), writer.written).await.unwrap();
    let read = logs.wallet.entries_read() - before;
    // One page was read together with other streams before the stream was known to be long.
    assert!(
        (20 * SEGMENT..22 * SEGMENT + 1_000).contains(&read),
        "{read} entries were read to go on"
    );
    let before = logs.wallet.entries_read();
    long.wallet(&id(), &TimelineQuery::default()).await.unwrap();
    let read = logs.wallet.entries_read() - before;
    assert!(read <= 2 * SEGMENT, "{read} entries were read");
    let short = start(&logs, None);
    short.loaded().await;
    for _ in 0..20 {
        compare(&short, &long, &writer.query()).await;
    }
}

#[tokio::test]
async fn a_snapshot_is_never_stored_without_those_before_it() {
    let (logs, dir, mut writer) = (TestLogs::new(), tempfile::tempdir().unwrap(), Writer::new(5));
    writer.disorder = 0;
    writer.write(&logs, 4 * SEGMENT);
    let long = start(&logs, Some(dir.path()));
    long.loaded().await;
    long.histories().track(&id(), u64::MAX).await.unwrap();
    writer.write(&logs, 1);
    super::becomes(|| long.overview().unwrap().events == writer.written).await;
    // The cached fold continues from snapshots that are deleted here.
    let file = rusqlite::Connection::open(dir.path().join("read_model.1.sqlite3")).unwrap();
    file.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    file.execute_batch("DELETE FROM snapshot; DELETE FROM snapshot_part; DELETE FROM long_wallet;")
        .unwrap();
    for _ in 0..6 {
        writer.write(&logs, SEGMENT / 2);
        super::becomes(|| long.overview().unwrap().events == writer.written).await;
    }
    let (count, numbers): (i64, i64) = file
        .query_row(
            "SELECT count(*), coalesce(max(number) - min(number) + 1, 0) FROM snapshot",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let first: Option<i64> = file
        .query_row("SELECT min(number) FROM snapshot", [], |row| row.get(0))
        .unwrap();
    // Numbers are stored with the sign bit flipped.
    assert!(
        first.is_none_or(|first| first == i64::MIN) && count == numbers,
        "{count} {numbers} {first:?}"
    );
    let short = start(&logs, None);
    short.loaded().await;
    for _ in 0..20 {
        compare(&short, &long, &writer.query()).await;
    }
}

#[tokio::test]
async fn a_very_long_wallet_can_be_opened_as_soon_as_everything_was_read() {
    let (logs, dir, mut writer) = (TestLogs::new(), tempfile::tempdir().unwrap(), Writer::new(6));
    writer.write(&logs, 260 * SEGMENT);
    let long = start(&logs, Some(dir.path()));
    long.loaded().await;
    assert!(long.histories().is_long(&id()).await.unwrap());
    let before = logs.wallet.entries_read();
    long.wallet(&id(), &TimelineQuery::default()).await.unwrap();
    let read = logs.wallet.entries_read() - before;
    assert!(read <= 2 * SEGMENT, "{read} entries were read");
}

#[tokio::test]
async fn snapshots_that_are_damaged_or_of_another_log_are_not_used() {
    let (logs, dir, mut writer) = (TestLogs::new(), tempfile::tempdir().unwrap(), Writer::new(3));
    writer.write(&logs, 5 * SEGMENT);
    let short = start(&logs, None);
    short.loaded().await;
    for statement in [
        "UPDATE snapshot SET body = zeroblob(length(body))",
        "UPDATE snapshot SET major = major + 1",
        "UPDATE snapshot_part SET body = zeroblob(3)",
        "DELETE FROM snapshot WHERE number = (SELECT min(number) + 1 FROM snapshot)",
        "UPDATE long_wallet SET chart = zeroblob(2)",
    ] {
        let long = start(&logs, Some(dir.path()));
        long.loaded().await;
        long.histories().track(&id(), u64::MAX).await.unwrap();
        super::durable::close(long).await;
        let store = rusqlite::Connection::open(dir.path().join("read_model.1.sqlite3")).unwrap();
        assert!(store.execute(statement, []).unwrap() > 0, "{statement}");
        let long = start(&logs, Some(dir.path()));
        long.loaded().await;
        for _ in 0..20 {
            compare(&short, &long, &writer.query()).await;
        }
        long.histories().track(&id(), u64::MAX).await.unwrap();
        for _ in 0..20 {
            compare(&short, &long, &writer.query()).await;
        }
        super::durable::close(long).await;
    }
    let other = TestLogs::new();
    Writer::new(4).write(&other, 5 * SEGMENT);
    let (short, long) = (start(&other, None), start(&other, Some(dir.path())));
    short.loaded().await;
    long.loaded().await;
    compare(&short, &long, &TimelineQuery::default()).await;
}

#[tokio::test]
async fn snapshots_are_not_used_if_the_stream_lacks_an_entry_before_them() {
    // From the start, in the middle, and the last entry before the last snapshot. The process has used the snapshots before.
    let segments = usize::try_from(SEGMENT).unwrap();
    for (from, count) in [(0, 500), (700, 50), (10 * segments - 1, 1)] {
        let (logs, dir, mut writer) = (TestLogs::new(), tempfile::tempdir().unwrap(), Writer::new(3));
        writer.disorder = 0;
        writer.write(&logs, 10 * SEGMENT + 40);
        let long = start(&logs, Some(dir.path()));
        long.loaded().await;
        long.histories().track(&id(), u64::MAX).await.unwrap();
        assert!(long.histories().is_long(&id()).await.unwrap());
        long.wallet(&id(), &TimelineQuery::default()).await.unwrap();
        logs.wallet.delete(id().as_str(), from, count);
        let wanted = Wanted {
            parts: Vec::new(),
            refund: None,
            sought: None,
        };
        assert!(
            long.histories().load_partially(&id(), &wanted).await.unwrap().is_none(),
            "{from}"
        );
        assert!(!long.histories().is_long(&id()).await.unwrap(), "{from}");
        let view = long.wallet(&id(), &TimelineQuery::default()).await.unwrap();
        assert!(!view.complete, "{from}");
        let short = start(&logs, None);
        short.loaded().await;
        // The page's request has the rows compared, too, and read again.
        super::becomes(|| long.rows().unwrap() == short.rows().unwrap()).await;
        compare(&short, &long, &TimelineQuery::default()).await;
    }
}
