//! Several processes on one Redis server: they share a day's limit, the audit trail and the throttle. Also a server
//! that stops and starts again.

use std::net::{IpAddr, Ipv4Addr};

use chrono::Utc;
use futures::{TryStreamExt as _, future::join_all};
use ledgerscope::{
    app_state::AccessStore,
    auth::{Rules, day_limits::ReserveError, login::SignInError, operators::NewOperator},
    domain::{
        access::{OperatorName, Role, Secret},
        audit::{AuditOutcome, NewEntry},
        ids::EntityId,
        money::Money,
    },
    event_log::system_clock,
};

use crate::redis_server::RedisServer;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn processes(server: &RedisServer) -> [AccessStore; 3] {
    [(); 3].map(|()| AccessStore::open(&server.url(), system_clock(), Rules::default()).unwrap())
}

fn ada() -> OperatorName {
    OperatorName::new("ada").unwrap()
}

fn euros(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}

async fn add_ada(access: &AccessStore) -> Secret {
    let new = NewOperator {
        name: ada(),
        title: None,
        role: Role::Finance,
        limits: Vec::new(),
        password: None,
        totp: false,
        demo: false,
    };
    access.auth.operators().add(new, "root").await.unwrap().password
}

fn entry(subject: String) -> NewEntry {
    NewEntry::new("ada", "test", AuditOutcome::Done).about(subject)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_processes_share_a_days_limit() {
    let server = RedisServer::start();
    let processes = processes(&server);
    let now = Utc::now();
    let racing = (0..50).map(|n| {
        let access = processes[n % 3].clone();
        let case = EntityId::new(format!("CMP-{n}")).unwrap();
        tokio::spawn(async move {
            let limits = access.auth.day_limits();
            limits.reserve(&ada(), &case, euros("2"), euros("80"), now).await
        })
    });
    let results: Vec<_> = join_all(racing).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 40);
    let exceeded = |result: &&Result<(), ReserveError>| matches!(result, Err(ReserveError::Exceeded { .. }));
    assert_eq!(results.iter().filter(exceeded).count(), 10);
    let used = processes[0]
        .auth
        .day_limits()
        .used(&ada(), euros("1").currency(), now)
        .await;
    assert_eq!(used.unwrap(), euros("80").amount());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_processes_write_one_trail() {
    let server = RedisServer::start();
    let processes = processes(&server);
    let recording = (0..120).map(|n| {
        let access = processes[n % 3].clone();
        tokio::spawn(async move { access.audit.record(entry(format!("thing {n}"))).await })
    });
    for done in join_all(recording).await {
        done.unwrap().unwrap();
    }
    assert_eq!(processes[0].audit.verify().await.unwrap().entries, 120);
    let entries: Vec<_> = processes[0].audit.export().try_collect().await.unwrap();
    let mut subjects: Vec<_> = entries.into_iter().filter_map(|entry| entry.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_in_all_processes_are_counted_together() {
    let server = RedisServer::start();
    let processes = processes(&server);
    add_ada(&processes[0]).await;
    let (wrong, none) = (Secret("wrong horse battery".into()), Secret::default());
    let guesses = (0..15).map(|n| {
        let logins = processes[n % 3].auth.logins();
        logins.sign_in("ada", &wrong, &none, HERE, Utc::now())
    });
    let results = join_all(guesses).await;
    let refused = results.iter().filter(|result| **result == Err(SignInError::Refused));
    assert_eq!(refused.count(), 5);
    let throttled = |result: &&Result<_, SignInError>| {
        matches!(
            result,
            Err(SignInError::Throttled {
                retry_after_seconds: 1..=901
            })
        )
    };
    assert_eq!(results.iter().filter(throttled).count(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_survives_a_restart_of_the_store_and_is_unavailable_meanwhile() {
    let mut server = RedisServer::start();
    let [access, other, _] = processes(&server);
    let (password, none) = (add_ada(&access).await, Secret::default());
    let signed_in = access.auth.logins().sign_in("ada", &password, &none, HERE, Utc::now());
    let operator = signed_in.await.unwrap();
    let (token, _) = access.auth.sessions().open(&operator, HERE, Utc::now()).await.unwrap();
    access.audit.record(entry("before".into())).await.unwrap();

    server.kill();
    assert!(access.auth.sessions().resume(&token, Utc::now()).await.is_err());
    let signed_in = access.auth.logins().sign_in("ada", &password, &none, HERE, Utc::now());
    assert!(matches!(signed_in.await, Err(SignInError::Unavailable(_))));
    let refused = access.audit.record(entry("meanwhile".into())).await.unwrap_err();
    assert!(!refused.to_string().contains("127.0.0.1"), "{refused}");

    server.resume();
    for access in [&access, &other] {
        let (record, operator) = access
            .auth
            .sessions()
            .resume(&token, Utc::now())
            .await
            .unwrap()
            .unwrap();
        assert_eq!((record.operator, operator.name), (ada(), ada()));
        access.audit.record(entry("after".into())).await.unwrap();
    }
    access.auth.sessions().close(&token).await.unwrap();
    assert_eq!(other.auth.sessions().resume(&token, Utc::now()).await, Ok(None));
    assert!(other.audit.verify().await.unwrap().entries >= 3);
}
