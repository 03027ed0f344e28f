//! A wallet: who owns it, what is in it and why, event by event, at any moment of its history.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use leptos::{prelude::*, task::spawn_local};

use super::{
    entity::{Address, EntityHead, OtherMoments, entity_id},
    live::{Live, pause},
    query::timeline_href,
    region::region,
    session::Session,
};
use crate::{
    api::{ApiError, get_wallet, get_wallet_history},
    components::{
        anomalies::AnomaliesBanner,
        badge::{Nothing, OrderStatusBadge, WalletStatusBadge},
        chart::{BalanceChart, chart_end},
        command::{OfferLink, PutRight, entry_offers, hold_offer, wallet_offers},
        findings::FindingsList,
        href,
        id::{Code, OrderLink, PartyName},
        money::Money,
        table::Table,
        time::{Fineness, Since, Time},
        time_travel::{Slider, Travel},
        timeline::timeline_section,
        words::{counted, grouped},
    },
    domain::{
        access::Act,
        event::Entry,
        ids::{Domain, Sequence},
        listing::{HISTORY_IN_BROWSER_MAX, HISTORY_ROWS_MAX, HoldRow, OrderRow, TimelineQuery, WalletView},
        money::Currency,
        replay::{Balances, Filter},
    },
};

/// A wallet, with the query that it was asked with, and whether the reader may put something right in it: only in what is
/// now, for the past is past.
type Answer = (TimelineQuery, bool, WalletView);

#[component]
pub fn WalletPage() -> impl IntoView {
    let session = Session::current();
    let address = Address::current(Domain::Wallet);
    let answer = Resource::new(
        move || address.question(),
        move |(id, query)| async move {
            let id = entity_id(Domain::Wallet, &id)?;
            let may = query.filter.is_empty() && session.may(Act::Propose).await;
            get_wallet(id, query).await.map(|view| (query, may, view))
        },
    );
    let travel = Travel::new();
    let sliding = move || travel.preview.with(Option::is_some);
    Live::current().follow(move || address.topic(), sliding, move || answer.refetch());
    let marked = Memo::new(move |_| travel.preview.get().map(|preview| preview.sequence));
    fetch_history(travel, address.id);
    let choose = Callback::new(move |filter: Filter| {
        let query = address.parsed.with_untracked(|parsed| parsed.query);
        address.go.run(TimelineQuery {
            filter,
            page: 1,
            ..query
        });
    });
    let moves = Moves {
        travel,
        marked,
        choose,
        go: address.go,
    };
    view! {
        <EntityHead address />
        {region(answer, "wallet", move |answer| show(answer, moves))}
    }
}

/// Fetches the history when a reader first wants to slide through it.
fn fetch_history(travel: Travel, id: Memo<String>) {
    Effect::new(move |before: Option<String>| {
        let id = id.get();
        if before.is_some_and(|before| before != id) {
            travel.reset();
        }
        id
    });
    Effect::new(move || {
        if travel.lacks_stops() {
            travel.want();
        }
    });
    Effect::new(move || {
        if !travel.wanted.get() || travel.history.with_untracked(Option::is_some) {
            return;
        }
        let of = id.get_untracked();
        spawn_local(async move {
            let read = read_history(&of).await;
            // The reader may have gone elsewhere meanwhile, and the page's signals with him.
            if id.try_get_untracked().is_none_or(|now| now != of) {
                return;
            }
            match read {
                Ok(entries) => travel.history.set(Some(Arc::new(entries))),
                Err(_) => travel.failed.set(true),
            }
        });
    });
}

async fn read_history(id: &str) -> Result<Vec<Entry>, ApiError> {
    let id = entity_id(Domain::Wallet, id)?;
    let mut entries = Vec::new();
    let mut after = None;
    for _ in 0..=HISTORY_IN_BROWSER_MAX / u64::from(HISTORY_ROWS_MAX) {
        let page = get_wallet_history(id.clone(), after).await?;
        entries.extend(page.entries);
        after = page.next;
        if after.is_none() {
            return Ok(entries);
        }
    }
    Err(ApiError::Invalid {
        message: "the history grew too long to be replayed in the browser".to_owned(),
    })
}

/// What a reader can do with a wallet's time; it belongs to the page, not to an answer.
#[derive(Clone, Copy)]
struct Moves {
    travel: Travel,
    /// The event where the slider is.
    marked: Memo<Option<Sequence>>,
    /// Goes to another moment.
    choose: Callback<Filter>,
    /// Goes to another query.
    go: Callback<TimelineQuery>,
}

fn show((query, may, wallet): Answer, moves: Moves) -> AnyView {
    let Moves {
        travel,
        marked,
        choose,
        go,
    } = moves;
    let base = href::wallet(wallet.id.as_str());
    travel.arrived(wallet.extent, query.filter);
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
    let put_right = may.then(|| {
        let offers = wallet_offers(wallet.id.as_str(), wallet.status);
        view! { <PutRight offers /> }
    });
    let reversible = if may { wallet.reversible } else { Vec::new() };
    let offers = {
        let wallet = wallet.id.to_string();
        move |entry: &Entry| match entry.fields.id.as_ref() {
            Some(id) if reversible.contains(id) => entry_offers(&wallet, Some(id), entry.fields.r#type.as_deref()),
            _ => Vec::new(),
        }
    };
    let release = may.then(|| wallet.id.to_string());
    view! {
        <div class="stack">
        <AnomaliesBanner anomalies=wallet.anomalies count=wallet.anomaly_count complete=wallet.complete />
        {facts}
        {balances(wallet.balances, currency, travel)}
        {put_right}
        <div class="entity">
            <section class="panel" aria-label="Balance over time and time travel">
                <BalanceChart points=wallet.chart currency until marked />
                <Slider travel extent=wallet.extent currency choose />
                <OtherMoments base=base.clone() query sequence=wallet.sequence last go />
            </section>
            <aside class="stack" aria-label="Belongs to this wallet">
                <FindingsList findings=wallet.findings here />
                {holds(wallet.open_holds, currency, wallet.now, release.as_deref())}
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

/// What was asked for, or what the slider shows at the moment.
fn balances(balances: Balances, currency: Option<Currency>, travel: Travel) -> AnyView {
    let shown = move || travel.preview.get().map_or(balances, |preview| preview.balances);
    let is_preview = move || travel.preview.with(Option::is_some);
    view! {
        <dl class="figures-row entity-figures" class:is-preview=is_preview>
            <div class="figure">
                <dt class="figure-label">"Posted"</dt>
                <dd class="figure-value">{move || view! { <Money amount=shown().posted currency /> }}</dd>
            </div>
            <div class="figure">
                <dt class="figure-label">"Held"</dt>
                <dd class="figure-value">{move || view! { <Money amount=shown().held currency /> }}</dd>
            </div>
            <div class="figure">
                <dt class="figure-label">"Available"</dt>
                <dd class="figure-value">{move || view! { <Money amount=shown().available currency /> }}</dd>
                <dd class="figure-more">"posted − held"</dd>
            </div>
        </dl>
    }
    .into_any()
}

/// `of` is the wallet whose holds can be released here.
fn holds(holds: Vec<HoldRow>, currency: Option<Currency>, now: DateTime<Utc>, of: Option<&str>) -> AnyView {
    if holds.is_empty() {
        return ().into_any();
    }
    let title = counted(holds.len().try_into().unwrap_or(u64::MAX), "open hold");
    let items = holds
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
        <section class="panel" aria-label="Open holds">
            <div class="panel-head"><h2>{title}</h2></div>
            <ul class="side-list">{items}</ul>
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
