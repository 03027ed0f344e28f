//! Tests of the ledger over logs in memory: the read model loads, follows, finds entries that are not in a feed,
//! corrects events that arrive out of order, and reports a store that is down.

mod credits;
mod durable;
mod lists;
mod long_ids;
mod long_wallets;
mod look_up;
mod paging;
mod search;
mod witness;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use rust_decimal::Decimal;

use super::{Ledger, LedgerError};
use crate::{
    domain::{
        findings::FindingKind,
        fold::Fold,
        ids::{Domain, EntityId},
        order::OrderState,
        refund::{Limits, RefundRow},
        replay::{Filter, in_sequence_order},
    },
    read_model::{
        Settings, Stores,
        lists::Search,
        tests::memory_log::{MemoryLog, becomes, stores_of},
    },
    views::{
        health::StoreState,
        lists::{Count, FINDINGS_SHOWN, ListQuery, Sort},
        timelines::{PartPages, TimelineQuery},
    },
};

fn hour(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + n * 3600, 0).unwrap()
}

struct TestLogs {
    wallet: Arc<MemoryLog>,
    order: Arc<MemoryLog>,
}

impl TestLogs {
    fn new() -> Self {
        Self {
            wallet: Arc::new(MemoryLog::new(Domain::Wallet)),
            order: Arc::new(MemoryLog::new(Domain::Order)),
        }
    }

    fn wallet_event(&self, sequence: u32, kind: &str, data: &Value, feed: bool) {
        let at = hour(sequence.into());
        self.wallet.write("W-1", &sequence.to_string(), kind, at, data, feed);
    }

    fn announce_all(&self) {
        self.wallet.announce_all();
        self.order.announce_all();
    }

    fn open_wallet(&self) {
        let data = json!({"owner": {"id": "C-1", "name": "Ada"}, "currency": "EUR"});
        self.wallet_event(1, "wallet.opened", &data, true);
    }

    fn credit(&self, sequence: u32, amount: &str, feed: bool) {
        let data = json!({"amount": {"amount": amount, "currency": "EUR"}, "kind": "top_up"});
        self.wallet_event(sequence, "wallet.credited", &data, feed);
    }

    /// An order with one refund that was requested at the hour `asked`.
    fn order_with_refund(&self, order: &str, refund: &str, amount: &str, asked: i64) {
        let money = json!({"amount": amount, "currency": "EUR"});
        let placed = json!({"total": money, "wallet": "W-1", "customer": {"id": "C-1", "name": "Ada"}});
        let requested = json!({"refund": refund, "amount": money, "reason": "return", "destination": "wallet"});
        self.order
            .write(order, "1", "order.placed", hour(asked - 1), &placed, true);
        self.order
            .write(order, "2", "order.refund_requested", hour(asked), &requested, true);
    }

    fn stores(&self) -> Stores {
        stores_of(&self.wallet, &self.order)
    }

    async fn start(&self, rescan: Duration) -> Arc<Ledger> {
        self.start_at(rescan, || hour(100)).await
    }

    async fn start_at(&self, rescan: Duration, clock: fn() -> DateTime<Utc>) -> Arc<Ledger> {
        let settings = Settings {
            rescan,
            clock,
            ..Settings::default()
        };
        let ledger = Ledger::start(self.stores(), settings).unwrap();
        tokio::time::timeout(Duration::from_secs(5), ledger.loaded())
            .await
            .unwrap();
        ledger
    }
}

const LATER: Duration = Duration::from_hours(1);

fn posted(ledger: &Ledger) -> String {
    let page = ledger.wallets(&ListQuery::default(), Search::Names).unwrap();
    page.rows[0].balances.posted.to_string()
}

#[tokio::test]
async fn the_ledger_loads_existing_events_and_follows_new_ones() {
    let logs = TestLogs::new();
    logs.open_wallet();
    logs.credit(2, "5", true);
    let ledger = logs.start(LATER).await;
    assert_eq!(posted(&ledger), "5.00");
    logs.credit(3, "2.50", true);
    becomes(|| posted(&ledger) == "7.50").await;
    let overview = ledger.overview().unwrap();
    assert_eq!((overview.events, overview.wallets), (3, 1));
    assert_eq!(overview.recent[0].entry.fields.sequence(), Some("3"));
}

#[tokio::test]
async fn events_out_of_order_are_folded_again_in_order() {
    let logs = TestLogs::new();
    logs.open_wallet();
    logs.credit(3, "5", true);
    let ledger = logs.start(LATER).await;
    let complete = || ledger.wallets(&ListQuery::default(), Search::Names).unwrap().rows[0].complete;
    assert!(!complete());
    logs.credit(2, "1", true);
    becomes(complete).await;
    assert_eq!(posted(&ledger), "6.00");
    assert_eq!(ledger.overview().unwrap().events, 3);
}

#[tokio::test]
async fn events_without_a_feed_entry_are_found_by_scanning() {
    let logs = TestLogs::new();
    logs.open_wallet();
    let ledger = logs.start(Duration::from_millis(50)).await;
    logs.credit(2, "5", false);
    becomes(|| posted(&ledger) == "5.00").await;
}

#[tokio::test]
async fn a_store_that_is_down_is_reported_and_read_when_it_is_back() {
    let logs = TestLogs::new();
    logs.open_wallet();
    logs.order_with_refund("O-1", "R-1", "9", 50);
    let ledger = logs.start(LATER).await;
    logs.wallet.switch(true);
    let down = || matches!(ledger.health()[0].state, StoreState::Down { as_of: Some(_), .. });
    becomes(down).await;
    assert_eq!(ledger.health()[1].state, StoreState::Live);
    // Lists still work. A page that has to be read from the store names the store in its error.
    assert_eq!(posted(&ledger), "0.00");
    let id = EntityId::new("W-1").unwrap();
    let refused = ledger.wallet(&id, &TimelineQuery::default()).await;
    assert!(matches!(
        refused,
        Err(LedgerError::Store {
            domain: Domain::Wallet,
            ..
        })
    ));
    // A refund's story shows the events of the other store.
    let story = ledger.refund("R-1", None).await.unwrap();
    assert_eq!(story.missing, [Domain::Wallet]);
    assert_eq!(story.story.len(), 2);
    logs.credit(2, "5", true);
    logs.wallet.switch(false);
    becomes(|| posted(&ledger) == "5.00" && ledger.health()[0].state == StoreState::Live).await;
}

#[tokio::test]
async fn a_store_that_is_down_at_the_start_is_loaded_when_it_is_back() {
    let logs = TestLogs::new();
    logs.open_wallet();
    logs.wallet.switch(true);
    let settings = Settings {
        clock: || hour(100),
        ..Settings::default()
    };
    let ledger = Ledger::start(logs.stores(), settings).unwrap();
    becomes(|| matches!(ledger.health()[0].state, StoreState::Down { as_of: None, .. })).await;
    logs.wallet.switch(false);
    becomes(|| ledger.health()[0].state == StoreState::Live).await;
    assert_eq!(posted(&ledger), "0.00");
}

#[tokio::test]
async fn refunds_are_filtered_sorted_and_added_up() {
    let logs = TestLogs::new();
    logs.order_with_refund("O-1", "R-1", "9", 10);
    logs.order_with_refund("O-2", "R-2", "3", 99);
    logs.order_with_refund("O-3", "R-3", "4", 20);
    let approved = json!({"refund": "R-3"});
    logs.order
        .write("O-3", "3", "order.refund_approved", hour(98), &approved, true);
    let ledger = logs.start(LATER).await;
    let ids = |query: ListQuery| {
        let page = ledger.refunds(&query, Search::Names).unwrap();
        let ids: Vec<_> = page.rows.iter().map(|row| row.refund.clone()).collect();
        let sums: Vec<_> = page.sums.iter().flatten().map(|sum| sum.amount.to_string()).collect();
        (ids.join(" "), sums.join(" "))
    };
    let found = |ids: &str, sums: &str| (ids.to_owned(), sums.to_owned());
    let query = ListQuery::default;
    assert_eq!(ids(query()), found("R-1 R-3 R-2", "16.00"));
    let overdue = ListQuery {
        overdue: true,
        ..query()
    };
    assert_eq!(ids(overdue), found("R-1", "9.00"));
    let states = ListQuery {
        states: vec!["approved".to_owned()],
        ..query()
    };
    assert_eq!(ids(states), found("R-3", "4.00"));
    let old = ListQuery {
        age: Some(2),
        ..query()
    };
    assert_eq!(ids(old), found("R-1 R-3", "13.00"));
    let dear = ListQuery {
        sort: Some(Sort::AmountDown),
        currencies: vec!["EUR".parse().unwrap()],
        ..query()
    };
    assert_eq!(ids(dear), found("R-1 R-3 R-2", "16.00"));
    let named = ListQuery {
        text: "o-2".to_owned(),
        ..query()
    };
    assert_eq!(ids(named), found("R-2", "3.00"));
    let customer = ListQuery {
        text: "ADA".to_owned(),
        sort: Some(Sort::Newest),
        ..query()
    };
    assert_eq!(ids(customer.clone()), found("R-2 R-3 R-1", "16.00"));
    assert_eq!(ledger.refunds(&customer, Search::Ids).unwrap().total, Count::Exactly(0));
    let by_name = ListQuery {
        text: "ada".to_owned(),
        ..ListQuery::default()
    };
    for (search, expected) in [(Search::Names, 3), (Search::Ids, 0)] {
        assert_eq!(ledger.orders(&by_name, search).unwrap().total, Count::Exactly(expected));
    }
    let too_long = ListQuery {
        text: "x".repeat(101),
        ..query()
    };
    assert!(matches!(
        ledger.refunds(&too_long, Search::Names),
        Err(LedgerError::Invalid(_))
    ));
}

/// Seconds since the first hour of the tests. The clock of a ledger that can be moved.
static MOMENT: AtomicI64 = AtomicI64::new(0);

fn moment() -> DateTime<Utc> {
    hour(0) + TimeDelta::seconds(MOMENT.load(Ordering::SeqCst))
}

/// Every refund, computed with the folds of the domain, oldest first.
fn folded_refunds(logs: &TestLogs) -> Vec<RefundRow> {
    let limits = Limits::default();
    let mut rows = Vec::new();
    for (order, entries) in logs.order.all() {
        let mut fold = Fold::<OrderState>::new();
        for (_, entry) in in_sequence_order(entries) {
            fold.push(&entry, |_| {});
        }
        let wallet = fold.state.wallet.clone();
        let customer = fold.state.customer.as_ref().map(|party| party.id.clone());
        let refunds = fold.state.refunds.iter();
        rows.extend(refunds.map(|(id, refund)| {
            RefundRow::new(
                id,
                &order,
                wallet.as_deref(),
                customer.as_deref(),
                refund,
                moment(),
                &limits,
            )
        }));
    }
    rows.sort_by(|a, b| a.age_order().cmp(&b.age_order()));
    rows
}

/// At any time and after any change, a list equals what folding every order gives.
#[tokio::test]
async fn refunds_equal_the_folds_of_the_orders_at_any_time() {
    let logs = TestLogs::new();
    for n in 0..60 {
        logs.order_with_refund(&format!("O-{n}"), &format!("R-{n:03}"), "1", n % 7);
    }
    let ledger = logs.start_at(LATER, moment).await;
    let overdue = ListQuery {
        overdue: true,
        ..ListQuery::default()
    };
    let aged = ListQuery {
        age: Some(30),
        sort: Some(Sort::Stuck),
        ..ListQuery::default()
    };
    let states = ListQuery {
        states: vec!["requested".to_owned(), "succeeded".to_owned()],
        sort: Some(Sort::Newest),
        ..ListQuery::default()
    };
    let queries = [ListQuery::default(), overdue, aged, states];
    let compare = || {
        let folded = folded_refunds(&logs);
        for query in &queries {
            let wanted = |row: &&RefundRow| {
                let state = if query.states.is_empty() {
                    row.state.is_pending()
                } else {
                    query.states.iter().any(|state| state == row.state.as_str())
                };
                let old = query.age.is_none_or(|hours| row.age_seconds >= i64::from(hours) * 3600);
                state && old && (row.overdue || !query.overdue)
            };
            let mut expected: Vec<_> = folded.iter().filter(wanted).cloned().collect();
            match query.sort {
                Some(Sort::Stuck) => expected.sort_by_key(|row| (row.state_since, row.refund.clone())),
                Some(Sort::Newest) => expected.reverse(),
                _ => {}
            }
            let page = ledger.refunds(query, Search::Names).unwrap();
            let at = moment();
            assert_eq!(page.total, Count::Exactly(expected.len() as u64), "{query:?} at {at}");
            let late = expected.iter().filter(|row| row.overdue).count() as u64;
            assert_eq!(page.overdue, Some(late), "{query:?} at {at}");
            let sum: Decimal = expected.iter().map(|row| row.amount).sum();
            let sums: Decimal = page.sums.iter().flatten().map(|sum| sum.amount).sum();
            assert_eq!(sums, sum, "{query:?} at {at}");
            assert_eq!(paging::all_refunds(&ledger, query), expected, "{query:?} at {at}");
        }
        let overview = ledger.overview().unwrap();
        let pending: Vec<_> = folded.iter().filter(|row| row.state.is_pending()).collect();
        let late = pending.iter().filter(|row| row.overdue).count() as u64;
        assert_eq!(overview.overdue, late);
        assert_eq!(
            overview.by_state.iter().map(|state| state.count).sum::<u64>(),
            pending.len() as u64
        );
        for bucket in &overview.by_age {
            let in_bucket = |row: &&&RefundRow| {
                let age = (moment() - row.requested_at).max(TimeDelta::zero());
                age >= TimeDelta::hours(bucket.from_hours.into())
                    && bucket.to_hours.is_none_or(|to| age < TimeDelta::hours(to.into()))
            };
            assert_eq!(
                bucket.count,
                pending.iter().filter(in_bucket).count() as u64,
                "{}",
                bucket.from_hours
            );
        }
        late
    };
    let mut overdue = BTreeSet::new();
    for at in 0..80 {
        // Around every hour: before, at and after it, and back.
        for second in [-1, 0, 1, 0] {
            MOMENT.store(at * 3600 + second, Ordering::SeqCst);
            overdue.insert(compare());
        }
    }
    assert!(overdue.len() > 3, "few refunds became overdue: {overdue:?}");
    let approved = json!({"refund": "R-003"});
    let written = hour(3) + TimeDelta::seconds(1);
    for (sequence, kind) in [("3", "order.refund_approved"), ("4", "order.refund_succeeded")] {
        logs.order.write("O-3", sequence, kind, written, &approved, true);
        let events = 118 + sequence.parse::<u64>().unwrap();
        becomes(|| ledger.overview().unwrap().events == events).await;
        compare();
    }
    assert_eq!(
        ledger.refunds(&queries[0], Search::Names).unwrap().total,
        Count::Exactly(59)
    );
}

#[tokio::test]
async fn a_wallets_page_shows_its_history_as_of_a_moment() {
    let logs = TestLogs::new();
    logs.open_wallet();
    for sequence in 2..=60 {
        logs.credit(sequence, "1", true);
    }
    let ledger = logs.start(LATER).await;
    let id = EntityId::new("W-1").unwrap();
    let view = ledger.wallet(&id, &TimelineQuery::default()).await.unwrap();
    assert_eq!(view.balances.posted.to_string(), "59.00");
    assert_eq!(
        (view.timeline.rows.len(), view.timeline.pages, view.timeline.total),
        (50, 2, 60)
    );
    assert_eq!(view.timeline.rows[0].step.entry.sequence(), Some(60));
    assert_eq!(view.timeline.rows[0].before.posted.to_string(), "58.00");
    let then = TimelineQuery {
        filter: Filter {
            at: Some(hour(10)),
            ..Filter::default()
        },
        oldest_first: true,
        page: 1,
        parts: PartPages::default(),
    };
    let view = ledger.wallet(&id, &then).await.unwrap();
    assert_eq!(
        (view.sequence, view.balances.posted.to_string()),
        (10, "9.00".to_owned())
    );
    assert_eq!(view.extent.last_sequence, 60);
    assert_eq!(view.timeline.rows[0].step.entry.sequence(), Some(1));
    let before = TimelineQuery {
        filter: Filter {
            at: Some(hour(0)),
            ..Filter::default()
        },
        ..TimelineQuery::default()
    };
    let refused = ledger.wallet(&id, &before).await;
    assert!(matches!(refused, Err(LedgerError::NotFound { filtered: true, .. })));
    let nobody = EntityId::new("W-9").unwrap();
    let refused = ledger.wallet(&nobody, &TimelineQuery::default()).await;
    assert!(matches!(refused, Err(LedgerError::NotFound { filtered: false, .. })));
}

#[tokio::test]
async fn a_refunds_story_crosses_both_domains() {
    let logs = TestLogs::new();
    logs.open_wallet();
    logs.order_with_refund("O-1", "R-1", "9", 10);
    let money = json!({"amount": "9", "currency": "EUR"});
    let held = json!({"hold": "H-1", "amount": money, "order": "O-1"});
    logs.wallet_event(2, "wallet.held", &held, true);
    logs.wallet_event(3, "wallet.hold_released", &json!({"hold": "H-1"}), true);
    logs.credit(4, "1", true);
    let credit = json!({"amount": money, "kind": "refund", "refund": "R-1"});
    logs.wallet_event(20, "wallet.credited", &credit, true);
    let ledger = logs.start(LATER).await;
    let view = ledger.refund("R-1", Some("O-1")).await.unwrap();
    let story: Vec<_> = view
        .story
        .iter()
        .map(|row| (row.domain, row.entry.fields.r#type().unwrap(), row.of_refund))
        .collect();
    assert_eq!(
        story,
        [
            (Domain::Wallet, "wallet.held", false),
            (Domain::Wallet, "wallet.hold_released", false),
            (Domain::Order, "order.placed", false),
            (Domain::Order, "order.refund_requested", true),
            (Domain::Wallet, "wallet.credited", true),
        ]
    );
    assert!(ledger.refund("R-1", Some("O-2")).await.is_err());
    let kinds: Vec<_> = view.findings.iter().map(|finding| finding.finding).collect();
    assert_eq!(kinds, [FindingKind::CreditedWithoutApproval]);
    let worst = ledger
        .findings_list(&ListQuery::default(), Search::Names)
        .unwrap()
        .rows
        .remove(0)
        .finding;
    assert_eq!(worst.finding, FindingKind::CreditedWithoutApproval);
}

#[tokio::test]
async fn pages_show_the_first_findings_and_the_number_of_all() {
    let logs = TestLogs::new();
    logs.open_wallet();
    let money = json!({"amount": "1", "currency": "EUR"});
    for n in 1..=60_u32 {
        let refund = format!("R-{n}");
        logs.order_with_refund(&format!("O-{n}"), &refund, "1", 10);
        let credit = json!({"amount": money, "kind": "refund", "refund": refund});
        logs.wallet_event(n + 1, "wallet.credited", &credit, true);
    }
    let ledger = logs.start(LATER).await;
    let id = EntityId::new("W-1").unwrap();
    let view = ledger.wallet(&id, &TimelineQuery::default()).await.unwrap();
    assert_eq!((view.findings.len(), view.finding_count), (FINDINGS_SHOWN, 60));
    let view = ledger.refund("R-1", None).await.unwrap();
    assert_eq!((view.findings.len(), view.finding_count), (1, 1));
}

#[tokio::test]
async fn an_event_has_its_effect_and_its_related_events() {
    let logs = TestLogs::new();
    logs.open_wallet();
    logs.credit(2, "5", true);
    logs.wallet_event(3, "wallet.exploded", &json!({}), true);
    let ledger = logs.start(LATER).await;
    let id = EntityId::new("W-1").unwrap();
    let view = ledger.event(Domain::Wallet, &id, "3-0".parse().unwrap()).await.unwrap();
    assert!(!view.applied);
    assert_eq!(view.anomalies.len(), 1);
    assert_eq!(view.previous, Some("2-0".parse().unwrap()));
    assert_eq!(view.next, None);
    let gone = ledger.event(Domain::Wallet, &id, "9-0".parse().unwrap()).await;
    assert!(matches!(gone, Err(LedgerError::NotFound { .. })));
}

#[tokio::test]
async fn the_overview_counts_findings_of_all_currencies_by_kind() {
    let logs = TestLogs::new();
    for (wallet, currency) in [("W-1", "EUR"), ("W-2", "USD"), ("W-3", "USD")] {
        let write = |sequence: &str, kind: &str, data: &Value| {
            logs.wallet.write(wallet, sequence, kind, hour(1), data, true);
        };
        let money = |amount: &str| json!({"amount": amount, "currency": currency});
        write(
            "1",
            "wallet.opened",
            &json!({"owner": {"id": "C-1"}, "currency": currency}),
        );
        let hold = json!({"hold": "H", "amount": money("5"), "order": "O-1", "expires_at": "2026-01-01T05:00:00Z"});
        write("2", "wallet.held", &hold);
        write("3", "wallet.debited", &json!({"amount": money("9"), "kind": "fee"}));
    }
    let ledger = logs.start(LATER).await;
    let found = ledger.overview().unwrap().findings;
    let expected = [FindingKind::NegativeBalance, FindingKind::HoldNeverResolved].map(|kind| (kind, 3));
    assert_eq!(found, expected);
    let listed = ledger.findings_list(&ListQuery::default(), Search::Names).unwrap();
    assert_eq!(listed.total, Count::Exactly(6));
}
