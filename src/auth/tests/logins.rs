//! Tests of sign-in and of its throttle.

use chrono::TimeDelta;
use futures::future::join_all;

use super::{PASSWORD, TestAuth, address, name, new, secret};
use crate::{
    auth::{
        Auth,
        login::SignInError,
        operators::{NewOperator, Operator},
        totp,
    },
    domain::access::{Role, Secret},
};

const WRONG: &str = "wrong horse battery";

impl TestAuth {
    async fn try_in(&self, who: &str, password: &str, code: &Secret) -> Result<Operator, SignInError> {
        try_from(&self.auth, self, (who, password, code), 1).await
    }
}

async fn try_from(
    auth: &Auth,
    test: &TestAuth,
    (who, password, code): (&str, &str, &Secret),
    from: u8,
) -> Result<Operator, SignInError> {
    auth.logins()
        .sign_in(who, &secret(password), code, address(from), test.now())
        .await
}

fn none() -> Secret {
    Secret::default()
}

fn is_throttled<T>(result: &Result<T, SignInError>) -> bool {
    matches!(result, Err(SignInError::Throttled { .. }))
}

#[tokio::test]
async fn only_the_right_password_signs_in() {
    let test = TestAuth::new();
    test.operator("ada", Role::Viewer).await;
    let ada = test.try_in("ada", PASSWORD, &none()).await.unwrap();
    assert_eq!((ada.name.as_str(), ada.role), ("ada", Role::Viewer));
    for (who, password) in [
        ("ada", WRONG),
        ("ada", ""),
        ("eve", PASSWORD),
        ("Ada", PASSWORD),
        ("", ""),
    ] {
        let refused = test.try_in(who, password, &none()).await;
        assert_eq!(refused, Err(SignInError::Refused), "{who}");
    }
}

#[tokio::test]
async fn disabled_operators_are_refused_like_unknown_names() {
    let test = TestAuth::new();
    test.operator("ada", Role::Viewer).await;
    test.auth.operators().disable(&name("ada"), "root").await.unwrap();
    assert_eq!(test.try_in("ada", PASSWORD, &none()).await, Err(SignInError::Refused));
    test.auth.operators().enable(&name("ada"), "root").await.unwrap();
    assert!(test.try_in("ada", PASSWORD, &none()).await.is_ok());
}

#[tokio::test]
async fn a_reset_password_is_the_only_one() {
    let test = TestAuth::new();
    test.operator("ada", Role::Viewer).await;
    let credentials = test.auth.operators().reset(&name("ada"), None, "root").await.unwrap();
    assert_eq!(test.try_in("ada", PASSWORD, &none()).await, Err(SignInError::Refused));
    assert!(test.try_in("ada", &credentials.password.0, &none()).await.is_ok());
}

async fn with_totp(test: &TestAuth) -> Secret {
    let added = NewOperator {
        totp: true,
        ..new("ada", Role::Viewer)
    };
    test.auth.operators().add(added, "root").await.unwrap().totp.unwrap()
}

#[tokio::test]
async fn a_code_is_asked_for_after_the_right_password_only_and_counts_once() {
    let test = TestAuth::new();
    let authenticator = with_totp(&test).await;
    let code = totp::code(&authenticator, test.now());
    assert_eq!(test.try_in("ada", WRONG, &none()).await, Err(SignInError::Refused));
    assert_eq!(test.try_in("ada", WRONG, &code).await, Err(SignInError::Refused));
    assert_eq!(
        test.try_in("ada", PASSWORD, &none()).await,
        Err(SignInError::CodeNeeded)
    );
    assert_eq!(
        test.try_in("ada", PASSWORD, &secret("000000x")).await,
        Err(SignInError::CodeRefused)
    );
    assert!(test.try_in("ada", PASSWORD, &code).await.is_ok());
    let other = test.another();
    assert_eq!(
        try_from(&other, &test, ("ada", PASSWORD, &code), 1).await,
        Err(SignInError::CodeRefused)
    );
    test.pass(TimeDelta::seconds(30));
    let next = totp::code(&authenticator, test.now());
    assert!(test.try_in("ada", PASSWORD, &next).await.is_ok());
}

#[tokio::test]
async fn concurrent_uses_of_a_code_succeed_once() {
    let test = TestAuth::new();
    let authenticator = with_totp(&test).await;
    let code = totp::code(&authenticator, test.now());
    let processes = [test.another(), test.another()];
    let tries = (0..4).map(|n| try_from(&processes[n % 2], &test, ("ada", PASSWORD, &code), 1));
    let in_at_once = join_all(tries).await.iter().filter(|result| result.is_ok()).count();
    assert_eq!(in_at_once, 1);
}

#[tokio::test]
async fn an_account_has_five_tries_in_a_quarter_of_an_hour() {
    let test = TestAuth::new();
    test.operator("ada", Role::Viewer).await;
    for from in 1..=5 {
        let refused = try_from(&test.auth, &test, ("ada", WRONG, &none()), from).await;
        assert_eq!(refused, Err(SignInError::Refused));
    }
    test.pass(TimeDelta::minutes(5));
    // The right password is refused as well, from any address.
    let throttled = try_from(&test.auth, &test, ("ada", PASSWORD, &none()), 9).await;
    assert_eq!(
        throttled,
        Err(SignInError::Throttled {
            retry_after_seconds: 601
        })
    );
    test.pass(TimeDelta::minutes(10));
    assert!(test.try_in("ada", PASSWORD, &none()).await.is_ok());
}

#[tokio::test]
async fn unknown_names_are_throttled_like_known_ones() {
    let test = TestAuth::new();
    for who in ["eve", "no such name\n"] {
        for _ in 0..5 {
            assert_eq!(test.try_in(who, WRONG, &none()).await, Err(SignInError::Refused));
        }
        assert!(is_throttled(&test.try_in(who, WRONG, &none()).await));
    }
}

#[tokio::test]
async fn an_address_has_twenty_tries_and_does_not_use_up_those_of_others() {
    let test = TestAuth::new();
    test.operator("ada", Role::Viewer).await;
    for number in 0..20 {
        let refused = test.try_in(&format!("name-{number}"), WRONG, &none()).await;
        assert_eq!(refused, Err(SignInError::Refused));
    }
    for _ in 0..10 {
        assert!(is_throttled(&test.try_in("ada", WRONG, &none()).await));
    }
    let elsewhere = try_from(&test.auth, &test, ("ada", PASSWORD, &none()), 2).await;
    assert!(elsewhere.is_ok());
}

#[tokio::test]
async fn a_sign_in_resets_the_account_and_does_not_count_for_the_address() {
    let test = TestAuth::new();
    test.operator("ada", Role::Viewer).await;
    for _ in 0..8 {
        for _ in 0..2 {
            assert_eq!(test.try_in("ada", WRONG, &none()).await, Err(SignInError::Refused));
        }
        assert!(test.try_in("ada", PASSWORD, &none()).await.is_ok());
    }
    // 16 of 20 failures: successes are not counted.
    for _ in 0..4 {
        assert_eq!(test.try_in("eve", WRONG, &none()).await, Err(SignInError::Refused));
    }
    assert!(is_throttled(&test.try_in("ada", PASSWORD, &none()).await));
}

#[tokio::test]
async fn wrong_codes_are_throttled_like_wrong_passwords() {
    let test = TestAuth::new();
    with_totp(&test).await;
    for _ in 0..5 {
        assert_eq!(
            test.try_in("ada", PASSWORD, &none()).await,
            Err(SignInError::CodeNeeded)
        );
        let guess = test.try_in("ada", PASSWORD, &secret("00000x")).await;
        assert_eq!(guess, Err(SignInError::CodeRefused));
    }
    assert!(is_throttled(&test.try_in("ada", PASSWORD, &none()).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_guesses_do_not_exceed_the_limit() {
    let test = TestAuth::new();
    test.operator("ada", Role::Viewer).await;
    let processes = [test.another(), test.another()];
    let nothing = none();
    let guesses = (0..40).map(|n| try_from(&processes[usize::from(n % 2)], &test, ("ada", WRONG, &nothing), n));
    let results = join_all(guesses).await;
    let refused = results
        .iter()
        .filter(|result| **result == Err(SignInError::Refused))
        .count();
    assert_eq!(refused, 5);
    assert_eq!(results.iter().filter(|result| is_throttled(result)).count(), 35);
}

#[tokio::test]
async fn a_proof_is_refused_after_the_operator_changed() {
    let test = TestAuth::new();
    test.operator("ada", Role::Finance).await;
    let ada = test.try_in("ada", PASSWORD, &none()).await.unwrap();
    let prove = |password: &'static str| {
        let (ada, test) = (&ada, &test);
        async move {
            let logins = test.auth.logins();
            logins
                .prove(ada, &secret(password), &none(), address(1), test.now())
                .await
        }
    };
    assert!(prove(PASSWORD).await.is_ok());
    assert_eq!(prove(WRONG).await, Err(SignInError::Refused));
    test.auth
        .operators()
        .set_role(&ada.name, Role::Viewer, "root")
        .await
        .unwrap();
    assert_eq!(prove(PASSWORD).await, Err(SignInError::Refused));
}
