//! Search over everything: the best of the refunds, wallets and orders that match, and links to the whole lists.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use super::{
    list::{Answered, ListRow, answered},
    region::region,
};
use crate::{
    api::{ApiError, find_carriers},
    components::{
        badge::{Nothing, OrderStatusBadge, WalletStatusBadge},
        id::{EntityLink, OrderLink, PartyName, WalletLink},
        money::Money,
        notice::{Empty, Ignored},
        page_links::{PageInfo, SearchOn},
        refund_table::RefundRowsShort,
        table::Table,
        words::total,
    },
    domain::{refund::RefundRow, wallet::Party},
    views::{
        href,
        lists::{Count, ListQuery, PageAt},
        orders::OrderRow,
        query::{Parsed, list_href, search_text},
        search::{Carrier, Carriers, IdKind},
        wallets::WalletRow,
    },
};

/// Rows of each kind.
const SHOWN: usize = 8;

/// What the first page of a list found.
struct Found {
    query: ListQuery,
    /// Rows on the page.
    rows: usize,
    /// Rows that match.
    count: Count,
    info: PageInfo,
    /// One sentence a store that is not read.
    unread: Vec<String>,
}

/// The rows to show, and what was found.
fn found<Row: ListRow>(answer: Answered<Row>) -> (Vec<Row>, Found) {
    let found = Found {
        rows: answer.page.rows.len(),
        count: answer.page.total,
        info: answer.info(),
        query: answer.query,
        unread: answer.unread,
    };
    (answer.page.rows.into_iter().take(SHOWN).collect(), found)
}

#[component]
pub fn SearchPage() -> impl IntoView {
    let search = use_location().search;
    let parsed = Memo::new(move |_| search.with(|search| search_text(search)));
    let text = Memo::new(move |_| parsed.with(|Parsed { query, .. }| query.clone()));
    let ignored = move || view! { <Ignored notes=parsed.get().ignored /> };
    view! {
        <Title text="Search" />
        <header class="page-head">
            <h1>"Search"</h1>
        </header>
        <div class="stack">
            {ignored}
            <Show when=move || text.with(|text| !text.is_empty()) fallback=nothing_asked>
                <Results text />
            </Show>
        </div>
    }
    .into_any()
}

fn nothing_asked() -> impl IntoView {
    view! {
        <div class="panel">
            <Empty title="What are you looking for?">
                <p>"Type part of an id of a wallet, an order or a refund, or of a customer's name, into the field above. An event, a payment or a reference is found by its whole id."</p>
            </Empty>
        </div>
    }
    .into_any()
}

#[component]
fn Results(text: Memo<String>) -> impl IntoView {
    let refunds = Resource::new(move || text.get(), every::<RefundRow>);
    let wallets = Resource::new(move || text.get(), every::<WalletRow>);
    let orders = Resource::new(move || text.get(), every::<OrderRow>);
    let carriers = Resource::new(move || text.get(), find_carriers);
    view! {
        {region(carriers, "events", show_carriers)}
        {section("refunds", "Refunds", refunds, show_refunds)}
        {section("wallets", "Wallets", wallets, show_wallets)}
        {section("orders", "Orders", orders, show_orders)}
    }
    .into_any()
}

/// The first rows that have the text, whatever their state.
async fn every<Row: ListRow>(text: String) -> Result<Answered<Row>, ApiError> {
    let (all, default) = (Row::LIST.states(), Row::LIST.default_states());
    let states = if all == default { Vec::new() } else { all };
    answered(ListQuery {
        states: states.into_iter().map(str::to_owned).collect(),
        text,
        ..ListQuery::default()
    })
    .await
}

fn section<T: Clone + Send + Sync + 'static>(
    what: &'static str,
    heading: &'static str,
    answer: Resource<Result<T, ApiError>>,
    show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView {
    view! {
        <section class="panel" aria-labelledby=what>
            <div class="panel-head">
                <h2 id=what>{heading}</h2>
            </div>
            {region(answer, what, show)}
        </section>
    }
    .into_any()
}

/// What follows the rows: what is not read, and the way to all rows, or to the rest of a search that stopped, or that there
/// are none.
fn rest<Row: ListRow>(found: Found) -> AnyView {
    let Found {
        query,
        rows,
        count,
        info,
        unread,
    } = found;
    let noun = Row::LIST.noun();
    let href = |at| list_href(Row::LIST, &query.page(at));
    let missing = (!unread.is_empty()).then(|| {
        let text = format!("Not all is read yet. {}", unread.join(" "));
        view! { <p class="panel-note">{text}</p> }
    });
    let rest = if rows > SHOWN {
        view! {
            <p class="panel-note">
                <a href=href(PageAt::First)>{format!("All {}", total(count, noun))}</a>
            </p>
        }
        .into_any()
    } else if info.stopped {
        view! { <SearchOn info href /> }.into_any()
    } else if rows == 0 && unread.is_empty() {
        view! { <p class="panel-note">{format!("No {noun} matches.")}</p> }.into_any()
    } else {
        ().into_any()
    };
    view! { {missing} {rest} }.into_any()
}

fn show_refunds(answer: Answered<RefundRow>) -> AnyView {
    let (rows, found) = found(answer);
    let table = (!rows.is_empty()).then(|| {
        view! {
            <Table caption="Refunds that match" class="even">
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
    });
    view! { {table} {rest::<RefundRow>(found)} }.into_any()
}

/// The events that carry the very id; nothing where there are none.
fn show_carriers(Carriers { found, complete }: Carriers) -> AnyView {
    let missing = (!complete).then(|| {
        view! { <p class="panel-note">"Ids of events, payments and references are still being indexed."</p> }
    });
    if found.is_empty() {
        return missing.map_or_else(
            || ().into_any(),
            |missing| view! { <div class="panel">{missing}</div> }.into_any(),
        );
    }
    let rows = found
        .into_iter()
        .map(|carrier| {
            let Carrier {
                kind,
                domain,
                subject,
                position,
                event_type,
            } = carrier;
            let event = match (position, event_type) {
                (Some(position), event_type) => {
                    let text = event_type.unwrap_or_else(|| "event".to_owned());
                    view! { <a href=href::event(domain, &subject, position)>{text}</a> }.into_any()
                }
                (None, _) => view! { "in its history" }.into_any(),
            };
            view! {
                <tr>
                    <th scope="row">{id_kind(kind)}</th>
                    <td>{event}</td>
                    <td><EntityLink domain id=subject /></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="events">
            <div class="panel-head">
                <h2 id="events">"Events with this id"</h2>
            </div>
            <Table caption="Events that carry this id" class="even">
                <thead>
                    <tr>
                        <th scope="col">"It is the id of"</th>
                        <th scope="col">"Event"</th>
                        <th scope="col">"Of"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
            {missing}
        </section>
    }
    .into_any()
}

const fn id_kind(kind: IdKind) -> &'static str {
    match kind {
        IdKind::Event => "the event",
        IdKind::Correlation => "a correlation",
        IdKind::Payment => "a payment",
        IdKind::Reference => "a refund's reference",
    }
}

fn party(party: Option<Party>) -> AnyView {
    match party {
        Some(party) => view! { <PartyName party /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    }
}

fn show_wallets(answer: Answered<WalletRow>) -> AnyView {
    let (rows, found) = found(answer);
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row"><WalletLink id=row.id.to_string() /></th>
                    <td>{party(row.owner)}</td>
                    <td><WalletStatusBadge status=row.status /></td>
                    <td class="figures"><Money amount=row.balances.available currency=row.currency /></td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let rest = rest::<WalletRow>(found);
    view! { {entities("Wallets that match", "Wallet", "Owner", "Available", rows)} {rest} }.into_any()
}

fn show_orders(answer: Answered<OrderRow>) -> AnyView {
    let (rows, found) = found(answer);
    let rows = rows
        .into_iter()
        .map(|row| {
            let total = row.total.map_or_else(
                || view! { <Nothing /> }.into_any(),
                |amount| view! { <Money amount currency=row.currency /> }.into_any(),
            );
            view! {
                <tr>
                    <th scope="row"><OrderLink id=row.id.to_string() /></th>
                    <td>{party(row.customer)}</td>
                    <td><OrderStatusBadge status=row.status /></td>
                    <td class="figures">{total}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let rest = rest::<OrderRow>(found);
    view! { {entities("Orders that match", "Order", "Customer", "Total", rows)} {rest} }.into_any()
}

/// A table of four columns; nothing without rows.
fn entities(
    caption: &'static str,
    id: &'static str,
    party: &'static str,
    amount: &'static str,
    rows: Vec<AnyView>,
) -> AnyView {
    if rows.is_empty() {
        return ().into_any();
    }
    view! {
        <Table caption=caption class="even">
            <thead>
                <tr>
                    <th scope="col">{id}</th>
                    <th scope="col">{party}</th>
                    <th scope="col">"Status"</th>
                    <th scope="col" class="figures">{amount}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    }
    .into_any()
}
