//! The page of an order: its facts, lines, sums, refunds and events, now or at a moment of the past.

use leptos::prelude::*;
use rust_decimal::Decimal;

use super::{
    entity::{Address, EntityHead, OtherMoments, entity_id},
    live::{follow, pause},
    region::region,
    session::Session,
};
use crate::{
    api::get_order,
    components::{
        anomalies::AnomaliesBanner,
        badge::{Nothing, OrderStatusBadge, OverdueMark, RefundStateBadge, WaitsForLabel},
        command::{CorrectMenu, refund_offers},
        findings::FindingsList,
        id::{Code, PartyName, RefundLink, WalletLink},
        money::Money,
        pagination::{Pagination, range_words},
        reason::{DestinationLabel, ReasonLabel},
        table::Table,
        time::{Since, Span},
        timeline::timeline_section,
        words::{counted, grouped},
    },
    domain::{access::Act, ids::Domain, money::Currency, order::Line, refund::RefundRow, replay::OrderSums},
    views::{href, lists::Part, orders::OrderView, query::timeline_href, timelines::TimelineQuery},
};

/// The query of the address, whether the reader can correct something, and the order. A past state can't be corrected.
type Answer = (TimelineQuery, bool, OrderView);

#[component]
pub fn OrderPage() -> impl IntoView {
    let session = Session::current();
    let address = Address::current(Domain::Order);
    let query = address.parsed.query;
    let id = entity_id(Domain::Order, &address.id);
    let answer = async move {
        let can_correct = query.filter.is_empty() && session.can(Act::Propose);
        get_order(id?, query).await.map(|view| (query, can_correct, view))
    };
    view! {
        {follow(address.topic())}
        <EntityHead address />
        {region(answer, "order", show)}
    }
}

fn show((query, can_correct, order): Answer) -> AnyView {
    let base = href::order(order.id.as_str());
    let currency = order.currency;
    let (subject, here) = (order.id.clone(), order.id.to_string());
    let last = order.extent.last_sequence;
    let facts = facts(&order);
    let pause = pause(query, order.timeline.total);
    let part_href = {
        let base = base.clone();
        move |list: &'static str| {
            let base = base.clone();
            move |page| {
                let mut parts = query.parts;
                match list {
                    "lines" => parts.lines = page,
                    _ => parts.refunds = page,
                }
                format!("{}#{list}", timeline_href(&base, &TimelineQuery { parts, ..query }))
            }
        }
    };
    view! {
        <div class="stack">
        <AnomaliesBanner anomalies=order.anomalies count=order.anomaly_count complete=order.complete />
        {facts}
        {totals(order.total, order.sums, currency)}
        <div class="entity">
            <div class="stack">{refunds(order.refunds, can_correct, part_href("refunds"))} {lines(order.lines, part_href("lines"))}</div>
            <aside class="stack" aria-label="Other moments and findings">
                <section class="panel" aria-label="Time travel">
                    <div class="panel-head">
                        <h2>"Time travel"</h2>
                    </div>
                    <OtherMoments base=base.clone() query sequence=order.sequence last />
                </section>
                <FindingsList findings=order.findings count=order.finding_count here />
            </aside>
        </div>
        {timeline_section(
            order.timeline,
            (Domain::Order, subject),
            currency,
            query,
            move |query| timeline_href(&base, query),
            |_| Vec::new(),
            pause,
        )}
        </div>
    }
    .into_any()
}

fn facts(order: &OrderView) -> AnyView {
    let customer = match order.customer.clone() {
        Some(party) => view! { <PartyName party /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let wallet = match order.wallet.clone() {
        Some(id) => view! { <WalletLink id /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let sequence = if order.sequence < order.extent.last_sequence {
        format!("{} of {}", grouped(order.sequence), grouped(order.extent.last_sequence))
    } else {
        grouped(order.sequence)
    };
    view! {
        <dl class="panel details entity-facts">
            <div>
                <dt>"Status"</dt>
                <dd>
                    <OrderStatusBadge status=order.status />
                </dd>
            </div>
            <div>
                <dt>"Customer"</dt>
                <dd>{customer}</dd>
            </div>
            <div>
                <dt>"Wallet"</dt>
                <dd>{wallet}</dd>
            </div>
            <div>
                <dt>"Sequence"</dt>
                <dd>{sequence}</dd>
            </div>
            <div>
                <dt>"Last event"</dt>
                <dd>
                    <Since at=order.extent.last_time now=order.now />
                </dd>
            </div>
        </dl>
    }
    .into_any()
}

fn totals(total: Option<Decimal>, sums: OrderSums, currency: Option<Currency>) -> AnyView {
    let amount = |amount| view! { <Money amount currency /> };
    let ordered = match total {
        Some(total) => amount(total).into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    view! {
        <dl class="figures-row entity-figures">
            <div class="figure">
                <dt class="figure-label">"Total"</dt>
                <dd class="figure-value">{ordered}</dd>
            </div>
            <div class="figure">
                <dt class="figure-label">"Paid"</dt>
                <dd class="figure-value">{amount(sums.paid)}</dd>
            </div>
            <div class="figure">
                <dt class="figure-label">"Refunded"</dt>
                <dd class="figure-value">{amount(sums.refunded)}</dd>
            </div>
            <div class="figure">
                <dt class="figure-label">"Pending"</dt>
                <dd class="figure-value">{amount(sums.pending)}</dd>
            </div>
            <div class="figure">
                <dt class="figure-label">"Refundable"</dt>
                <dd class="figure-value">{amount(sums.refundable)}</dd>
                <dd class="figure-more">"paid − refunded − pending"</dd>
            </div>
        </dl>
    }
    .into_any()
}

fn refunds(refunds: Part<RefundRow>, can_correct: bool, href: impl Fn(u32) -> String) -> AnyView {
    if refunds.rows.is_empty() {
        return ().into_any();
    }
    let count = range_words(&refunds).unwrap_or_else(|| counted(refunds.total, "refund"));
    let (page, pages) = (refunds.page, refunds.pages);
    let rows = refunds
        .rows
        .into_iter()
        .map(|row| refund(row, can_correct))
        .collect_view();
    let head = can_correct.then(|| view! { <th scope="col"><span class="visually-hidden">"Corrections"</span></th> });
    view! {
        <section class="panel" id="refunds" aria-label="Refunds">
            <div class="panel-head">
                <h2>"Refunds"</h2>
                <p class="aside">{count}</p>
            </div>
            <Table caption="Refunds of this order" class="cards-when-narrow">
                <thead>
                    <tr>
                        <th scope="col">"Refund"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"For"</th>
                        <th scope="col">"Waits for"</th>
                        <th scope="col">"Reason"</th>
                        <th scope="col">"To"</th>
                        <th scope="col" class="figures">
                            "Amount"
                        </th>
                        {head}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
            <Pagination label="Refunds" page pages href />
        </section>
    }
    .into_any()
}

fn refund(row: RefundRow, can_correct: bool) -> AnyView {
    let correct = can_correct.then(|| {
        let offers = refund_offers(row.order.as_str(), &row.refund, row.state, &row.destination);
        let about = format!("refund {}", row.refund);
        view! { <td class="correct-cell"><CorrectMenu offers about /></td> }
    });
    view! {
        <tr>
            <th scope="row" class="card-head">
                <RefundLink refund=row.refund order=row.order.to_string() />
            </th>
            <td data-label="State">
                <RefundStateBadge state=row.state />
            </td>
            <td data-label="For">
                <span>
                    <Span seconds=row.age_seconds />
                    " "
                    {row.overdue.then(|| view! { <OverdueMark /> })}
                </span>
            </td>
            <td data-label="Waits for">
                <WaitsForLabel waits_for=row.waits_for />
            </td>
            <td data-label="Reason">
                <ReasonLabel reason=row.reason />
            </td>
            <td data-label="To">
                <DestinationLabel destination=row.destination />
            </td>
            <td class="figures" data-label="Amount">
                <Money amount=row.amount currency=row.currency />
            </td>
            {correct}
        </tr>
    }
    .into_any()
}

fn lines(lines: Part<Line>, href: impl Fn(u32) -> String) -> AnyView {
    if lines.rows.is_empty() {
        return ().into_any();
    }
    let count = range_words(&lines).unwrap_or_else(|| counted(lines.total, "line"));
    let (page, pages) = (lines.page, lines.pages);
    let rows = lines.rows.into_iter().map(line).collect_view();
    view! {
        <section class="panel" id="lines" aria-label="Lines">
            <div class="panel-head">
                <h2>"Lines"</h2>
                <p class="aside">{count}</p>
            </div>
            <Table caption="What was ordered" class="cards-when-narrow">
                <thead>
                    <tr>
                        <th scope="col">"Article"</th>
                        <th scope="col">"Title"</th>
                        <th scope="col" class="figures">
                            "Quantity"
                        </th>
                        <th scope="col" class="figures">
                            "Each"
                        </th>
                        <th scope="col" class="figures">
                            "Together"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
            <Pagination label="Lines" page pages href />
        </section>
    }
    .into_any()
}

fn line(line: Line) -> AnyView {
    let (each, currency) = (line.unit_price.amount(), line.unit_price.currency());
    let together = match line.amount() {
        Some(amount) => view! { <Money amount currency /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="card-head">
                <Code text=line.sku />
            </th>
            <td data-label="Title">{line.title}</td>
            <td class="figures" data-label="Quantity">
                {line.quantity.to_string()}
            </td>
            <td class="figures" data-label="Each">
                <Money amount=each currency />
            </td>
            <td class="figures" data-label="Together">
                {together}
            </td>
        </tr>
    }
    .into_any()
}
