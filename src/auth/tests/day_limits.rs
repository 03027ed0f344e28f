//! Tests of daily limits.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::future::join_all;

use super::{TestAuth, euros, name};
use crate::{
    auth::day_limits::ReserveError,
    domain::{ids::EntityId, money::Money},
};

fn case(text: &str) -> EntityId {
    EntityId::new(text).unwrap()
}

impl TestAuth {
    async fn reserve(&self, of: &str, amount: Money) -> Result<(), ReserveError> {
        let limits = self.auth.day_limits();
        limits
            .reserve(&name("ada"), &case(of), amount, euros("100"), self.now())
            .await
    }

    async fn used(&self) -> String {
        let used = self
            .auth
            .day_limits()
            .used(&name("ada"), euros("1").currency(), self.now())
            .await;
        used.unwrap().to_string()
    }
}

#[tokio::test]
async fn each_day_has_a_separate_limit() {
    let test = TestAuth::new();
    assert_eq!(test.used().await, "0.00");
    assert_eq!(test.reserve("CMP-1", euros("60")).await, Ok(()));
    assert_eq!(test.reserve("CMP-2", euros("40")).await, Ok(()));
    let refused = test.reserve("CMP-3", euros("0.01")).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "100.00 of the daily limit of 100.00 EUR are used; 0.01 EUR more would exceed it"
    );
    test.pass(TimeDelta::hours(2));
    assert_eq!(test.reserve("CMP-3", euros("100")).await, Ok(()));
    assert_eq!(test.used().await, "100.00");
}

#[tokio::test]
async fn a_case_is_reserved_once_and_can_be_released_and_reserved_again() {
    let test = TestAuth::new();
    let release = |of: &'static str| {
        let test = &test;
        async move {
            test.auth
                .day_limits()
                .release(&name("ada"), &case(of), test.now())
                .await
        }
    };
    release("CMP-1").await.unwrap();
    for _ in 0..3 {
        for _ in 0..3 {
            assert_eq!(test.reserve("CMP-1", euros("100")).await, Ok(()));
        }
        assert_eq!(test.used().await, "100.00");
        assert!(matches!(
            test.reserve("CMP-1", euros("1")).await,
            Err(ReserveError::Other(_))
        ));
        assert!(test.reserve("CMP-2", euros("1")).await.is_err());
        release("CMP-1").await.unwrap();
        release("CMP-1").await.unwrap();
        assert_eq!(test.used().await, "0.00");
    }
}

#[tokio::test]
async fn operators_and_currencies_have_separate_limits() {
    let test = TestAuth::new();
    test.reserve("CMP-1", euros("100")).await.unwrap();
    let limits = test.auth.day_limits();
    let dollars = Money::parse("100", "USD".parse().unwrap()).unwrap();
    assert_eq!(
        limits
            .reserve(&name("ada"), &case("CMP-2"), dollars, dollars, test.now())
            .await,
        Ok(())
    );
    assert_eq!(
        limits
            .reserve(&name("kim"), &case("CMP-3"), euros("100"), euros("100"), test.now())
            .await,
        Ok(())
    );
    let mixed = limits
        .reserve(&name("kim"), &case("CMP-4"), dollars, euros("900"), test.now())
        .await;
    assert!(matches!(mixed, Err(ReserveError::Exceeded { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_concurrent_reservations_in_three_processes_stay_within_the_limit() {
    let test = TestAuth::new();
    let processes = [test.another(), test.another(), test.another()];
    let racing = (0..50).map(|n| {
        let (auth, now) = (Arc::clone(&processes[n % 3]), test.now());
        tokio::spawn(async move {
            let limits = auth.day_limits();
            limits
                .reserve(&name("ada"), &case(&format!("CMP-{n}")), euros("2"), euros("80"), now)
                .await
        })
    });
    let results: Vec<_> = join_all(racing).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 40);
    let refused = results
        .iter()
        .filter(|result| matches!(result, Err(ReserveError::Exceeded { .. })));
    assert_eq!(refused.count(), 10);
    assert_eq!(test.used().await, "80.00");
}
