//! A server over two embedded stores with a small ledger in them, asked without a network.

use std::{path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use ledgerscope::{
    domain::{event::NewEvent, ids::Domain, ids::EntityId},
    event_log::{self, EventLog, Expected},
    ledger::{Ledger, Settings, Store, Stores},
    server::{self, assets::Assets, state::AppState},
};
use serde_json::{Value, json};
use tower::ServiceExt;

pub struct Bench {
    router: Router,
    _stores: tempfile::TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Bench {
    /// W-1 opened and credited; O-1 placed, paid and with refund R-1 requested; O-2 with a broken event.
    pub async fn new() -> Self {
        let stores = tempfile::tempdir().unwrap();
        let open = |domain: Domain| {
            let dir = stores.path().join(domain.as_str());
            event_log::open(domain, &format!("embedded:{}", dir.display())).unwrap()
        };
        let (wallet, order) = (open(Domain::Wallet), open(Domain::Order));
        fill(&*wallet, &*order).await;
        let ledger = Ledger::start(
            Stores {
                wallet: Store {
                    log: wallet,
                    adapter: "embedded",
                },
                order: Store {
                    log: order,
                    adapter: "embedded",
                },
            },
            Settings::default(),
        );
        tokio::time::timeout(Duration::from_secs(10), ledger.loaded())
            .await
            .unwrap();
        Self::over(ledger, stores)
    }

    /// A wallet store that nobody answers for.
    pub async fn without_wallets() -> Self {
        let stores = tempfile::tempdir().unwrap();
        let order = event_log::open(Domain::Order, &format!("embedded:{}", stores.path().display())).unwrap();
        let wallet = event_log::open(Domain::Wallet, "redis://127.0.0.1:1").unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let unused = event_log::open(Domain::Wallet, &format!("embedded:{}", scratch.path().display())).unwrap();
        fill(&*unused, &*order).await;
        let ledger = Ledger::start(
            Stores {
                wallet: Store {
                    log: wallet,
                    adapter: "redis",
                },
                order: Store {
                    log: order,
                    adapter: "embedded",
                },
            },
            Settings::default(),
        );
        let settled = async {
            while !ledger
                .health()
                .iter()
                .any(|store| format!("{:?}", store.state).starts_with("Down"))
                || ledger.overview().orders < 2
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), settled).await.unwrap();
        Self::over(ledger, stores)
    }

    fn over(ledger: Arc<Ledger>, stores: tempfile::TempDir) -> Self {
        let assets = Assets::find(Path::new("no such directory")).unwrap();
        Self {
            router: server::router(AppState { ledger }, &assets),
            _stores: stores,
        }
    }

    pub fn router(&self) -> Router {
        self.router.clone()
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 10_000_000).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header("host", "127.0.0.1:3000").body(Body::empty());
        self.ask(request.unwrap()).await
    }

    /// Calls a server function with the named arguments.
    pub async fn call(&self, function: &str, arguments: &Value) -> Answer {
        let request = Request::post(format!("/api/{function}"))
            .header("host", "127.0.0.1:3000")
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("content-length", arguments.to_string().len())
            .body(Body::from(arguments.to_string()));
        self.ask(request.unwrap()).await
    }
}

async fn fill(wallet: &dyn EventLog, order: &dyn EventLog) {
    let eur = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    append(
        wallet,
        "W-1",
        &[
            (
                "wallet.opened",
                json!({"owner": {"id": "C-1", "name": "Ada <Lovelace>"}, "currency": "EUR"}),
            ),
            ("wallet.credited", json!({"amount": eur("12.5"), "kind": "top_up"})),
        ],
    )
    .await;
    append(
        order,
        "O-1",
        &[
            (
                "order.placed",
                json!({"wallet": "W-1", "customer": {"id": "C-1"}, "total": eur("30")}),
            ),
            (
                "order.paid",
                json!({"payment": "P-1", "amount": eur("30"), "method": "card"}),
            ),
            (
                "order.refund_requested",
                json!({"refund": "R-1", "amount": eur("9.99"), "reason": "return", "destination": "wallet"}),
            ),
        ],
    )
    .await;
    append(
        order,
        "O-2",
        &[
            ("order.placed", json!({"total": eur("5")})),
            ("order.exploded", json!({})),
        ],
    )
    .await;
}

async fn append(log: &dyn EventLog, id: &str, events: &[(&str, Value)]) {
    let events: Vec<_> = (1..)
        .zip(events)
        .map(|(n, (kind, data))| NewEvent {
            id: format!("{id}.{n}"),
            r#type: (*kind).to_owned(),
            time: format!("2026-01-01T00:00:0{n}Z"),
            actor: None,
            idempotencykey: None,
            correlationid: None,
            causationid: None,
            data: data.to_string(),
            extra: Vec::new(),
        })
        .collect();
    let id = EntityId::new(id).unwrap();
    log.append(&id, Expected::Exactly(0), &events).await.unwrap();
}
