//! Contract §3 and §8: sequences, gaps and repeats, broken envelopes, and the three filters.

use serde_json::json;

use super::{super::wallet::WalletState, *};
use AnomalyKind::*;

fn opened() -> Entry {
    entry(1, "wallet.opened", &json!({"owner": {"id": "C"}, "currency": "EUR"}))
}

fn credit(n: u32, amount: &str) -> Entry {
    entry(n, "wallet.credited", &json!({"amount": eur(amount), "kind": "top_up"}))
}

fn posted(replay: &Replay<WalletState>) -> String {
    replay.fold.state.posted.to_string()
}

#[test]
fn events_are_folded_in_sequence_order_whatever_their_position() {
    let replay = all::<WalletState>(vec![credit(3, "4"), opened(), credit(2, "2")]);
    assert_eq!(posted(&replay), "6.00");
    assert!(replay.fold.complete);
    let order: Vec<_> = replay.steps.iter().filter_map(|step| step.entry.sequence()).collect();
    assert_eq!(order, [1, 2, 3]);
}

#[test]
fn the_events_after_a_gap_still_count() {
    let replay = all::<WalletState>(vec![opened(), credit(2, "2"), credit(5, "4"), credit(6, "1")]);
    assert_eq!(posted(&replay), "7.00");
    assert_eq!(anomalies(&replay), [(5, Gap)]);
    assert_eq!(replay.anomalies[0].message, "events 3 to 4 are missing");
    assert!(!replay.fold.complete);
    // Also if the missing event is the opening.
    let replay = all::<WalletState>(vec![credit(2, "2")]);
    assert_eq!(posted(&replay), "2.00");
    assert_eq!(anomalies(&replay), [(2, Gap), (2, NotOpened)]);
}

#[test]
fn of_two_events_with_one_sequence_the_first_counts() {
    let mut second = credit(2, "100");
    second.fields.replace(Known::Id, Some("other"));
    let replay = all::<WalletState>(vec![opened(), credit(2, "2"), second, credit(3, "1")]);
    assert_eq!(posted(&replay), "3.00");
    assert_eq!(anomalies(&replay), [(2, RepeatedSequence)]);
    let applied: Vec<_> = replay.steps.iter().map(|step| step.applied).collect();
    assert_eq!(applied, [true, true, false, true]);
}

#[test]
fn a_broken_envelope_stays_in_the_timeline_and_changes_no_figures() {
    for (field, value) in [
        ("id", Some(String::new())),
        ("id", Some("x".repeat(65))),
        ("id", Some("käse".to_owned())),
        ("id", None),
        ("time", Some("yesterday".to_owned())),
        ("time", None),
        ("type", None),
    ] {
        let mut broken = credit(2, "100");
        match field {
            "id" => broken.fields.replace(Known::Id, value.as_deref()),
            "time" => broken.fields.replace(Known::Time, value.as_deref()),
            _ => broken.fields.replace(Known::Type, value.as_deref()),
        }
        let replay = all::<WalletState>(vec![opened(), broken.clone(), credit(3, "1")]);
        assert_eq!(posted(&replay), "1.00");
        assert_eq!(anomalies(&replay), [(2, UnparsableEnvelope)]);
        assert_eq!(replay.steps[1].entry, broken);
    }
}

#[test]
fn an_unreadable_sequence_is_an_anomaly_without_a_sequence_and_leaves_a_gap() {
    for sequence in ["", "two", "-2", "+2", "2.0", "0", "99999999999999999999999"] {
        let mut broken = credit(2, "100");
        broken.fields.replace(Known::Sequence, Some(sequence));
        let replay = all::<WalletState>(vec![opened(), broken, credit(3, "1")]);
        assert_eq!(posted(&replay), "1.00", "{sequence}");
        assert_eq!(anomalies(&replay), [(0, UnparsableEnvelope), (3, Gap)], "{sequence}");
        assert_eq!(replay.anomalies[0].sequence, None);
    }
}

fn filtered(entries: &[Entry], filter: Filter) -> Option<(String, u64, bool)> {
    let replay = replay::<WalletState>(entries.to_vec(), &filter)?;
    Some((posted(&replay), replay.fold.sequence, replay.fold.complete))
}

#[test]
fn each_clock_and_the_sequence_filter_by_themselves_and_together() {
    // Event 3 happened before event 2 and was recorded last.
    let mut late = credit(3, "4");
    late.fields.replace(Known::Time, Some("2026-01-01T01:30:00Z"));
    let entries = [opened(), credit(2, "2"), late];
    let at = |hours, minutes| Some(hour(hours) + TimeDelta::minutes(minutes));
    let by = |at, as_known_at, sequence| {
        filtered(
            &entries,
            Filter {
                at,
                as_known_at,
                sequence,
            },
        )
    };
    let found = |amount: &str, sequence| Some((amount.to_owned(), sequence, true));
    assert_eq!(by(None, None, None), found("6.00", 3));
    assert_eq!(by(at(1, 0), None, None), found("0.00", 1));
    // A gap made by a filter is no anomaly: event 2 had not happened yet.
    assert_eq!(by(at(1, 30), None, None), found("4.00", 3));
    assert_eq!(by(at(2, 0), None, None), found("6.00", 3));
    assert_eq!(by(None, at(2, 0), None), found("0.00", 1));
    assert_eq!(by(None, at(2, 1), None), found("2.00", 2));
    assert_eq!(by(at(1, 30), at(2, 1), None), found("0.00", 1));
    assert_eq!(by(None, None, Some(2)), found("2.00", 2));
    assert_eq!(by(at(0, 59), None, None), None);
}

#[test]
fn a_gap_in_the_stream_is_reported_under_a_filter() {
    let entries = [opened(), credit(2, "2"), credit(4, "4")];
    let found = |sequence| {
        filtered(
            &entries,
            Filter {
                sequence: Some(sequence),
                ..Filter::default()
            },
        )
    };
    assert_eq!(found(3), Some(("2.00".to_owned(), 2, true)));
    assert_eq!(found(4), Some(("6.00".to_owned(), 4, false)));
    // The gap is before an event that the filter leaves out. It is reported at the next event that is kept.
    let mut early = credit(5, "1");
    early.fields.replace(Known::Time, Some(&format_time(hour(2))));
    let entries = [opened(), credit(2, "2"), credit(4, "4"), early];
    let filter = Filter {
        at: Some(hour(2)),
        ..Filter::default()
    };
    assert_eq!(filtered(&entries, filter), Some(("3.00".to_owned(), 5, false)));
}

#[test]
fn an_opening_that_a_filter_leaves_out_is_not_missing() {
    let mut late = opened();
    late.fields.replace(Known::Time, Some(&format_time(hour(9))));
    let filter = Filter {
        at: Some(hour(2)),
        ..Filter::default()
    };
    assert_eq!(
        filtered(&[late, credit(2, "2")], filter),
        Some(("2.00".to_owned(), 2, true))
    );
}

#[test]
fn a_time_in_another_offset_is_the_same_instant() {
    let mut entry = credit(2, "2");
    entry.fields.replace(Known::Time, Some("2026-01-01T04:00:00+02:00"));
    assert_eq!(entry.time(), Some(hour(2)));
}
