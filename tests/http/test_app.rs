//! A server over embedded stores with a small ledger. Requests go to its router, without a network.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, request::Builder},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use ledgerscope::{
    app_state::{AccessStore, AppState},
    auth::operators::NewOperator,
    compensations::{self, CompensationStores, Compensations},
    domain::{
        access::{Limit, Role, Secret},
        event::NewEvent,
        ids::{EntityId, LogName},
        money::Money,
    },
    event_log::{self, EventLog, Expected},
    ledger::Ledger,
    read_model::{Settings, Store, Stores},
    server::{
        self,
        assets::Assets,
        config::{Rates, ServerConfig},
        guard::Guard,
        operations::{self, Operations},
    },
};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The password of every operator.
pub const PASSWORD: &str = "correct horse battery staple";
/// The operators: one a role, and a second one of finance.
pub const OPERATORS: [(&str, Role); 5] = [
    ("viewer", Role::Viewer),
    ("support", Role::Support),
    ("finance", Role::Finance),
    ("finance2", Role::Finance),
    ("admin", Role::Admin),
];

pub struct TestApp {
    router: Router,
    figures: Router,
    pub operations: Arc<Operations>,
    pub access: AccessStore,
    pub logs: CompensationStores,
    clock: Arc<AtomicI64>,
    sessions: Mutex<HashMap<String, Session>>,
    stores: Arc<tempfile::TempDir>,
}

/// An operator's session, as their browser has it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The value of the `cookie` header.
    pub cookie: String,
    pub form_token: String,
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

/// The default configuration of the server, with rate limits that no test reaches.
pub fn config() -> ServerConfig {
    let plenty = NonZeroU32::new(1_000_000).unwrap();
    ServerConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
        public_url: None,
        trusted_proxy: Vec::new(),
        trusted_header: None,
        rates: Rates {
            reads_a_minute: plenty,
            writes_a_minute: plenty,
            strangers_a_minute: plenty,
        },
        metrics_listen: None,
        site: PathBuf::new(),
    }
}

impl TestApp {
    /// W-1 opened and credited; O-1 placed, paid and with refund R-1 requested; O-2 with a broken event.
    pub async fn new() -> Self {
        Self::with(&config()).await
    }

    pub async fn with(config: &ServerConfig) -> Self {
        Self::serving(config, Path::new("no such directory")).await
    }

    /// With files in the directory of the site.
    pub async fn with_site(site: &Path) -> Self {
        Self::serving(&config(), site).await
    }

    async fn serving(config: &ServerConfig, site: &Path) -> Self {
        let stores = tempfile::tempdir().unwrap();
        let (wallet, order) = (open(&stores, LogName::Wallet), open(&stores, LogName::Order));
        fill(&*wallet, &*order).await;
        let ledger = start(Arc::clone(&wallet), "embedded", Arc::clone(&order));
        tokio::time::timeout(Duration::from_secs(10), ledger.loaded())
            .await
            .unwrap();
        Self::over(ledger, wallet, order, stores, config, site).await
    }

    /// The access store does not answer: nobody can be recognised and nothing can be recorded.
    pub async fn without_people() -> Self {
        let stores = tempfile::tempdir().unwrap();
        let (wallet, order) = (open(&stores, LogName::Wallet), open(&stores, LogName::Order));
        fill(&*wallet, &*order).await;
        let ledger = start(Arc::clone(&wallet), "embedded", Arc::clone(&order));
        let site = Path::new("no such directory");
        Self::beside(
            ledger,
            wallet,
            order,
            Arc::new(stores),
            &config(),
            site,
            "redis://127.0.0.1:1",
        )
    }

    /// The wallet store does not answer.
    pub async fn without_wallets() -> Self {
        let stores = tempfile::tempdir().unwrap();
        let order = open(&stores, LogName::Order);
        let wallet = event_log::open(LogName::Wallet, "redis://127.0.0.1:1").unwrap();
        let scratch = tempfile::tempdir().unwrap();
        fill(&*open(&scratch, LogName::Wallet), &*order).await;
        let ledger = start(Arc::clone(&wallet), "redis", Arc::clone(&order));
        let settled = async {
            while !ledger
                .health()
                .iter()
                .any(|store| format!("{:?}", store.state).starts_with("Down"))
                || ledger.overview().unwrap().orders < 2
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), settled).await.unwrap();
        Self::over(ledger, wallet, order, stores, &config(), Path::new("no such directory")).await
    }

    /// W-1 and all orders, with the wallets in another store.
    pub async fn with_wallets_at(url: &str) -> Self {
        let stores = tempfile::tempdir().unwrap();
        let order = open(&stores, LogName::Order);
        let wallet = event_log::open(LogName::Wallet, url).unwrap();
        fill(&*wallet, &*order).await;
        let ledger = start(Arc::clone(&wallet), "redis", Arc::clone(&order));
        tokio::time::timeout(Duration::from_secs(20), ledger.loaded())
            .await
            .unwrap();
        Self::over(ledger, wallet, order, stores, &config(), Path::new("no such directory")).await
    }

    async fn over(
        ledger: Arc<Ledger>,
        wallet: Arc<dyn EventLog>,
        order: Arc<dyn EventLog>,
        stores: tempfile::TempDir,
        config: &ServerConfig,
        site: &Path,
    ) -> Self {
        let url = people_of(&stores);
        let app = Self::beside(ledger, wallet, order, Arc::new(stores), config, site, &url);
        join_all(OPERATORS.map(|(name, role)| add(&app.access, name, role, false))).await;
        app
    }

    /// Another server on the same stores, with its own read model and sessions.
    pub async fn twin(&self) -> Self {
        let stores = Arc::clone(&self.stores);
        let (wallet, order) = (open(&stores, LogName::Wallet), open(&stores, LogName::Order));
        let ledger = start(Arc::clone(&wallet), "embedded", Arc::clone(&order));
        tokio::time::timeout(Duration::from_secs(10), ledger.loaded())
            .await
            .unwrap();
        let people = people_of(&stores);
        let site = Path::new("no such directory");
        Self::beside(ledger, wallet, order, stores, &config(), site, &people)
    }

    fn beside(
        ledger: Arc<Ledger>,
        wallet: Arc<dyn EventLog>,
        order: Arc<dyn EventLog>,
        stores: Arc<tempfile::TempDir>,
        config: &ServerConfig,
        site: &Path,
        people: &str,
    ) -> Self {
        let clock = Arc::new(AtomicI64::new(0));
        let turned = Arc::clone(&clock);
        let time: ledgerscope::event_log::Clock =
            Arc::new(move || Utc::now() + TimeDelta::milliseconds(turned.load(Ordering::SeqCst)));
        let access = AccessStore::open(people, time, config.rules()).unwrap();
        let logs = CompensationStores {
            wallet,
            order,
            compensation: open(&stores, LogName::Compensation),
        };
        let compensations = Compensations::new(
            logs.clone(),
            Arc::clone(&access.auth) as Arc<dyn compensations::DayLimits>,
            Arc::clone(&access.audit) as Arc<dyn compensations::AuditLog>,
            Arc::clone(&ledger) as Arc<dyn compensations::Credits>,
            ledger.follow_cases(store_of(Arc::clone(&logs.compensation), "embedded")),
            compensations::Settings::default(),
        );
        let assets = Assets::find(site).unwrap();
        let state = AppState {
            ledger,
            compensations: Arc::new(compensations),
            auth: Arc::clone(&access.auth),
            audit: Arc::clone(&access.audit),
        };
        let operations = Operations::new();
        let guard = Guard::new(Arc::clone(&access.auth), Arc::clone(&access.audit), config);
        Self {
            figures: operations::figures(&state, &operations),
            router: server::router_with(state, guard, &assets, config.public_url.as_ref(), &operations),
            operations,
            access,
            logs,
            clock,
            sessions: Mutex::default(),
            stores,
        }
    }

    /// The file of the access log.
    pub fn access_log(&self) -> PathBuf {
        self.stores.path().join("access/events.sqlite3")
    }

    /// Requests a path from the separate listener for metrics.
    pub async fn figures(&self, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).unwrap();
        answer(self.figures.clone(), request).await
    }

    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Advances the clock of sessions and the audit trail.
    pub fn pass(&self, time: TimeDelta) {
        self.clock.fetch_add(time.num_milliseconds(), Ordering::SeqCst);
    }

    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.clock.load(Ordering::SeqCst))
    }

    /// Adds a demo operator, as `make serve` does.
    pub async fn add_demo(&self, name: &str) {
        add(&self.access, name, Role::Viewer, true).await;
    }

    /// A session of one of the [`OPERATORS`]; the same one each time.
    pub async fn session(&self, name: &str) -> Session {
        if let Some(session) = self.sessions.lock().unwrap().get(name) {
            return session.clone();
        }
        let session = self.fresh_session(name).await;
        self.sessions.lock().unwrap().insert(name.to_owned(), session.clone());
        session
    }

    /// A new session of one of the [`OPERATORS`].
    pub async fn fresh_session(&self, name: &str) -> Session {
        let operator = self.access.auth.operators().find(&name.parse().unwrap()).await.unwrap();
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let sessions = self.access.auth.sessions();
        let (token, record) = sessions.open(&operator.unwrap(), from, self.now()).await.unwrap();
        Session {
            cookie: format!("ledgerscope={token}"),
            form_token: record.form_token,
        }
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        answer(self.router.clone(), request).await
    }

    /// Requests a page as one of the [`OPERATORS`], or without a session.
    pub async fn get_as(&self, who: Option<&str>, path: &str) -> Answer {
        let request = self.signed(Request::get(path), who).await;
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    /// Calls a server function with the named arguments.
    pub async fn call_as(&self, who: Option<&str>, function: &str, arguments: &Value) -> Answer {
        let text = arguments.to_string();
        let request = Request::post(format!("/api/{function}"))
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("content-length", text.len());
        let request = self.signed(request, who).await;
        self.ask(request.body(Body::from(text)).unwrap()).await
    }

    /// Sends a form as a page with JavaScript does. `form_token` is that of the session.
    pub async fn send_as(&self, who: Option<&str>, function: &str, fields: &[(&str, &str)]) -> Answer {
        let token = match who {
            Some(who) => self.session(who).await.form_token,
            None => String::new(),
        };
        let token_field = if function == "sign-out" {
            "form_token"
        } else {
            "form[form_token]"
        };
        let mut all = vec![(token_field.to_owned(), token)];
        all.extend(
            fields
                .iter()
                .map(|(name, value)| (format!("form[{name}]"), (*value).to_owned())),
        );
        let request = form(&format!("/api/{function}"), &all).header("accept", "application/json");
        let request = self.signed(request, who).await;
        self.ask(request.body(Body::from(encoded(&all))).unwrap()).await
    }

    /// Requests a page as the finance operator.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_as(Some("finance"), path).await
    }

    /// Calls a server function as the finance operator.
    pub async fn call(&self, function: &str, arguments: &Value) -> Answer {
        self.call_as(Some("finance"), function, arguments).await
    }

    /// Adds the host and the session of one of the [`OPERATORS`] to a request; no session for `None`.
    pub async fn signed(&self, request: Builder, who: Option<&str>) -> Builder {
        let request = request.header("host", "127.0.0.1:3000");
        match who {
            Some(who) => request.header("cookie", self.session(who).await.cookie),
            None => request,
        }
    }
}

async fn answer(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 10_000_000).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

/// A request that posts a form to a path.
pub fn form(path: &str, fields: &[(String, String)]) -> Builder {
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", encoded(fields).len())
}

/// Fields in the encoding of HTML forms.
pub fn encoded(fields: &[(String, String)]) -> String {
    let escape = ledgerscope::views::href::encode;
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    pairs.join("&")
}

/// Sets the peer address of a request.
pub fn from(request: Builder, address: &str) -> Builder {
    let peer: SocketAddr = format!("{address}:50000").parse().unwrap();
    request.extension(ConnectInfo(peer))
}

async fn add(access: &AccessStore, name: &str, role: Role, demo: bool) {
    let limit = Limit {
        single: euros("50"),
        daily: euros("200"),
    };
    let operator = NewOperator {
        name: name.parse().unwrap(),
        title: None,
        role,
        limits: if role == Role::Finance { vec![limit] } else { Vec::new() },
        password: Some(Secret(PASSWORD.to_owned())),
        totp: false,
        demo,
    };
    access.auth.operators().add(operator, "test").await.unwrap();
}

fn euros(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}

fn people_of(stores: &tempfile::TempDir) -> String {
    format!("embedded:{}", stores.path().join("access").display())
}

fn open(stores: &tempfile::TempDir, log: LogName) -> Arc<dyn EventLog> {
    let directory = stores.path().join(log.as_str());
    event_log::open(log, &format!("embedded:{}", directory.display())).unwrap()
}

fn store_of(log: Arc<dyn EventLog>, adapter: &'static str) -> Store {
    Store {
        log,
        adapter,
        url: String::new(),
    }
}

fn start(wallet: Arc<dyn EventLog>, adapter: &'static str, order: Arc<dyn EventLog>) -> Arc<Ledger> {
    let stores = Stores {
        wallet: store_of(wallet, adapter),
        order: store_of(order, "embedded"),
    };
    Ledger::start(stores, Settings::default()).unwrap()
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
                json!({
                    "wallet": "W-1",
                    "customer": {"id": "C-1", "name": "Ada <Lovelace>", "email": "ada@lovelace.example"},
                    "total": eur("30"),
                    "lines": [{"sku": "S-1", "title": "Mug", "quantity": 3, "unit_price": eur("10")}],
                }),
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

pub async fn append(log: &dyn EventLog, id: &str, events: &[(&str, Value)]) {
    append_after(log, id, 0, events).await;
}

/// Appends to a stream that has events already.
pub async fn append_after(log: &dyn EventLog, id: &str, last: u64, events: &[(&str, Value)]) {
    let events: Vec<_> = (last + 1..)
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
    log.append(&id, Expected::Exactly(last), &events).await.unwrap();
}
