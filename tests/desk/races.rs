//! Many at once, over two desks on the same stores, as two processes would be: whatever they answer, the money moves once.
//! Each is a function of a bench, run on SQLite and on Redis.

use std::{sync::Arc, time::Instant};

use futures::future::join_all;
use ledgerscope::{
    desk::{Desk, DeskError, Who},
    domain::{
        access::Role,
        compensation::case::CaseStatus,
        ids::{EntityId, LogName},
    },
    views::compensations::Confirmation,
};

use super::bench::*;

const MANY: usize = 200;

/// Every form at once, each by one of the desks.
async fn all_at_once(desks: &[Arc<Desk>], who: &Who, forms: Vec<Confirmation>) -> Vec<Result<EntityId, DeskError>> {
    let tasks = forms.into_iter().zip(desks.iter().cycle()).map(|(form, desk)| {
        let (desk, who) = (Arc::clone(desk), who.clone());
        tokio::spawn(async move { desk.issue(&who, &form).await })
    });
    let answers = join_all(tasks).await;
    answers.into_iter().map(|answer| answer.unwrap()).collect()
}

async fn ends(bench: &Bench, cases: impl IntoIterator<Item = &String>) -> Vec<Option<CaseStatus>> {
    let mut ends = Vec::new();
    for case in cases {
        ends.push(bench.status(&id(case)).await);
    }
    ends
}

pub async fn one_form_sent_many_times_settles_once(bench: Bench) {
    let story = bench.story(1).await;
    let (desks, fred) = ([bench.desk(), bench.desk()], finance("fred"));
    let (_, form) = preview(&desks[0], &fred, &story.settle()).await;
    let begin = Instant::now();
    let answers = all_at_once(&desks, &fred, vec![form.clone(); MANY]).await;
    println!(
        "{MANY} times the same form: {:?}, {:?}",
        begin.elapsed(),
        count(&answers)
    );
    for answer in &answers {
        assert_eq!(answer.as_ref().map(EntityId::as_str), Ok(form.case.as_str()));
    }
    assert_eq!(bench.status(&id(&form.case)).await, Some(CaseStatus::Issued));
    bench.assert_settled(&story, true).await;
    assert_eq!(bench.limits.used(&fred.name).to_string(), "30.00");
}

pub async fn many_cases_settle_one_refund_once(bench: Bench) {
    let story = bench.story(1).await;
    let (desks, fred) = ([bench.desk(), bench.desk()], finance("fred"));
    let mut forms = Vec::new();
    for _ in 0..MANY {
        forms.push(preview(&desks[0], &fred, &story.settle()).await.1);
    }
    let cases: Vec<_> = forms.iter().map(|form| form.case.clone()).collect();
    let begin = Instant::now();
    let answers = all_at_once(&desks, &fred, forms).await;
    println!(
        "{MANY} cases settle one refund: {:?}, {:?}",
        begin.elapsed(),
        count(&answers)
    );
    let ends = ends(&bench, &cases).await;
    println!("the cases ended: {:?}", count(&ends));
    let issued = ends.iter().filter(|end| **end == Some(CaseStatus::Issued)).count();
    assert_eq!(issued, 1);
    // The others were refused, or never came to be a case.
    let over = |end: &Option<CaseStatus>| end.is_none_or(CaseStatus::is_final);
    assert!(ends.iter().all(over));
    bench.assert_settled(&story, true).await;
    assert_eq!(bench.limits.used(&fred.name).to_string(), "30.00");
}

pub async fn many_who_look_and_settle_settle_once(bench: Bench) {
    let story = bench.story(1).await;
    let (desks, fred) = ([bench.desk(), bench.desk()], finance("fred"));
    let begin = Instant::now();
    let tasks = (0..MANY).zip(desks.iter().cycle()).map(|(_, desk)| {
        let (desk, fred, draft) = (Arc::clone(desk), fred.clone(), story.settle());
        tokio::spawn(async move {
            let view = desk.form(&fred, &draft, &[]).await.unwrap();
            match confirmation(&draft, view.outcome) {
                Ok((_, form)) => desk.issue(&fred, &form).await.map(|_| "a case"),
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
    bench.assert_settled(&story, true).await;
}

pub async fn many_cases_reverse_one_entry_once(bench: Bench) {
    let story = bench.story(1).await;
    let (desks, fred) = ([bench.desk(), bench.desk()], finance("fred"));
    let entry = bench
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
        forms.push(preview(&desks[0], &fred, &draft).await.1);
    }
    let cases: Vec<_> = forms.iter().map(|form| form.case.clone()).collect();
    let begin = Instant::now();
    let answers = all_at_once(&desks, &fred, forms).await;
    println!(
        "{MANY} cases reverse one entry: {:?}, {:?}",
        begin.elapsed(),
        count(&answers)
    );
    let ends = ends(&bench, &cases).await;
    let issued = ends.iter().filter(|end| **end == Some(CaseStatus::Issued)).count();
    assert_eq!(issued, 1, "{:?}", count(&ends));
    let wallet = bench.wallet(&story.wallet).await;
    assert!(wallet.fold.complete, "{:?}", wallet.anomalies);
    assert_eq!(wallet.fold.state.posted.to_string(), "0.00");
    let reversals = wallet
        .steps
        .iter()
        .filter(|step| step.entry.fields.r#type() == Some("wallet.entry_reversed"));
    assert_eq!(reversals.count(), 1);
}

pub async fn a_days_limit_holds_over_two_desks(bench: Bench) {
    let desks = [bench.desk(), bench.desk()];
    let fred = who("fred", Role::Finance, &[("10", "55")]);
    let mut forms = Vec::new();
    for number in 0..20 {
        let wallet = format!("W-{number}");
        bench.given(LogName::Wallet, &wallet, &wallet_events()).await;
        forms.push(
            preview(&desks[0], &fred, &draft("credit_wallet", &wallet, "", "10"))
                .await
                .1,
        );
    }
    let cases: Vec<_> = forms.iter().map(|form| form.case.clone()).collect();
    let answers = all_at_once(&desks, &fred, forms).await;
    assert!(answers.iter().all(Result::is_ok), "{:?}", count(&answers));
    let ends = ends(&bench, &cases).await;
    let of = |status| ends.iter().filter(|end| **end == Some(status)).count();
    assert_eq!((of(CaseStatus::Issued), of(CaseStatus::Proposed)), (5, 15));
}
