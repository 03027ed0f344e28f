//! Four eyes: who may approve what, what an approval binds to, and who wins when two come at once.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use ledgerscope::{
    desk::{Desk, DeskError, Settings, Who},
    domain::{
        access::{Act, Role},
        compensation::case::{CaseRefusal, CaseStatus},
        ids::{EntityId, LogName},
    },
    views::{
        compensations::{Confirmation, Route},
        lists::{Count, ListQuery},
    },
};
use serde_json::json;

use super::bench::*;

async fn proposed(desk: &Desk, who: &Who, story: &Story) -> (EntityId, Confirmation) {
    let (_, form) = preview(desk, who, &story.settle()).await;
    let case = desk.issue(who, &form).await.unwrap();
    (case, form)
}

pub async fn a_proposal_waits_and_an_approval_issues_it(bench: Bench) {
    let story = bench.story(1).await;
    let (desk, sue, fred) = (bench.desk(), support("sue"), finance("fred"));
    let (preview, _) = preview(&desk, &sue, &story.settle()).await;
    assert_eq!(preview.route, Route::RoleProposes);
    let (case, form) = proposed(&desk, &sue, &story).await;
    assert_eq!(bench.status(&case).await, Some(CaseStatus::Proposed));
    bench.assert_settled(&story, false).await;
    let of = |operator: &str| ListQuery {
        operator: Some(operator.to_owned()),
        ..ListQuery::default()
    };
    let waiting = ListQuery {
        states: vec!["proposed".to_owned()],
        ..ListQuery::default()
    };
    for (query, expected) in [(waiting, 1), (of("sue"), 1), (of("fred"), 0)] {
        let page = desk.cases(&fred, &query).await.unwrap();
        assert_eq!(page.total, Count::Exactly(expected), "{query:?}");
    }
    // What a role can't approve does not wait for it, whoever proposed it.
    assert_eq!(desk.waiting_for(&support("sam")).await.unwrap(), 0);
    assert_eq!(desk.waiting_for(&fred).await, Ok(1));
    let view = desk.case(&fred, &case).await.unwrap();
    assert!(view.may_judge && view.news.is_empty() && !view.may_withdraw);

    let mut unproved = fred.clone();
    unproved.proved = false;
    let judgement = judgement(&case, &form);
    assert_eq!(desk.approve(&unproved, &judgement).await, Err(DeskError::ProofNeeded));
    assert_eq!(
        desk.approve(&sue, &judgement).await,
        Err(DeskError::Forbidden(Act::Approve))
    );
    let mut other = judgement.clone();
    other.command_hash = "0".repeat(64);
    assert_eq!(desk.approve(&fred, &other).await, Err(CaseRefusal::OtherCommand.into()));
    assert_eq!(desk.approve(&fred, &judgement).await, Ok(()));

    let state = bench.case(&case).await;
    assert_eq!(
        (state.status, state.judge.as_deref()),
        (Some(CaseStatus::Issued), Some("fred"))
    );
    bench.assert_settled(&story, true).await;
    // A second click is no second approval, and somebody else's comes too late.
    assert_eq!(desk.approve(&fred, &judgement).await, Ok(()));
    let late = desk.approve(&finance("fay"), &judgement).await;
    assert_eq!(
        late,
        Err(CaseRefusal::NotOpen {
            status: CaseStatus::Issued
        }
        .into())
    );
    assert_eq!(desk.waiting_for(&fred).await, Ok(0));
    let credit = &bench.entries(LogName::Wallet, &story.wallet).await[2].fields;
    assert_eq!(credit.actor(), Some("sue"));
    assert_eq!(credit.correlationid(), Some(case.as_str()));
    let approved = bench.entries(LogName::Compensation, case.as_str()).await[1]
        .fields
        .id()
        .map(str::to_owned);
    assert_eq!(credit.causationid(), approved.as_deref());
}

pub async fn nobody_approves_their_own(bench: Bench) {
    let story = bench.story(1).await;
    let desks = [bench.desk(), bench.desk()];
    let mut fred = finance("fred");
    fred.limits.clear();
    let (case, form) = proposed(&desks[0], &fred, &story).await;
    // From any session, many at once, on any process.
    let tries = (0..20).zip(desks.iter().cycle()).map(|(number, desk)| {
        let mut who = fred.clone();
        who.session = Some(format!("session {number}"));
        let judgement = judgement(&case, &form);
        async move { desk.approve(&who, &judgement).await }
    });
    for answer in join_all(tries).await {
        assert_eq!(answer, Err(CaseRefusal::OwnProposal.into()));
    }
    let view = desks[0].case(&fred, &case).await.unwrap();
    assert!(!view.may_judge && view.may_withdraw);
    assert_eq!(bench.status(&case).await, Some(CaseStatus::Proposed));
    // Not even an event that somebody put into the log for them counts.
    let mut forged = foreign("compensation.approved", &json!({"command_hash": form.command_hash}));
    forged.actor = Some("fred".to_owned());
    let mut unsigned = foreign("compensation.approved", &json!({"command_hash": form.command_hash}));
    unsigned.actor = None;
    let log = bench.log(LogName::Compensation);
    let any = ledgerscope::event_log::Expected::Any;
    log.append(&case, any, &[forged, unsigned]).await.unwrap();
    assert_eq!(bench.recovering().recover().await.unwrap().ended, 0);
    bench.assert_settled(&story, false).await;
    assert_eq!(
        desks[0].approve(&finance("fay"), &judgement(&case, &form)).await,
        Ok(())
    );
    bench.assert_settled(&story, true).await;
}

/// The proposer takes it back while two others approve and a third declines: one of them wins, and all agree on who.
pub async fn approvals_raced_by_withdrawal_and_decline(bench: Bench) {
    let sue = support("sue");
    let mut won = Vec::new();
    for round in 0..12 {
        let story = bench.story(round).await;
        let desks = [bench.desk(), bench.desk()];
        let (case, form) = proposed(&desks[0], &sue, &story).await;
        let spawn = |desk: &Arc<Desk>, name: &'static str| {
            let (desk, case, judgement, sue) = (Arc::clone(desk), case.clone(), judgement(&case, &form), sue.clone());
            // An approval reads more before it writes, so that the others have to wait now and then for it to win.
            let pause = Duration::from_millis(if matches!(name, "sue" | "dora") {
                round as u64
            } else {
                0
            });
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                match name {
                    "sue" => desk.withdraw(&sue, &case, "a mistake").await,
                    "dora" => desk.decline(&finance("dora"), &judgement).await,
                    name => desk.approve(&finance(name), &judgement).await,
                }
            })
        };
        // Who is first in line changes.
        let mut names = ["fred", "fay", "sue", "dora"];
        names.rotate_left(round % 4);
        let tries = (0..).zip(names).map(|(number, name)| spawn(&desks[number % 2], name));
        let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<_> = names
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_ok())
            .collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        let state = bench.case(&case).await;
        let expected = match *winners[0].0 {
            "sue" => CaseStatus::Withdrawn,
            "dora" => CaseStatus::Declined,
            _ => CaseStatus::Issued,
        };
        assert_eq!(state.status, Some(expected));
        bench.assert_settled(&story, expected == CaseStatus::Issued).await;
        let entries = bench.entries(LogName::Compensation, case.as_str()).await;
        let of_people = if expected == CaseStatus::Issued { 3 } else { 2 };
        assert_eq!(entries.len(), of_people, "one judgement and one end at most");
        won.push(expected);
    }
    println!("won: {:?}", count(won));
}

pub async fn two_approvers_at_once_issue_once(bench: Bench) {
    let story = bench.story(1).await;
    let desks = [bench.desk(), bench.desk()];
    let (case, form) = proposed(&desks[0], &support("sue"), &story).await;
    let judgement = judgement(&case, &form);
    let tries = (0..20).zip(desks.iter().cycle()).map(|(number, desk)| {
        let (desk, judgement) = (Arc::clone(desk), judgement.clone());
        tokio::spawn(async move { desk.approve(&finance(&format!("f{}", number % 2)), &judgement).await })
    });
    let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    // Every click of the one, none of the other.
    assert_eq!(
        answers.iter().filter(|answer| answer.is_ok()).count(),
        10,
        "{answers:?}"
    );
    bench.assert_settled(&story, true).await;
}

pub async fn an_approval_lapses_where_the_position_moved(bench: Bench) {
    let story = bench.story(1).await;
    let (desk, sue, fred) = (bench.desk(), support("sue"), finance("fred"));
    let (case, form) = proposed(&desk, &sue, &story).await;
    bench
        .given(
            LogName::Wallet,
            &story.wallet,
            &[("wallet.frozen", json!({"reason": "x"}))],
        )
        .await;
    assert_eq!(desk.case(&fred, &case).await.unwrap().news.len(), 1);
    assert_eq!(
        desk.approve(&fred, &judgement(&case, &form)).await,
        Err(DeskError::Moved)
    );
    assert_eq!(bench.status(&case).await, Some(CaseStatus::Lapsed));
    bench.assert_settled(&story, false).await;
}

pub async fn a_proposal_lapses_when_its_time_runs_out(bench: Bench) {
    fn later() -> DateTime<Utc> {
        Utc::now() + TimeDelta::hours(72) + TimeDelta::minutes(1)
    }
    let story = bench.story(1).await;
    let (desk, sue, fred) = (bench.desk(), support("sue"), finance("fred"));
    let (case, form) = proposed(&desk, &sue, &story).await;
    assert_eq!(desk.recover().await.unwrap().lapsed, 0);
    let settings = Settings {
        clock: later,
        ..Settings::default()
    };
    let tomorrow = bench.desk_on(bench.stores(), settings);
    let late = tomorrow.approve(&fred, &judgement(&case, &form)).await;
    assert_eq!(late, Err(CaseRefusal::Expired.into()));
    assert_eq!(tomorrow.recover().await.unwrap().lapsed, 1);
    assert_eq!(bench.status(&case).await, Some(CaseStatus::Lapsed));
    bench.assert_settled(&story, false).await;
}

pub async fn limits_send_it_to_a_second_person(bench: Bench) {
    let story = bench.story(1).await;
    let desk = bench.desk();
    let route = async |who: &Who, amount: &str| {
        preview(&desk, who, &draft("credit_wallet", &story.wallet, "", amount))
            .await
            .0
            .route
    };
    let fred = who("fred", Role::Finance, &[("20", "50")]);
    assert_eq!(route(&fred, "20").await, Route::Issue);
    assert_eq!(route(&fred, "20.01").await, Route::AboveSingle { limit: euros("20") });
    for _ in 0..2 {
        issue(&desk, &fred, &draft("credit_wallet", &story.wallet, "", "20"))
            .await
            .unwrap();
    }
    assert_eq!(route(&fred, "20").await, Route::AboveDaily { limit: euros("50") });
    assert_eq!(route(&fred, "10").await, Route::Issue);
    let none = who("nora", Role::Finance, &[]);
    let currency = "EUR".parse().unwrap();
    assert_eq!(route(&none, "1").await, Route::NoLimit { currency });
    // Spent already: taking it back makes the wallet negative, which nobody does alone.
    let spent = json!({"amount": eur("85"), "kind": "purchase"});
    bench
        .given(LogName::Wallet, &story.wallet, &[("wallet.debited", spent)])
        .await;
    let entry = bench.entries(LogName::Wallet, &story.wallet).await[1]
        .fields
        .id()
        .unwrap()
        .to_owned();
    let reversal = draft("reverse_entry", &story.wallet, &entry, "");
    assert_eq!(
        preview(&desk, &finance("fay"), &reversal).await.0.route,
        Route::Doubtful
    );
    let case = issue(&desk, &finance("fay"), &reversal).await.unwrap();
    assert_eq!(bench.status(&case).await, Some(CaseStatus::Proposed));
    let viewer = who("vic", Role::Viewer, &[]);
    assert_eq!(
        desk.form(&viewer, &reversal, &[]).await,
        Err(DeskError::Forbidden(Act::Propose))
    );
    let admin = who("adam", Role::Admin, &[]);
    assert_eq!(desk.case(&admin, &case).await, Err(DeskError::Forbidden(Act::Read)));
}
