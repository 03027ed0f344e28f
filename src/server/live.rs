//! The live stream of changes: server-sent events, one open response per reader. Events contain ids and times, but no
//! amounts; pages fetch these by requests that check permissions. A reader has a cursor into the ring of changes and no
//! queue, so a slow reader needs no extra memory.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{RawQuery, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER},
    },
    middleware::from_fn_with_state,
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
    routing::get,
};
use futures::stream::unfold;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until},
};

use super::{
    guard::{Guard, guard_live},
    operations::Operations,
    security::NO_STORE,
};
use crate::{
    app_state::AppState,
    auth::Principal,
    domain::{event::format_time, ids::Domain},
    ledger::Ledger,
    read_model::changes::{Changed, News, Resume, Subscription, Topic},
    views::{health::StoreState, query::value_of},
};

/// The shortest time between two messages about changes. Many changes are combined into few messages.
const PACE: Duration = Duration::from_millis(80);
/// The interval of `beat` events, which keep the connection alive and carry the time.
const BEAT: Duration = Duration::from_secs(15);
/// The interval at which a reader checks that its session is still valid.
const LOOK: Duration = Duration::from_secs(3);
/// The most changes that are read for one message, and the most ids in it.
const READ_AT_ONCE: usize = 4_096;
const NAMED_MAX: usize = 50;

/// The route of the live stream. The limits of other requests do not apply: it is not compressed, has no timeout and
/// does not count as a concurrent request.
pub fn routes(state: &AppState, guard: &Arc<Guard>, operations: &Arc<Operations>) -> Router {
    Router::new()
        .route("/live", get(live))
        .layer(from_fn_with_state(Arc::clone(guard), guard_live))
        .layer(Extension(Arc::clone(operations)))
        .with_state(state.clone())
}

async fn live(
    State(state): State<AppState>,
    Extension(operations): Extension<Arc<Operations>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if !matches!(site, None | Some(b"same-origin" | b"none")) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let query = query.unwrap_or_default();
    let topic = value_of(&query, "topic").map_or(Ok(Topic::All), |topic| topic.parse());
    let Ok(topic) = topic else {
        return (StatusCode::BAD_REQUEST, "Unknown topic.\n").into_response();
    };
    let Some(seat) = Seat::take(&operations, &principal) else {
        let soon = [(RETRY_AFTER, HeaderValue::from_static("30"))];
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            soon,
            "Too many live connections. Try again in 30 s.\n",
        )
            .into_response();
    };
    // The start cursor: `Last-Event-ID` after a reconnect, else `from`, which is the cursor when the page was rendered.
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last = last.map(str::to_owned).or_else(|| value_of(&query, "from"));
    let from = last.as_deref().and_then(|last| last.parse::<Resume>().ok());
    let mut reader = Reader::new(&state, seat, principal, topic, from.as_ref());
    // A cursor that can't be parsed is treated as lost: the reader has to reread everything.
    reader.lost = last.is_some() && from.is_none();
    let events = unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    let headers = [
        (CACHE_CONTROL, NO_STORE),
        // Stops proxies (nginx) from buffering the stream.
        (
            axum::http::HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    (headers, Sse::new(events)).into_response()
}

/// A reader's slot in [`Readers`]. Dropping it, at the end of the connection, frees the slot.
struct Seat {
    operations: Arc<Operations>,
    session: String,
}

impl Seat {
    fn take(operations: &Arc<Operations>, principal: &Principal) -> Option<Self> {
        let session = principal.session.mark.clone();
        if !operations.readers.take(&session) {
            operations.metrics.live_refused.inc();
            return None;
        }
        Some(Self {
            operations: Arc::clone(operations),
            session,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.operations.readers.leave(&self.session);
    }
}

struct Reader {
    state: AppState,
    seat: Seat,
    principal: Principal,
    topic: Topic,
    subscription: Subscription,
    stores: [watch::Receiver<StoreState>; 2],
    stop: watch::Receiver<bool>,
    place: Option<Resume>,
    lost: bool,
    begun: bool,
    ended: bool,
    /// The earliest time of the next message about changes.
    free_at: Instant,
    beat: Interval,
    look: Interval,
}

/// Why a reader wakes up.
enum Woken {
    Stopping,
    Look,
    Stores,
    Changes,
    Beat,
}

impl Reader {
    fn new(state: &AppState, seat: Seat, principal: Principal, topic: Topic, from: Option<&Resume>) -> Self {
        let ledger = &state.ledger;
        let ticks = |every| {
            let mut ticks = interval_at(Instant::now() + every, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        Self {
            subscription: ledger.changes().subscribe(from),
            stores: Domain::ALL.map(|domain| ledger.watch_state(domain)),
            stop: seat.operations.stopping(),
            state: state.clone(),
            seat,
            principal,
            topic,
            place: None,
            lost: false,
            begun: false,
            ended: false,
            free_at: Instant::now(),
            beat: ticks(BEAT),
            look: ticks(LOOK),
        }
    }

    /// The next event; `None` ends the response.
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        if !self.begun {
            self.begun = true;
            return Some(self.hello());
        }
        loop {
            let event = match self.wait().await {
                Woken::Stopping => self.end("bye"),
                Woken::Stores => self.stores_event(),
                Woken::Beat => self.event("beat", json!({})),
                Woken::Changes => match self.read() {
                    Some(event) => event,
                    None => continue,
                },
                // If the session can't be checked, the stream ends, too. The browser reconnects.
                Woken::Look => match self.state.auth.still_admits(&self.principal).await {
                    Ok(true) => continue,
                    Ok(false) | Err(_) => self.end("end"),
                },
            };
            return Some(event);
        }
    }

    async fn wait(&mut self) -> Woken {
        let [wallet, order] = &mut self.stores;
        let changes = async {
            let more = self.subscription.wait().await;
            sleep_until(self.free_at).await;
            more
        };
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => Woken::Stopping,
            _ = self.look.tick() => Woken::Look,
            Ok(()) = wallet.changed() => Woken::Stores,
            Ok(()) = order.changed() => Woken::Stores,
            more = changes => if more { Woken::Changes } else { Woken::Stopping },
            _ = self.beat.tick() => Woken::Beat,
        }
    }

    /// The first event: `hello` with the states of the stores, or `reread` if changes since the start cursor may be
    /// missing.
    fn hello(&mut self) -> Event {
        for store in &mut self.stores {
            store.mark_unchanged();
        }
        let (news, place) = self.subscription.read(0);
        self.place = Some(place);
        if self.lost || news == News::Reread {
            self.seat.operations.metrics.live_rereads.inc();
            return self.event("reread", json!({}));
        }
        self.event("hello", json!({"stores": stores(&self.state.ledger)}))
    }

    fn stores_event(&self) -> Event {
        self.event("stores", json!({"stores": stores(&self.state.ledger)}))
    }

    fn end(&mut self, why: &str) -> Event {
        self.ended = true;
        self.event(why, json!({}))
    }

    /// The event for the next changes; `None` if none of them concerns the topic.
    fn read(&mut self) -> Option<Event> {
        let (news, place) = self.subscription.read(READ_AT_ONCE);
        self.place = Some(place);
        let changed = match news {
            News::Reread => {
                self.free_at = Instant::now() + PACE;
                self.seat.operations.metrics.live_rereads.inc();
                return Some(self.event("reread", json!({})));
            }
            News::Changed(changed) => self.state.ledger.concerned(&self.topic, changed),
        };
        if changed.is_empty() {
            return None;
        }
        self.free_at = Instant::now() + PACE;
        Some(self.event("changed", self.changes_json(&changed)))
    }

    fn changes_json(&self, changed: &[Changed]) -> Value {
        let named = &changed[..changed.len().min(NAMED_MAX)];
        let of = |wanted: Domain| -> Vec<&str> {
            let ids = named.iter().filter(|changed| changed.domain == wanted);
            ids.map(|changed| changed.id.as_str()).collect()
        };
        json!({
            "count": changed.len(),
            "wallets": of(Domain::Wallet),
            "orders": of(Domain::Order),
            "events": self.state.ledger.events_of(&self.topic),
        })
    }

    fn event(&self, name: &str, mut data: Value) -> Event {
        data["now"] = Value::from(format_time(self.state.ledger.now()));
        self.seat.operations.metrics.live_messages.inc();
        let event = Event::default().event(name).data(data.to_string());
        match &self.place {
            Some(place) => event.id(place.to_string()),
            None => event,
        }
    }
}

/// The state of each store as a word, by domain.
fn stores(ledger: &Ledger) -> Value {
    let words = Domain::ALL.map(|domain| {
        (
            domain.to_string(),
            Value::from(ledger.watch_state(domain).borrow().as_str()),
        )
    });
    Value::Object(words.into_iter().collect())
}
