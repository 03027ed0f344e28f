//! Many requests at once, over two processes on the same stores: whatever they answer, the money moves once. Each
//! scenario is a function of a `TestApp`, and runs on SQLite and on Redis.

use std::{sync::Arc, time::Instant};

use futures::future::join_all;
use ledgerscope::{
    compensations::{CompensationError, Compensations, Requester},
    domain::{
        access::Role,
        compensation::case::CaseStatus,
        ids::{EntityId, LogName},
    },
    views::compensations::Confirmation,
};

use super::test_app::*;

const MANY: usize = 200;

/// Issues every form at once, alternating between the processes.
async fn all_at_once(
    processes: &[Arc<Compensations>],
    who: &Requester,
    forms: Vec<Confirmation>,
) -> Vec<Result<EntityId, CompensationError>> {
    let tasks = forms
        .into_iter()
        .zip(processes.iter().cycle())
        .map(|(form, compensations)| {
            let (compensations, who) = (Arc::clone(compensations), who.clone());
            tokio::spawn(async move { compensations.issue(&who, &form).await })
        });
    let answers = join_all(tasks).await;
    answers.into_iter().map(|answer| answer.unwrap()).collect()
}

async fn ends(app: &TestApp, cases: impl IntoIterator<Item = &String>) -> Vec<Option<CaseStatus>> {
    let mut ends = Vec::new();
    for case in cases {
        ends.push(app.status(&id(case)).await);
    }
    ends
}

pub async fn one_form_sent_many_times_settles_once(app: TestApp) {
    let story = app.story(1).await;
    let (processes, fred) = ([app.compensations(), app.compensations()], finance("fred"));
    let (_, form) = preview(&processes[0], &fred, &story.settle()).await;
    let begin = Instant::now();
    let answers = all_at_once(&processes, &fred, vec![form.clone(); MANY]).await;
    println!(
        "{MANY} times the same form: {:?}, {:?}",
        begin.elapsed(),
        count(&answers)
    );
    for answer in &answers {
        assert_eq!(answer.as_ref().map(EntityId::as_str), Ok(form.case.as_str()));
    }
    assert_eq!(app.status(&id(&form.case)).await, Some(CaseStatus::Issued));
    app.assert_settled(&story, true).await;
    assert_eq!(app.limits.used(&fred.name).to_string(), "30.00");
}

pub async fn many_cases_settle_one_refund_once(app: TestApp) {
    let story = app.story(1).await;
    let (processes, fred) = ([app.compensations(), app.compensations()], finance("fred"));
    let mut forms = Vec::new();
    for _ in 0..MANY {
        forms.push(preview(&processes[0], &fred, &story.settle()).await.1);
    }
    let cases: Vec<_> = forms.iter().map(|form| form.case.clone()).collect();
    let begin = Instant::now();
    let answers = all_at_once(&processes, &fred, forms).await;
    println!(
        "{MANY} cases settle one refund: {:?}, {:?}",
        begin.elapsed(),
        count(&answers)
    );
    let ends = ends(&app, &cases).await;
    println!("the cases ended: {:?}", count(&ends));
    let issued = ends.iter().filter(|end| **end == Some(CaseStatus::Issued)).count();
    assert_eq!(issued, 1);
    // The others were refused, or no case was created for them.
    let over = |end: &Option<CaseStatus>| end.is_none_or(CaseStatus::is_final);
    assert!(ends.iter().all(over));
    app.assert_settled(&story, true).await;
    assert_eq!(app.limits.used(&fred.name).to_string(), "30.00");
}

pub async fn many_previews_and_settlements_settle_once(app: TestApp) {
    let story = app.story(1).await;
    let (processes, fred) = ([app.compensations(), app.compensations()], finance("fred"));
    let begin = Instant::now();
    let tasks = (0..MANY).zip(processes.iter().cycle()).map(|(_, compensations)| {
        let (compensations, fred, draft) = (Arc::clone(compensations), fred.clone(), story.settle());
        tokio::spawn(async move {
            let view = compensations.form(&fred, &draft, &[]).await.unwrap();
            match confirmation(&draft, view.outcome) {
                Ok((_, form)) => compensations.issue(&fred, &form).await.map(|_| "a case"),
                Err(_) => Ok("nothing left to settle"),
            }
        })
    });
    let answers: Vec<_> = join_all(tasks)
        .await
        .into_iter()
        .map(|answer| answer.unwrap())
        .collect();
    println!("{MANY} look and settle: {:?}, {:?}", begin.elapsed(), count(&answers));
    app.assert_settled(&story, true).await;
}

pub async fn many_cases_reverse_one_entry_once(app: TestApp) {
    let story = app.story(1).await;
    let (processes, fred) = ([app.compensations(), app.compensations()], finance("fred"));
    let entry = app
        .wallet(&story.wallet)
        .await
        .fold
        .state
        .postings
        .keys()
        .next()
        .unwrap()
        .clone();
    let draft = draft("reverse_entry", &story.wallet, &entry, "");
    let mut forms = Vec::new();
    for _ in 0..MANY {
        forms.push(preview(&processes[0], &fred, &draft).await.1);
    }
    let cases: Vec<_> = forms.iter().map(|form| form.case.clone()).collect();
    let begin = Instant::now();
    let answers = all_at_once(&processes, &fred, forms).await;
    println!(
        "{MANY} cases reverse one entry: {:?}, {:?}",
        begin.elapsed(),
        count(&answers)
    );
    let ends = ends(&app, &cases).await;
    let issued = ends.iter().filter(|end| **end == Some(CaseStatus::Issued)).count();
    assert_eq!(issued, 1, "{:?}", count(&ends));
    let wallet = app.wallet(&story.wallet).await;
    assert!(wallet.fold.complete, "{:?}", wallet.anomalies);
    assert_eq!(wallet.fold.state.posted.to_string(), "0.00");
    let reversals = wallet
        .steps
        .iter()
        .filter(|step| step.entry.fields.r#type() == Some("wallet.entry_reversed"));
    assert_eq!(reversals.count(), 1);
}

pub async fn a_days_limit_holds_over_two_processes(app: TestApp) {
    let processes = [app.compensations(), app.compensations()];
    let fred = who("fred", Role::Finance, &[("10", "55")]);
    let mut forms = Vec::new();
    for number in 0..20 {
        let wallet = format!("W-{number}");
        app.given(LogName::Wallet, &wallet, &wallet_events()).await;
        forms.push(
            preview(&processes[0], &fred, &draft("credit_wallet", &wallet, "", "10"))
                .await
                .1,
        );
    }
    let cases: Vec<_> = forms.iter().map(|form| form.case.clone()).collect();
    let answers = all_at_once(&processes, &fred, forms).await;
    assert!(answers.iter().all(Result::is_ok), "{:?}", count(&answers));
    let ends = ends(&app, &cases).await;
    let of = |status| ends.iter().filter(|end| **end == Some(status)).count();
    assert_eq!((of(CaseStatus::Issued), of(CaseStatus::Proposed)), (5, 15));
}
