//! The page of a wallet: its owner, balances, holds, orders and events, now or at a moment of the past.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::{
    entity::{Address, EntityHead, OtherMoments, entity_id},
    live::{follow, pause},
    region::region,
    session::Session,
};
use crate::{
    api::get_wallet,
    components::{
        anomalies::AnomaliesBanner,
        badge::{Nothing, OrderStatusBadge, WalletStatusBadge},
        chart::{BalanceChart, chart_end},
        command::{Correct, OfferLink, entry_offers, hold_offer, wallet_offers},
        findings::FindingsList,
        id::{Code, OrderLink, PartyName},
        money::Money,
        pagination::{Pagination, range_words},
        table::Table,
        time::{Fineness, Since, Time},
        time_travel::{Figure, Journey, JourneyPlace},
        timeline::timeline_section,
        words::{counted, grouped},
    },
    domain::{
        access::Act,
        event::Entry,
        ids::Domain,
        money::Currency,
        replay::{Balances, Filter},
    },
    views::{
        href,
        lists::{ListName, ListQuery, Part},
        orders::OrderRow,
        query::{list_href, timeline_href},
        timelines::{PartPages, TimelineQuery},
        wallets::{HoldRow, WalletView},
    },
};

/// The query of the address, whether the reader can correct something, and the wallet. A past state can't be corrected.
type Answer = (TimelineQuery, bool, WalletView);

#[component]
pub fn WalletPage() -> impl IntoView {
    let session = Session::current();
    let address = Address::current(Domain::Wallet);
    let query = address.parsed.query;
    let id = entity_id(Domain::Wallet, &address.id);
    let answer = async move {
        let can_correct = query.filter.is_empty() && session.can(Act::Propose);
        get_wallet(id?, query).await.map(|view| (query, can_correct, view))
    };
    view! {
        {follow(address.topic())}
        <EntityHead address />
        {region(answer, "wallet", show)}
    }
}

fn show((query, can_correct, wallet): Answer) -> AnyView {
    let base = href::wallet(wallet.id.as_str());
    let currency = wallet.currency;
    let until = match query.filter {
        Filter { sequence: Some(_), .. } => wallet.chart.iter().map(|point| point.time).max(),
        Filter { at, .. } => at,
    };
    let until = until.map_or(wallet.now, |until| until.min(wallet.now));
    let until = chart_end(&wallet.chart, until);
    let (subject, here) = (wallet.id.clone(), wallet.id.to_string());
    let last = wallet.extent.last_sequence;
    let facts = facts(&wallet);
    let pause = pause(query, wallet.timeline.total);
    let correct = can_correct.then(|| {
        let offers = wallet_offers(wallet.id.as_str(), wallet.status);
        view! { <Correct offers /> }
    });
    let reversible = if can_correct { wallet.reversible } else { Vec::new() };
    let offers = {
        let wallet = wallet.id.to_string();
        move |entry: &Entry| match entry.fields.id() {
            Some(id) if reversible.iter().any(|own| own == id) => {
                entry_offers(&wallet, Some(id), entry.fields.r#type())
            }
            _ => Vec::new(),
        }
    };
    let release = can_correct.then(|| wallet.id.to_string());
    let holds_href = {
        let base = base.clone();
        move |holds| {
            let parts = PartPages { holds, ..query.parts };
            format!("{}#holds", timeline_href(&base, &TimelineQuery { parts, ..query }))
        }
    };
    let journey = Journey {
        wallet: wallet.id.clone(),
        extent: wallet.extent,
        query,
        currency,
        until,
        points: wallet.chart,
    };
    view! {
        <div class="stack">
        <AnomaliesBanner anomalies=wallet.anomalies count=wallet.anomaly_count complete=wallet.complete />
        {facts}
        {balances(wallet.id.as_str(), wallet.balances, currency)}
        {correct}
        <div class="entity">
            <section class="panel" aria-label="Balance over time and time travel">
                <BalanceChart points=journey.points.clone() currency until />
                <JourneyPlace journey />
                <OtherMoments base=base.clone() query sequence=wallet.sequence last />
            </section>
            <aside class="stack" aria-label="Belongs to this wallet">
                <FindingsList findings=wallet.findings count=wallet.finding_count here />
                {holds(wallet.open_holds, currency, wallet.now, release.as_deref(), holds_href)}
                {orders(wallet.orders)}
            </aside>
        </div>
        {timeline_section(
            wallet.timeline,
            (Domain::Wallet, subject),
            currency,
            query,
            move |query| timeline_href(&base, query),
            offers,
            pause,
        )}
        </div>
    }
    .into_any()
}

fn facts(wallet: &WalletView) -> AnyView {
    let owner = match wallet.owner.clone() {
        Some(party) => view! { <PartyName party /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let currency = match wallet.currency {
        Some(currency) => view! { <span>{currency.to_string()}</span> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let sequence = if wallet.sequence < wallet.extent.last_sequence {
        format!(
            "{} of {}",
            grouped(wallet.sequence),
            grouped(wallet.extent.last_sequence)
        )
    } else {
        grouped(wallet.sequence)
    };
    view! {
        <dl class="panel details entity-facts">
            <div>
                <dt>"Status"</dt>
                <dd>
                    <WalletStatusBadge status=wallet.status />
                </dd>
            </div>
            <div>
                <dt>"Owner"</dt>
                <dd>{owner}</dd>
            </div>
            <div>
                <dt>"Currency"</dt>
                <dd>{currency}</dd>
            </div>
            <div>
                <dt>"Sequence"</dt>
                <dd>{sequence}</dd>
            </div>
            <div>
                <dt>"Last event"</dt>
                <dd>
                    <Since at=wallet.extent.last_time now=wallet.now />
                </dd>
            </div>
        </dl>
    }
    .into_any()
}

/// The balances at the moment of the address. The slider of time travel replaces them.
fn balances(id: &str, balances: Balances, currency: Option<Currency>) -> AnyView {
    let holds = ListQuery {
        states: ListName::Holds.states().into_iter().map(str::to_owned).collect(),
        wallet: Some(id.to_owned()),
        ..ListQuery::default()
    };
    let holds = view! { <a href=list_href(ListName::Holds, &holds)>"All holds"</a> };
    let figure = |figure: Figure, note: Option<AnyView>| {
        let amount = figure.of(&balances);
        view! {
            <div class="figure">
                <dt class="figure-label">{figure.word()}</dt>
                <dd class="figure-value" data-figure=figure.word()>
                    <Money amount currency />
                </dd>
                {note.map(|note| view! { <dd class="figure-more">{note}</dd> })}
            </div>
        }
    };
    view! {
        <dl class="figures-row entity-figures">
            {figure(Figure::Posted, None)}
            {figure(Figure::Held, Some(holds.into_any()))}
            {figure(Figure::Available, Some("posted − held".into_any()))}
        </dl>
    }
    .into_any()
}

/// The open holds. `of` is the id of the wallet if the reader can release its holds.
fn holds(
    holds: Part<HoldRow>,
    currency: Option<Currency>,
    now: DateTime<Utc>,
    of: Option<&str>,
    href: impl Fn(u32) -> String,
) -> AnyView {
    if holds.rows.is_empty() {
        return ().into_any();
    }
    let title = counted(holds.total, "open hold");
    let range = range_words(&holds).map(|range| view! { <p class="aside">{range}</p> });
    let (page, pages) = (holds.page, holds.pages);
    let items = holds
        .rows
        .into_iter()
        .map(|hold| {
            let past = hold.expires_at.is_some_and(|at| at < now);
            let expires = hold.expires_at.map(|at| {
                view! {
                    <span class:is-past=past>
                        {if past { "expired " } else { "expires " }}
                        <Since at now />
                    </span>
                }
            });
            let release = of.map(|wallet| {
                let about = format!("the hold {}", hold.hold);
                view! { <OfferLink offer=hold_offer(wallet, &hold.hold) about /> }
            });
            view! {
                <li>
                    <p class="side-line">
                        <Code text=hold.hold />
                        <Money amount=hold.amount currency />
                    </p>
                    <p class="side-note">
                        <span>"since " <Time at=hold.since fineness=Fineness::Minute /></span>
                        {expires}
                        {hold.order.map(|id| view! { <span>"order " <OrderLink id /></span> })}
                        {release}
                    </p>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="panel" id="holds" aria-label="Open holds">
            <div class="panel-head"><h2>{title}</h2> {range}</div>
            <ul class="side-list">{items}</ul>
            <Pagination label="Open holds" page pages href />
        </section>
    }
    .into_any()
}

fn orders(orders: Vec<OrderRow>) -> AnyView {
    if orders.is_empty() {
        return view! {
            <section class="panel" aria-label="Orders">
                <div class="panel-head"><h2>"Orders"</h2></div>
                <p class="panel-body entity-none">"No order names this wallet."</p>
            </section>
        }
        .into_any();
    }
    let rows = orders
        .into_iter()
        .map(|order| {
            let total = match order.total {
                Some(amount) => view! { <Money amount currency=order.currency /> }.into_any(),
                None => view! { <Nothing /> }.into_any(),
            };
            let pending = (order.pending_refunds > 0)
                .then(|| view! { <span class="side-note">{counted(order.pending_refunds, "pending refund")}</span> });
            view! {
                <tr>
                    <th scope="row">
                        <OrderLink id=order.id.to_string() />
                    </th>
                    <td>
                        <OrderStatusBadge status=order.status />
                        {pending}
                    </td>
                    <td class="figures">{total}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-label="Orders">
            <div class="panel-head"><h2>"Orders"</h2></div>
            <Table caption="Orders that name this wallet, the last changed first">
                <thead>
                    <tr>
                        <th scope="col">"Order"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col" class="figures">
                            "Total"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        </section>
    }
    .into_any()
}
