//! Tests of the look-up of a customer by the whole name and one more fact.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{LATER, TestLogs, becomes, hour};
use crate::{
    domain::money::Money,
    ledger::{Ledger, LedgerError},
    read_model::{
        Settings,
        look_up::{self, Fact, Found, NameError, WholeName},
        search_index::has_all_customers,
    },
};

fn name(text: &str) -> WholeName {
    WholeName::new(text).unwrap()
}

fn euros(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

fn of(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name})
}

impl TestLogs {
    fn place(&self, order: &str, at: DateTime<Utc>, data: &Value) {
        self.order.write(order, "1", "order.placed", at, data, true);
    }

    fn refund(&self, order: &str, sequence: &str, refund: &str, amount: &str, at: DateTime<Utc>) {
        let data = json!({"refund": refund, "amount": euros(amount), "reason": "return", "destination": "wallet"});
        self.order
            .write(order, sequence, "order.refund_requested", at, &data, true);
    }

    fn own(&self, wallet: &str, owner: &Value) {
        let data = json!({"owner": owner, "currency": "EUR"});
        self.wallet.write(wallet, "1", "wallet.opened", hour(0), &data, true);
    }
}

fn by_order(ledger: &Ledger, text: &str, order: &str) -> Found {
    let fact = Fact::Order(order.parse().unwrap());
    ledger.look_up(&name(text), &fact).unwrap()
}

fn by_amount(ledger: &Ledger, text: &str, amount: &str, currency: &str, day: &str) -> Found {
    ask_amount(ledger, text, amount, currency, day).unwrap()
}

fn ask_amount(ledger: &Ledger, text: &str, amount: &str, currency: &str, day: &str) -> Result<Found, LedgerError> {
    let fact = Fact::Amount {
        money: Money::parse(amount, currency.parse().unwrap()).unwrap(),
        day: day.parse().unwrap(),
    };
    ledger.look_up(&name(text), &fact)
}

fn customer(id: &str) -> Found {
    Found::Customer(id.to_owned())
}

/// Waits for the search index of customers.
async fn indexed(ledger: &Arc<Ledger>) {
    becomes(|| {
        let searchable = ledger.model.read(has_all_customers);
        searchable.unwrap()
    })
    .await;
}

#[tokio::test]
async fn an_orders_id_and_the_whole_name_find_its_customer() {
    let logs = TestLogs::new();
    logs.own("W-1", &of("C-3", "王伟"));
    logs.place(
        "O-1",
        hour(1),
        &json!({"total": euros("9"), "customer": of("C-1", "Anna  Müller")}),
    );
    logs.place(
        "O-2",
        hour(1),
        &json!({"total": euros("9"), "customer": of("C-2", "Anna Müller")}),
    );
    logs.place("O-3", hour(1), &json!({"total": euros("9"), "wallet": "W-1"}));
    logs.place("O-4", hour(1), &json!({"total": euros("9"), "wallet": "W-9"}));
    logs.place("O-5", hour(1), &json!({"total": euros("9")}));
    // The order names a customer, so the owner of its wallet is not considered.
    let both = json!({"total": euros("9"), "wallet": "W-1", "customer": {"id": "C-4"}});
    logs.place("O-6", hour(1), &both);
    // C-2 has another name in an earlier event.
    logs.place(
        "O-7",
        hour(1),
        &json!({"total": euros("9"), "customer": of("C-2", "Anna Groß")}),
    );
    let ledger = logs.start(LATER).await;
    for spelled in ["Anna Müller", "ANNA MULLER", "  anna \t mu\u{308}ller "] {
        assert_eq!(by_order(&ledger, spelled, "O-1"), customer("C-1"), "{spelled}");
        assert_eq!(by_order(&ledger, spelled, "O-2"), customer("C-2"), "{spelled}");
    }
    assert_eq!(by_order(&ledger, "anna gross", "O-2"), customer("C-2"));
    assert_eq!(by_order(&ledger, "王伟", "O-3"), customer("C-3"));
    for (spelled, order) in [
        ("Anna", "O-1"),
        ("Müller", "O-1"),
        ("Müller Anna", "O-1"),
        ("Anna Mueller", "O-1"),
        ("nna Mülle", "O-1"),
        ("Anna Müller", "O-3"),
        ("Anna Müller", "O-4"),
        ("Anna Müller", "O-5"),
        ("王伟", "O-6"),
        ("王伟", "O-5"),
        ("anna gross", "O-1"),
    ] {
        assert_eq!(by_order(&ledger, spelled, order), Found::NoMatch, "{spelled} {order}");
    }
    for order in ["O-9", "o-1", "W-1"] {
        assert_eq!(by_order(&ledger, "Anna Müller", order), Found::NoSuchOrder, "{order}");
    }
}

#[tokio::test]
async fn an_amount_counts_on_the_day_of_its_order_or_refund() {
    let logs = TestLogs::new();
    let midnight = hour(24);
    let before = midnight - TimeDelta::nanoseconds(1);
    let ada = of("C-1", "Ada Lovelace");
    logs.own("W-2", &of("C-2", "Grace Hopper"));
    logs.place("O-1", midnight, &json!({"total": euros("12.50"), "customer": ada}));
    logs.refund("O-1", "2", "R-1", "3", midnight + TimeDelta::hours(24));
    logs.place("O-2", before, &json!({"total": euros("20"), "wallet": "W-2"}));
    logs.refund("O-2", "2", "R-2", "4", midnight);
    logs.refund("O-2", "3", "R-3", "5", hour(90));
    let ledger = logs.start(LATER).await;
    let found = |who: &str, amount: &str, day: &str| by_amount(&ledger, who, amount, "EUR", day);
    for (amount, day, is_found) in [
        ("12.50", "2026-01-02", true),
        ("12.5", "2026-01-02", true),
        // The last event of the order is the refund's.
        ("12.50", "2026-01-03", true),
        ("12.50", "2026-01-01", false),
        ("12.51", "2026-01-02", false),
        ("3", "2026-01-03", true),
        ("3", "2026-01-02", false),
        ("20", "2026-01-02", false),
    ] {
        let expected = if is_found { customer("C-1") } else { Found::NoMatch };
        assert_eq!(found("ada lovelace", amount, day), expected, "{amount} {day}");
    }
    for (amount, day, is_found) in [
        // One nanosecond before midnight.
        ("20", "2026-01-01", true),
        ("20", "2026-01-02", false),
        ("20", "2026-01-04", true),
        ("4", "2026-01-02", true),
        ("4", "2026-01-01", false),
        ("5", "2026-01-04", true),
    ] {
        let expected = if is_found { customer("C-2") } else { Found::NoMatch };
        assert_eq!(found("grace hopper", amount, day), expected, "{amount} {day}");
    }
    for currency in ["USD", "JPY"] {
        assert_eq!(
            by_amount(&ledger, "ada lovelace", "3", currency, "2026-01-03"),
            Found::NoMatch
        );
    }
    assert_eq!(found("ada", "12.50", "2026-01-02"), Found::NoMatch);
    for day in ["0000-01-01", "-262143-01-01", "+262142-12-31"] {
        assert_eq!(found("ada lovelace", "12.50", day), Found::NoMatch, "{day}");
    }
}

#[tokio::test]
async fn two_customers_with_the_same_name_are_distinguished_by_the_order() {
    let logs = TestLogs::new();
    for (order, id) in [("O-1", "C-1"), ("O-2", "C-2")] {
        let data = json!({"total": euros("9"), "customer": of(id, "Ada Lovelace")});
        logs.place(order, hour(1), &data);
    }
    let ledger = logs.start(LATER).await;
    assert_eq!(
        by_amount(&ledger, "Ada Lovelace", "9", "EUR", "2026-01-01"),
        Found::Several
    );
    assert_eq!(by_order(&ledger, "Ada Lovelace", "O-1"), customer("C-1"));
    assert_eq!(by_order(&ledger, "Ada Lovelace", "O-2"), customer("C-2"));
}

/// More orders have the amount, and more refunds have the day and the amount, than the program looks at. The customer
/// is found by the name.
#[tokio::test]
async fn a_common_amount_is_found_by_the_name() {
    let logs = TestLogs::new();
    logs.own("W-1", &of("C-1", "Grace Hopper"));
    for n in 0..60 {
        let order = format!("O-{n}");
        let data = match n {
            0 => json!({"total": euros("9"), "wallet": "W-1"}),
            1 => json!({"total": euros("9"), "customer": of("C-2", "Ada Lovelace")}),
            2 => json!({"total": euros("7"), "customer": of("C-ada", "Ada Byron")}),
            _ => json!({"total": euros("9"), "customer": of(&format!("C-{n}"), "Common Name")}),
        };
        logs.place(&order, hour(1), &data);
    }
    logs.refund("O-2", "2", "R-1", "9", hour(30));
    logs.place(
        "O-short",
        hour(1),
        &json!({"total": euros("9"), "customer": of("C-li", "Li Wu")}),
    );
    let ledger = logs.start(LATER).await;
    indexed(&ledger).await;
    let found = |who: &str, day: &str| {
        let fact = Fact::Amount {
            money: Money::parse("9", "EUR".parse().unwrap()).unwrap(),
            day: day.parse().unwrap(),
        };
        let read = |connection: &Connection| look_up::look_up(connection, &name(who), &fact, 50);
        ledger.model.read(read).unwrap().unwrap()
    };
    assert_eq!(found("Grace Hopper", "2026-01-01"), customer("C-1"));
    assert_eq!(found("ADA LOVELACE", "2026-01-01"), customer("C-2"));
    assert_eq!(found("Ada Byron", "2026-01-02"), customer("C-ada"));
    assert_eq!(found("Ada Byron", "2026-01-01"), Found::NoMatch);
    assert_eq!(found("Ada Lovelace", "2026-01-02"), Found::NoMatch);
    assert_eq!(found("Hopper", "2026-01-01"), Found::NoMatch);
    assert_eq!(found("Nobody \"* OR names", "2026-01-01"), Found::NoMatch);
    assert_eq!(found("Common Name", "2026-01-01"), Found::TooMany);
    // The search index can't find words this short.
    assert_eq!(found("Li Wu", "2026-01-01"), Found::TooMany);
    assert_eq!(by_order(&ledger, "Li Wu", "O-short"), customer("C-li"));
    assert_eq!(
        by_amount(&ledger, "Ada Byron", "7", "EUR", "2026-01-01"),
        customer("C-ada")
    );
    // With fewer rows than the program's bound, the orders are found by the amount.
    assert_eq!(by_amount(&ledger, "Li Wu", "9", "EUR", "2026-01-01"), customer("C-li"));
}

#[tokio::test]
async fn without_the_search_index_a_common_amount_has_no_answer() {
    let logs = TestLogs::new();
    for n in 0..9 {
        let data = json!({"total": euros("9"), "customer": of("C-1", "Ada Byron")});
        logs.place(&format!("O-{n}"), hour(1), &data);
    }
    let ledger = logs.start(LATER).await;
    let fact = Fact::Amount {
        money: Money::parse("9", "EUR".parse().unwrap()).unwrap(),
        day: "2026-01-01".parse().unwrap(),
    };
    indexed(&ledger).await;
    // The state while the index is being built.
    let found = ledger.model.read(|connection| {
        connection.pragma_update(None, "query_only", false)?;
        connection.execute_batch("UPDATE customer_source SET searchable = 0")?;
        let found = look_up::look_up(connection, &name("Ada Byron"), &fact, 5);
        connection.execute_batch(&format!("UPDATE customer_source SET searchable = {}", i64::MAX))?;
        found
    });
    assert_eq!(found.unwrap(), None);
}

#[tokio::test]
async fn a_look_up_fails_while_a_store_is_read_for_the_first_time() {
    let logs = TestLogs::new();
    logs.place(
        "O-1",
        hour(1),
        &json!({"total": euros("9"), "customer": of("C-1", "Ada")}),
    );
    logs.wallet.switch(true);
    let ledger = Ledger::start(logs.stores(), Settings::default()).unwrap();
    let refused = ledger.look_up(&name("Ada"), &Fact::Order("O-1".parse().unwrap()));
    assert!(matches!(refused, Err(LedgerError::ReadModel(_))), "{refused:?}");
    logs.wallet.switch(false);
    ledger.loaded().await;
    assert_eq!(by_order(&ledger, "Ada", "O-1"), customer("C-1"));
}

#[test]
fn an_empty_invalid_or_too_long_name_is_refused() {
    for (text, error) in [
        ("", NameError::Missing),
        (" \u{a0}\n", NameError::Missing),
        ("\u{301}\u{308}", NameError::NothingLeft),
        ("a\0b", NameError::Control),
        ("a\u{1b}[0m", NameError::Control),
        (&"é".repeat(5_000), NameError::TooLong),
        (&"x".repeat(101), NameError::TooLong),
    ] {
        assert_eq!(WholeName::new(text), Err(error), "{text:?}");
    }
    assert!(WholeName::new(&"é".repeat(100)).is_ok());
    assert_eq!(format!("{:?}", name("Ada")), "(name)");
}
