//! Compensations on Redis: the same scenarios, and connections that are cut during an append.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests say what they expect by panicking"
)]

#[path = "common/proxy.rs"]
mod proxy;
#[path = "common/redis.rs"]
mod redis_server;
#[path = "compensations/scenarios.rs"]
mod scenarios;

use ledgerscope::{
    compensations::{CompensationError, CompensationStores},
    domain::{compensation::case::CaseStatus, ids::LogName},
    event_log::open,
};
use proxy::Proxy;
use redis_server::RedisServer;
use scenarios::test_app::{TestApp, count, finance, id, impatient, preview};

fn redis() -> TestApp {
    let server = RedisServer::start();
    TestApp::redis(server.url(), server)
}

scenarios!(crate::redis());

/// Every connection is cut after a number of bytes, at any point of issuing. The answer is correct, and the money has
/// moved once or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cut_connection_never_moves_money_twice() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port()).await;
    let app = TestApp::redis(server.url(), server);
    let cut = |log: LogName| open(log, &proxy.url()).unwrap();
    let fred = finance("fred");
    let (mut answers, mut cuts) = (Vec::new(), 0);
    for number in 0..40_usize {
        let story = app.story(number).await;
        let stores = CompensationStores {
            wallet: cut(LogName::Wallet),
            order: cut(LogName::Order),
            compensation: cut(LogName::Compensation),
        };
        let compensations = app.compensations_on(stores, impatient());
        let (_, form) = preview(&compensations, &fred, &story.settle()).await;
        proxy.cut_after(i64::try_from(number).unwrap() * 167);
        let answer = compensations.issue(&fred, &form).await;
        cuts += usize::from(!proxy.is_due());
        proxy.cut_after(i64::MAX);
        let case = id(&form.case);
        if matches!(answer, Err(CompensationError::OutcomeUnknown { .. })) {
            app.recovering().recover().await.unwrap();
        }
        let end = app.status(&case).await;
        match &answer {
            Ok(named) => assert_eq!((named, end), (&case, Some(CaseStatus::Issued))),
            Err(CompensationError::OutcomeUnknown { .. }) => assert!(end.is_none_or(CaseStatus::is_final)),
            // A definite error means that there is no case.
            Err(_) => assert_eq!(end, None),
        }
        app.assert_settled(&story, end == Some(CaseStatus::Issued)).await;
        answers.push(answer.map_err(|error| error.to_string().split("CMP").next().unwrap_or_default().to_owned()));
    }
    println!("{cuts} cuts in {} issues: {:?}", answers.len(), count(answers));
    assert!(cuts > 20);
}
