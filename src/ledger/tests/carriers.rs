//! Tests of finding events by an id that they carry.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{Bench, LATER, hour};
use crate::{
    domain::ids::{Domain, EntityId, Position},
    ledger::Ledger,
    read_model::Settings,
    views::search::{Carrier, IdKind},
};

/// What carries an id, once every id is in the index.
async fn found(ledger: &Ledger, id: &str) -> Vec<Carrier> {
    for _ in 0..500 {
        let carriers = ledger.carriers(id).await.unwrap();
        if carriers.complete {
            return carriers.found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the index of ids is not completed");
}

fn carrier(kind: IdKind, domain: Domain, subject: &str, position: u64, event_type: &str) -> Carrier {
    Carrier {
        kind,
        domain,
        subject: EntityId::new(subject).unwrap(),
        position: Some(Position::new(position, 0)),
        event_type: Some(event_type.to_owned()),
    }
}

fn write_refunded_order(bench: &Bench) {
    bench.order_with_refund("O-1", "R-1", "9", 10);
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
        bench
            .order
            .write("O-1", &sequence.to_string(), kind, hour(20), &data, true);
    }
}

#[tokio::test]
async fn events_are_found_by_the_whole_ids_that_they_carry() {
    let (bench, dir) = (Bench::new(), tempfile::tempdir().unwrap());
    bench.open_wallet();
    write_refunded_order(&bench);
    let start = || {
        let settings = Settings {
            rescan: LATER,
            clock: || hour(100),
            dir: Some(dir.path().to_owned()),
            ..Settings::default()
        };
        Ledger::start(bench.stores(), settings).unwrap()
    };
    let ledger: Arc<Ledger> = start();
    ledger.loaded().await;
    let paid = carrier(IdKind::Payment, Domain::Order, "O-1", 3, "order.paid");
    assert_eq!(found(&ledger, "P-1").await, std::slice::from_ref(&paid));
    assert_eq!(found(&ledger, " P-1 ").await, [paid]);
    let processing = carrier(IdKind::Reference, Domain::Order, "O-1", 5, "order.refund_processing");
    assert_eq!(found(&ledger, "REF-1").await, [processing]);
    let succeeded = carrier(IdKind::Reference, Domain::Order, "O-1", 6, "order.refund_succeeded");
    assert_eq!(found(&ledger, "REF-2").await, [succeeded]);
    let opened = carrier(IdKind::Event, Domain::Wallet, "W-1", 1, "wallet.opened");
    assert_eq!(found(&ledger, "W-1.1").await, std::slice::from_ref(&opened));
    for not_whole in ["P-", "p-1", "REF", "O-1", "W-1", "", "P-1\0"] {
        assert_eq!(found_at_once(&ledger, not_whole).await, [], "{not_whole}");
    }
    // What comes later is found, too, and so is everything after a restart.
    bench.credit(2, "5", true);
    let credited = carrier(IdKind::Event, Domain::Wallet, "W-1", 2, "wallet.credited");
    super::becomes(|| ledger.overview().unwrap().events == 8).await;
    assert_eq!(found(&ledger, "W-1.2").await, std::slice::from_ref(&credited));
    super::durable::close(ledger).await;
    let ledger = start();
    ledger.loaded().await;
    assert_eq!(found(&ledger, "W-1.2").await, [credited]);
    assert_eq!(found(&ledger, "W-1.1").await, [opened]);
}

async fn found_at_once(ledger: &Ledger, id: &str) -> Vec<Carrier> {
    ledger.carriers(id).await.unwrap().found
}

#[tokio::test]
async fn an_id_is_not_found_where_its_event_is_gone() {
    let bench = Bench::new();
    bench.open_wallet();
    write_refunded_order(&bench);
    let ledger = bench.start(LATER).await;
    assert_eq!(found(&ledger, "P-1").await.len(), 1);
    let amount = json!({"amount": "9", "currency": "EUR"});
    let other = json!({"payment": "P-2", "amount": amount, "method": "card"});
    bench.order.rewrite("O-1", 2, &other);
    ledger.request_pass(Domain::Order);
    for _ in 0..500 {
        if !found(&ledger, "P-2").await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(found(&ledger, "P-1").await, []);
    let paid = carrier(IdKind::Payment, Domain::Order, "O-1", 3, "order.paid");
    assert_eq!(found(&ledger, "P-2").await, [paid]);
}
