//! Tests of pages: for every sort, forwards and backwards, each row appears once and in order, whatever is written
//! between the pages.

use std::collections::BTreeSet;

use serde_json::json;

use super::{LATER, TestLogs, becomes, hour};
use crate::{
    domain::refund::RefundRow,
    ledger::Ledger,
    read_model::lists::Search,
    views::{
        findings::FindingRow,
        lists::{Count, ListName, ListQuery, PageAt, Sort},
    },
};

/// The refunds of all pages.
pub fn all_refunds(ledger: &Ledger, query: &ListQuery) -> Vec<RefundRow> {
    let mut query = query.clone();
    let mut rows = Vec::new();
    loop {
        let page = ledger.refunds(&query, Search::Names).unwrap();
        assert_eq!(page.note, None, "the cursor is followed");
        rows.extend(page.rows);
        match page.next {
            Some(next) => query.at = PageAt::After(next),
            None => return rows,
        }
    }
}

/// The findings of all pages.
pub fn all_findings(ledger: &Ledger) -> Vec<FindingRow> {
    let mut query = ListQuery::default();
    let mut rows = Vec::new();
    loop {
        let page = ledger.findings_list(&query, Search::Names).unwrap();
        rows.extend(page.rows);
        match page.next {
            Some(next) => query.at = PageAt::After(next),
            None => return rows,
        }
    }
}

fn filled() -> TestLogs {
    let logs = TestLogs::new();
    for n in 0..130 {
        let amount = format!("{}.50", n % 9 + 1);
        logs.order_with_refund(&format!("O-{n}"), &format!("R-{n:03}"), &amount, n % 40);
    }
    logs
}

#[tokio::test]
async fn every_refund_is_on_one_page_forwards_and_backwards() {
    let logs = filled();
    let ledger = logs.start(LATER).await;
    for sort in ListName::Refunds.sorts() {
        for text in ["", "R-", "o-1", "ada"] {
            let query = ListQuery {
                sort: Some(*sort),
                currencies: vec!["EUR".parse().unwrap()],
                text: text.to_owned(),
                ..ListQuery::default()
            };
            let rows = all_refunds(&ledger, &query);
            let ids: BTreeSet<_> = rows.iter().map(|row| row.refund.clone()).collect();
            assert_eq!(ids.len(), rows.len(), "{query:?}");
            let page = ledger.refunds(&query, Search::Names).unwrap();
            assert_eq!(page.total, Count::Exactly(rows.len() as u64), "{query:?}");
            // From the last page back to the first.
            let mut at = page;
            while let Some(next) = at.next {
                let query = ListQuery {
                    at: PageAt::After(next),
                    ..query.clone()
                };
                at = ledger.refunds(&query, Search::Names).unwrap();
            }
            let mut back = at.rows;
            let mut previous = at.previous;
            while let Some(cursor) = previous {
                let query = ListQuery {
                    at: PageAt::Before(cursor),
                    ..query.clone()
                };
                let page = ledger.refunds(&query, Search::Names).unwrap();
                let seen: BTreeSet<_> = back.iter().map(|row| row.refund.clone()).collect();
                let new = page.rows.into_iter().filter(|row| !seen.contains(&row.refund));
                let mut before: Vec<_> = new.collect();
                before.append(&mut back);
                back = before;
                previous = page.previous;
            }
            assert_eq!(back, rows, "{query:?}");
        }
    }
}

#[tokio::test]
async fn unchanged_rows_appear_once_while_others_are_written() {
    let logs = filled();
    let ledger = logs.start(LATER).await;
    for sort in [Sort::Newest, Sort::Id, Sort::AmountDown, Sort::AmountUp] {
        let orders = ledger.overview().unwrap().orders;
        let mut query = ListQuery {
            sort: Some(sort),
            currencies: vec!["EUR".parse().unwrap()],
            ..ListQuery::default()
        };
        let mut met = Vec::new();
        let mut written = orders;
        loop {
            let page = ledger.orders(&query, Search::Names).unwrap();
            met.extend(page.rows.iter().map(|row| row.id.to_string()));
            let Some(next) = page.next else { break };
            query.at = PageAt::After(next);
            // New orders are inserted before, between and after the rows that were shown.
            for n in 0..20 {
                let id = format!("N-{sort:?}-{written}-{n}");
                logs.order_with_refund(&id, &format!("NR-{id}"), &format!("{n}.00"), n);
            }
            written += 20;
            becomes(|| ledger.overview().unwrap().orders == written).await;
        }
        let distinct: BTreeSet<_> = met.iter().cloned().collect();
        assert_eq!(distinct.len(), met.len(), "{sort:?}");
        assert!((0..130).all(|n| distinct.contains(&format!("O-{n}"))), "{sort:?}");
    }
}

#[tokio::test]
async fn an_invalid_cursor_gives_the_first_page_with_a_note() {
    let logs = filled();
    let ledger = logs.start(LATER).await;
    let first = ledger.orders(&ListQuery::default(), Search::Names).unwrap();
    assert_eq!(first.note, None);
    let by_id = ListQuery {
        sort: Some(Sort::Id),
        ..ListQuery::default()
    };
    let of_another_sort = ledger.orders(&by_id, Search::Names).unwrap().next.unwrap();
    for cursor in ["x", "AAAA", &"A".repeat(2_000), &of_another_sort] {
        for at in [PageAt::After(cursor.to_owned()), PageAt::Before(cursor.to_owned())] {
            let query = ListQuery {
                at,
                ..ListQuery::default()
            };
            let page = ledger.orders(&query, Search::Names).unwrap();
            assert!(page.note.is_some(), "{cursor}");
            assert_eq!(page.rows, first.rows, "{cursor}");
        }
    }
}

#[tokio::test]
async fn a_wallet_and_an_order_with_the_same_id_have_separate_findings() {
    let logs = TestLogs::new();
    let nonsense = json!("nonsense");
    for n in 0..60 {
        for log in [&logs.wallet, &logs.order] {
            log.write(&format!("X-{n:02}"), "1", "wallet.opened", hour(1), &nonsense, true);
        }
    }
    let ledger = logs.start(LATER).await;
    let found = all_findings(&ledger);
    let subjects: BTreeSet<_> = found
        .iter()
        .map(|row| (row.finding.wallet.clone(), row.finding.order.clone()))
        .collect();
    assert_eq!((found.len(), subjects.len()), (120, 120));
    let rows = ledger.rows().unwrap().0;
    assert_eq!(rows.keys().filter(|name| name.starts_with("finding [")).count(), 120);
}

#[tokio::test]
async fn ids_with_special_characters_are_paged() {
    let logs = TestLogs::new();
    for n in 0..130 {
        let refund = format!("R-{n:03}-{}", "x".repeat(2_000));
        logs.order_with_refund(&format!("O-{n}"), &refund, "1", n % 3);
    }
    let ledger = logs.start(LATER).await;
    for sort in [Sort::Oldest, Sort::Newest, Sort::Id, Sort::Order, Sort::State] {
        let query = ListQuery {
            sort: Some(sort),
            ..ListQuery::default()
        };
        let rows = all_refunds(&ledger, &query);
        let ids: BTreeSet<_> = rows.iter().map(|row| row.refund.clone()).collect();
        assert_eq!((rows.len(), ids.len()), (130, 130), "{sort:?}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_gives_the_first_page() {
    let logs = filled();
    let ledger = logs.start(LATER).await;
    let newest = |at| ListQuery {
        sort: Some(Sort::Newest),
        at,
        ..ListQuery::default()
    };
    let next = ledger
        .orders(&newest(PageAt::First), Search::Names)
        .unwrap()
        .next
        .unwrap();
    let page = ledger.refunds(&newest(PageAt::After(next)), Search::Names).unwrap();
    assert!(page.note.is_some() && page.rows.len() == 50);
}

#[tokio::test]
async fn filters_that_a_list_does_not_have_have_no_effect() {
    let logs = filled();
    let ledger = logs.start(LATER).await;
    let query = ListQuery {
        operator: Some("fred".to_owned()),
        destinations: vec!["wallet".to_owned()],
        currencies: vec!["EUR".parse().unwrap()],
        sort: Some(Sort::Risk),
        overdue: true,
        ..ListQuery::default()
    };
    assert_eq!(ledger.orders(&query, Search::Names).unwrap().total, Count::Exactly(130));
}
