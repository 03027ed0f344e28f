//! Tests of how long a session lasts and what ends it.

use chrono::TimeDelta;

use super::{TestAuth, address, name};
use crate::{auth::session::SessionRecord, domain::access::Role};

impl TestAuth {
    async fn session(&self) -> String {
        if self.auth.operators().find(&name("ada")).await.unwrap().is_none() {
            self.operator("ada", Role::Finance).await;
        }
        let ada = self.auth.operators().find(&name("ada")).await.unwrap().unwrap();
        let opened = self.auth.sessions().open(&ada, address(1), self.now()).await;
        opened.unwrap().0
    }

    async fn resumed(&self, token: &str) -> Option<SessionRecord> {
        let resumed = self.auth.sessions().resume(token, self.now()).await.unwrap();
        resumed.map(|(record, operator)| {
            assert_eq!(record.operator, operator.name);
            record
        })
    }
}

#[tokio::test]
async fn a_session_is_found_by_its_token_in_every_process() {
    let test = TestAuth::new();
    let (token, other) = (test.session().await, test.session().await);
    assert_ne!(token, other);
    let (record, ada) = test
        .another()
        .sessions()
        .resume(&token, test.now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((ada.name, record.from), (name("ada"), address(1)));
    assert_eq!(record.form_token.len(), 32);
    for wrong in ["", "x", &"0".repeat(64), &token.to_uppercase(), &format!("{token}0")] {
        assert!(test.resumed(wrong).await.is_none(), "{wrong}");
    }
}

#[tokio::test]
async fn the_store_does_not_hold_the_token() {
    let test = TestAuth::new();
    let token = test.session().await;
    let stored: Vec<u8> = ["records.sqlite3", "records.sqlite3-wal"]
        .iter()
        .flat_map(|file| std::fs::read(test.dir.path().join("access").join(file)).unwrap_or_default())
        .collect();
    let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("form_token"));
    assert!(!holds(&token));
}

#[tokio::test]
async fn a_session_ends_when_it_was_idle_for_a_quarter_of_an_hour() {
    let test = TestAuth::new();
    let token = test.session().await;
    for _ in 0..3 {
        test.pass(TimeDelta::minutes(15) - TimeDelta::seconds(1));
        assert!(test.resumed(&token).await.is_some());
    }
    test.pass(TimeDelta::minutes(15));
    assert!(test.resumed(&token).await.is_none());
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_of_use() {
    let test = TestAuth::new();
    let token = test.session().await;
    for _ in 0..71 {
        test.pass(TimeDelta::minutes(10));
        assert!(test.resumed(&token).await.is_some());
    }
    test.pass(TimeDelta::minutes(10) - TimeDelta::seconds(1));
    assert!(test.resumed(&token).await.is_some());
    test.pass(TimeDelta::seconds(1));
    assert!(test.resumed(&token).await.is_none());
}

#[tokio::test]
async fn use_is_stored_once_a_minute() {
    let test = TestAuth::new();
    let token = test.session().await;
    let begun = test.now();
    test.pass(TimeDelta::seconds(59));
    assert_eq!(test.resumed(&token).await.unwrap().seen_at, begun);
    test.pass(TimeDelta::seconds(1));
    assert_eq!(test.resumed(&token).await.unwrap().seen_at, test.now());
    test.pass(TimeDelta::seconds(30));
    assert_eq!(
        test.resumed(&token).await.unwrap().seen_at,
        begun + TimeDelta::seconds(60)
    );
}

#[tokio::test]
async fn a_proof_is_valid_for_five_minutes() {
    let test = TestAuth::new();
    let token = test.session().await;
    test.pass(TimeDelta::minutes(5) - TimeDelta::seconds(1));
    assert!(test.resumed(&token).await.unwrap().is_proven(test.now()));
    test.pass(TimeDelta::seconds(1));
    assert!(!test.resumed(&token).await.unwrap().is_proven(test.now()));
    test.auth.sessions().prove(&token, test.now()).await.unwrap().unwrap();
    assert!(test.resumed(&token).await.unwrap().is_proven(test.now()));
    test.pass(TimeDelta::minutes(15));
    assert_eq!(test.auth.sessions().prove(&token, test.now()).await, Ok(None));
}

#[tokio::test]
async fn a_session_ends_when_its_operator_changes() {
    let test = TestAuth::new();
    let (operators, ada) = (test.auth.operators(), name("ada"));
    let token = test.session().await;
    operators.reset(&ada, None, "root").await.unwrap();
    assert!(test.resumed(&token).await.is_none());
    let token = test.session().await;
    operators.set_role(&ada, Role::Support, "root").await.unwrap();
    assert!(test.resumed(&token).await.is_none());
    let token = test.session().await;
    operators.disable(&ada, "root").await.unwrap();
    assert!(test.resumed(&token).await.is_none());
    // Enabling the operator does not restore the session.
    let token = test.session().await;
    assert!(test.resumed(&token).await.is_none());
    operators.enable(&ada, "root").await.unwrap();
    assert!(test.resumed(&token).await.is_none());
    // A change of limits does not end sessions.
    let token = test.session().await;
    operators.set_limits(&ada, &[], "root").await.unwrap();
    assert!(test.resumed(&token).await.is_some());
}

#[tokio::test]
async fn an_ended_session_stays_ended() {
    let test = TestAuth::new();
    let (token, other) = (test.session().await, test.session().await);
    test.auth.sessions().close(&token).await.unwrap();
    test.auth.sessions().close(&token).await.unwrap();
    assert!(
        test.another()
            .sessions()
            .resume(&token, test.now())
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(test.auth.sessions().prove(&token, test.now()).await, Ok(None));
    assert_eq!(test.auth.sessions().rotate(&token, test.now()).await, Ok(None));
    assert!(test.resumed(&other).await.is_some());
}

#[tokio::test]
async fn a_rotated_session_has_a_new_token_only() {
    let test = TestAuth::new();
    let token = test.session().await;
    let before = test.resumed(&token).await.unwrap();
    test.pass(TimeDelta::minutes(6));
    let (fresh, _) = test.auth.sessions().rotate(&token, test.now()).await.unwrap().unwrap();
    assert!(test.resumed(&token).await.is_none());
    let after = test.resumed(&fresh).await.unwrap();
    assert_eq!((after.opened_at, after.proved_at), (before.opened_at, before.proved_at));
    assert_ne!(after.form_token, before.form_token);
}
