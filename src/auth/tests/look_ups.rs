//! Tests of the limit on customer look-ups.

use chrono::TimeDelta;
use futures::future::join_all;

use super::{TestAuth, name};
use crate::auth::{
    Auth,
    look_ups::{TRIES_MAX, TryError},
};

async fn is_let(auth: &Auth, test: &TestAuth, who: &str) -> bool {
    auth.look_ups().begin(&name(who), test.now()).await.is_ok()
}

#[tokio::test]
async fn a_burst_over_two_processes_gets_no_more_tries() {
    let test = TestAuth::new();
    let other = test.another();
    let tries = (0..3 * TRIES_MAX).map(|n| {
        let auth = if n % 2 == 0 { &test.auth } else { &other };
        is_let(auth, &test, "ada")
    });
    let let_in = join_all(tries).await.into_iter().filter(|is_let| *is_let).count();
    assert_eq!(let_in, 20);
    assert!(is_let(&test.auth, &test, "bob").await, "the limit is per operator");
    let restarted = test.another();
    assert!(!is_let(&restarted, &test, "ada").await);
}

#[tokio::test]
async fn each_try_is_free_again_an_hour_after_it() {
    let test = TestAuth::new();
    for minute in 0..20 {
        assert!(is_let(&test.auth, &test, "ada").await, "{minute}");
        test.pass(TimeDelta::minutes(1));
    }
    let refused = test.auth.look_ups().begin(&name("ada"), test.now()).await;
    let wait = TryError::UsedUp {
        retry_after_seconds: 40 * 60,
    };
    assert_eq!(refused.unwrap_err(), wait);
    test.pass(TimeDelta::minutes(40));
    // A slot becomes free with each minute.
    for _ in 0..20 {
        assert!(is_let(&test.auth, &test, "ada").await);
        assert!(!is_let(&test.auth, &test, "ada").await);
        test.pass(TimeDelta::minutes(1));
    }
    assert!(!is_let(&test.auth, &test, "ada").await);
}

#[tokio::test]
async fn a_try_that_was_not_answered_is_given_back() {
    let test = TestAuth::new();
    for _ in 0..2 * TRIES_MAX {
        let counted = test.auth.look_ups().begin(&name("ada"), test.now()).await.unwrap();
        test.auth.look_ups().take_back(counted).await.unwrap();
    }
}
