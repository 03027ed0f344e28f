//! Commands on wallets with a long history: the decisions are the same as on the whole stream, but only a small part of
//! it is read.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use ledgerscope::{
    compensations::{CompensationStores, Compensations, Settings},
    domain::{
        compensation::{case::CaseStatus, command::Pin},
        event::{Entry, Known, NewEvent},
        ids::{Domain, EntityId, LogName, Position, Sequence},
        refund::RefundState,
        wallet::WalletState,
    },
    event_log::{AppendError, Appended, EventLog, Expected, FeedEntry, FeedPosition, ReadError, StreamEnd},
    read_model::snapshots::{Histories, SEGMENT, SnapshotStore, Wanted},
    views::compensations::{FormOutcome, FormView},
};
use serde_json::{Value, json};

use super::{spoiled::Plan, test_app::*};

/// A log that counts the entries read from it. It can add entries at the end of every stream.
struct Counting {
    log: Arc<dyn EventLog>,
    read: AtomicUsize,
    more: Mutex<Vec<Entry>>,
}

#[async_trait]
impl EventLog for Counting {
    fn name(&self) -> LogName {
        self.log.name()
    }

    async fn read(&self, id: &EntityId, after: Position, limit: usize) -> Result<Vec<Entry>, ReadError> {
        let mut entries = self.log.read(id, after, limit).await?;
        if entries.len() < limit {
            let more = self.more.lock().unwrap().clone();
            entries.extend(more.into_iter().filter(|entry| entry.position > after));
        }
        self.read.fetch_add(entries.len(), Ordering::SeqCst);
        Ok(entries)
    }

    async fn append(&self, id: &EntityId, expected: Expected, events: &[NewEvent]) -> Result<Appended, AppendError> {
        self.log.append(id, expected, events).await
    }

    fn streams(&self) -> BoxStream<'_, Result<Vec<EntityId>, ReadError>> {
        self.log.streams()
    }

    async fn ends(&self, ids: &[EntityId]) -> Result<Vec<StreamEnd>, ReadError> {
        let mut ends = self.log.ends(ids).await?;
        let more = self.more.lock().unwrap();
        for end in &mut ends {
            if let StreamEnd::Present { last, length, .. } = end {
                *length += more.len() as u64;
                *last = more.last().map(|entry| entry.position).or(*last);
            }
        }
        Ok(ends)
    }

    async fn feed_end(&self) -> Result<FeedPosition, ReadError> {
        self.log.feed_end().await
    }

    fn follow(&self, from: FeedPosition) -> BoxStream<'_, Result<Vec<FeedEntry>, ReadError>> {
        self.log.follow(from)
    }

    fn feed_is_complete(&self) -> bool {
        self.log.feed_is_complete()
    }
}

/// The snapshots of one wallet, in a temporary store.
async fn histories(log: &Arc<Counting>, wallet: &str) -> (Arc<Histories<WalletState>>, SnapshotStore) {
    let store = SnapshotStore::temporary().unwrap();
    let log = Arc::clone(log) as Arc<dyn EventLog>;
    let histories = Arc::new(Histories::new(log, Some(store.clone())));
    histories.track(&id(wallet), u64::MAX).await.unwrap();
    (histories, store)
}

fn counting(app: &TestApp) -> Arc<Counting> {
    Arc::new(Counting {
        log: app.log(LogName::Wallet),
        read: AtomicUsize::new(0),
        more: Mutex::default(),
    })
}

/// Compensations on a log that counts.
fn compensations(app: &TestApp, log: &Arc<Counting>) -> Compensations {
    let stores = CompensationStores {
        wallet: Arc::clone(log) as Arc<dyn EventLog>,
        ..app.stores()
    };
    app.new_compensations(stores, Settings::default())
}

async fn named(app: &TestApp, wallet: &str, events: &[(&str, &str, Value)]) {
    let events: Vec<_> = events
        .iter()
        .map(|(name, kind, data)| NewEvent {
            id: (*name).to_owned(),
            ..foreign(kind, data)
        })
        .collect();
    let log = app.log(LogName::Wallet);
    log.append(&id(wallet), Expected::Any, &events).await.unwrap();
}

/// Credits a wallet `count` times with one euro.
async fn filled(app: &TestApp, wallet: &str, count: usize) {
    let credit = ("wallet.credited", json!({"amount": eur("1"), "kind": "top_up"}));
    app.given(LogName::Wallet, wallet, &vec![credit; count]).await;
}

fn refunded(refund: &str, order: &str, amount: &str) -> Value {
    json!({"amount": eur(amount), "kind": "refund", "order": order, "refund": refund})
}

fn reversed(event: &str, amount: &str) -> Value {
    json!({"reverses": event, "amount": eur(amount), "reason": "return"})
}

/// A wallet with postings, holds and credits for refunds at its beginning, then 600 credits, and a few events after the
/// last snapshot.
async fn long_wallet(app: &TestApp) {
    let beginning = [
        (
            "open",
            "wallet.opened",
            json!({"owner": {"id": "C-1"}, "currency": "EUR"}),
        ),
        (
            "early",
            "wallet.credited",
            json!({"amount": eur("50"), "kind": "top_up"}),
        ),
        ("h1", "wallet.held", json!({"hold": "H-open", "amount": eur("5")})),
        ("h2", "wallet.held", json!({"hold": "H-shut", "amount": eur("3")})),
        (
            "capture",
            "wallet.hold_captured",
            json!({"hold": "H-shut", "amount": eur("3")}),
        ),
        ("r1", "wallet.credited", refunded("R-1", "O-1", "30")),
        ("r2", "wallet.credited", refunded("R-2", "O-2", "10")),
        ("x2", "wallet.entry_reversed", reversed("r2", "10")),
    ];
    named(app, "W-1", &beginning).await;
    filled(app, "W-1", 300).await;
    named(app, "W-1", &[("x1", "wallet.entry_reversed", reversed("early", "8"))]).await;
    filled(app, "W-1", 300).await;
    for (number, amount) in [(1, "30"), (2, "10"), (3, "20")] {
        let asked = refund_events("W-1", &format!("R-{number}"), amount);
        app.given(LogName::Order, &format!("O-{number}"), &asked).await;
    }
}

/// The content of a form, without what is generated anew each time.
fn said(view: &FormView) -> String {
    let same = (&view.currency, &view.figures, &view.item_amount, &view.news);
    match &view.outcome {
        FormOutcome::Ready(preview) => {
            let hash = (&preview.command_hash, &preview.pins, preview.amount);
            let text = format!(
                "{same:?} {hash:?} {:?} {:?} {:?} {:?}",
                preview.steps, preview.before, preview.after, preview.warnings
            );
            text.replace(preview.case.as_str(), "CASE")
        }
        other => format!("{same:?} {other:?}"),
    }
}

pub async fn decisions_on_a_part_equal_those_on_the_whole_stream(app: TestApp) {
    long_wallet(&app).await;
    let (whole, part) = (counting(&app), counting(&app));
    let (known, _dir) = histories(&part, "W-1").await;
    // Events after the snapshots are read, too.
    let late = [
        ("late", "wallet.credited", json!({"amount": eur("7"), "kind": "top_up"})),
        ("x3", "wallet.entry_reversed", reversed("early", "2")),
    ];
    named(&app, "W-1", &late).await;
    let plain = compensations(&app, &whole);
    let quick = compensations(&app, &part).with_histories(known);
    let drafts = [
        draft("credit_wallet", "W-1", "", "5"),
        draft("debit_wallet", "W-1", "", "5"),
        draft("debit_wallet", "W-1", "", "900"),
        draft("reverse_entry", "W-1", "early", ""),
        draft("reverse_entry", "W-1", "early", "40"),
        draft("reverse_entry", "W-1", "early", "40.01"),
        draft("reverse_entry", "W-1", "capture", ""),
        draft("reverse_entry", "W-1", "late", "7"),
        draft("reverse_entry", "W-1", "r2", ""),
        draft("reverse_entry", "W-1", "nobody", ""),
        draft("release_hold", "W-1", "H-open", ""),
        draft("release_hold", "W-1", "H-shut", ""),
        draft("release_hold", "W-1", "nobody", ""),
        draft("settle_refund", "O-1", "R-1", ""),
        draft("settle_refund", "O-2", "R-2", ""),
        draft("settle_refund", "O-3", "R-3", ""),
        draft("approve_refund", "O-3", "R-3", ""),
    ];
    let fred = finance("fred");
    let (mut ready, mut rejected) = (0, 0);
    for draft in &drafts {
        let expected = plain.form(&fred, draft, &[]).await.unwrap();
        part.read.store(0, Ordering::SeqCst);
        let view = quick.form(&fred, draft, &[]).await.unwrap();
        let read = part.read.load(Ordering::SeqCst);
        assert!(
            read as u64 <= SEGMENT + 3,
            "{read} entries of the wallet were read for {draft:?}"
        );
        assert_eq!(said(&view), said(&expected), "{draft:?}");
        match view.outcome {
            FormOutcome::Ready(_) => ready += 1,
            FormOutcome::Rejected(_) => rejected += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((ready, rejected), (10, 7));
    // A case issued on a part of the stream is valid.
    let case = issue(&quick, &fred, &draft("reverse_entry", "W-1", "early", "40"))
        .await
        .unwrap();
    assert_eq!(app.status(&case).await, Some(CaseStatus::Issued));
    let wallet = app.wallet("W-1").await;
    assert!(wallet.fold.state.postings["early"].wholly_reversed());
}

pub async fn news_from_any_position_equal_those_of_the_whole_stream(app: TestApp) {
    long_wallet(&app).await;
    let (whole, part) = (counting(&app), counting(&app));
    let (known, _dir) = histories(&part, "W-1").await;
    let plain = compensations(&app, &whole);
    let quick = compensations(&app, &part).with_histories(known);
    let draft = draft("credit_wallet", "W-1", "", "5");
    let last = app.wallet("W-1").await.fold.sequence;
    for sequence in [0, 1, 127, 128, 129, 300, 512, 513, last - 1, last] {
        let seen = [Pin {
            domain: Domain::Wallet,
            id: id("W-1"),
            sequence,
        }];
        let expected = plain.form(&finance("fred"), &draft, &seen).await.unwrap().news;
        let news = quick.form(&finance("fred"), &draft, &seen).await.unwrap().news;
        assert_eq!(news, expected, "after {sequence}");
        let first: Option<Sequence> = news.first().and_then(|recent| recent.entry.sequence());
        assert_eq!(first, (sequence < last).then_some(sequence + 1));
    }
}

pub async fn a_reversal_in_a_long_wallet_is_found_again(app: TestApp) {
    let story = app.story(1).await;
    filled(&app, &story.wallet, 600).await;
    let log = counting(&app);
    let (known, _dir) = histories(&log, &story.wallet).await;
    let canceled = foreign("order.refund_canceled", &json!({"refund": story.refund}));
    let plan = Plan::meanwhile(LogName::Order, vec![canceled]);
    let compensations = app
        .new_compensations(plan.stores(app.stores()), impatient())
        .with_histories(known);
    let case = issue(&compensations, &finance("fred"), &story.settle()).await.unwrap();
    assert_eq!(app.status(&case).await, Some(CaseStatus::Refused));
    assert_eq!(app.standing(&story).await, 0);
    assert_eq!(app.refund_state(&story).await, RefundState::Canceled);
    let entries = app.entries(LogName::Wallet, &story.wallet).await;
    let [.., credit, undo] = entries.as_slice() else {
        panic!("too few entries")
    };
    assert_eq!(undo.fields.r#type(), Some("wallet.entry_reversed"));
    // The reversal is found by the credit that it reverses, also when it is far back.
    filled(&app, &story.wallet, 300).await;
    let (later, _dir) = histories(&log, &story.wallet).await;
    let (credit_id, undo_id) = (
        credit.fields.id().map(str::to_owned).unwrap(),
        undo.fields.id().map(str::to_owned).unwrap(),
    );
    for (event, expected) in [(undo_id.as_str(), Some(undo)), ("nobody", None)] {
        let wanted = Wanted {
            refund: Some(&story.refund),
            sought: Some((&credit_id, event)),
            ..Wanted::default()
        };
        let partial = later
            .load_partially(&id(&story.wallet), &wanted)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(partial.found.as_ref(), expected);
        assert!(partial.tail.iter().all(|(place, _)| *place > partial.from));
        assert!(partial.fold.state.postings[&credit_id].wholly_reversed());
        assert_eq!(partial.fold.sequence, 904);
    }
}

pub async fn snapshots_of_another_log_are_not_trusted(app: TestApp) {
    long_wallet(&app).await;
    let part = counting(&app);
    let (known, store) = histories(&part, "W-1").await;
    let wanted = Wanted::default();
    assert!(known.load_partially(&id("W-1"), &wanted).await.unwrap().is_some());
    assert!(known.load_partially(&id("W-unknown"), &wanted).await.unwrap().is_none());
    // Another log has other entries at the positions of the snapshots.
    let other = TestApp::embedded();
    other.given(LogName::Wallet, "W-1", &wallet_events()).await;
    let stranger = Histories::<WalletState>::new(other.log(LogName::Wallet), Some(store));
    assert!(stranger.load_partially(&id("W-1"), &wanted).await.unwrap().is_none());
}

pub async fn an_entry_out_of_order_is_treated_as_on_the_whole_stream(app: TestApp) {
    long_wallet(&app).await;
    let (whole, part) = (counting(&app), counting(&app));
    let (known, _dir) = histories(&part, "W-1").await;
    let mut stray = app.entries(LogName::Wallet, "W-1").await.pop().unwrap();
    stray.position = Position::new(stray.position.major + 1, 0);
    stray.fields.replace(Known::Sequence, Some("300"));
    for log in [&whole, &part] {
        log.more.lock().unwrap().push(stray.clone());
    }
    let draft = draft("reverse_entry", "W-1", "early", "");
    let plain = compensations(&app, &whole);
    let quick = compensations(&app, &part).with_histories(known);
    let expected = plain.form(&finance("fred"), &draft, &[]).await.unwrap();
    let view = quick.form(&finance("fred"), &draft, &[]).await.unwrap();
    assert_eq!(said(&view), said(&expected));
    assert!(said(&view).contains("HistoryIncomplete"), "{}", said(&view));
}

pub async fn damaged_snapshots_lead_to_a_read_of_the_whole_stream(app: TestApp) {
    long_wallet(&app).await;
    let (whole, part) = (counting(&app), counting(&app));
    let plain = compensations(&app, &whole);
    let draft = draft("reverse_entry", "W-1", "early", "");
    let expected = said(&plain.form(&finance("fred"), &draft, &[]).await.unwrap());
    for damage in [
        "UPDATE snapshot_part SET body = cast(replace(cast(body AS TEXT), '50', '60') AS BLOB) WHERE name = 'early'",
        "UPDATE snapshot SET body = x'7b7d'",
        "UPDATE snapshot SET checksum = 0",
    ] {
        let (known, store) = histories(&part, "W-1").await;
        let file = rusqlite::Connection::open(store.file()).unwrap();
        assert!(file.execute(damage, []).unwrap() > 0, "{damage}");
        let quick = compensations(&app, &part).with_histories(known);
        part.read.store(0, Ordering::SeqCst);
        let view = quick.form(&finance("fred"), &draft, &[]).await.unwrap();
        assert_eq!(said(&view), expected, "{damage}");
        assert!(part.read.load(Ordering::SeqCst) >= 609, "{damage}");
    }
}
