//! What changes, told to browsers while they look: one response each that does not end, as server-sent events. It tells
//! ids and times and no figures; pages fetch those anew, by the way that checks who asks. A reader holds a place in the
//! ring of changes and no queue, so however slow it is, it costs the same.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

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
use parking_lot::Mutex;
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

/// Readers of this process at most, and of one session: a browser has some tabs.
pub const READERS_MAX: usize = 1_000;
pub const READERS_OF_SESSION_MAX: usize = 8;
/// At most one message in this time, so that a storm of changes is a handful of messages.
const PACE: Duration = Duration::from_millis(80);
/// A quiet line says so often that it is there, and what the time is.
const BEAT: Duration = Duration::from_secs(15);
/// How soon a reader notices that their session has ended.
const LOOK: Duration = Duration::from_secs(3);
/// Changes that are looked at for one message, and ids that it names.
const READ_AT_ONCE: usize = 4_096;
const NAMED_MAX: usize = 50;

/// The readers of this process.
#[derive(Default)]
pub struct Readers(Mutex<HashMap<String, usize>>);

impl Readers {
    pub fn count(&self) -> usize {
        self.seats().values().sum()
    }

    fn seats(&self) -> parking_lot::MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock()
    }

    fn take(&self, session: &str) -> bool {
        let mut seats = self.seats();
        let all: usize = seats.values().sum();
        let own = seats.get(session).copied().unwrap_or_default();
        let free = all < READERS_MAX && own < READERS_OF_SESSION_MAX;
        if free {
            seats.insert(session.to_owned(), own + 1);
        }
        free
    }

    fn leave(&self, session: &str) {
        let mut seats = self.seats();
        if let Some(own) = seats.get_mut(session) {
            *own -= 1;
            if *own == 0 {
                seats.remove(session);
            }
        }
    }
}

/// Outside of the limits of other requests: it is not compressed, does not time out, and takes none of their places.
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
        return (StatusCode::BAD_REQUEST, "That can't be heard of.\n").into_response();
    };
    let Some(seat) = Seat::take(&operations, &principal) else {
        let soon = [(RETRY_AFTER, HeaderValue::from_static("30"))];
        return (StatusCode::SERVICE_UNAVAILABLE, soon, "Too many are listening.\n").into_response();
    };
    // After a break the browser says where it was; the page itself, where it was made.
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last = last.map(str::to_owned).or_else(|| value_of(&query, "from"));
    let from = last.as_deref().and_then(|last| last.parse::<Resume>().ok());
    let mut reader = Reader::new(&state, seat, principal, topic, from.as_ref());
    // What can't be understood may be anything.
    reader.lost = last.is_some() && from.is_none();
    let events = unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    let headers = [
        (CACHE_CONTROL, NO_STORE),
        // Some proxies collect answers before they pass them on.
        (
            axum::http::HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    (headers, Sse::new(events)).into_response()
}

/// A reader's place; given back when the connection is gone, however it went.
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
    /// No message about changes before.
    free_at: Instant,
    beat: Interval,
    look: Interval,
}

/// Why a reader has something to do.
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

    /// The next message; `None` ends the response.
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
                // Where it can't be known, nobody is let listen on trust; the browser comes again.
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

    /// The first message: how the stores are, and whether what the page shows may be old.
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

    /// What changed of the topic; `None` where nothing did.
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

/// How the stores are, in a word each.
fn stores(ledger: &Ledger) -> Value {
    let words = Domain::ALL.map(|domain| {
        (
            domain.to_string(),
            Value::from(word(&ledger.watch_state(domain).borrow())),
        )
    });
    Value::Object(words.into_iter().collect())
}

/// How a store is, in a word.
pub const fn word(state: &StoreState) -> &'static str {
    match state {
        StoreState::Loading(_) => "loading",
        StoreState::Live => "live",
        StoreState::Down { .. } => "down",
        StoreState::Halted { .. } => "halted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_readers_and_no_more() {
        let readers = Readers::default();
        let sessions = READERS_MAX / READERS_OF_SESSION_MAX;
        for session in 0..sessions {
            for _ in 0..READERS_OF_SESSION_MAX {
                assert!(readers.take(&session.to_string()));
            }
            assert!(!readers.take(&session.to_string()), "a session has its own limit");
        }
        assert_eq!(readers.count(), READERS_MAX);
        assert!(!readers.take("another"));
        readers.leave("0");
        assert!(readers.take("another"));
        assert!(!readers.take("0"));
        for session in 0..sessions {
            (0..READERS_OF_SESSION_MAX).for_each(|_| readers.leave(&session.to_string()));
        }
        assert_eq!(readers.count(), 1);
        assert_eq!(readers.seats().len(), 1, "who left is forgotten");
    }
}
