//! The conformance suite of records: scenarios that run on each adapter.

use std::{any::Any, sync::Arc, time::Duration};

use futures::future::join_all;
use ledgerscope::{
    auth::records::{KEY_BYTES_MAX, Records, VALUE_BYTES_MAX, open},
    event_log::system_clock,
};
use tokio::time::sleep;

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(300);
const LONGER_THAN_SHORT: Duration = Duration::from_millis(400);

/// A store for one test, and a value that keeps it alive (such as a temporary directory).
pub struct TestStore {
    url: String,
    _kept: Box<dyn Any + Send>,
}

impl TestStore {
    pub fn new(url: String, kept: impl Any + Send) -> Self {
        Self {
            url,
            _kept: Box::new(kept),
        }
    }

    /// One more adapter on the store, as in another process.
    pub fn records(&self) -> Arc<dyn Records> {
        open(&self.url, system_clock()).unwrap()
    }
}

/// Declares a test for each scenario, on the store that `$store` makes.
#[macro_export]
macro_rules! records_conformance {
    ($adapter:ident, $store:expr) => {
        mod $adapter {
            $crate::records_conformance!($store;
                a_value_is_there_for_all_until_it_is_deleted
                values_and_counters_expire
                what_is_there_is_not_put_anew
                only_what_is_still_there_is_replaced
                a_counter_counts_every_increment_once
                a_counter_does_not_fall_below_zero
                what_is_beyond_the_limits_is_refused
            );
        }
    };
    ($store:expr; $($scenario:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let store = $store;
                $crate::conformance::$scenario(&store).await;
            }
        )+
    };
}

pub async fn a_value_is_there_for_all_until_it_is_deleted(store: &TestStore) {
    let (one, other) = (store.records(), store.records());
    assert_eq!(other.get("a").await, Ok(None));
    let bytes: Vec<u8> = (0..=255).collect();
    one.put("a", &bytes, LONG).await.unwrap();
    one.put("b", b"", LONG).await.unwrap();
    assert_eq!(other.get("a").await, Ok(Some(bytes)));
    assert_eq!(other.get("b").await, Ok(Some(vec![])));
    other.put("a", b"2", LONG).await.unwrap();
    assert_eq!(one.get("a").await, Ok(Some(b"2".to_vec())));
    other.delete("a").await.unwrap();
    other.delete("a").await.unwrap();
    assert_eq!(one.get("a").await, Ok(None));
    assert_eq!(one.get("b").await, Ok(Some(vec![])));
}

pub async fn values_and_counters_expire(store: &TestStore) {
    let records = store.records();
    records.put("a", b"1", SHORT).await.unwrap();
    records.put_new("b", b"1", SHORT).await.unwrap();
    records.put("c", b"1", SHORT).await.unwrap();
    records.replace("c", b"1", b"2", LONG).await.unwrap();
    assert_eq!(records.increment("n", SHORT).await.unwrap().count, 1);
    sleep(SHORT / 2).await;
    // The first increment sets the time to live.
    let second = records.increment("n", LONG).await.unwrap();
    assert_eq!(second.count, 2);
    assert!(second.expires_in <= SHORT, "{second:?}");
    sleep(LONGER_THAN_SHORT).await;
    assert_eq!(records.get("a").await, Ok(None));
    assert_eq!(records.replace("a", b"1", b"2", LONG).await, Ok(false));
    assert_eq!(records.put_new("b", b"2", LONG).await, Ok(true));
    assert_eq!(records.get("b").await, Ok(Some(b"2".to_vec())));
    assert_eq!(records.get("c").await, Ok(Some(b"2".to_vec())));
    let anew = records.increment("n", LONG).await.unwrap();
    assert_eq!(anew.count, 1);
    assert!(anew.expires_in > SHORT, "{anew:?}");
}

pub async fn what_is_there_is_not_put_anew(store: &TestStore) {
    let users = [store.records(), store.records()];
    let racing = (0..20).map(|n| {
        let records = Arc::clone(&users[n % 2]);
        tokio::spawn(async move { records.put_new("a", n.to_string().as_bytes(), LONG).await.unwrap() })
    });
    let won: Vec<_> = join_all(racing).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let winner = won.iter().position(|won| *won).unwrap().to_string();
    assert_eq!(users[0].get("a").await, Ok(Some(winner.into_bytes())));
}

pub async fn only_what_is_still_there_is_replaced(store: &TestStore) {
    let records = store.records();
    assert_eq!(records.replace("a", b"", b"1", LONG).await, Ok(false));
    assert_eq!(records.get("a").await, Ok(None));
    records.put("a", b"1", LONG).await.unwrap();
    assert_eq!(records.replace("a", b"2", b"3", LONG).await, Ok(false));
    assert_eq!(records.replace("a", b"1", b"3", LONG).await, Ok(true));
    assert_eq!(records.get("a").await, Ok(Some(b"3".to_vec())));
    records.delete("a").await.unwrap();
    assert_eq!(records.replace("a", b"3", b"4", LONG).await, Ok(false));
    assert_eq!(records.get("a").await, Ok(None));
}

pub async fn a_counter_counts_every_increment_once(store: &TestStore) {
    // Eight adapters create the store concurrently.
    let users = [(); 8].map(|()| store.records());
    let counting = (0..50).map(|n| {
        let records = Arc::clone(&users[n % 8]);
        tokio::spawn(async move { records.increment("n", LONG).await.unwrap().count })
    });
    let mut counts: Vec<_> = join_all(counting).await.into_iter().map(Result::unwrap).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=50).collect::<Vec<u64>>());
    users[0].delete("n").await.unwrap();
    assert_eq!(users[1].increment("n", LONG).await.unwrap().count, 1);
}

pub async fn a_counter_does_not_fall_below_zero(store: &TestStore) {
    let records = store.records();
    records.decrement("n").await.unwrap();
    records.increment("n", LONG).await.unwrap();
    records.increment("n", LONG).await.unwrap();
    for _ in 0..3 {
        records.decrement("n").await.unwrap();
    }
    assert_eq!(records.increment("n", LONG).await.unwrap().count, 1);
}

pub async fn what_is_beyond_the_limits_is_refused(store: &TestStore) {
    let records = store.records();
    let (key, value) = ("k".repeat(KEY_BYTES_MAX), vec![7; VALUE_BYTES_MAX]);
    records.put(&key, &value, LONG).await.unwrap();
    assert_eq!(records.get(&key).await, Ok(Some(value.clone())));
    let (long, big) = (format!("{key}k"), [value.as_slice(), &[7]].concat());
    for refused in [
        records.put(&long, b"", LONG).await,
        records.put("", b"", LONG).await,
        records.put("a", &big, LONG).await,
        records.put_new("a", &big, LONG).await.map(|_| ()),
        records.replace(&key, &value, &big, LONG).await.map(|_| ()),
        records.increment(&long, LONG).await.map(|_| ()),
        records.delete(&long).await,
    ] {
        assert!(refused.unwrap_err().to_string().contains("at most 65536"));
    }
    assert_eq!(records.get("a").await, Ok(None));
}
