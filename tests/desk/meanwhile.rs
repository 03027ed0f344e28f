//! What others append between two steps of a case, and between a preview and its issue.

use ledgerscope::{
    desk::DeskError,
    domain::{compensation::case::CaseStatus, form::Field, ids::LogName},
};
use serde_json::json;

use super::{bench::*, spoiled::Plan};

/// Settles while somebody else appends these events to the order, after the credit and before the order is told.
async fn settled_while(bench: &Bench, story: &Story, events: &[(&str, serde_json::Value)]) -> Option<CaseStatus> {
    let events = events.iter().map(|(kind, data)| foreign(kind, data)).collect();
    let plan = Plan::meanwhile(LogName::Order, events);
    let desk = bench.desk_on(plan.stores(bench.stores()), impatient());
    let case = issue(&desk, &finance("fred"), &story.settle()).await.unwrap();
    bench.status(&case).await
}

pub async fn an_order_that_only_moves_is_told_all_the_same(bench: Bench) {
    let story = bench.story(1).await;
    let events = [
        ("order.shipped", json!({})),
        ("order.refund_processing", json!({"refund": story.refund})),
    ];
    assert_eq!(settled_while(&bench, &story, &events).await, Some(CaseStatus::Issued));
    bench.assert_settled(&story, true).await;
}

pub async fn a_refund_that_is_canceled_meanwhile_is_undone(bench: Bench) {
    let story = bench.story(1).await;
    let events = [("order.refund_canceled", json!({"refund": story.refund}))];
    assert_eq!(settled_while(&bench, &story, &events).await, Some(CaseStatus::Refused));
    bench.assert_settled(&story, false).await;
    let case = bench.log(LogName::Wallet);
    drop(case);
    let wallet = bench.wallet(&story.wallet).await;
    let kinds: Vec<_> = wallet
        .steps
        .iter()
        .filter_map(|step| step.entry.fields.r#type())
        .collect();
    assert_eq!(kinds[2..], ["wallet.credited", "wallet.entry_reversed"]);
    // What was undone makes room: the figures are as if nothing had been, and nothing counts for the day.
    assert!(bench.limits.used(&finance("fred").name).is_zero());
}

pub async fn a_refund_that_others_tell_meanwhile_keeps_the_only_credit(bench: Bench) {
    let story = bench.story(1).await;
    let events = [("order.refund_succeeded", json!({"refund": story.refund}))];
    assert_eq!(settled_while(&bench, &story, &events).await, Some(CaseStatus::Issued));
    bench.assert_settled(&story, true).await;
}

pub async fn a_refund_that_others_settled_meanwhile_is_not_credited_twice(bench: Bench) {
    let story = bench.story(1).await;
    let told = foreign("order.refund_succeeded", &json!({"refund": story.refund}));
    let order = Plan::meanwhile(LogName::Order, vec![told]);
    let desk = bench.desk_on(order.stores(bench.stores()), impatient());
    let fred = finance("fred");
    let (_, form) = preview(&desk, &fred, &story.settle()).await;
    // Another wallet is credited after the first look at the read model, and the second look finds it.
    let elsewhere = desk_that_knows_of(&bench, &order, "W-2");
    let case = elsewhere.issue(&fred, &form).await.unwrap();
    assert_eq!(bench.status(&case).await, Some(CaseStatus::Refused));
    assert_eq!(bench.standing(&story).await, 0);
}

/// A desk whose read model learns of another wallet's credit after its first question.
fn desk_that_knows_of(bench: &Bench, plan: &std::sync::Arc<Plan>, wallet: &'static str) -> ledgerscope::desk::Desk {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let stores = plan.stores(bench.stores());
    let cases = ledgerscope::read_model::cases::Cases::temporary(stores.compensation.clone()).unwrap();
    ledgerscope::desk::Desk::new(
        stores,
        bench.limits.clone(),
        bench.trail.clone(),
        std::sync::Arc::new(move |_: &str| {
            let before = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Ok(if before == 0 { Vec::new() } else { vec![id(wallet)] })
        }),
        cases,
        impatient(),
    )
}

pub async fn a_stream_that_moved_since_the_preview_refuses_and_shows_what_is_new(bench: Bench) {
    let story = bench.story(1).await;
    let (desk, fred) = (bench.desk(), finance("fred"));
    let (seen, form) = preview(&desk, &fred, &story.settle()).await;
    bench
        .given(LogName::Order, &story.order, &[("order.shipped", json!({}))])
        .await;
    assert_eq!(desk.issue(&fred, &form).await, Err(DeskError::Moved));
    assert_eq!(bench.status(&id(&form.case)).await, None);
    let view = desk.form(&fred, &story.settle(), &seen.pins).await.unwrap();
    let news: Vec<_> = view
        .news
        .iter()
        .filter_map(|recent| recent.entry.fields.r#type())
        .collect();
    assert_eq!(news, ["order.shipped"]);
    // The new preview goes through.
    let case = issue(&desk, &fred, &story.settle()).await.unwrap();
    assert_eq!(bench.status(&case).await, Some(CaseStatus::Issued));
}

pub async fn a_stream_that_moves_between_the_case_and_its_first_step_refuses_it(bench: Bench) {
    let story = bench.story(1).await;
    let frozen = foreign("wallet.frozen", &json!({"reason": "asked"}));
    let plan = Plan::meanwhile(LogName::Wallet, vec![frozen]);
    let desk = bench.desk_on(plan.stores(bench.stores()), impatient());
    let fred = finance("fred");
    let (_, form) = preview(&desk, &fred, &story.settle()).await;
    assert_eq!(desk.issue(&fred, &form).await, Err(DeskError::Moved));
    assert_eq!(bench.status(&id(&form.case)).await, Some(CaseStatus::Refused));
    assert!(bench.limits.used(&fred.name).is_zero());
    bench.assert_settled(&story, false).await;
}

pub async fn a_form_is_held_to_what_was_previewed(bench: Bench) {
    let story = bench.story(1).await;
    let (desk, fred) = (bench.desk(), finance("fred"));
    let credit = draft("credit_wallet", &story.wallet, "", "200");
    let (preview, form) = preview(&desk, &fred, &credit).await;
    assert!(preview.retype);
    for again in ["", "20", "200.01", "200 EUR"] {
        let other = ledgerscope::views::compensations::Confirmation {
            amount_again: again.to_owned(),
            ..form.clone()
        };
        let answer = desk.issue(&fred, &other).await;
        assert!(
            matches!(answer, Err(DeskError::Field(ref error)) if error.field == Field::AmountAgain),
            "{again}: {answer:?}"
        );
    }
    let mut other = form.clone();
    (other.amount, other.amount_again) = ("300".to_owned(), "300".to_owned());
    assert_eq!(desk.issue(&fred, &other).await, Err(DeskError::Stale));
    let mut unproved = fred.clone();
    unproved.proved = false;
    assert_eq!(desk.issue(&unproved, &form).await, Err(DeskError::ProofNeeded));
    // None of that burnt the form.
    let case = desk.issue(&fred, &form).await.unwrap();
    assert_eq!(bench.status(&case).await, Some(CaseStatus::Issued));
    // The form is spent: with another amount, or by somebody else, it leads nowhere.
    assert_eq!(desk.issue(&fred, &other).await, Err(DeskError::FormReused));
    assert_eq!(desk.issue(&finance("eve"), &form).await, Err(DeskError::FormReused));
    let mut made_up = form;
    "CMP-1".clone_into(&mut made_up.case);
    assert_eq!(desk.issue(&fred, &made_up).await, Err(DeskError::Stale));
}

pub async fn what_cant_be_recorded_does_not_happen(bench: Bench) {
    let story = bench.story(1).await;
    let (desk, fred) = (bench.desk(), finance("fred"));
    let (_, form) = preview(&desk, &fred, &story.settle()).await;
    bench.trail.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(desk.issue(&fred, &form).await, Err(DeskError::Unrecorded));
    assert_eq!(bench.status(&id(&form.case)).await, None);
    bench.assert_settled(&story, false).await;
    assert!(bench.limits.used(&fred.name).is_zero());
    // Not even a refusal is told.
    let viewer = who("vic", ledgerscope::domain::access::Role::Viewer, &[]);
    assert_eq!(desk.issue(&viewer, &form).await, Err(DeskError::Unrecorded));
    bench.trail.broken.store(false, std::sync::atomic::Ordering::SeqCst);
    desk.issue(&fred, &form).await.unwrap();
    let entries = bench.trail.entries.lock().unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.act, entry.outcome.as_str()))
        .collect();
    assert_eq!(told, [("compensation.issue", "asked"), ("compensation.issue", "done")]);
    assert!(
        entries
            .iter()
            .all(|entry| entry.actor == "fred" && entry.case == Some(id(&form.case)))
    );
}
