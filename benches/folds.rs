//! Measures the cost of events: parsing the envelope, the payload and the amount, folding, and reading from an embedded
//! log. Run with `cargo bench --bench folds`. Each figure is for the number of events in its name.
#![expect(clippy::unwrap_used, reason = "a measurement that fails has nothing to say")]

#[path = "fixtures/wallets.rs"]
mod wallets;

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::TryStreamExt as _;
use ledgerscope::{
    domain::{
        event::{Entry, NewEvent, RawDigest, parse_time},
        fold::{Fold, State},
        ids::{Domain, EntityId, Position},
        money::{Currency, Money},
        order::{OrderEvent, OrderState},
        wallet::{WalletEvent, WalletState},
    },
    event_log::{Expected, open},
};
use serde_json::{Value, json};

/// The events as a store returns them.
fn entries(events: Vec<NewEvent>) -> Vec<Entry> {
    let payloads = (1..).zip(events).map(|(sequence, event)| Entry {
        position: Position::new(sequence, 0),
        recorded: parse_time("2026-03-01T12:00:00Z").unwrap(),
        fields: event.into_fields(sequence),
        digest: RawDigest::default(),
    });
    payloads.collect()
}

/// The events of an order that is paid, shipped and delivered, and of which half is refunded.
fn order() -> Vec<Entry> {
    let eur = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let line = |sku: &str| json!({"sku": sku, "title": "A thing", "quantity": 2, "unit_price": eur("12.50")});
    let payloads: [(&str, Value); 8] = [
        (
            "order.placed",
            json!({"wallet": "W-1", "customer": {"id": "C-1"}, "total": eur("50.00"), "lines": [line("a"), line("b")]}),
        ),
        (
            "order.paid",
            json!({"payment": "P-1", "amount": eur("50.00"), "method": "wallet"}),
        ),
        ("order.shipped", json!({"reference": "parcel 1"})),
        ("order.delivered", json!({"reference": "parcel 1"})),
        (
            "order.refund_requested",
            json!({"refund": "R-1", "amount": eur("25.00"), "reason": "damaged", "destination": "wallet", "lines": [line("a")]}),
        ),
        ("order.refund_approved", json!({"refund": "R-1"})),
        (
            "order.refund_processing",
            json!({"refund": "R-1", "provider": "bank", "reference": "4711"}),
        ),
        ("order.refund_succeeded", json!({"refund": "R-1"})),
    ];
    let model = wallets::story(1).remove(0);
    let events = payloads.into_iter().map(|(kind, data)| NewEvent {
        r#type: kind.into(),
        data: data.to_string(),
        ..model.clone()
    });
    entries(events.collect())
}

fn fold<S: State>(entries: &[Entry]) -> Fold<S> {
    let mut fold = Fold::new();
    for entry in entries {
        fold.push(entry, |_| {});
    }
    assert!(fold.complete);
    fold
}

fn decoding(criterion: &mut Criterion) {
    let (wallet, order) = (entries(wallets::story(1)), order());
    let mut group = criterion.benchmark_group("decoding");
    group.throughput(Throughput::Elements(wallet.len() as u64));
    group.bench_function("20 envelopes", |bencher| {
        bencher.iter(|| wallet.iter().all(|entry| black_box(entry.envelope()).is_ok()));
    });
    group.bench_function("20 wallet payloads", |bencher| {
        let read = |entry: &Entry| WalletEvent::parse(entry.fields.r#type()?, entry.fields.data()).ok();
        bencher.iter(|| wallet.iter().all(|entry| black_box(read(entry)).is_some()));
    });
    group.throughput(Throughput::Elements(order.len() as u64));
    group.bench_function("8 order payloads", |bencher| {
        let read = |entry: &Entry| OrderEvent::parse(entry.fields.r#type()?, entry.fields.data()).ok();
        bencher.iter(|| order.iter().all(|entry| black_box(read(entry)).is_some()));
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("an amount and its currency", |bencher| {
        bencher.iter(|| {
            let currency: Currency = black_box("EUR").parse().unwrap();
            Money::parse(black_box("1234.50"), currency)
        });
    });
    group.bench_function("a time", |bencher| {
        bencher.iter(|| parse_time(black_box("2026-03-01T12:34:56.250Z")));
    });
    group.finish();
}

fn folding(criterion: &mut Criterion) {
    let (wallet, order) = (entries(wallets::story(1)), order());
    let mut group = criterion.benchmark_group("folding");
    group.throughput(Throughput::Elements(wallet.len() as u64));
    group.bench_function("a wallet of 20 events", |bencher| {
        bencher.iter(|| fold::<WalletState>(black_box(&wallet)));
    });
    group.throughput(Throughput::Elements(order.len() as u64));
    group.bench_function("an order of 8 events", |bencher| {
        bencher.iter(|| fold::<OrderState>(black_box(&order)));
    });
    group.finish();
}

fn sweeping(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let log = open(Domain::Wallet, &format!("embedded:{}", dir.path().display())).unwrap();
    let streams = 500;
    runtime.block_on(async {
        for number in 0..streams {
            let id = EntityId::new(format!("W-{number}")).unwrap();
            log.append(&id, Expected::Any, &wallets::story(number)).await.unwrap();
        }
    });
    let mut group = criterion.benchmark_group("sweeping");
    group.throughput(Throughput::Elements((streams * wallets::EVENTS) as u64));
    group.bench_function("an embedded log of 10,000 events", |bencher| {
        bencher.iter(|| runtime.block_on(log.sweep().try_concat()).unwrap());
    });
    group.finish();
}

fn brief() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
}

criterion_group!(name = costs; config = brief(); targets = decoding, folding, sweeping);
criterion_main!(costs);
