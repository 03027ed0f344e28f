//! Tests of adding, changing and disabling operators.

use futures::future::join_all;

use super::{TestAuth, limit, name, new, secret};
use crate::{
    auth::operators::{NewOperator, OperatorError},
    domain::access::Role,
};

#[tokio::test]
async fn an_operator_is_found_as_they_were_added_and_changed() {
    let test = TestAuth::new();
    let operators = test.auth.operators();
    assert_eq!(operators.find(&name("ada")).await, Ok(None));
    let added = NewOperator {
        title: Some("Ada L.".into()),
        limits: vec![limit("100", "500")],
        totp: true,
        password: None,
        ..new("ada", Role::Finance)
    };
    let credentials = operators.add(added, "root").await.unwrap();
    assert_eq!(credentials.password.0.len(), 29);
    let ada = test.another().operators().find(&name("ada")).await.unwrap().unwrap();
    assert_eq!(
        (ada.role, ada.title.as_deref(), ada.epoch),
        (Role::Finance, Some("Ada L."), 2)
    );
    assert_eq!(
        (ada.limits.as_slice(), &ada.totp_secret),
        (&[limit("100", "500")][..], &credentials.totp)
    );

    operators
        .set_limits(&ada.name, &[limit("1", "2")], "root")
        .await
        .unwrap();
    operators.set_role(&ada.name, Role::Support, "root").await.unwrap();
    operators.remove_totp(&ada.name, "root").await.unwrap();
    operators.disable(&ada.name, "root").await.unwrap();
    let changed = operators.find(&ada.name).await.unwrap().unwrap();
    assert!(changed.disabled && !changed.has_totp());
    assert_eq!(
        (changed.role, changed.limits.as_slice()),
        (Role::Support, &[limit("1", "2")][..])
    );
    operators.enable(&ada.name, "root").await.unwrap();
    assert!(!operators.find(&ada.name).await.unwrap().unwrap().disabled);
}

#[tokio::test]
async fn a_change_without_effect_appends_nothing() {
    let test = TestAuth::new();
    test.operator("ada", Role::Viewer).await;
    let (operators, ada) = (test.auth.operators(), name("ada"));
    operators.enable(&ada, "root").await.unwrap();
    operators.set_role(&ada, Role::Viewer, "root").await.unwrap();
    operators.set_limits(&ada, &[], "root").await.unwrap();
    operators.remove_totp(&ada, "root").await.unwrap();
    operators.disable(&ada, "root").await.unwrap();
    operators.disable(&ada, "root").await.unwrap();
    assert_eq!(operators.find(&ada).await.unwrap().unwrap().sequence, 2);
}

#[tokio::test]
async fn a_name_can_be_used_once() {
    let test = TestAuth::new();
    let processes = [test.another(), test.another()];
    let adding = (0..10).map(|n| {
        let auth = &processes[n % 2];
        async move { auth.operators().add(new("ada", Role::Viewer), "root").await }
    });
    let (added, refused): (Vec<_>, Vec<_>) = join_all(adding).await.into_iter().partition(Result::is_ok);
    assert_eq!((added.len(), refused.len()), (1, 9));
    for refusal in refused {
        assert_eq!(refusal.unwrap_err(), OperatorError::Exists(name("ada")));
    }
    test.auth.operators().disable(&name("ada"), "root").await.unwrap();
    let again = test.auth.operators().add(new("ada", Role::Admin), "root").await;
    assert_eq!(again.unwrap_err(), OperatorError::Exists(name("ada")));
}

#[tokio::test]
async fn concurrent_changes_are_all_made() {
    let test = TestAuth::new();
    test.operator("ada", Role::Viewer).await;
    let processes = [test.another(), test.another()];
    let resets = (0..4).map(|n| {
        let auth = &processes[n % 2];
        async move { auth.operators().reset(&name("ada"), None, "root").await }
    });
    assert!(join_all(resets).await.iter().all(Result::is_ok));
    assert_eq!(
        test.auth.operators().find(&name("ada")).await.unwrap().unwrap().epoch,
        5
    );
}

#[tokio::test]
async fn invalid_operators_are_refused() {
    let test = TestAuth::new();
    let operators = test.auth.operators();
    let invalid = |new: NewOperator| async move {
        match operators.add(new, "root").await {
            Err(OperatorError::Invalid(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    let finance = || new("ada", Role::Finance);
    let dollars = crate::domain::money::Money::parse("9", "USD".parse().unwrap()).unwrap();
    let mixed = crate::domain::access::Limit {
        daily: dollars,
        ..limit("1", "9")
    };
    for (limits, why) in [
        (vec![limit("5", "4")], "not below"),
        (vec![mixed], "must be in the same currency"),
        (vec![limit("1", "2"), limit("3", "4")], "two limits in EUR"),
    ] {
        assert!(
            invalid(NewOperator { limits, ..finance() }).await.contains(why),
            "{why}"
        );
    }
    let viewer = NewOperator {
        limits: vec![limit("1", "2")],
        ..new("ada", Role::Viewer)
    };
    assert!(invalid(viewer).await.contains("can't issue"));
    for password in ["elevenchars", &"x".repeat(129)] {
        let weak = NewOperator {
            password: Some(secret(password)),
            ..finance()
        };
        assert!(invalid(weak).await.contains("12 to 128"));
    }
    assert!(
        invalid(NewOperator {
            title: Some(" ".into()),
            ..finance()
        })
        .await
        .contains("name has 1 to")
    );
    assert_eq!(operators.list().await.unwrap(), []);
    assert_eq!(
        operators.disable(&name("ada"), "root").await,
        Err(OperatorError::Missing(name("ada")))
    );
}

#[tokio::test]
async fn all_are_listed_by_name() {
    let test = TestAuth::new();
    for who in ["zoe", "ada", "kim"] {
        test.operator(who, Role::Viewer).await;
    }
    test.auth.operators().disable(&name("kim"), "root").await.unwrap();
    let listed = test.auth.operators().list().await.unwrap();
    let names: Vec<_> = listed
        .iter()
        .map(|operator| (operator.name.as_str(), operator.disabled))
        .collect();
    assert_eq!(names, [("ada", false), ("kim", true), ("zoe", false)]);
}
