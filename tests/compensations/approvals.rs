//! Approvals: who may approve, what an approval is bound to, and which of several concurrent decisions wins.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use ledgerscope::{
    compensations::{CompensationError, Compensations, Requester, Settings},
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

use super::test_app::*;

async fn proposed(compensations: &Compensations, who: &Requester, story: &Story) -> (EntityId, Confirmation) {
    let (_, form) = preview(compensations, who, &story.settle()).await;
    let case = compensations.issue(who, &form).await.unwrap();
    (case, form)
}

pub async fn a_proposal_waits_and_an_approval_issues_it(app: TestApp) {
    let story = app.story(1).await;
    let (compensations, sue, fred) = (app.compensations(), support("sue"), finance("fred"));
    let (preview, _) = preview(&compensations, &sue, &story.settle()).await;
    assert_eq!(preview.route, Route::RoleProposes);
    let (case, form) = proposed(&compensations, &sue, &story).await;
    assert_eq!(app.status(&case).await, Some(CaseStatus::Proposed));
    app.assert_settled(&story, false).await;
    let of = |operator: &str| ListQuery {
        operator: Some(operator.to_owned()),
        ..ListQuery::default()
    };
    let waiting = ListQuery {
        states: vec!["proposed".to_owned()],
        ..ListQuery::default()
    };
    for (query, expected) in [(waiting, 1), (of("sue"), 1), (of("fred"), 0)] {
        let page = compensations.cases(&fred, &query).await.unwrap();
        assert_eq!(page.total, Count::Exactly(expected), "{query:?}");
    }
    // A case that a role can't approve is not counted as waiting for it, whoever proposed it.
    assert_eq!(compensations.waiting_for(&support("sam")).await.unwrap(), 0);
    assert_eq!(compensations.waiting_for(&fred).await, Ok(1));
    let view = compensations.case(&fred, &case).await.unwrap();
    assert!(view.can_decide && view.news.is_empty() && !view.can_withdraw);

    let mut unproved = fred.clone();
    unproved.proved = false;
    let decision = decision(&case, &form);
    assert_eq!(
        compensations.approve(&unproved, &decision).await,
        Err(CompensationError::ProofNeeded)
    );
    assert_eq!(
        compensations.approve(&sue, &decision).await,
        Err(CompensationError::Forbidden(Act::Approve))
    );
    let mut other = decision.clone();
    other.command_hash = "0".repeat(64);
    assert_eq!(
        compensations.approve(&fred, &other).await,
        Err(CaseRefusal::OtherCommand.into())
    );
    assert_eq!(compensations.approve(&fred, &decision).await, Ok(()));

    let state = app.case(&case).await;
    assert_eq!(
        (state.status, state.decided_by.as_deref()),
        (Some(CaseStatus::Issued), Some("fred"))
    );
    app.assert_settled(&story, true).await;
    // A repeated click is not a second approval, and the approval of another person is too late.
    assert_eq!(compensations.approve(&fred, &decision).await, Ok(()));
    let late = compensations.approve(&finance("fay"), &decision).await;
    assert_eq!(
        late,
        Err(CaseRefusal::NotOpen {
            status: CaseStatus::Issued
        }
        .into())
    );
    assert_eq!(compensations.waiting_for(&fred).await, Ok(0));
    let credit = &app.entries(LogName::Wallet, &story.wallet).await[2].fields;
    assert_eq!(credit.actor(), Some("sue"));
    assert_eq!(credit.correlationid(), Some(case.as_str()));
    let approved = app.entries(LogName::Compensation, case.as_str()).await[1]
        .fields
        .id()
        .map(str::to_owned);
    assert_eq!(credit.causationid(), approved.as_deref());
}

pub async fn proposers_cannot_approve_their_own_cases(app: TestApp) {
    let story = app.story(1).await;
    let processes = [app.compensations(), app.compensations()];
    let mut fred = finance("fred");
    fred.limits.clear();
    let (case, form) = proposed(&processes[0], &fred, &story).await;
    // From any session, many at once, in any process.
    let tries = (0..20).zip(processes.iter().cycle()).map(|(number, compensations)| {
        let mut who = fred.clone();
        who.session = Some(format!("session {number}"));
        let decision = decision(&case, &form);
        async move { compensations.approve(&who, &decision).await }
    });
    for answer in join_all(tries).await {
        assert_eq!(answer, Err(CaseRefusal::OwnProposal.into()));
    }
    let view = processes[0].case(&fred, &case).await.unwrap();
    assert!(!view.can_decide && view.can_withdraw);
    assert_eq!(app.status(&case).await, Some(CaseStatus::Proposed));
    // Events that somebody else appends to the log in their name do not count either.
    let mut forged = foreign("compensation.approved", &json!({"command_hash": form.command_hash}));
    forged.actor = Some("fred".to_owned());
    let mut unsigned = foreign("compensation.approved", &json!({"command_hash": form.command_hash}));
    unsigned.actor = None;
    let log = app.log(LogName::Compensation);
    let any = ledgerscope::event_log::Expected::Any;
    log.append(&case, any, &[forged, unsigned]).await.unwrap();
    assert_eq!(app.recovering().recover().await.unwrap().ended, 0);
    app.assert_settled(&story, false).await;
    assert_eq!(
        processes[0].approve(&finance("fay"), &decision(&case, &form)).await,
        Ok(())
    );
    app.assert_settled(&story, true).await;
}

/// The proposer withdraws while two others approve and a third declines. Exactly one of them wins, and all answers
/// agree on the winner.
pub async fn approvals_raced_by_withdrawal_and_decline(app: TestApp) {
    let sue = support("sue");
    let mut won = Vec::new();
    for round in 0..12 {
        let story = app.story(round).await;
        let processes = [app.compensations(), app.compensations()];
        let (case, form) = proposed(&processes[0], &sue, &story).await;
        let spawn = |compensations: &Arc<Compensations>, name: &'static str| {
            let (compensations, case, decision, sue) = (
                Arc::clone(compensations),
                case.clone(),
                decision(&case, &form),
                sue.clone(),
            );
            // An approval reads more before it writes. The others wait in some rounds, so that an approval wins now and
            // then.
            let pause = Duration::from_millis(if matches!(name, "sue" | "dora") {
                round as u64
            } else {
                0
            });
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                match name {
                    "sue" => compensations.withdraw(&sue, &case, "a mistake").await,
                    "dora" => compensations.decline(&finance("dora"), &decision).await,
                    name => compensations.approve(&finance(name), &decision).await,
                }
            })
        };
        // Each round starts with another person.
        let mut names = ["fred", "fay", "sue", "dora"];
        names.rotate_left(round % 4);
        let tries = (0..)
            .zip(names)
            .map(|(number, name)| spawn(&processes[number % 2], name));
        let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<_> = names
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_ok())
            .collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        let state = app.case(&case).await;
        let expected = match *winners[0].0 {
            "sue" => CaseStatus::Withdrawn,
            "dora" => CaseStatus::Declined,
            _ => CaseStatus::Issued,
        };
        assert_eq!(state.status, Some(expected));
        app.assert_settled(&story, expected == CaseStatus::Issued).await;
        let entries = app.entries(LogName::Compensation, case.as_str()).await;
        let of_people = if expected == CaseStatus::Issued { 3 } else { 2 };
        assert_eq!(entries.len(), of_people, "one decision and one end at most");
        won.push(expected);
    }
    println!("won: {:?}", count(won));
}

pub async fn two_approvers_at_once_issue_once(app: TestApp) {
    let story = app.story(1).await;
    let processes = [app.compensations(), app.compensations()];
    let (case, form) = proposed(&processes[0], &support("sue"), &story).await;
    let decision = decision(&case, &form);
    let tries = (0..20).zip(processes.iter().cycle()).map(|(number, compensations)| {
        let (compensations, decision) = (Arc::clone(compensations), decision.clone());
        tokio::spawn(async move {
            compensations
                .approve(&finance(&format!("f{}", number % 2)), &decision)
                .await
        })
    });
    let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    // All clicks of one approver succeed, none of the other's.
    assert_eq!(
        answers.iter().filter(|answer| answer.is_ok()).count(),
        10,
        "{answers:?}"
    );
    app.assert_settled(&story, true).await;
}

pub async fn an_approval_lapses_if_the_streams_moved(app: TestApp) {
    let story = app.story(1).await;
    let (compensations, sue, fred) = (app.compensations(), support("sue"), finance("fred"));
    let (case, form) = proposed(&compensations, &sue, &story).await;
    app.given(
        LogName::Wallet,
        &story.wallet,
        &[("wallet.frozen", json!({"reason": "x"}))],
    )
    .await;
    assert_eq!(compensations.case(&fred, &case).await.unwrap().news.len(), 1);
    assert_eq!(
        compensations.approve(&fred, &decision(&case, &form)).await,
        Err(CompensationError::Moved)
    );
    assert_eq!(app.status(&case).await, Some(CaseStatus::Lapsed));
    app.assert_settled(&story, false).await;
}

pub async fn a_proposal_lapses_when_its_time_runs_out(app: TestApp) {
    fn later() -> DateTime<Utc> {
        Utc::now() + TimeDelta::hours(72) + TimeDelta::minutes(1)
    }
    let story = app.story(1).await;
    let (compensations, sue, fred) = (app.compensations(), support("sue"), finance("fred"));
    let (case, form) = proposed(&compensations, &sue, &story).await;
    assert_eq!(compensations.recover().await.unwrap().lapsed, 0);
    let settings = Settings {
        clock: later,
        ..Settings::default()
    };
    let tomorrow = app.compensations_on(app.stores(), settings);
    let late = tomorrow.approve(&fred, &decision(&case, &form)).await;
    assert_eq!(late, Err(CaseRefusal::Expired.into()));
    assert_eq!(tomorrow.recover().await.unwrap().lapsed, 1);
    assert_eq!(app.status(&case).await, Some(CaseStatus::Lapsed));
    app.assert_settled(&story, false).await;
}

pub async fn amounts_above_the_limits_need_a_second_person(app: TestApp) {
    let story = app.story(1).await;
    let compensations = app.compensations();
    let route = async |who: &Requester, amount: &str| {
        preview(&compensations, who, &draft("credit_wallet", &story.wallet, "", amount))
            .await
            .0
            .route
    };
    let fred = who("fred", Role::Finance, &[("20", "50")]);
    assert_eq!(route(&fred, "20").await, Route::Issue);
    assert_eq!(route(&fred, "20.01").await, Route::AboveSingle { limit: euros("20") });
    for _ in 0..2 {
        issue(&compensations, &fred, &draft("credit_wallet", &story.wallet, "", "20"))
            .await
            .unwrap();
    }
    assert_eq!(route(&fred, "20").await, Route::AboveDaily { limit: euros("50") });
    assert_eq!(route(&fred, "10").await, Route::Issue);
    let none = who("nora", Role::Finance, &[]);
    let currency = "EUR".parse().unwrap();
    assert_eq!(route(&none, "1").await, Route::NoLimit { currency });
    // The credit is spent already. Reversing it makes the wallet negative, which needs a second person.
    let spent = json!({"amount": eur("85"), "kind": "purchase"});
    app.given(LogName::Wallet, &story.wallet, &[("wallet.debited", spent)])
        .await;
    let entry = app.entries(LogName::Wallet, &story.wallet).await[1]
        .fields
        .id()
        .unwrap()
        .to_owned();
    let reversal = draft("reverse_entry", &story.wallet, &entry, "");
    assert_eq!(
        preview(&compensations, &finance("fay"), &reversal).await.0.route,
        Route::Doubtful
    );
    let case = issue(&compensations, &finance("fay"), &reversal).await.unwrap();
    assert_eq!(app.status(&case).await, Some(CaseStatus::Proposed));
    let viewer = who("vic", Role::Viewer, &[]);
    assert_eq!(
        compensations.form(&viewer, &reversal, &[]).await,
        Err(CompensationError::Forbidden(Act::Propose))
    );
    let admin = who("adam", Role::Admin, &[]);
    assert_eq!(
        compensations.case(&admin, &case).await,
        Err(CompensationError::Forbidden(Act::Read))
    );
}
