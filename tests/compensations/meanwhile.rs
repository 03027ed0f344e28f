//! Events that others append between two steps of a case, and between a preview and its issue.

use ledgerscope::{
    compensations::CompensationError,
    domain::{compensation::case::CaseStatus, form::Field, ids::LogName},
};
use serde_json::json;

use super::{spoiled::Plan, test_app::*};

/// Settles a refund while somebody else appends these events to the order: after the wallet's credit, before the
/// order's event.
async fn settled_while(app: &TestApp, story: &Story, events: &[(&str, serde_json::Value)]) -> Option<CaseStatus> {
    let events = events.iter().map(|(kind, data)| foreign(kind, data)).collect();
    let plan = Plan::meanwhile(LogName::Order, events);
    let compensations = app.compensations_on(plan.stores(app.stores()), impatient());
    let case = issue(&compensations, &finance("fred"), &story.settle()).await.unwrap();
    app.status(&case).await
}

pub async fn a_refund_is_settled_although_its_order_has_new_events(app: TestApp) {
    let story = app.story(1).await;
    let events = [
        ("order.shipped", json!({})),
        ("order.refund_processing", json!({"refund": story.refund})),
    ];
    assert_eq!(settled_while(&app, &story, &events).await, Some(CaseStatus::Issued));
    app.assert_settled(&story, true).await;
}

pub async fn a_refund_that_is_canceled_meanwhile_is_undone(app: TestApp) {
    let story = app.story(1).await;
    let events = [("order.refund_canceled", json!({"refund": story.refund}))];
    assert_eq!(settled_while(&app, &story, &events).await, Some(CaseStatus::Refused));
    app.assert_settled(&story, false).await;
    let case = app.log(LogName::Wallet);
    drop(case);
    let wallet = app.wallet(&story.wallet).await;
    let kinds: Vec<_> = wallet
        .steps
        .iter()
        .filter_map(|step| step.entry.fields.r#type())
        .collect();
    assert_eq!(kinds[2..], ["wallet.credited", "wallet.entry_reversed"]);
    // After the reversal nothing counts towards the day limit.
    assert!(app.limits.used(&finance("fred").name).is_zero());
}

pub async fn a_refund_that_others_report_as_succeeded_keeps_the_only_credit(app: TestApp) {
    let story = app.story(1).await;
    let events = [("order.refund_succeeded", json!({"refund": story.refund}))];
    assert_eq!(settled_while(&app, &story, &events).await, Some(CaseStatus::Issued));
    app.assert_settled(&story, true).await;
}

pub async fn a_refund_that_others_settled_meanwhile_is_not_credited_twice(app: TestApp) {
    let story = app.story(1).await;
    let succeeded = foreign("order.refund_succeeded", &json!({"refund": story.refund}));
    let order = Plan::meanwhile(LogName::Order, vec![succeeded]);
    let compensations = app.compensations_on(order.stores(app.stores()), impatient());
    let fred = finance("fred");
    let (_, form) = preview(&compensations, &fred, &story.settle()).await;
    // Another wallet is credited after the queries before the credit. The query before the order's event finds it.
    let answers = [(&[][..], None), (&[], None), (&["W-2"], None)];
    let elsewhere = app.compensations_with(order.stores(app.stores()), impatient(), &answers);
    let case = elsewhere.issue(&fred, &form).await.unwrap();
    assert_eq!(app.status(&case).await, Some(CaseStatus::Refused));
    assert_eq!(app.standing(&story).await, 0);
}

pub async fn a_stream_that_moved_since_the_preview_refuses_and_shows_what_is_new(app: TestApp) {
    let story = app.story(1).await;
    let (compensations, fred) = (app.compensations(), finance("fred"));
    let (seen, form) = preview(&compensations, &fred, &story.settle()).await;
    app.given(LogName::Order, &story.order, &[("order.shipped", json!({}))])
        .await;
    assert_eq!(compensations.issue(&fred, &form).await, Err(CompensationError::Moved));
    assert_eq!(app.status(&id(&form.case)).await, None);
    let view = compensations.form(&fred, &story.settle(), &seen.pins).await.unwrap();
    let news: Vec<_> = view
        .news
        .iter()
        .filter_map(|recent| recent.entry.fields.r#type())
        .collect();
    assert_eq!(news, ["order.shipped"]);
    // A form with the new preview is issued.
    let case = issue(&compensations, &fred, &story.settle()).await.unwrap();
    assert_eq!(app.status(&case).await, Some(CaseStatus::Issued));
}

pub async fn a_stream_that_moves_between_the_case_and_its_first_step_refuses_it(app: TestApp) {
    let story = app.story(1).await;
    let frozen = foreign("wallet.frozen", &json!({"reason": "asked"}));
    let plan = Plan::meanwhile(LogName::Wallet, vec![frozen]);
    let compensations = app.compensations_on(plan.stores(app.stores()), impatient());
    let fred = finance("fred");
    let (_, form) = preview(&compensations, &fred, &story.settle()).await;
    assert_eq!(compensations.issue(&fred, &form).await, Err(CompensationError::Moved));
    assert_eq!(app.status(&id(&form.case)).await, Some(CaseStatus::Refused));
    assert!(app.limits.used(&fred.name).is_zero());
    app.assert_settled(&story, false).await;
}

pub async fn a_form_must_equal_its_preview(app: TestApp) {
    let story = app.story(1).await;
    let (compensations, fred) = (app.compensations(), finance("fred"));
    let credit = draft("credit_wallet", &story.wallet, "", "200");
    let (preview, form) = preview(&compensations, &fred, &credit).await;
    assert!(preview.retype);
    for again in ["", "20", "200.01", "200 EUR"] {
        let other = ledgerscope::views::compensations::Confirmation {
            amount_again: again.to_owned(),
            ..form.clone()
        };
        let answer = compensations.issue(&fred, &other).await;
        assert!(
            matches!(answer, Err(CompensationError::Field(ref error)) if error.field == Field::AmountAgain),
            "{again}: {answer:?}"
        );
    }
    let mut other = form.clone();
    (other.draft.amount, other.amount_again) = ("300".to_owned(), "300".to_owned());
    assert_eq!(compensations.issue(&fred, &other).await, Err(CompensationError::Stale));
    let mut unproved = fred.clone();
    unproved.proved = false;
    assert_eq!(
        compensations.issue(&unproved, &form).await,
        Err(CompensationError::ProofNeeded)
    );
    // None of these tries used the form up.
    let case = compensations.issue(&fred, &form).await.unwrap();
    assert_eq!(app.status(&case).await, Some(CaseStatus::Issued));
    // The form is used up: with another amount, or by somebody else, it is refused.
    assert_eq!(
        compensations.issue(&fred, &other).await,
        Err(CompensationError::FormReused)
    );
    assert_eq!(
        compensations.issue(&finance("eve"), &form).await,
        Err(CompensationError::FormReused)
    );
    let mut made_up = form;
    "CMP-1".clone_into(&mut made_up.case);
    assert_eq!(
        compensations.issue(&fred, &made_up).await,
        Err(CompensationError::Stale)
    );
}

pub async fn nothing_is_issued_without_an_audit_entry(app: TestApp) {
    let story = app.story(1).await;
    let (compensations, fred) = (app.compensations(), finance("fred"));
    let (_, form) = preview(&compensations, &fred, &story.settle()).await;
    app.audit.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(
        compensations.issue(&fred, &form).await,
        Err(CompensationError::Unrecorded)
    );
    assert_eq!(app.status(&id(&form.case)).await, None);
    app.assert_settled(&story, false).await;
    assert!(app.limits.used(&fred.name).is_zero());
    // A refusal that can't be recorded has the same answer.
    let viewer = who("vic", ledgerscope::domain::access::Role::Viewer, &[]);
    assert_eq!(
        compensations.issue(&viewer, &form).await,
        Err(CompensationError::Unrecorded)
    );
    app.audit.broken.store(false, std::sync::atomic::Ordering::SeqCst);
    compensations.issue(&fred, &form).await.unwrap();
    let entries = app.audit.entries.lock().unwrap();
    let recorded: Vec<_> = entries
        .iter()
        .map(|entry| (entry.act.clone(), entry.outcome.as_str()))
        .collect();
    let issue = "compensation.issue".to_owned();
    assert_eq!(recorded, [(issue.clone(), "asked"), (issue, "done")]);
    assert!(
        entries
            .iter()
            .all(|entry| entry.actor == "fred" && entry.case.as_deref() == Some(&*form.case))
    );
}
