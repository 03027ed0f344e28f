//! Tests of the search over all kinds, compared with a plain recomputation, and of finding events by an id.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    LATER, TestLogs, hour,
    lists::{Chance, Plain, compare, generate, has_text, now, rows},
};
use crate::{
    domain::{
        ids::{Domain, EntityId, Position},
        money::Currency,
        refund::{Limits, RefundRow, RefundState},
    },
    ledger::Ledger,
    read_model::{
        Moment, Settings,
        lists::Search,
        search::{Reach, SearchRow, SearchText, find, payments},
    },
    views::{
        customers::CustomerRow,
        lists::{Count, ListName, Sort},
        orders::OrderRow,
        search::{AmountText, Carrier, Hits, IdKind, Matched, SearchKind, SearchView},
        wallets::{HoldListRow, WalletRow},
    },
};

/// A hit in comparable form: its ids, what matched, and whether its id equals the text.
type Found = (Vec<String>, Matched, bool);

fn moment() -> Moment {
    Moment {
        now: now(),
        limits: Limits::default(),
    }
}

/// The amounts by which a row can be found, with their currency.
fn amounts(logs: &TestLogs, list: ListName, row: &Plain) -> Vec<(Decimal, Currency)> {
    if list != ListName::Wallets {
        return row.amount.zip(row.currency).into_iter().collect();
    }
    let mut amounts = Vec::new();
    for (id, entries) in logs.wallet.all() {
        for entry in entries {
            let data: Value = serde_json::from_str(entry.fields.data().unwrap()).unwrap();
            if id.as_str() == row.id[0] && data["kind"] == "refund" {
                let amount = data["amount"]["amount"].as_str().unwrap().parse().unwrap();
                amounts.push((amount, data["amount"]["currency"].as_str().unwrap().parse().unwrap()));
            }
        }
    }
    amounts
}

/// The hits that a search has to return, in order.
fn expected(logs: &TestLogs, ledger: &Ledger, list: ListName, text: &str, search: Search) -> Vec<Found> {
    let amount = AmountText::parse(text);
    let mut hits: Vec<(bool, bool, Plain, Matched)> = Vec::new();
    for row in rows(logs, ledger, list) {
        let mut own = row.clone();
        own.ids.clear();
        own.ids.push(row.id[0].clone());
        let by_amount = amount.as_ref().is_some_and(|asked| {
            let value: Decimal = asked.amount.as_str().parse().unwrap();
            amounts(logs, list, &row)
                .into_iter()
                .any(|(amount, currency)| amount == value && asked.currency.is_none_or(|asked| asked == currency))
        });
        let matched = if has_text(&own, text, Search::Ids) {
            Matched::Id
        } else if has_text(&own, text, search) {
            Matched::Name
        } else if by_amount && list != ListName::Customers {
            Matched::Amount
        } else {
            continue;
        };
        let settled = match list {
            ListName::Refunds => !row.state.parse::<RefundState>().unwrap().is_pending(),
            ListName::Holds => row.state != "open",
            _ => false,
        };
        hits.push((row.id[0] == text, settled, row, matched));
    }
    let sort = if list == ListName::Customers {
        Sort::Id
    } else {
        Sort::Newest
    };
    hits.sort_by(|a, b| {
        let groups = (Reverse(a.0), a.1).cmp(&(Reverse(b.0), b.1));
        groups.then_with(|| compare(list, sort, &a.2, &b.2))
    });
    hits.into_iter()
        .map(|(exact, _, row, matched)| (row.id, matched, exact))
        .collect()
}

fn found<Row: SearchRow>(
    ledger: &Ledger,
    text: &str,
    reach: &Reach,
    id: impl Fn(&Row) -> Vec<String>,
) -> (Vec<Found>, Count) {
    let Some(text) = SearchText::read(text).unwrap() else {
        return (Vec::new(), Count::Exactly(0));
    };
    let Hits { hits, count, .. } = ledger
        .model
        .read(|connection| find::<Row>(connection, &text, reach))
        .unwrap();
    let hits = hits.iter().map(|hit| (id(&hit.row), hit.matched, hit.exact)).collect();
    (hits, count)
}

fn found_in(ledger: &Ledger, list: ListName, text: &str, reach: &Reach) -> (Vec<Found>, Count) {
    match list {
        ListName::Wallets => found::<WalletRow>(ledger, text, reach, |row| vec![row.id.to_string()]),
        ListName::Orders => found::<OrderRow>(ledger, text, reach, |row| vec![row.id.to_string()]),
        ListName::Refunds => found::<RefundRow>(ledger, text, reach, |row| {
            vec![row.refund.clone(), row.order.to_string()]
        }),
        ListName::Holds => found::<HoldListRow>(ledger, text, reach, |row| {
            vec![row.hold.clone(), row.wallet.to_string()]
        }),
        _ => found::<CustomerRow>(ledger, text, reach, |row| vec![row.customer.clone()]),
    }
}

const LISTS: [ListName; 5] = [
    ListName::Wallets,
    ListName::Orders,
    ListName::Refunds,
    ListName::Holds,
    ListName::Customers,
];

const TEXTS: [&str; 35] = [
    "ada",
    "ZOE",
    "gross",
    "Li",
    "王",
    "伟",
    "lukasz",
    "محم",
    "C-1",
    "C-7",
    "c-1",
    "r-1",
    "R-1",
    "R-17",
    "7",
    "O-1",
    "O-1 ada",
    "W-3",
    "H-2",
    "O-33 li",
    "zzz",
    "\"",
    "%",
    "_",
    "*",
    "3.50",
    "3.5",
    "3.5 EUR",
    "eur 3.50",
    "3",
    "JPY 3",
    "3.125",
    "3.125 KWD",
    "3.50 JPY",
    "3.501",
];

/// Compares every list with the recomputation, with and without a bound on the hits.
fn compare_all(logs: &TestLogs, ledger: &Ledger) {
    for (list, text) in LISTS.into_iter().flat_map(|list| TEXTS.map(|text| (list, text))) {
        for search in [Search::Names, Search::Ids] {
            let expected = expected(logs, ledger, list, text, search);
            let whole = Reach {
                search,
                ..Reach::command(1_000, moment())
            };
            let (hits, count) = found_in(ledger, list, text, &whole);
            assert_eq!(hits, expected, "{list:?} {text} {search:?}");
            assert_eq!(count, Count::Exactly(expected.len() as u64), "{list:?} {text}");
            let page = Reach {
                counted: 5,
                ..Reach::page(3, search, moment())
            };
            let (hits, count) = found_in(ledger, list, text, &page);
            assert_eq!(hits, expected[..expected.len().min(3)], "{list:?} {text} {search:?}");
            let counted = if expected.len() > 5 {
                Count::AtLeast(5)
            } else {
                Count::Exactly(expected.len() as u64)
            };
            assert_eq!(count, counted, "{list:?} {text}");
        }
    }
}

#[tokio::test]
async fn hits_of_every_kind_equal_a_plain_recomputation() {
    for seed in [1, 2] {
        let logs = TestLogs::new();
        generate(&logs, &mut Chance(seed));
        let ledger = logs.start(LATER).await;
        // The search index may not have every row at first. The results are the same.
        compare_all(&logs, &ledger);
        whole_index(&ledger).await;
        compare_all(&logs, &ledger);
        ledger.stop();
    }
}

async fn whole_index(ledger: &Ledger) {
    for _ in 0..1_000 {
        if ledger.model.read(crate::read_model::search::is_complete).unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the search index is not completed");
}

/// Payments by amount, and by their whole id.
#[tokio::test]
async fn payments_are_found_by_their_amount_and_their_whole_id() {
    let logs = TestLogs::new();
    generate(&logs, &mut Chance(3));
    let ledger = logs.start(LATER).await;
    whole_index(&ledger).await;
    for text in ["3.50", "3.5 EUR", "3", "JPY 3", "4.125", "P-11", "p-11", "P-", "9999"] {
        let asked = SearchText::read(text).unwrap().unwrap();
        let amount = AmountText::parse(text);
        let mut expected = BTreeSet::new();
        for (order, entries) in logs.order.all() {
            for entry in entries {
                let data: Value = serde_json::from_str(entry.fields.data().unwrap()).unwrap();
                let Some(payment) = data["payment"].as_str() else {
                    continue;
                };
                let has_amount = amount.as_ref().is_some_and(|asked| {
                    let value: Decimal = data["amount"]["amount"].as_str().unwrap().parse().unwrap();
                    let currency: Currency = data["amount"]["currency"].as_str().unwrap().parse().unwrap();
                    value == asked.amount.as_str().parse().unwrap()
                        && asked.currency.is_none_or(|asked| asked == currency)
                });
                if has_amount || payment == text {
                    expected.insert((payment.to_owned(), order.to_string(), payment == text));
                }
            }
        }
        let reach = Reach::command(1_000, moment());
        let hits = ledger
            .model
            .read(|connection| payments(connection, &asked, &reach))
            .unwrap();
        assert_eq!(hits.count, Count::Exactly(expected.len() as u64), "{text}");
        let times: Vec<_> = hits.hits.iter().map(|hit| Reverse(hit.row.paid_at)).collect();
        assert!(times.is_sorted(), "{text}: the newest first");
        let hits = hits
            .hits
            .into_iter()
            .map(|hit| (hit.row.payment, hit.row.order.to_string(), hit.exact));
        assert_eq!(hits.collect::<BTreeSet<_>>(), expected, "{text}");
    }
    ledger.stop();
}

/// The search result for a text, after the index is complete.
async fn searched(ledger: &Ledger, text: &str) -> SearchView {
    whole_index(ledger).await;
    let Some(text) = SearchText::read(text).unwrap() else {
        return SearchView::default();
    };
    ledger.search(&text, None, Search::Names).await.unwrap()
}

/// The events that have an id.
async fn carriers(ledger: &Ledger, id: &str) -> Vec<Carrier> {
    let view = searched(ledger, id).await;
    let all = [view.references, view.events, view.correlations];
    all.into_iter().flat_map(|hits| hits.hits).map(|hit| hit.row).collect()
}

fn carrier(
    kind: IdKind,
    id: &str,
    (domain, subject): (Domain, &str),
    position: u64,
    event_type: &str,
    time: DateTime<Utc>,
) -> Carrier {
    Carrier {
        kind,
        id: id.to_owned(),
        domain,
        subject: EntityId::new(subject).unwrap(),
        position: Some(Position::new(position, 0)),
        event_type: Some(event_type.to_owned()),
        time: Some(time),
        wallet: (kind == IdKind::Reference).then(|| "W-1".to_owned()),
    }
}

fn write_refunded_order(logs: &TestLogs) {
    logs.order_with_refund("O-1", "R-1", "9", 10);
    let amount = json!({"amount": "9", "currency": "EUR"});
    let steps = [
        (
            "order.paid",
            json!({"payment": "P-1", "amount": amount, "method": "card"}),
        ),
        ("order.refund_approved", json!({"refund": "R-1"})),
        (
            "order.refund_processing",
            json!({"refund": "R-1", "provider": "p", "reference": "REF-1"}),
        ),
        ("order.refund_succeeded", json!({"refund": "R-1", "reference": "REF-2"})),
    ];
    for (sequence, (kind, data)) in (3..).zip(steps) {
        logs.order
            .write("O-1", &sequence.to_string(), kind, hour(20), &data, true);
    }
}

#[tokio::test]
async fn events_are_found_by_their_whole_ids() {
    let (logs, dir) = (TestLogs::new(), tempfile::tempdir().unwrap());
    logs.open_wallet();
    write_refunded_order(&logs);
    let start = || {
        let settings = Settings {
            rescan: LATER,
            clock: || hour(100),
            dir: Some(dir.path().to_owned()),
            ..Settings::default()
        };
        Ledger::start(logs.stores(), settings).unwrap()
    };
    let ledger: Arc<Ledger> = start();
    ledger.loaded().await;
    for text in ["P-1", " P-1 "] {
        let view = searched(&ledger, text).await;
        let hit = &view.payments.hits[0];
        assert!(hit.exact && hit.matched == Matched::Id);
        let row = &hit.row;
        assert_eq!(
            (row.payment.as_str(), row.order.as_str(), row.wallet.as_deref()),
            ("P-1", "O-1", Some("W-1"))
        );
        assert_eq!((row.position, row.paid_at), (Position::new(3, 0), Some(hour(20))));
    }
    let order = (Domain::Order, "O-1");
    let processing = carrier(
        IdKind::Reference,
        "REF-1",
        order,
        5,
        "order.refund_processing",
        hour(20),
    );
    assert_eq!(carriers(&ledger, "REF-1").await, [processing]);
    let succeeded = carrier(IdKind::Reference, "REF-2", order, 6, "order.refund_succeeded", hour(20));
    assert_eq!(carriers(&ledger, "REF-2").await, [succeeded]);
    let wallet = (Domain::Wallet, "W-1");
    let opened = carrier(IdKind::Event, "W-1.1", wallet, 1, "wallet.opened", hour(1));
    assert_eq!(carriers(&ledger, "W-1.1").await, std::slice::from_ref(&opened));
    for not_whole in ["P-", "p-1", "REF", "O-1", "W-1", "", "P-1\0"] {
        assert_eq!(carriers(&ledger, not_whole).await, [], "{not_whole}");
    }
    // Later events are found as well, and all events after a restart.
    logs.credit(2, "5", true);
    let credited = carrier(IdKind::Event, "W-1.2", wallet, 2, "wallet.credited", hour(2));
    super::becomes(|| ledger.overview().unwrap().events == 8).await;
    assert_eq!(carriers(&ledger, "W-1.2").await, std::slice::from_ref(&credited));
    super::durable::close(ledger).await;
    let ledger = start();
    ledger.loaded().await;
    assert_eq!(carriers(&ledger, "W-1.2").await, [credited]);
    assert_eq!(carriers(&ledger, "W-1.1").await, [opened]);
}

#[tokio::test]
async fn an_id_is_not_found_where_its_event_is_gone() {
    let logs = TestLogs::new();
    logs.open_wallet();
    write_refunded_order(&logs);
    let ledger = logs.start(LATER).await;
    let first = searched(&ledger, "REF-2").await;
    assert_eq!(first.references.hits.len(), 1);
    let paid = async |id: &str| searched(&ledger, id).await.payments.hits.len();
    assert_eq!(paid("P-1").await, 1);
    let amount = json!({"amount": "9", "currency": "EUR"});
    let other = json!({"payment": "P-2", "amount": amount, "method": "card"});
    logs.order.rewrite("O-1", 2, &other);
    logs.order
        .rewrite("O-1", 5, &json!({"refund": "R-1", "reference": "REF-3"}));
    ledger.request_pass(Domain::Order);
    for _ in 0..500 {
        if paid("P-2").await > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((paid("P-1").await, paid("P-2").await), (0, 1));
    // The hash is still in the index, but the stream no longer has the id.
    assert_eq!(carriers(&ledger, "REF-2").await, []);
    assert_eq!(carriers(&ledger, "REF-3").await.len(), 1);
}

#[tokio::test]
async fn one_kind_is_searched_alone_and_hostile_texts_find_nothing() {
    let logs = TestLogs::new();
    logs.open_wallet();
    write_refunded_order(&logs);
    let ledger = logs.start(LATER).await;
    let text = SearchText::read("ada").unwrap().unwrap();
    let view = ledger
        .search(&text, Some(SearchKind::Order), Search::Names)
        .await
        .unwrap();
    assert_eq!((view.orders.hits.len(), view.wallets.hits.len()), (1, 0));
    assert_eq!(view.orders.hits[0].matched, Matched::Name);
    let view = ledger.search(&text, None, Search::Ids).await.unwrap();
    assert_eq!((view.orders.hits.len(), view.customers.hits.len()), (0, 0));
    assert!(SearchText::read(&"x".repeat(101)).is_err());
    assert!(SearchText::read("\u{301}\u{300}").unwrap().is_none(), "no text is left");
    for text in [
        "' OR 1=1 --",
        "NEAR(a b)",
        "a\" AND \"b",
        "ids:ada",
        "*",
        "\u{202e}",
        "%",
        "999999999999999999999999999999999999.9 EUR",
    ] {
        let view = searched(&ledger, text).await;
        assert_eq!(
            view,
            SearchView {
                now: view.now,
                ..SearchView::default()
            },
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_page_looks_at_a_bounded_number_of_rows_and_shows_the_newest() {
    let logs = TestLogs::new();
    let money = json!({"amount": "9", "currency": "EUR"});
    for number in 0..2_400_i64 {
        let name = if number % 2 == 0 { "Ada" } else { "Bo" };
        let placed = json!({"total": money, "customer": {"id": format!("C-{number}"), "name": name}});
        logs.order.write(
            &format!("O-{number:04}"),
            "1",
            "order.placed",
            hour(number),
            &placed,
            true,
        );
    }
    let ledger = logs.start(LATER).await;
    whole_index(&ledger).await;
    let page = |text: &str| {
        found_in(
            &ledger,
            ListName::Orders,
            text,
            &Reach::page(3, Search::Names, moment()),
        )
    };
    let newest = ["O-2398", "O-2396", "O-2394"].map(|id| (vec![id.to_owned()], Matched::Name, false));
    assert_eq!(page("ada"), (newest.to_vec(), Count::AtLeast(100)));
    // The index can't find this text. It is searched for in the newest rows.
    assert_eq!(page("zq"), (Vec::new(), Count::AtLeast(0)));
    let whole = Reach::command(5_000, moment());
    let (hits, count) = found_in(&ledger, ListName::Orders, "ada", &whole);
    assert_eq!((hits.len(), count), (1_200, Count::Exactly(1_200)));
    assert_eq!(
        found_in(&ledger, ListName::Orders, "zq", &whole),
        (Vec::new(), Count::Exactly(0))
    );
    ledger.stop();
}

#[tokio::test]
async fn settled_refunds_are_counted_after_as_many_pending_ones_as_the_bound() {
    let logs = TestLogs::new();
    let money = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let mut events = vec![
        ("order.placed", json!({"total": money("90")})),
        (
            "order.paid",
            json!({"payment": "P-1", "amount": money("90"), "method": "card"}),
        ),
    ];
    for number in 0..6 {
        let refund = format!("zq-{number}");
        events.push((
            "order.refund_requested",
            json!({"refund": refund, "amount": money("9"), "destination": "card", "reason": "damaged"}),
        ));
    }
    events.push((
        "order.refund_rejected",
        json!({"refund": "zq-0", "reason": "out_of_policy"}),
    ));
    for (number, (kind, data)) in (1_i64..).zip(&events) {
        logs.order
            .write("O-1", &number.to_string(), kind, hour(number), data, true);
    }
    let ledger = logs.start(LATER).await;
    let found = |counted: usize| {
        let reach = Reach {
            counted,
            ..Reach::page(3, Search::Names, moment())
        };
        let (hits, count) = found_in(&ledger, ListName::Refunds, "zq", &reach);
        (hits.len(), count)
    };
    assert_eq!(found(4), (3, Count::AtLeast(4)));
    assert_eq!(found(5), (3, Count::AtLeast(5)), "five are pending");
    assert_eq!(found(6), (3, Count::Exactly(6)));
    ledger.stop();
}

#[tokio::test]
async fn rows_that_were_written_long_ago_are_found_beside_many_newer_ones() {
    let logs = TestLogs::new();
    for number in 0..4_000_i64 {
        let (name, amount) = match number {
            0..800 => ("Dee", "7"),
            800..2_000 => ("Cid", "8"),
            _ => ("Bo", "9"),
        };
        let total = json!({"amount": amount, "currency": "EUR"});
        let placed = json!({"total": total, "customer": {"id": format!("C-{number}"), "name": name}});
        logs.order.write(
            &format!("O-{number:04}"),
            "1",
            "order.placed",
            hour(number),
            &placed,
            true,
        );
    }
    let ledger = logs.start(LATER).await;
    whole_index(&ledger).await;
    let page = |text: &str| {
        let (hits, _) = found_in(
            &ledger,
            ListName::Orders,
            text,
            &Reach::page(2, Search::Names, moment()),
        );
        hits.into_iter().map(|(id, ..)| id.concat()).collect::<Vec<_>>()
    };
    assert_eq!(page("dee"), ["O-0799", "O-0798"]);
    assert_eq!(page("7 EUR"), ["O-0799", "O-0798"]);
    // More rows match than are collected, and none of them is among the newest.
    assert_eq!(page("cid"), ["O-1999", "O-1998"]);
    ledger.stop();
}

#[tokio::test]
async fn a_reversed_credit_that_names_no_refund_has_the_same_row_however_it_was_read() {
    let logs = TestLogs::new();
    logs.open_wallet();
    let credit = json!({"amount": {"amount": "5", "currency": "EUR"}, "kind": "refund"});
    logs.wallet_event(2, "wallet.credited", &credit, true);
    let ledger = logs.start(LATER).await;
    assert_eq!(searched(&ledger, "5 EUR").await.wallets.hits.len(), 1);
    let reversal = json!({"reverses": "W-1.2", "amount": {"amount": "5", "currency": "EUR"}, "reason": "x"});
    logs.wallet_event(3, "wallet.entry_reversed", &reversal, true);
    super::becomes(|| ledger.overview().unwrap().events == 3).await;
    let anew = logs.start(LATER).await;
    assert_eq!(ledger.model.rows().unwrap(), anew.model.rows().unwrap());
    assert_eq!(searched(&anew, "5 EUR").await.wallets.hits.len(), 1);
}
