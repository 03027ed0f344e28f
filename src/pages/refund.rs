//! The page of one refund: its state, who acts next, its details, and its events of both domains in one timeline.

mod state;
mod story;

use leptos::prelude::*;
use leptos_meta::Title;

use self::{state::StateSection, story::Story};
use super::{
    address::{param, search},
    live::follow,
    region::region,
    session::Session,
};
use crate::{
    api::get_refund,
    components::{
        badge::{Nothing, OverdueMark, RefundStateBadge, Tone},
        command::{Correct, refund_offers},
        findings::FindingsList,
        id::{Code, OrderLink, PartyName, RefundLink, WalletLink},
        money::Money,
        notice::Notice,
        reason::{DestinationLabel, ReasonLabel},
        time::Time,
        words::{counted, grouped},
    },
    domain::{
        access::Act,
        ids::{Domain, EntityId},
    },
    views::{href, query::value_of, refunds::RefundView},
};

#[component]
pub fn RefundPage() -> impl IntoView {
    let session = Session::current();
    let can_correct = session.can(Act::Propose);
    let refund = param("refund");
    let answer = get_refund(refund.clone(), value_of(&search(), "order"));
    view! {
        {follow(Some(format!("refund:{refund}")))}
        <Title text=format!("Refund {refund}") />
        <header class="page-head">
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>
                    <li>
                        <a href=href::REFUNDS>"Refunds"</a>
                    </li>
                </ol>
            </nav>
            <h1>"Refund " <span class="id">{refund}</span></h1>
        </header>
        {region(answer, "refund", move |view| show(&view, can_correct))}
    }
    .into_any()
}

fn show(view: &RefundView, can_correct: bool) -> AnyView {
    let refund = view.row.refund.clone();
    let correct = can_correct.then(|| {
        let row = &view.row;
        let offers = refund_offers(row.order.as_str(), &row.refund, row.state, &row.destination);
        view! { <Correct offers /> }
    });
    view! {
        <div class="stack">
            {others(&refund, view.other_orders.clone(), view.other_order_count)}
            {missing(view.missing.clone())}
            <div class="with-aside">
                <section class="panel refund-state" aria-label="State">
                    {head(view)}
                    <StateSection view=view.clone() />
                    {correct}
                </section>
                <aside class="panel" aria-label="Details">
                    {details(view)}
                </aside>
                <div class="stack">
                    <FindingsList findings=view.findings.clone() count=view.finding_count here=refund />
                    <Story view=view.clone() />
                </div>
            </div>
        </div>
    }
    .into_any()
}

fn head(view: &RefundView) -> AnyView {
    let row = &view.row;
    view! {
        <div class="refund-state-head">
            <p class="refund-state-amount">
                <Money amount=row.amount currency=row.currency />
            </p>
            <RefundStateBadge state=row.state />
            {row.overdue.then(|| view! { <OverdueMark /> })}
        </div>
    }
    .into_any()
}

/// A notice with links to the other orders that use the same refund id. Empty if there are none.
fn others(refund: &str, orders: Vec<EntityId>, count: u64) -> AnyView {
    if orders.is_empty() {
        return ().into_any();
    }
    let left_out = count.saturating_sub(orders.len().try_into().unwrap_or(u64::MAX));
    let rest = (left_out > 0).then(|| view! { <li>{format!("… and {} more", grouped(left_out))}</li> });
    let links = orders
        .into_iter()
        .map(|order| {
            let order = order.to_string();
            view! {
                <li>
                    <RefundLink refund=refund.to_owned() order=order.clone() />
                    " of order "
                    <OrderLink id=order />
                </li>
            }
        })
        .collect_view();
    view! {
        <Notice tone=Tone::Caution title="Other orders use the same refund id">
            <ul>{links} {rest}</ul>
        </Notice>
    }
    .into_any()
}

/// A notice for each store that did not answer. The story lacks the events of that domain.
fn missing(domains: Vec<Domain>) -> AnyView {
    domains
        .into_iter()
        .map(|domain| {
            let title = format!("The {domain} store does not answer");
            let unknown = match domain {
                Domain::Wallet => " It is not known whether the money arrived.",
                Domain::Order => "",
            };
            view! {
                <Notice tone=Tone::Danger title urgent=true>
                    <p>{format!("The events of the {domain} are missing in the story below.{unknown}")}</p>
                </Notice>
            }
        })
        .collect_view()
        .into_any()
}

fn details(view: &RefundView) -> AnyView {
    let row = &view.row;
    let or_nothing = |shown: Option<AnyView>| shown.unwrap_or_else(|| view! { <Nothing /> }.into_any());
    let wallet = or_nothing(row.wallet.clone().map(|id| view! { <WalletLink id /> }.into_any()));
    let customer = or_nothing(
        view.customer
            .clone()
            .map(|party| view! { <PartyName party /> }.into_any()),
    );
    let failure = view
        .failure
        .clone()
        .map(|text| view! { <div><dt>"Last failure"</dt><dd><Code text /></dd></div> });
    let note = view.note.clone().filter(|note| !note.trim().is_empty());
    let note =
        note.map(|note| view! { <div class="is-wide"><dt>"Note"</dt><dd><q class="quote">{note}</q></dd></div> });
    view! {
        <dl class="details">
            <div>
                <dt>"Order"</dt>
                <dd>
                    <OrderLink id=row.order.to_string() />
                </dd>
            </div>
            <div>
                <dt>"Wallet"</dt>
                <dd>{wallet}</dd>
            </div>
            <div>
                <dt>"Customer"</dt>
                <dd>{customer}</dd>
            </div>
            <div>
                <dt>"Goes to"</dt>
                <dd>
                    <DestinationLabel destination=row.destination.clone() />
                </dd>
            </div>
            <div>
                <dt>"Reason"</dt>
                <dd>
                    <ReasonLabel reason=row.reason.clone() />
                </dd>
            </div>
            <div>
                <dt>"Requested"</dt>
                <dd>
                    <Time at=row.requested_at />
                    " UTC"
                </dd>
            </div>
            {failure}
            {note}
        </dl>
    }
    .into_any()
}

/// Says how many events are left out of the story. `None` if none are.
fn omitted_words(omitted: u64) -> Option<String> {
    (omitted > 0).then(|| {
        format!(
            "Not shown: {}. The pages of the order and the wallet show all events.",
            counted(omitted, "older event")
        )
    })
}
