//! What those who run the program ask of it: is it there, is it ready, what are its figures, which request was that. The
//! figures have a listener of their own and name nobody; the probes of the public one say words and no numbers.

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
use super::{
    guard::Guard,
    live::{Readers, word},
    security::NO_STORE,
};
use crate::{
    app_state::AppState,
    domain::{event::format_time, ids::Domain},
    views::health::{Progress, StoreState},
};

/// The header of a request's id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of an id that a proxy may give.
const REQUEST_ID_MAX: usize = 128;
/// How long a store may take to say how far its feed goes.
const LAG_PATIENCE: Duration = Duration::from_secs(1);

/// What the program knows of itself. One for all requests.
pub struct Operations {
    pub metrics: Metrics,
    pub readers: Readers,
    stop: watch::Sender<bool>,
}

/// Which request this is; in its extensions.
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

    /// From now on the program is not ready any more, and whoever listens is told goodbye.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }
}

/// Gives every request an id and counts it, from outside of everything else.
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

/// For whoever decides whether requests are sent here. Any host name may be asked for: probes come by address.
pub fn probes(state: &AppState, operations: &Arc<Operations>) -> Router {
    let shared = (state.clone(), Arc::clone(operations));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready_in_words))
        .with_state(shared)
}

/// For the listener of its own: the same, with numbers, and the figures.
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
    ready(&state, &operations, |_, store| Value::from(word(store)))
}

async fn ready_in_numbers(State((state, operations)): Shared) -> Response {
    ready(&state, &operations, |domain, store| match store {
        StoreState::Loading(Progress { events, of, a_second }) => {
            json!({"state": "loading", "events": events, "of": of, "events_a_second": a_second})
        }
        other => {
            let checked_at = state.ledger.checked_at(domain).ok().flatten();
            json!({"state": word(other), "checked_at": checked_at.map(format_time)})
        }
    })
}

/// A store that is down after it was read is no reason to send nobody here: the figures are there with their age, and
/// every other process on the same store is as badly off.
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
            tracing::error!(%error, "the figures can't be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
