//! The process dies, or a store stops answering, at any append of a case. Another process then ends the case as issued
//! or refused, the money has moved once or not at all, and the next try of the same person works.

use std::time::Duration;

use ledgerscope::{
    compensations::{CompensationError, Compensations, Requester},
    domain::{
        compensation::{case::CaseStatus, draft::Draft},
        ids::{EntityId, LogName},
    },
    views::compensations::Confirmation,
};
use serde_json::json;
use tokio::time::timeout;

use super::{
    spoiled::{Plan, Spoil},
    test_app::*,
};

/// More appends than any compensation makes.
const APPENDS_MAX: usize = 8;

/// Issues a form. `None` if the plan ends the process before the answer.
async fn issue_until(
    compensations: &Compensations,
    who: &Requester,
    form: &Confirmation,
    plan: &Plan,
) -> Option<Result<EntityId, CompensationError>> {
    tokio::select! {
        answer = compensations.issue(who, form) => Some(answer),
        () = plan.died.notified() => None,
    }
}

/// The commands that are tried, and how their results are checked.
enum Kind {
    TwoStreams,
    TwoStreamsUndone,
    OneStream,
}

impl Kind {
    fn draft(&self, story: &Story) -> Draft {
        match self {
            Self::TwoStreams | Self::TwoStreamsUndone => story.settle(),
            Self::OneStream => draft("credit_wallet", &story.wallet, "", "7"),
        }
    }

    /// For `TwoStreamsUndone`, somebody cancels the refund between the two steps.
    fn plan(&self, spoil: Spoil, at: usize, story: &Story) -> std::sync::Arc<Plan> {
        match self {
            Self::TwoStreamsUndone => {
                let canceled = foreign("order.refund_canceled", &json!({"refund": story.refund}));
                Plan::new(Some(spoil), at, vec![(LogName::Order, vec![canceled])])
            }
            _ => Plan::spoil(spoil, at),
        }
    }

    async fn check(&self, app: &TestApp, story: &Story, end: Option<CaseStatus>) {
        let issued = end == Some(CaseStatus::Issued);
        match self {
            Self::TwoStreams | Self::TwoStreamsUndone => app.assert_settled(story, issued).await,
            Self::OneStream => {
                let posted = app.wallet(&story.wallet).await.fold.state.posted.to_string();
                assert_eq!(posted, if issued { "57.00" } else { "50.00" });
            }
        }
    }
}

async fn dies_everywhere(app: &TestApp, kind: Kind, first_story: usize) {
    let fred = finance("fred");
    let (mut deaths, mut number) = (0, first_story);
    for spoil in [Spoil::DieBefore, Spoil::DieAfter] {
        for at in 0..APPENDS_MAX {
            let story = app.story(number).await;
            number += 1;
            let plan = kind.plan(spoil, at, &story);
            let compensations = app.compensations_on(plan.stores(app.stores()), impatient());
            let (_, form) = preview(&compensations, &fred, &kind.draft(&story)).await;
            let answer = issue_until(&compensations, &fred, &form, &plan).await;
            drop(compensations);
            let case = id(&form.case);
            let restarted = app.recovering();
            let found = restarted.recover().await.unwrap();
            assert_eq!(found.open, 0, "{spoil:?} {at}");
            let end = app.status(&case).await;
            assert!(end.is_none_or(CaseStatus::is_final), "{spoil:?} {at}: {end:?}");
            kind.check(app, &story, end).await;
            // A second recovering process finds no open case, and the same form leads to the same case.
            assert_eq!(app.recovering().recover().await.unwrap().ended, 0);
            if end.is_some() {
                assert_eq!(restarted.issue(&fred, &form).await, Ok(case));
                kind.check(app, &story, end).await;
            }
            if answer.is_some() {
                // The command made fewer appends than `at`.
                assert!(!plan.was_reached());
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths >= 6, "{deaths}");
    println!("died {deaths} times");
}

pub async fn a_case_on_two_streams_survives_a_death_at_any_append(app: TestApp) {
    dies_everywhere(&app, Kind::TwoStreams, 100).await;
}

pub async fn a_case_that_is_undone_survives_a_death_at_any_append(app: TestApp) {
    dies_everywhere(&app, Kind::TwoStreamsUndone, 200).await;
}

pub async fn a_case_on_one_stream_survives_a_death_at_any_append(app: TestApp) {
    dies_everywhere(&app, Kind::OneStream, 300).await;
}

/// The answer of one append is lost. The same process finds out whether it was appended.
pub async fn a_lost_answer_is_resolved(app: TestApp) {
    let fred = finance("fred");
    for (row, spoil) in [Spoil::LoseAnswer, Spoil::LoseQuestion].into_iter().enumerate() {
        for at in 0..6 {
            let story = app.story(400 + row * 10 + at).await;
            let plan = Plan::spoil(spoil, at);
            let compensations = app.compensations_on(plan.stores(app.stores()), impatient());
            let case = issue(&compensations, &fred, &story.settle()).await.unwrap();
            assert!(plan.was_reached());
            assert_eq!(app.status(&case).await, Some(CaseStatus::Issued), "{spoil:?} {at}");
            app.assert_settled(&story, true).await;
        }
    }
}

/// A store stops answering during an append. The case is reported as unknown, not as failed, and ends once the store
/// answers again.
pub async fn a_store_that_goes_silent_leaves_an_unknown_case_that_ends(app: TestApp) {
    let fred = finance("fred");
    for at in 0..4 {
        let story = app.story(500 + at).await;
        let plan = Plan::spoil(Spoil::GoSilent, at);
        let compensations = app.compensations_on(plan.stores(app.stores()), impatient());
        let (_, form) = preview(&compensations, &fred, &story.settle()).await;
        let answer = compensations.issue(&fred, &form).await;
        let case = id(&form.case);
        assert_eq!(
            answer,
            Err(CompensationError::OutcomeUnknown { case: case.clone() }),
            "{at}"
        );
        plan.heal();
        // The same process recovers the case without a grace period.
        let found = compensations.recover().await.unwrap();
        let end = app.status(&case).await;
        assert_eq!(found.open, 0);
        assert_eq!(end, (at > 0).then_some(CaseStatus::Issued), "{at}");
        app.assert_settled(&story, at > 0).await;
    }
}

/// The wallet's store is unavailable. Nothing can have been written, so the case is refused for good.
pub async fn a_store_that_is_away_refuses_the_case(app: TestApp) {
    let fred = finance("fred");
    let story = app.story(600).await;
    let plan = Plan::spoil(Spoil::GoAway, 2);
    let compensations = app.compensations_on(plan.stores(app.stores()), impatient());
    let case = issue(&compensations, &fred, &story.settle()).await.unwrap();
    assert_eq!(app.status(&case).await, Some(CaseStatus::Refused));
    assert!(app.limits.used(&fred.name).is_zero());
    plan.heal();
    assert_eq!(app.recovering().recover().await.unwrap().ended, 0);
    app.assert_settled(&story, false).await;
    // A refused try uses nothing up.
    let again = issue(&compensations, &fred, &story.settle()).await.unwrap();
    assert_eq!(app.status(&again).await, Some(CaseStatus::Issued));
    app.assert_settled(&story, true).await;
}

/// The order's store is unavailable after the wallet was credited. The background task finishes the case when the store
/// is back.
pub async fn run_finishes_what_a_store_interrupted(app: TestApp) {
    let fred = finance("fred");
    let story = app.story(700).await;
    let plan = Plan::spoil(Spoil::GoAway, 3);
    let compensations = app.compensations_on(plan.stores(app.stores()), impatient());
    let running = tokio::spawn({
        let compensations = std::sync::Arc::clone(&compensations);
        async move { compensations.run().await }
    });
    let (_, form) = preview(&compensations, &fred, &story.settle()).await;
    let case = id(&form.case);
    let answer = compensations.issue(&fred, &form).await;
    assert_eq!(answer, Err(CompensationError::OutcomeUnknown { case: case.clone() }));
    assert_eq!(app.standing(&story).await, 1);
    plan.heal();
    let ended = async {
        while app.status(&case).await != Some(CaseStatus::Issued) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(20), ended).await.unwrap();
    app.assert_settled(&story, true).await;
    running.abort();
}
