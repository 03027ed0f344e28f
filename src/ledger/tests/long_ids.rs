//! Tests of the search for long ids and parts of them. The index answers it from a sample of their trigrams.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::{LATER, TestLogs, becomes, hour};
use crate::{
    ledger::Ledger,
    read_model::lists::Search,
    views::lists::{Count, ListQuery},
};

fn uuid(n: u128) -> String {
    // Multiplying spreads `n` over the digits, so that ids share many trigrams and few long parts.
    Uuid::from_u128(n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)).to_string()
}

fn orders_with(ledger: &Ledger, text: &str, search: Search) -> BTreeSet<String> {
    let query = ListQuery {
        text: text.to_owned(),
        ..ListQuery::default()
    };
    let page = ledger.orders(&query, search).unwrap();
    assert_eq!(page.total, Count::Exactly(page.rows.len() as u64), "{text}");
    page.rows.into_iter().map(|row| row.id.to_string()).collect()
}

#[tokio::test]
async fn long_ids_and_long_parts_of_them_are_found_in_their_rows_only() {
    let logs = TestLogs::new();
    let money = json!({"amount": "9", "currency": "EUR"});
    let mut rows = Vec::new();
    for n in 1..=600_u128 {
        let order = format!("O-{}", uuid(n));
        let (customer, name) = (uuid(n % 40 + 1_000), format!("Maximiliana-{}", uuid(n + 5_000)));
        let refund = uuid(n + 9_000);
        let placed = json!({"total": money, "customer": {"id": customer, "name": name}});
        let requested = json!({"refund": refund, "amount": money, "reason": "return", "destination": "wallet"});
        logs.order.write(&order, "1", "order.placed", hour(1), &placed, true);
        logs.order
            .write(&order, "2", "order.refund_requested", hour(2), &requested, true);
        rows.push((order, customer, name, refund));
    }
    let ledger = logs.start(LATER).await;
    let searchable = || {
        let select = "SELECT min(searchable) FROM source";
        let least = ledger
            .model
            .read(|connection| connection.query_row(select, [], |row| row.get::<_, i64>(0)));
        least.unwrap() == i64::MAX
    };
    becomes(searchable).await;
    let mut texts: BTreeSet<String> = BTreeSet::new();
    for (order, customer, name, refund) in rows.iter().step_by(37) {
        for id in [order, customer, name, refund] {
            texts.extend([
                id.clone(),
                id.to_uppercase(),
                id[3..27].to_owned(),
                id[id.len() - 17..].to_owned(),
            ]);
        }
    }
    // One id has every trigram of the sample, but no id has the text.
    let id = uuid(1);
    texts.insert(format!("{}{}", &id[20..28], &id[..12]));
    texts.extend(
        [
            "no\"operators\"*here",
            "id:(abcdefghijkl)-",
            "%_%_%_%_%_%_%_%_%_",
            "ÄÖÜäöüßßßßßßßßßßßß",
        ]
        .map(str::to_owned),
    );
    let mut hits = 0;
    for text in texts {
        let folded = |text: &str| {
            text.to_lowercase()
                .replace('ä', "a")
                .replace('ö', "o")
                .replace('ü', "u")
                .replace('ß', "ss")
        };
        let lower = folded(&text);
        let holds = |field: &String| folded(field).contains(&lower);
        for search in [Search::Names, Search::Ids] {
            let expected: BTreeSet<_> = rows
                .iter()
                .filter(|(order, customer, name, refund)| {
                    [order, customer, refund].into_iter().any(holds) || (search == Search::Names && holds(name))
                })
                .map(|(order, ..)| order.clone())
                .collect();
            hits += expected.len();
            assert_eq!(orders_with(&ledger, &text, search), expected, "{text} {search:?}");
        }
    }
    assert!(hits > 200, "{hits}");
}
