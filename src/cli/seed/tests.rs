//! Tests of the generator: it is deterministic, and the demo ledger contains what it is meant to show.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::{
    event::{Entry, RawDigest},
    findings::{FindingKind, OrderFacts, WalletFacts, findings},
    fold::Fold,
    ids::Position,
    order::OrderState,
    refund::{Limits, RefundRow, RefundState},
    replay::{Filter, Replay, Replayable, replay},
    wallet::WalletState,
};

fn now() -> DateTime<Utc> {
    "2026-05-17T15:30:00Z".parse().unwrap()
}

fn replayed<S: Replayable>(streams: &Streams, domain: Domain) -> BTreeMap<EntityId, Replay<S>> {
    let of_domain = streams.0.iter().filter(|((of, _), _)| *of == domain);
    of_domain
        .map(|((_, id), events)| {
            let entries = (1..).zip(events).map(|(sequence, event)| Entry {
                position: Position::new(sequence, 0),
                recorded: now(),
                fields: event.clone().into_fields(sequence),
                digest: RawDigest::default(),
            });
            (id.clone(), replay(entries.collect(), &Filter::default()).unwrap())
        })
        .collect()
}

#[test]
fn a_seed_and_a_moment_make_one_ledger() {
    assert_eq!(ledger(7, now(), 40, 200), ledger(7, now(), 40, 200));
    assert_ne!(ledger(7, now(), 40, 200), ledger(8, now(), 40, 200));
    assert_ne!(
        ledger(7, now(), 40, 200),
        ledger(7, now() - TimeDelta::days(1), 40, 200)
    );
}

#[test]
fn the_ledger_has_its_size_and_ends_now() {
    let streams = ledger(1, now(), 500, 3_000);
    let count = |domain| streams.0.keys().filter(|(of, _)| *of == domain).count();
    assert_eq!(count(Domain::Order), 3_000);
    assert_eq!(count(Domain::Wallet), 500);
    let longest = streams.0.values().map(Vec::len).max().unwrap();
    assert!((2_900..3_500).contains(&longest), "{longest}");
    let mut ids = BTreeSet::new();
    for event in streams.0.values().flatten() {
        let time: DateTime<Utc> = event.time.parse().unwrap();
        assert!(time <= now(), "{}", event.time);
        assert!(ids.insert(&event.id), "{}", event.id);
    }
}

#[test]
fn pending_refunds_have_every_state_and_some_are_overdue() {
    let streams = ledger(1, now(), 500, 3_000);
    let orders = replayed::<OrderState>(&streams, Domain::Order);
    let rows: Vec<_> = orders
        .iter()
        .flat_map(|(id, replay)| {
            let refunds = replay.fold.state.refunds.iter();
            refunds.map(move |(refund, state)| RefundRow::new(refund, id, None, None, state, now(), &Limits::default()))
        })
        .collect();
    let states: BTreeSet<_> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states.len(), RefundState::ALL.len(), "{states:?}");
    let pending: Vec<_> = rows.iter().filter(|row| row.state.is_pending()).collect();
    assert_eq!(pending.len(), 60);
    for state in RefundState::PENDING {
        let of_state = pending.iter().filter(|row| row.state == state);
        let overdue = of_state.clone().filter(|row| row.overdue).count();
        assert!(overdue > 0 && overdue < of_state.count(), "{state}");
    }
}

#[test]
fn every_finding_occurs_and_one_wallet_is_overdrawn() {
    let streams = ledger(1, now(), 500, 3_000);
    let wallets = replayed::<WalletState>(&streams, Domain::Wallet);
    let orders = replayed::<OrderState>(&streams, Domain::Order);
    let of_wallets: Vec<_> = wallets
        .iter()
        .map(
            |(
                id,
                Replay {
                    fold: Fold { state, complete, .. },
                    ..
                },
            )| WalletFacts {
                id,
                state,
                complete: *complete,
            },
        )
        .collect();
    let of_orders: Vec<_> = orders
        .iter()
        .map(
            |(
                id,
                Replay {
                    fold: Fold { state, complete, .. },
                    ..
                },
            )| OrderFacts {
                id,
                state,
                complete: *complete,
            },
        )
        .collect();
    let found = findings(&of_wallets, &of_orders, now());
    for kind in FindingKind::ALL {
        let count = found.iter().filter(|finding| finding.finding == *kind).count();
        assert!((1..=20).contains(&count), "{kind}: {count}");
    }
    // No wallet but the one that is overdrawn on purpose ever falls below zero.
    let overdrawn = wallets
        .values()
        .filter(|w| w.steps.iter().any(|step| step.after.available.is_sign_negative()));
    assert_eq!(overdrawn.count(), 1);
}
