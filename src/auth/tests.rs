//! Tests of `auth` on an embedded store in a temporary directory, with a clock that the test sets.

mod day_limits;
mod logins;
mod look_ups;
mod operators;
mod sessions;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

use super::{Auth, Rules, operators::NewOperator, passwords::Cost};
use crate::{
    domain::{
        access::{Limit, OperatorName, Role, Secret},
        ids::LogName,
        money::Money,
    },
    event_log::{self, Clock},
};

/// 2026-01-31T22:00:00Z: two hours before the end of a day and of a month.
const START: i64 = 1_769_896_800_000;
const PASSWORD: &str = "correct horse battery";

struct TestAuth {
    dir: TempDir,
    now: Arc<AtomicI64>,
    auth: Arc<Auth>,
}

impl TestAuth {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(START));
        let auth = open(&dir, &now);
        Self { dir, now, auth }
    }

    /// Another [`Auth`] on the same store, as in another process.
    fn another(&self) -> Arc<Auth> {
        open(&self.dir, &self.now)
    }

    fn now(&self) -> DateTime<Utc> {
        at(&self.now)
    }

    fn pass(&self, time: TimeDelta) {
        self.now.fetch_add(time.num_milliseconds(), Ordering::SeqCst);
    }

    async fn operator(&self, who: &str, role: Role) {
        self.auth.operators().add(new(who, role), "test").await.unwrap();
    }
}

fn at(now: &AtomicI64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(now.load(Ordering::SeqCst)).unwrap()
}

fn open(dir: &TempDir, now: &Arc<AtomicI64>) -> Arc<Auth> {
    let url = format!("embedded:{}", dir.path().join("access").display());
    let now = Arc::clone(now);
    let clock: Clock = Arc::new(move || at(&now));
    let log = event_log::open(LogName::Access, &url).unwrap();
    Arc::new(Auth::with_cost(log, &url, clock, Rules::default(), Cost::LIGHT).unwrap())
}

/// An operator with the password [`PASSWORD`].
fn new(who: &str, role: Role) -> NewOperator {
    NewOperator {
        name: name(who),
        title: None,
        role,
        limits: Vec::new(),
        password: Some(secret(PASSWORD)),
        totp: false,
        demo: false,
    }
}

fn name(text: &str) -> OperatorName {
    OperatorName::new(text).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret(text.to_owned())
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

fn euros(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}

fn limit(single: &str, daily: &str) -> Limit {
    Limit {
        single: euros(single),
        daily: euros(daily),
    }
}
