//! Operation of the server: liveness and readiness probes, Prometheus metrics and request ids. Metrics have a separate
//! listener and contain no names. The probes of the public listener show states, but no numbers.

mod metrics;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

pub use self::metrics::Metrics;
use super::{guard::Guard, readers::Readers, security::NO_STORE};
use crate::{
    app_state::AppState,
    domain::{event::format_time, ids::Domain},
    views::health::{Progress, StoreState},
};

/// The header of the request id, in requests and responses.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id from a proxy, in characters.
const REQUEST_ID_MAX: usize = 128;
/// The timeout of reading the end of a store's feed for the metrics.
const LAG_PATIENCE: Duration = Duration::from_secs(1);

/// Metrics, live readers and the stop signal. All requests share one.
pub struct Operations {
    pub metrics: Metrics,
    pub readers: Readers,
    stop: watch::Sender<bool>,
}

/// The request id, in the extensions of the request.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl Operations {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            metrics: Metrics::new(),
            readers: Readers::default(),
            stop: watch::Sender::new(false),
        })
    }

    /// Starts the shutdown: the readiness probe answers "stopping", and live streams end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }
}

/// The outermost middleware: gives every request an id and counts it in the metrics.
pub async fn observe(
    State((operations, guard)): State<(Arc<Operations>, Arc<Guard>)>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let id = request_id(&guard, &request);
    request.extensions_mut().insert(RequestId(id.clone()));
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "other".to_owned(), |route| route.as_str().to_owned());
    let counted = operations.metrics.begin(route, request.method());
    let mut response = next.run(request).await;
    counted.end(response.status());
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn request_id(guard: &Guard, request: &Request<Body>) -> String {
    let given = guard.given_id(request).and_then(|id| id.to_str().ok());
    let plain = |id: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        (1..=REQUEST_ID_MAX).contains(&id.len()) && id.chars().all(plain)
    };
    given
        .filter(plain)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// The probes of the public listener: `/healthz` and `/readyz`. They accept any host name, because load balancers send
/// probes to the address.
pub fn probes(state: &AppState, operations: &Arc<Operations>) -> Router {
    let shared = (state.clone(), Arc::clone(operations));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready_in_words))
        .with_state(shared)
}

/// The routes of the metrics listener: the probes with numbers, and `/metrics`.
pub fn figures(state: &AppState, operations: &Arc<Operations>) -> Router {
    let shared = (state.clone(), Arc::clone(operations));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready_in_numbers))
        .route("/metrics", get(metrics))
        .with_state(shared)
}

type Shared = State<(AppState, Arc<Operations>)>;

async fn ready_in_words(State((state, operations)): Shared) -> Response {
    ready(&state, &operations, |_, store| Value::from(store.as_str()))
}

async fn ready_in_numbers(State((state, operations)): Shared) -> Response {
    ready(&state, &operations, |domain, store| match store {
        StoreState::Loading(Progress { events, of, a_second }) => {
            json!({"state": "loading", "events": events, "of": of, "events_a_second": a_second})
        }
        other => {
            let checked_at = state.ledger.checked_at(domain).ok().flatten();
            json!({"state": other.as_str(), "checked_at": checked_at.map(format_time)})
        }
    })
}

/// The answer of the readiness probe: 200 when every store was read to its end and the server is not stopping, else
/// 503. A store that is down after it was read does not count as "not ready": pages show its data with their age, and
/// other processes on the same store would not do better.
fn ready(state: &AppState, operations: &Operations, tell: impl Fn(Domain, &StoreState) -> Value) -> Response {
    let health = state.ledger.health();
    let loaded = |state: &StoreState| {
        matches!(
            state,
            StoreState::Live | StoreState::Down { as_of: Some(_), .. } | StoreState::Halted { as_of: Some(_), .. }
        )
    };
    let stopping = *operations.stop.borrow();
    let status = match health.iter().all(|store| loaded(&store.state)) {
        _ if stopping => "stopping",
        true => "ready",
        false => "loading",
    };
    let stores: serde_json::Map<_, _> = health
        .iter()
        .map(|store| (store.domain.to_string(), tell(store.domain, &store.state)))
        .collect();
    let code = if status == "ready" {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({"status": status, "stores": stores});
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, NO_STORE),
    ];
    (code, headers, format!("{body}\n")).into_response()
}

async fn metrics(State((state, operations)): Shared) -> Response {
    for store in state.ledger.health() {
        let behind = tokio::time::timeout(LAG_PATIENCE, state.ledger.is_behind(store.domain)).await;
        operations
            .metrics
            .note_store(&store, behind.ok().flatten(), Instant::now());
    }
    for domain in Domain::ALL {
        operations
            .metrics
            .note_checked(domain, state.ledger.checked_at(domain).ok().flatten());
    }
    operations.metrics.note_index(&state.ledger);
    operations.metrics.note_readers(operations.readers.count());
    match operations.metrics.write() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the metrics can't be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
