//! Prometheus metrics. Labels are routes, methods, domains and fixed words. They never contain ids, names or addresses.

use std::{
    fmt, fs,
    sync::atomic::{AtomicU64, Ordering},
};

use axum::http::{Method, StatusCode};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};
use tokio::time::Instant;

use crate::{
    compensations::append_outcome,
    domain::ids::Domain,
    ledger::Ledger,
    views::health::{StoreHealth, StoreState},
};

/// The upper bounds of the buckets of request durations, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Asked {
    route: String,
    method: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfStore {
    store: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    log: &'static str,
    outcome: &'static str,
}

/// All metrics and their registry.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<Asked, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    pub live_messages: Counter,
    pub live_rereads: Counter,
    pub live_refused: Counter,
    live_readers: Gauge,
    store_up: Family<OfStore, Gauge>,
    store_loaded: Family<OfStore, Gauge>,
    lag: Family<OfStore, Gauge>,
    checked: Family<OfStore, Gauge>,
    events: Gauge<u64, AtomicU64>,
    index: Family<OfKind, Gauge<u64, AtomicU64>>,
    appends: Family<Outcome, Counter>,
    heads: Gauge<u64, AtomicU64>,
    memory: Gauge,
    /// When each domain's read model was last known to be at the end of its feed; indexed by [`Domain`].
    at_end: Mutex<[Option<Instant>; 2]>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("ledgerscope");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Build information", build);
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let durations = Family::new_with_constructor(histogram);
        let (requests, in_flight) = (Family::default(), Gauge::default());
        registry.register("requests", "Answered requests", requests.clone());
        let took = "Time from a request to the first byte of its response";
        registry.register_with_unit("request_duration", took, Unit::Seconds, durations.clone());
        registry.register("requests_in_flight", "Requests in flight", in_flight.clone());
        let (live_messages, live_rereads, live_refused) = (Counter::default(), Counter::default(), Counter::default());
        let live_readers = Gauge::default();
        registry.register("live_readers", "Connected live readers", live_readers.clone());
        registry.register("live_messages", "Live messages sent", live_messages.clone());
        let dropped = "Times that a live reader had to reread everything, because it was too slow or away for too long";
        registry.register("live_rereads", dropped, live_rereads.clone());
        registry.register(
            "live_refused",
            "Live readers that were refused because of the limits",
            live_refused.clone(),
        );
        let (store_up, store_loaded, lag) = (Family::default(), Family::default(), Family::default());
        registry.register("store_up", "Whether a store answers", store_up.clone());
        registry.register(
            "store_loaded",
            "Whether a store was read to its end at least once",
            store_loaded.clone(),
        );
        let behind = "Time since the feed was last read to its end, as seen by the scrapes";
        registry.register_with_unit("feed_lag", behind, Unit::Seconds, lag.clone());
        let checked = Family::default();
        let last = "Unix time at which every row was last compared with the store; 0: not yet";
        registry.register("store_checked_at", last, checked.clone());
        let (events, index) = (Gauge::default(), Family::default());
        let replayed = "Events in the read model";
        registry.register("events", replayed, events.clone());
        registry.register("index_rows", "Rows of the read model by kind", index.clone());
        let heads = Gauge::default();
        let kept = "Estimated size of the cache of folds; at most 32 MiB per domain";
        registry.register_with_unit("heads", kept, Unit::Bytes, heads.clone());
        let appends = Family::default();
        registry.register("appends", "Appends by compensations, by outcome", appends.clone());
        let memory = Gauge::default();
        registry.register_with_unit(
            "resident_memory",
            "Resident memory of the process",
            Unit::Bytes,
            memory.clone(),
        );
        Self {
            registry,
            requests,
            durations,
            in_flight,
            live_messages,
            live_rereads,
            live_refused,
            live_readers,
            store_up,
            store_loaded,
            lag,
            checked,
            events,
            index,
            appends,
            heads,
            memory,
            at_end: Mutex::default(),
        }
    }

    /// Counts a request as in flight until the returned value is dropped.
    pub fn begin(&self, route: String, method: &Method) -> Counted<'_> {
        self.in_flight.inc();
        Counted {
            metrics: self,
            asked: Asked {
                route,
                method: word(method),
            },
            begun: Instant::now(),
        }
    }

    /// Sets the metrics of a store. `behind` is whether its feed has entries that were not read yet, or `None` if
    /// unknown.
    pub fn note_store(&self, health: &StoreHealth, behind: Option<bool>, now: Instant) {
        let label = OfStore {
            store: health.domain.to_string(),
        };
        let down = matches!(health.state, StoreState::Down { .. });
        self.store_up.get_or_create(&label).set(i64::from(!down));
        let loaded = !matches!(
            health.state,
            StoreState::Loading(_) | StoreState::Down { as_of: None, .. } | StoreState::Halted { as_of: None, .. }
        );
        self.store_loaded.get_or_create(&label).set(i64::from(loaded));
        let mut at_end = self.at_end.lock();
        let last = &mut at_end[health.domain as usize];
        if behind == Some(false) || last.is_none() {
            *last = Some(now);
        }
        let seconds = last.map_or(0, |last| now.duration_since(last).as_secs());
        let lag = self.lag.get_or_create(&label);
        lag.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    pub fn note_index(&self, ledger: &Ledger) {
        self.heads.set(ledger.kept_bytes());
        // If the read model does not answer, the metrics keep their last values.
        let Ok(sizes) = ledger.counts() else { return };
        self.events.set(sizes.events);
        for (kind, rows) in [
            ("wallets", sizes.wallets),
            ("orders", sizes.orders),
            ("refunds", sizes.refunds),
            ("pending_refunds", sizes.pending),
            ("findings", sizes.findings),
            ("losses", ledger.losses().unwrap_or_default()),
            ("unreadable_streams", ledger.unreadable().unwrap_or_default()),
        ] {
            self.index.get_or_create(&OfKind { kind }).set(rows);
        }
    }

    /// Sets when all rows of a domain were last compared with its store; 0 if never.
    pub fn note_checked(&self, domain: Domain, at: Option<DateTime<Utc>>) {
        let label = OfStore {
            store: domain.to_string(),
        };
        self.checked
            .get_or_create(&label)
            .set(at.map_or(0, |at| at.timestamp()));
    }

    pub fn note_readers(&self, readers: usize) {
        self.live_readers.set(i64::try_from(readers).unwrap_or(i64::MAX));
    }

    /// All current metrics in the text format of Prometheus.
    pub fn write(&self) -> Result<String, fmt::Error> {
        for (log, outcome, count) in append_outcome::counts() {
            let counter = self.appends.get_or_create(&Outcome { log, outcome });
            counter.inner().store(count, Ordering::Relaxed);
        }
        self.memory.set(resident_bytes().unwrap_or_default());
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A request that is being worked on.
pub struct Counted<'a> {
    metrics: &'a Metrics,
    asked: Asked,
    begun: Instant,
}

impl Counted<'_> {
    /// Records the duration and the status of the answered request.
    pub fn end(self, status: StatusCode) {
        let took = self.begun.elapsed().as_secs_f64();
        self.metrics.durations.get_or_create(&self.asked).observe(took);
        let answered = Answered {
            route: self.asked.route.clone(),
            method: self.asked.method,
            status: status.as_u16(),
        };
        self.metrics.requests.get_or_create(&answered).inc();
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
    }
}

/// The label of a method. Unknown methods share a label, so that clients can't create labels.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}

/// The resident memory of the process in bytes, from Linux's `/proc`; `None` elsewhere.
fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
