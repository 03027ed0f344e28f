//! The overview: pending and overdue refunds, findings, the newest events, and totals. Figures link to the rows that they
//! count.

use std::time::Duration;

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;

use super::{
    live::follow_all,
    region::{as_of, region, shared},
    session::Session,
};
use crate::{
    api::{get_health, get_overview},
    components::{
        badge::{Nothing, RefundStateBadge, SeverityBadge, Tone, WaitsForLabel},
        bar::Bar,
        event_summary::{EventAmount, EventFacts, Summary, summary},
        health::unread,
        id::{DomainTag, EntityLink, EventLink},
        money::Money,
        notice::{Empty, NotAllRead},
        refund_table::RefundRowsShort,
        sums::Sums,
        table::Table,
        time::{Fineness, Since, format_moment, format_span},
        words::{counted, grouped, sentence},
    },
    domain::{
        access::Act,
        findings::FindingKind,
        ids::Domain,
        money::Currency,
        refund::{RefundRow, RefundState},
    },
    views::{
        events::Recent,
        href,
        lists::{ListName, ListQuery, Sort, Sum},
        overview::{AgeBucket, Overview, StateSummary, Totals},
        query::list_href,
    },
};

/// How often a visible page is fetched again without changes, because the ages of pending refunds grow.
const AGAIN: Duration = Duration::from_mins(1);

#[component]
pub fn OverviewPage() -> impl IntoView {
    let session = Session::current();
    let answer = shared(async move {
        // The server function would refuse the request and record the refusal in the audit trail.
        match session.me() {
            Some(me) if !me.role.can(Act::Read) => Ok(None),
            // The health is read first: the figures have every row of a store that is read by then.
            _ => {
                let unread = unread(&get_health().await?, &[Domain::Wallet, Domain::Order]);
                let overview = get_overview().await?;
                Ok(Some((unread, overview)))
            }
        }
    });
    // Administrators can't read the figures. They are redirected to the page of operators.
    let elsewhere = session.show(|me| {
        if me.role.can(Act::Read) {
            ().into_any()
        } else {
            view! { <Redirect path=href::OPERATORS /> }.into_any()
        }
    });
    view! {
        {elsewhere}
        <Title text="Overview" />
        {follow_all()}
        <header class="page-head">
            <h1>"Overview"</h1>
            {as_of(answer.clone(), |answer| answer.as_ref().map(|(_, answer)| answer.now))}
        </header>
        <div id="overview" data-refresh-seconds=AGAIN.as_secs().to_string()>
            {region(answer, "overview", |answer| answer.map(|(unread, answer)| show(unread, answer)).into_any())}
        </div>
    }
    .into_any()
}

/// Shows the figures. `unread` says what is not read of the stores, one sentence per store.
fn show(unread: Vec<String>, answer: Overview) -> AnyView {
    if answer.events == 0 && !unread.is_empty() {
        return view! {
            <div class="panel">
                <NotAllRead unread />
            </div>
        }
        .into_any();
    }
    if answer.events == 0 {
        return view! {
            <div class="panel">
                <Empty title="The ledger is empty">
                    <p>"The stores have no events yet. New events appear here."</p>
                </Empty>
            </div>
        }
        .into_any();
    }
    let currencies = pending_currencies(&answer.by_state);
    view! {
        <div class="stack">
            {headline(&answer)}
            {by_state(answer.by_state, &currencies)}
            {by_age(answer.by_age, &currencies)}
            <div class="columns">
                {longest_overdue(answer.longest_overdue, unread.clone())}
                {by_kind(answer.findings, unread)}
            </div>
            {recent(answer.recent, answer.now)}
            {totals(answer.totals)}
            {checked(&answer.checked)}
        </div>
    }
    .into_any()
}

/// When the figures were last compared with every stream of each store.
fn checked(checked: &[(Domain, Option<DateTime<Utc>>)]) -> AnyView {
    let stores = checked.iter().map(|(domain, at)| match at {
        Some(at) => format!("{domain} store {}", format_moment(*at, Fineness::Minute)),
        None => format!("{domain} store not yet"),
    });
    let text = format!(
        "Every stream was last compared with its store: {}.",
        stores.collect::<Vec<_>>().join(", ")
    );
    view! { <p class="checked">{text}</p> }.into_any()
}

/// The headline figures.
fn headline(answer: &Overview) -> AnyView {
    let pending: u64 = answer.by_state.iter().map(|state| state.count).sum();
    let findings: u64 = answer.findings.iter().map(|(_, count)| count).sum();
    let owed: Vec<_> = answer
        .totals
        .iter()
        .filter(|totals| !totals.pending.is_zero())
        .map(pending_sum)
        .collect();
    let late = answer.overdue_sums.clone();
    let scope = format!(
        "of {} and {} with {}",
        counted(answer.wallets, "wallet"),
        counted(answer.orders, "order"),
        counted(answer.refunds, "refund"),
    );
    view! {
        <div class="figures-row">
            {figure("Pending refunds", pending, Some(href::REFUNDS.to_owned()), view! { <Sums sums=owed /> }.into_any())}
            {figure("Overdue", answer.overdue, Some(longest_overdue_href()), view! { <Sums sums=late /> }.into_any())}
            {figure("Findings", findings, Some(href::FINDINGS.to_owned()), "inconsistencies".into_any())}
            {figure("Events", answer.events, None, scope.into_any())}
        </div>
    }
    .into_any()
}

fn pending_sum(totals: &Totals) -> Sum {
    Sum {
        currency: totals.currency,
        amount: totals.pending,
        count: 0,
    }
}

/// A headline figure, with a link to the rows that it counts.
fn figure(label: &'static str, value: u64, href: Option<String>, more: AnyView) -> AnyView {
    let name = match href {
        Some(href) => view! { <a href=href>{label}</a> }.into_any(),
        None => label.into_any(),
    };
    let alarming = label == "Overdue" && value > 0;
    view! {
        <div class="figure" class:is-alarming=alarming>
            <p class="figure-label">{name}</p>
            <p class="figure-value">{grouped(value)}</p>
            <div class="figure-more">{more}</div>
        </div>
    }
    .into_any()
}

/// The currencies of the pending refunds, ordered by code.
fn pending_currencies(states: &[StateSummary]) -> Vec<Currency> {
    let mut currencies: Vec<_> = states
        .iter()
        .flat_map(|state| &state.sums)
        .map(|sum| sum.currency)
        .collect();
    currencies.sort_unstable();
    currencies.dedup();
    currencies
}

/// The class of a breakdown: its columns have fixed widths unless there are more than 7 currencies.
const fn breakdown_class(currencies: &[Currency]) -> &'static str {
    if currencies.len() > 7 {
        "breakdown"
    } else {
        "breakdown has-few"
    }
}

/// A column head for each currency.
fn currency_heads(currencies: &[Currency]) -> AnyView {
    let heads = currencies
        .iter()
        .map(|currency| view! { <th scope="col" class="figures">{currency.to_string()}</th> });
    heads.collect_view().into_any()
}

/// A cell for each currency, with the sum in it.
fn currency_cells(sums: &[Sum], currencies: &[Currency]) -> AnyView {
    let cells = currencies.iter().map(|&currency| {
        let sum = sums.iter().find(|sum| sum.currency == currency);
        let figure = match sum {
            Some(sum) => view! { <Money amount=sum.amount currency bare=true /> }.into_any(),
            None => view! { <Nothing /> }.into_any(),
        };
        view! { <td class="figures">{figure}</td> }
    });
    cells.collect_view().into_any()
}

fn by_state(states: Vec<StateSummary>, currencies: &[Currency]) -> AnyView {
    let most = states.iter().map(|state| state.count).max().unwrap_or_default();
    let heads = currency_heads(currencies);
    let rows = states
        .into_iter()
        .map(|state| state_row(&state, most, currencies))
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="by-state">
            <div class="panel-head">
                <h2 id="by-state">"Pending by state"</h2>
            </div>
            <Table caption="Pending refunds by state" class=breakdown_class(currencies)>
                <thead>
                    <tr>
                        <th scope="col">"State"</th>
                        <th scope="col" class="entity-cell">"Waits for"</th>
                        <td class="bar-cell"></td>
                        <th scope="col" class="figures">"Refunds"</th>
                        <th scope="col" class="figures">"Overdue"</th>
                        {heads}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        </section>
    }
    .into_any()
}

fn state_row(summary: &StateSummary, most: u64, currencies: &[Currency]) -> AnyView {
    let &StateSummary {
        state, count, overdue, ..
    } = summary;
    let of_state = ListQuery {
        states: vec![state.as_str().to_owned()],
        ..ListQuery::default()
    };
    let late = list_href(
        ListName::Refunds,
        &ListQuery {
            overdue: true,
            ..of_state.clone()
        },
    );
    let late = match overdue {
        0 => view! { <span class="nothing">"0"</span> }.into_any(),
        _ => view! { <a class="is-late" href=late>{grouped(overdue)}</a> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <a class="plain-link" href=list_href(ListName::Refunds, &of_state)>
                    <RefundStateBadge state />
                </a>
            </th>
            <td class="entity-cell">
                <WaitsForLabel waits_for=state.waits_for() />
            </td>
            <td class="bar-cell">
                <Bar part=count whole=most tone=tone_of(state) />
            </td>
            <td class="figures">{grouped(count)}</td>
            <td class="figures">{late}</td>
            {currency_cells(&summary.sums, currencies)}
        </tr>
    }
    .into_any()
}

const fn tone_of(state: RefundState) -> Tone {
    match state {
        RefundState::Requested => Tone::Caution,
        RefundState::Failed => Tone::Danger,
        _ => Tone::Info,
    }
}

fn by_age(buckets: Vec<AgeBucket>, currencies: &[Currency]) -> AnyView {
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or_default();
    let heads = currency_heads(currencies);
    let rows = buckets
        .into_iter()
        .map(|bucket| {
            view! {
                <tr>
                    <th scope="row">{age_words(&bucket)}</th>
                    <td class="entity-cell"></td>
                    <td class="bar-cell">
                        <Bar part=bucket.count whole=most />
                    </td>
                    <td class="figures">{grouped(bucket.count)}</td>
                    <td></td>
                    {currency_cells(&bucket.sums, currencies)}
                </tr>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="by-age">
            <div class="panel-head">
                <h2 id="by-age">"Pending by age"</h2>
                <p class="aside">"since it was requested"</p>
            </div>
            <Table caption="Pending refunds by age" class=breakdown_class(currencies)>
                <thead>
                    <tr>
                        <th scope="col">"Age"</th>
                        <td class="entity-cell"></td>
                        <td class="bar-cell"></td>
                        <th scope="col" class="figures">"Refunds"</th>
                        <td></td>
                        {heads}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        </section>
    }
    .into_any()
}

/// The ages of a bucket in words: `Under 4 h`, `4 h to 1 d`, `30 d and more`.
fn age_words(bucket: &AgeBucket) -> String {
    let span = |hours: u32| format_span(i64::from(hours) * 3_600);
    match (bucket.from_hours, bucket.to_hours) {
        (0, Some(to)) => format!("Under {}", span(to)),
        (from, Some(to)) => format!("{} to {}", span(from), span(to)),
        (from, None) => format!("{} and more", span(from)),
    }
}

/// The address of the overdue refunds, sorted by the time in their state, longest first.
fn longest_overdue_href() -> String {
    let overdue = ListQuery {
        overdue: true,
        sort: Some(Sort::Stuck),
        ..ListQuery::default()
    };
    list_href(ListName::Refunds, &overdue)
}

fn longest_overdue(rows: Vec<RefundRow>, unread: Vec<String>) -> AnyView {
    let body = if rows.is_empty() && !unread.is_empty() {
        view! { <NotAllRead unread /> }.into_any()
    } else if rows.is_empty() {
        view! {
            <Empty title="Nothing is overdue">
                <p>"Every pending refund is within the limit of its state."</p>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Table caption="Longest overdue refunds">
                <thead>
                    <tr>
                        <th scope="col">"Refund"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="figures">"In state for"</th>
                        <th scope="col" class="figures">"Amount"</th>
                    </tr>
                </thead>
                <RefundRowsShort rows />
            </Table>
        }
        .into_any()
    };
    view! {
        <section class="panel" aria-labelledby="longest-overdue">
            <div class="panel-head">
                <h2 id="longest-overdue">"Longest overdue"</h2>
                <a class="aside" href=longest_overdue_href()>"All overdue"</a>
            </div>
            {body}
        </section>
    }
    .into_any()
}

fn by_kind(findings: Vec<(FindingKind, u64)>, unread: Vec<String>) -> AnyView {
    let body = if findings.is_empty() && !unread.is_empty() {
        view! { <NotAllRead unread /> }.into_any()
    } else if findings.is_empty() {
        view! {
            <Empty title="No findings">
                <p>"Wallets and orders are consistent."</p>
            </Empty>
        }
        .into_any()
    } else {
        let rows = findings
            .into_iter()
            .map(|(kind, count)| {
                let of_kind = ListQuery {
                    kinds: vec![kind],
                    ..ListQuery::default()
                };
                view! {
                    <tr>
                        <th scope="row">
                            <a href=list_href(ListName::Findings, &of_kind)>{sentence(kind.as_str())}</a>
                        </th>
                        <td>
                            <SeverityBadge severity=kind.severity() />
                        </td>
                        <td class="figures">{grouped(count)}</td>
                    </tr>
                }
                .into_any()
            })
            .collect_view();
        view! {
            <Table caption="Findings by kind">
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"Severity"</th>
                        <th scope="col" class="figures">"Count"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        }
        .into_any()
    };
    view! {
        <section class="panel" aria-labelledby="by-kind">
            <div class="panel-head">
                <h2 id="by-kind">"Findings"</h2>
                <a class="aside" href=href::FINDINGS>"All findings"</a>
            </div>
            {body}
        </section>
    }
    .into_any()
}

fn recent(events: Vec<Recent>, now: DateTime<Utc>) -> AnyView {
    let rows = events
        .into_iter()
        .map(|Recent { domain, subject, entry }| {
            let Summary { title, amount, facts } = summary(&entry);
            let position = entry.position;
            let of = subject.clone();
            view! {
                <tr>
                    <td class="when">
                        <Since at=entry.recorded now />
                    </td>
                    <td class="domain-cell">
                        <DomainTag domain />
                    </td>
                    <th scope="row">
                        <EntityLink domain id=subject.to_string() />
                    </th>
                    <td>
                        <EventLink domain subject position>
                            {title}
                        </EventLink>
                    </td>
                    <td class="figures">
                        <EventAmount amount />
                    </td>
                    <td class="wide">
                        <EventFacts facts domain subject=of />
                    </td>
                </tr>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <section class="panel recent" aria-labelledby="recent">
            <div class="panel-head">
                <h2 id="recent">"Just recorded"</h2>
            </div>
            <Table caption="The events that were recorded last">
                <thead>
                    <tr>
                        <th scope="col">"Recorded"</th>
                        <th scope="col" class="domain-cell">"Domain"</th>
                        <th scope="col">"Of"</th>
                        <th scope="col">"Event"</th>
                        <th scope="col" class="figures">"Amount"</th>
                        <th scope="col" class="wide">"Details"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        </section>
    }
    .into_any()
}

fn totals(totals: Vec<Totals>) -> AnyView {
    let rows = totals
        .into_iter()
        .map(|of| {
            let figure = |amount| view! { <td class="figures"><Money amount currency=of.currency bare=true /></td> };
            view! {
                <tr>
                    <th scope="row">{of.currency.to_string()}</th>
                    <td class="figures">{grouped(of.orders)}</td>
                    {figure(of.total)}
                    {figure(of.paid)}
                    {figure(of.refunded)}
                    {figure(of.pending)}
                    <td class="figures group-start">{grouped(of.wallets)}</td>
                    {figure(of.posted)}
                    {figure(of.held)}
                </tr>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="totals">
            <div class="panel-head">
                <h2 id="totals">"The ledger by currency"</h2>
            </div>
            <Table caption="Totals of the whole ledger by currency">
                <thead>
                    <tr>
                        <th scope="col">"Currency"</th>
                        <th scope="col" class="figures">"Orders"</th>
                        <th scope="col" class="figures">"Ordered"</th>
                        <th scope="col" class="figures">"Paid"</th>
                        <th scope="col" class="figures">"Refunded"</th>
                        <th scope="col" class="figures">"Refunds pending"</th>
                        <th scope="col" class="figures group-start">"Wallets"</th>
                        <th scope="col" class="figures">"Posted"</th>
                        <th scope="col" class="figures">"Held"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_words_name_the_bounds_of_a_bucket() {
        let words = |from_hours, to_hours| {
            age_words(&AgeBucket {
                from_hours,
                to_hours,
                count: 0,
                sums: Vec::new(),
            })
            .replace('\u{a0}', " ")
        };
        assert_eq!(words(0, Some(4)), "Under 4 h");
        assert_eq!(words(4, Some(24)), "4 h to 1 d");
        assert_eq!(words(720, None), "30 d and more");
    }
}
