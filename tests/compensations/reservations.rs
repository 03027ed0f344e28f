//! What keeps a refund from being credited twice over all wallets and dashboards: the answer of the read model, the
//! second person where that answer is not certain, and the reservation in the compensation store.

use data_encoding::BASE32_NOPAD;
use ledgerscope::{
    compensations::{CompensationError, Compensations},
    domain::{
        compensation::{
            case::CaseStatus,
            decide::{Uncertain, Warning},
        },
        ids::LogName,
    },
    views::compensations::Route,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    spoiled::{Plan, Spoil},
    test_app::*,
};

/// The number of the append that credits the wallet: after the proposal and the reservation.
const CREDIT: usize = 2;

/// The stream of a refund's reservations, computed from the contract.
fn stream_of(story: &Story) -> String {
    let name = json!([story.order, story.refund]).to_string();
    format!("PAY-{}", BASE32_NOPAD.encode(&Sha256::digest(name)))
}

/// The types of the events in a refund's reservation, each with its case.
async fn reservation(app: &TestApp, story: &Story) -> Vec<(String, String)> {
    let entries = app.entries(LogName::Compensation, &stream_of(story)).await;
    let event = |entry: &ledgerscope::domain::event::Entry| {
        let data: serde_json::Value = serde_json::from_str(entry.fields.data().unwrap()).unwrap();
        (
            entry.fields.r#type().unwrap().to_owned(),
            data["case"].as_str().unwrap().to_owned(),
        )
    };
    entries.iter().map(event).collect()
}

pub async fn a_settled_refund_was_reserved_and_released(app: TestApp) {
    let story = app.story(1).await;
    let fred = finance("fred");
    let case = issue(&app.compensations(), &fred, &story.settle()).await.unwrap();
    app.assert_settled(&story, true).await;
    let event = |kind: &str| (kind.to_owned(), case.to_string());
    assert_eq!(
        reservation(&app, &story).await,
        [event("refund.reserved"), event("refund.released")]
    );
    // Other commands reserve nothing.
    let other = app.story(2).await;
    let retry = draft("cancel_refund", &other.order, &other.refund, "");
    issue(&app.compensations(), &fred, &retry).await.unwrap();
    assert_eq!(reservation(&app, &other).await, []);
}

/// A process dies after it reserved a refund, or after it credited the wallet. Another dashboard settles the same refund.
pub async fn a_crashed_case_is_finished_by_the_next_one(app: TestApp) {
    for (number, at) in [(1, CREDIT), (2, CREDIT + 1)] {
        let story = app.story(number).await;
        let fred = finance("fred");
        let plan = Plan::spoil(Spoil::DieBefore, at);
        let dying = app.compensations_on(plan.stores(app.stores()), impatient());
        let (_, first) = preview(&dying, &fred, &story.settle()).await;
        tokio::select! {
            answer = dying.issue(&fred, &first) => panic!("{answer:?}"),
            () = plan.died.notified() => {}
        }
        assert_eq!(reservation(&app, &story).await.len(), 1);
        // The grace time of the first case is over at once, so this one does not wait for its end.
        let (_, second) = preview(&app.recovering(), &fred, &story.settle()).await;
        let answer = app.recovering().issue(&fred, &second).await;
        assert_eq!(
            answer,
            Err(CompensationError::Moved),
            "{at}: {:?}",
            app.case(&id(&second.case)).await
        );
        let first_end = app.status(&id(&first.case)).await;
        assert_eq!(first_end, Some(CaseStatus::Issued), "{at}");
        app.assert_settled(&story, true).await;
    }
}

/// The reservation of a case that has ended is void, also if it was never released.
pub async fn the_reservation_of_an_ended_case_blocks_nobody(app: TestApp) {
    let story = app.story(1).await;
    let fred = finance("fred");
    let plan = Plan::spoil(Spoil::DieBefore, CREDIT);
    let dying = app.compensations_on(plan.stores(app.stores()), impatient());
    let (_, first) = preview(&dying, &fred, &story.settle()).await;
    tokio::select! {
        answer = dying.issue(&fred, &first) => panic!("{answer:?}"),
        () = plan.died.notified() => {}
    }
    // The wallet moves, so recovery refuses the case. It dies before the release.
    app.given(
        LogName::Wallet,
        &story.wallet,
        &[("wallet.credited", json!({"amount": eur("1"), "kind": "top_up"}))],
    )
    .await;
    let plan = Plan::spoil(Spoil::DieAfter, 2);
    let settings = ledgerscope::compensations::Settings {
        grace: chrono::TimeDelta::zero(),
        ..impatient()
    };
    let recovering = app.compensations_on(plan.stores(app.stores()), settings);
    tokio::select! {
        answer = recovering.recover() => drop(answer),
        () = plan.died.notified() => {}
    }
    assert_eq!(app.status(&id(&first.case)).await, Some(CaseStatus::Refused));
    let case = issue(&app.compensations(), &fred, &story.settle()).await.unwrap();
    assert_eq!(app.status(&case).await, Some(CaseStatus::Issued));
    assert_eq!(app.standing(&story).await, 1);
}

pub async fn uncertain_credits_need_a_second_person(app: TestApp) {
    let all = [
        Uncertain::Loading,
        Uncertain::Down,
        Uncertain::ReadModel,
        Uncertain::Behind,
        Uncertain::Unfed,
        Uncertain::Unchecked,
        Uncertain::Unreadable,
    ];
    let (fred, fiona) = (finance("fred"), finance("fiona"));
    for (number, why) in (1..).zip(all) {
        let story = app.story(number).await;
        let compensations = app.compensations_that_know(&[(&[], Some(why))]);
        let (shown, form) = preview(&compensations, &fred, &story.settle()).await;
        assert_eq!(shown.route, Route::Doubtful, "{why}");
        assert!(shown.warnings.contains(&Warning::CreditsUncertain { why }), "{why}");
        let case = compensations.issue(&fred, &form).await.unwrap();
        assert_eq!(app.status(&case).await, Some(CaseStatus::Proposed), "{why}");
        app.assert_settled(&story, false).await;
        compensations.approve(&fiona, &decision(&case, &form)).await.unwrap();
        app.assert_settled(&story, true).await;
    }
}

/// The answer becomes uncertain after the preview: before the issue, after the reservation, or before an approval.
pub async fn credits_that_become_uncertain_stop_an_issue(app: TestApp) {
    let (fred, fiona, sue) = (finance("fred"), finance("fiona"), support("sue"));
    let lost = (&[][..], Some(Uncertain::Down));
    // Before the issue: the form becomes a proposal.
    let story = app.story(1).await;
    let compensations = app.compensations_that_know(&[(&[], None), lost]);
    let case = issue(&compensations, &fred, &story.settle()).await.unwrap();
    assert_eq!(app.status(&case).await, Some(CaseStatus::Proposed));
    app.assert_settled(&story, false).await;
    // After the reservation: the case is refused, and nothing was appended.
    let story = app.story(2).await;
    let compensations = app.compensations_that_know(&[(&[], None), (&[], None), lost]);
    let case = issue(&compensations, &fred, &story.settle()).await.unwrap();
    assert_eq!(app.status(&case).await, Some(CaseStatus::Refused));
    app.assert_settled(&story, false).await;
    assert!(app.limits.used(&fred.name).is_zero());
    // Before an approval of a proposal that does not say so.
    let story = app.story(3).await;
    let (_, form) = preview(&app.compensations(), &sue, &story.settle()).await;
    let case = app.compensations().issue(&sue, &form).await.unwrap();
    let compensations = app.compensations_that_know(&[lost]);
    let answer = compensations.approve(&fiona, &decision(&case, &form)).await;
    assert_eq!(answer, Err(CompensationError::CreditsUncertain(Uncertain::Down)));
    assert_eq!(app.status(&case).await, Some(CaseStatus::Proposed));
    app.compensations()
        .approve(&fiona, &decision(&case, &form))
        .await
        .unwrap();
    app.assert_settled(&story, true).await;
}

/// Another wallet is credited between the decision and the reservation.
pub async fn a_credit_elsewhere_is_seen_after_the_reservation(app: TestApp) {
    let story = app.story(1).await;
    let fred = finance("fred");
    let compensations = app.compensations_that_know(&[(&[], None), (&[], None), (&["W-9"], None)]);
    let (_, form) = preview(&compensations, &fred, &story.settle()).await;
    assert_eq!(compensations.issue(&fred, &form).await, Err(CompensationError::Moved));
    let case = app.case(&id(&form.case)).await;
    assert_eq!(case.status, Some(CaseStatus::Refused));
    assert!(case.why.unwrap().contains("W-9"));
    app.assert_settled(&story, false).await;
    // The refusal is in the stream of the refund, so every process that works on the case obeys it.
    assert_eq!(
        reservation(&app, &story).await,
        [("refund.released".to_owned(), form.case.clone())]
    );
}

/// Many processes find the same open case, with different answers of their read models. All of them do the same.
pub async fn processes_that_disagree_do_the_same(app: TestApp) {
    for number in 1..=5 {
        let story = app.story(number).await;
        let fred = finance("fred");
        let plan = Plan::spoil(Spoil::DieBefore, 1);
        let dying = app.compensations_on(plan.stores(app.stores()), impatient());
        let (_, form) = preview(&dying, &fred, &story.settle()).await;
        tokio::select! {
            answer = dying.issue(&fred, &form) => panic!("{answer:?}"),
            () = plan.died.notified() => {}
        }
        let settings = || ledgerscope::compensations::Settings {
            grace: chrono::TimeDelta::zero(),
            ..impatient()
        };
        let answers: [Answer<'_>; 3] = [(&[], None), (&[], Some(Uncertain::Behind)), (&["W-9"], None)];
        let workers = answers.map(|answer| app.compensations_with(app.stores(), settings(), &[answer]));
        let rounds = workers.each_ref().map(Compensations::recover);
        futures::future::join_all(rounds).await;
        let end = app.status(&id(&form.case)).await;
        assert!(matches!(end, Some(CaseStatus::Issued | CaseStatus::Refused)), "{end:?}");
        app.assert_settled(&story, end == Some(CaseStatus::Issued)).await;
        let wallet = app.wallet(&story.wallet).await;
        let reversals = wallet
            .steps
            .iter()
            .filter(|step| step.entry.fields.r#type() == Some("wallet.entry_reversed"));
        assert_eq!(reversals.count(), 0, "nothing had to be undone");
    }
}
