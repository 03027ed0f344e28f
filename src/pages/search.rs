//! The search page. A whole id redirects to its page. Other texts show the first hits of every kind, or more hits of one
//! kind, with links to the lists.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;

use super::{
    address,
    list::{ListRow, plain_heads},
    look_up::LookUpForm,
    region::region,
    session::Session,
    status::set_page_status,
};
use crate::{
    api::search,
    components::{
        badge::Nothing,
        id::{Code, EntityLink, OrderLink, PartyName},
        money::Money,
        notice::{Empty, Ignored},
        table::Table,
        time::{Fineness, Time},
        words::sentence,
    },
    domain::{access::Act, ids::Domain, refund::RefundRow},
    views::{
        compensations::CaseRow,
        customers::CustomerRow,
        href,
        lists::{Count, ListName, ListQuery},
        orders::OrderRow,
        query::{Parsed, SearchQuery, list_href, search_href, search_query},
        search::{AmountText, Carrier, HITS_SHOWN, Hits, PaymentRow, SearchKind, SearchView, with_decimal_point},
        wallets::{HoldListRow, WalletRow},
    },
};

/// The kinds in the order of the page: the kinds that are searched most come first.
const SECTIONS: [SearchKind; 10] = [
    SearchKind::Customer,
    SearchKind::Refund,
    SearchKind::Order,
    SearchKind::Wallet,
    SearchKind::Hold,
    SearchKind::Case,
    SearchKind::Payment,
    SearchKind::Reference,
    SearchKind::Event,
    SearchKind::Correlation,
];

#[component]
pub fn SearchPage() -> impl IntoView {
    let Parsed { query, ignored } = search_query(&address::search());
    let results = if query.text.is_empty() {
        nothing_asked()
    } else {
        results(query)
    };
    view! {
        <Title text="Search" />
        <header class="page-head">
            <h1>"Search"</h1>
        </header>
        <div class="stack">
            <Ignored notes=ignored />
            {results}
        </div>
    }
    .into_any()
}

fn nothing_asked() -> AnyView {
    view! {
        <div class="panel">
            <Empty title="What are you looking for?">
                <p>
                    "Type into the field above: part of an id or of a customer's name, an amount such as 12.50 EUR, or the whole id of a payment, a reference, an event or a correlation."
                </p>
            </Empty>
        </div>
    }
    .into_any()
}

fn results(query: SearchQuery) -> AnyView {
    let answer = search(query.text.clone(), query.kind);
    let look_up = can_look_up().then(|| {
        let name = query.text.clone();
        view! {
            <section class="panel" aria-labelledby="look-up">
                <div class="panel-head">
                    <h2 id="look-up">"Look up a customer by name"</h2>
                </div>
                <div class="panel-body stack">
                    <p>
                        "Names are hidden from your role; search an id or an amount. A customer is looked up by the whole name and one more fact."
                    </p>
                    <LookUpForm name />
                </div>
            </section>
        }
    });
    let view = region(answer, "results", move |view| {
        match target(&view, &query) {
            Some(path) => {
                let lead = view! { <Redirect path /> }.into_any();
                // `Redirect` sets a status only if the request accepts HTML. This sets one for every request.
                set_page_status(307);
                lead
            }
            None => show(view, &query),
        }
    });
    view! { {view} {look_up} }.into_any()
}

/// Whether the reader's role uses the look-up of customers, because names are hidden from it.
fn can_look_up() -> bool {
    Session::current().can(Act::LookUp)
}

/// The address of the only row whose id equals the text. `None` if there are several or none, if a kind is chosen, or if
/// something was not searched. Correlations count only if no other kind has that id.
fn target(view: &SearchView, query: &SearchQuery) -> Option<String> {
    // Browsers remove the segments `.` and `..` from a path.
    if query.kind.is_some() || !view.unsearched.is_empty() || matches!(query.text.as_str(), "." | "..") {
        return None;
    }
    let carried = |carrier: &Carrier| match carrier.position {
        Some(position) => href::event(carrier.domain, &carrier.subject, position),
        None => href::entity(carrier.domain, carrier.subject.as_str()),
    };
    let mut targets: Vec<String> = Vec::new();
    targets.extend(view.wallets.exact().map(|row| href::wallet(row.id.as_str())));
    targets.extend(view.orders.exact().map(|row| href::order(row.id.as_str())));
    let refund = |row: &RefundRow| href::refund(&row.refund, Some(row.order.as_str()));
    targets.extend(view.refunds.exact().map(refund));
    targets.extend(view.holds.exact().map(hold_href));
    targets.extend(view.cases.exact().map(|row| href::compensation(row.id.as_str())));
    targets.extend(view.customers.exact().map(|row| href::customer(&row.customer)));
    targets.extend(view.payments.exact().map(|row| href::order(row.order.as_str())));
    targets.extend(view.references.exact().map(|row| href::order(row.subject.as_str())));
    targets.extend(view.events.exact().map(carried));
    if targets.is_empty() && view.correlations.exact().next().is_some() {
        let carriers = SearchQuery {
            kind: Some(SearchKind::Correlation),
            ..query.clone()
        };
        return Some(search_href(&carriers));
    }
    // Several hits can have the same page, such as two payments of one order with the same id.
    targets.sort_unstable();
    targets.dedup();
    let only = targets.pop();
    only.filter(|_| targets.is_empty())
}

/// The list of holds, filtered to this hold. Holds have no page of their own.
fn hold_href(row: &HoldListRow) -> String {
    let query = ListQuery {
        text: row.hold.clone(),
        wallet: Some(row.wallet.to_string()),
        states: every_state(ListName::Holds),
        ..ListQuery::default()
    };
    list_href(ListName::Holds, &query)
}

fn every_state(list: ListName) -> Vec<String> {
    let states = list.states();
    if states == list.default_states() {
        return Vec::new();
    }
    states.into_iter().map(str::to_owned).collect()
}

/// The heading of a kind.
const fn heading(kind: SearchKind) -> &'static str {
    match kind {
        SearchKind::Wallet => "Wallets",
        SearchKind::Order => "Orders",
        SearchKind::Refund => "Refunds",
        SearchKind::Hold => "Holds",
        SearchKind::Case => "Cases",
        SearchKind::Customer => "Customers",
        SearchKind::Payment => "Payments",
        SearchKind::Reference => "References",
        SearchKind::Event => "Events",
        SearchKind::Correlation => "Correlations",
    }
}

/// The number of hits of a kind, and whether the search stopped before the last row.
const fn counted(view: &SearchView, kind: SearchKind) -> (Count, bool) {
    match kind {
        SearchKind::Wallet => (view.wallets.count, view.wallets.stopped),
        SearchKind::Order => (view.orders.count, view.orders.stopped),
        SearchKind::Refund => (view.refunds.count, view.refunds.stopped),
        SearchKind::Hold => (view.holds.count, view.holds.stopped),
        SearchKind::Case => (view.cases.count, view.cases.stopped),
        SearchKind::Customer => (view.customers.count, view.customers.stopped),
        SearchKind::Payment => (view.payments.count, view.payments.stopped),
        SearchKind::Reference => (view.references.count, view.references.stopped),
        SearchKind::Event => (view.events.count, view.events.stopped),
        SearchKind::Correlation => (view.correlations.count, view.correlations.stopped),
    }
}

/// A count in words: `3`, or `100+`.
fn count_text(count: Count) -> String {
    match count {
        Count::Exactly(count) => count.to_string(),
        Count::AtLeast(count) => format!("{count}+"),
    }
}

fn show(view: SearchView, query: &SearchQuery) -> AnyView {
    let hits = |kind: SearchKind| match counted(&view, kind) {
        (Count::Exactly(count) | Count::AtLeast(count), _) => count,
    };
    let kinds: Vec<SearchKind> = SECTIONS.into_iter().filter(|kind| hits(*kind) > 0).collect();
    let stopped: Vec<SearchKind> = SECTIONS
        .into_iter()
        .filter(|kind| hits(*kind) == 0 && counted(&view, *kind).1)
        .collect();
    let stopped = stopped_note(&stopped, query);
    let unsearched = view
        .unsearched
        .iter()
        .map(|sentence| view! { <p class="aside" role="note">{sentence.clone()}</p> })
        .collect_view();
    let hint = with_decimal_point(&query.text).map(|text| {
        let corrected = SearchQuery {
            text: text.clone(),
            kind: None,
        };
        view! {
            <p class="aside" role="note">
                "To search for an amount, write " <a href=search_href(&corrected)>{text}</a> "."
            </p>
        }
    });
    if kinds.is_empty() {
        return view! {
            <div class="stack">
                {hint}
                {unsearched}
                {stopped}
                {nothing_found(query, view.unsearched.is_empty())}
            </div>
        }
        .into_any();
    }
    let links = kind_links(&view, &kinds, query);
    let sections = sections(view, &kinds, query);
    view! {
        <div class="stack">
            {links}
            {hint}
            {unsearched}
            {stopped}
            {sections}
        </div>
    }
    .into_any()
}

/// A note about `kinds`: only their newest rows were searched, without a hit. Links to their lists continue the search.
fn stopped_note(kinds: &[SearchKind], query: &SearchQuery) -> Option<AnyView> {
    let links = kinds
        .iter()
        .filter_map(|kind| {
            let list = kind.list()?;
            let text = format!("Continue in {}", list.as_str());
            Some(view! { " " <a href=whole_list(list, query)?>{text}</a> })
        })
        .collect_view();
    let words: Vec<String> = kinds.iter().map(|kind| heading(*kind).to_lowercase()).collect();
    (!kinds.is_empty()).then(|| {
        view! {
            <p class="aside" role="note">
                {format!("Only the newest {} were searched, and none matches.", words.join(", "))} {links}
            </p>
        }
        .into_any()
    })
}

/// The message for a search without hits. `is_all` says that everything was searched.
fn nothing_found(query: &SearchQuery, is_all: bool) -> AnyView {
    let title = match query.kind {
        Some(kind) => format!("No {} is found for this text", kind.as_str()),
        None if is_all => "Nothing is found for this text".to_owned(),
        None => "Nothing is found yet".to_owned(),
    };
    let words = if Session::current().can(Act::ReadPersonal) {
        "Every word has to be part of an id or of a customer's name."
    } else {
        "Every word has to be part of an id."
    };
    let every_kind = query.kind.map(|_| {
        let all = SearchQuery {
            kind: None,
            ..query.clone()
        };
        view! { <p><a class="button" href=search_href(&all)>"Search every kind"</a></p> }
    });
    view! {
        <div class="panel">
            <Empty title>
                <p>
                    {words} " Payments, references, events and correlations are found by their whole id; an amount is written as 12.50 or 12.50 EUR."
                </p>
                {every_kind}
            </Empty>
        </div>
    }
    .into_any()
}

/// Links to the hits of one kind, with their numbers.
fn kind_links(view: &SearchView, kinds: &[SearchKind], query: &SearchQuery) -> AnyView {
    let all = (None, "All".to_owned());
    let of_kinds = kinds.iter().map(|kind| {
        let (count, _) = counted(view, *kind);
        (Some(*kind), format!("{} {}", heading(*kind), count_text(count)))
    });
    let links = std::iter::once(all)
        .chain(of_kinds)
        .map(|(kind, text)| {
            let is_here = kind == query.kind;
            let href = search_href(&SearchQuery { kind, ..query.clone() });
            view! {
                <li>
                    <a class="pill" href=href aria-current=is_here.then_some("page")>
                        {text}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <nav class="kinds" aria-label="Kinds">
            <ul>{links}</ul>
        </nav>
    }
    .into_any()
}

fn sections(view: SearchView, kinds: &[SearchKind], query: &SearchQuery) -> AnyView {
    let now = view.now;
    let mut view = view;
    let mut sections = Vec::with_capacity(kinds.len());
    for kind in kinds {
        sections.push(match kind {
            SearchKind::Customer => rows::<CustomerRow>(std::mem::take(&mut view.customers), *kind, query, now),
            SearchKind::Refund => rows::<RefundRow>(std::mem::take(&mut view.refunds), *kind, query, now),
            SearchKind::Order => rows::<OrderRow>(std::mem::take(&mut view.orders), *kind, query, now),
            SearchKind::Wallet => rows::<WalletRow>(std::mem::take(&mut view.wallets), *kind, query, now),
            SearchKind::Hold => rows::<HoldListRow>(std::mem::take(&mut view.holds), *kind, query, now),
            SearchKind::Case => rows::<CaseRow>(std::mem::take(&mut view.cases), *kind, query, now),
            SearchKind::Payment => payments(std::mem::take(&mut view.payments), query),
            SearchKind::Reference => carriers(std::mem::take(&mut view.references), *kind, query),
            SearchKind::Event => carriers(std::mem::take(&mut view.events), *kind, query),
            SearchKind::Correlation => carriers(std::mem::take(&mut view.correlations), *kind, query),
        });
    }
    sections.into_iter().collect_view().into_any()
}

/// A kind's heading, its table, and a link to more hits.
fn section(kind: SearchKind, shown: usize, found: (Count, bool), query: &SearchQuery, table: AnyView) -> AnyView {
    let (count, stopped) = found;
    let id = format!("found-{}", kind.as_str());
    let there_is_more = match count {
        Count::Exactly(count) => count > shown as u64,
        Count::AtLeast(_) => true,
    };
    let more = (there_is_more && query.kind.is_none()).then(|| {
        let of_kind = SearchQuery {
            kind: Some(kind),
            ..query.clone()
        };
        let noun = heading(kind).to_lowercase();
        let text = match count {
            Count::Exactly(count) => format!("All {count} {noun}"),
            Count::AtLeast(_) => format!("{} {noun}", count_text(count)),
        };
        view! { <a href=search_href(&of_kind)>{text}</a> }
    });
    let list = (there_is_more && query.kind.is_some()).then(|| {
        kind.list().and_then(|list| {
            let text = format!("{} with this text", sentence(list.as_str()));
            Some(view! { <a href=whole_list(list, query)?>{text}</a> })
        })
    });
    let list = list.flatten();
    // A full section of the newest hits needs no note.
    let note = (stopped && (query.kind.is_some() || shown < HITS_SHOWN)).then(|| {
        let to_list = kind
            .list()
            .and_then(|list| Some(view! { " " <a href=whole_list(list, query)?>"Continue in the list"</a> }));
        view! { <p class="panel-note">"Only the newest rows were searched." {to_list}</p> }
    });
    view! {
        <section class="panel" aria-labelledby=id.clone()>
            <div class="panel-head">
                <h2 id=id.clone()>{heading(kind)}</h2>
                {more}
                {list}
            </div>
            {table}
            {note}
        </section>
    }
    .into_any()
}

/// The address of a list with the same text or amount. `None` if the text is an amount without a currency, or the list
/// does not filter by the amount that was searched (wallets, cases and customers).
fn whole_list(list: ListName, query: &SearchQuery) -> Option<String> {
    let states = every_state(list);
    let Some(text) = AmountText::parse(&query.text) else {
        let query = ListQuery {
            text: query.text.clone(),
            states,
            ..ListQuery::default()
        };
        return Some(list_href(list, &query));
    };
    if matches!(list, ListName::Wallets | ListName::Cases | ListName::Customers) {
        return None;
    }
    let query = ListQuery {
        currencies: vec![text.currency?],
        min: Some(text.amount.clone()),
        max: Some(text.amount),
        states,
        ..ListQuery::default()
    };
    Some(list_href(list, &query))
}

/// Hits as rows of the list of their kind.
fn rows<Row: ListRow>(found: Hits<Row>, kind: SearchKind, query: &SearchQuery, now: DateTime<Utc>) -> AnyView {
    let shown = found.hits.len();
    let rows = found.hits.into_iter().map(|hit| hit.row.row(now)).collect_view();
    let table = (shown > 0).then(|| {
        view! {
            <Table caption=format!("{} that are found", heading(kind)) class="cards-when-narrow">
                <thead>{plain_heads(Row::COLUMNS)}</thead>
                <tbody>{rows}</tbody>
            </Table>
        }
    });
    section(kind, shown, (found.count, found.stopped), query, table.into_any())
}

fn payments(found: Hits<PaymentRow>, query: &SearchQuery) -> AnyView {
    let shown = found.hits.len();
    let rows = found
        .hits
        .into_iter()
        .map(|hit| {
            let PaymentRow {
                payment,
                order,
                wallet: _,
                customer,
                amount,
                currency,
                paid_at,
                position,
            } = hit.row;
            let customer = match customer {
                Some(party) => view! { <PartyName party /> }.into_any(),
                None => view! { <Nothing /> }.into_any(),
            };
            let paid = match paid_at {
                Some(at) => view! { <Time at fineness=Fineness::Minute /> }.into_any(),
                None => view! { <Nothing /> }.into_any(),
            };
            let event = href::event(Domain::Order, &order, position);
            view! {
                <tr>
                    <th scope="row" class="card-head">
                        <Code text=payment />
                        <span class="card-aside">
                            <Money amount currency />
                        </span>
                    </th>
                    <td data-label="Order"><OrderLink id=order.to_string() /></td>
                    <td data-label="Customer">{customer}</td>
                    <td data-label="Event"><a class="event-link" href=event>"order.paid"</a></td>
                    <td data-label="Paid">{paid}</td>
                    <td class="figures not-in-card">
                        <Money amount currency />
                    </td>
                </tr>
            }
        })
        .collect_view();
    let table = view! {
        <Table caption="Payments that are found" class="cards-when-narrow">
            <thead>
                <tr>
                    <th scope="col">"Payment"</th>
                    <th scope="col">"Order"</th>
                    <th scope="col">"Customer"</th>
                    <th scope="col">"Event"</th>
                    <th scope="col">"Paid (UTC)"</th>
                    <th scope="col" class="figures">"Amount"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    };
    section(
        SearchKind::Payment,
        shown,
        (found.count, found.stopped),
        query,
        table.into_any(),
    )
}

/// The first event of each entity that has the text as an id.
fn carriers(found: Hits<Carrier>, kind: SearchKind, query: &SearchQuery) -> AnyView {
    let shown = found.hits.len();
    let rows = found
        .hits
        .into_iter()
        .map(|hit| {
            let Carrier {
                id,
                domain,
                subject,
                position,
                event_type,
                time,
                ..
            } = hit.row;
            let time = match time {
                Some(at) => view! { <Time at fineness=Fineness::Minute /> }.into_any(),
                None => view! { <Nothing /> }.into_any(),
            };
            let event = match position {
                Some(position) => {
                    let text = event_type.unwrap_or_else(|| "event".to_owned());
                    view! { <a class="event-link" href=href::event(domain, &subject, position)>{text}</a> }.into_any()
                }
                None => view! { "in its history" }.into_any(),
            };
            view! {
                <tr>
                    <th scope="row" class="card-head"><Code text=id /></th>
                    <td data-label="First event">{event}</td>
                    <td data-label="When">{time}</td>
                    <td data-label="Of">
                        <EntityLink domain id=subject.to_string() />
                    </td>
                </tr>
            }
        })
        .collect_view();
    let table = view! {
        <Table caption=format!("{} that are found", heading(kind)) class="cards-when-narrow">
            <thead>
                <tr>
                    <th scope="col">{sentence(kind.as_str())}</th>
                    <th scope="col">"First event"</th>
                    <th scope="col">"When (UTC)"</th>
                    <th scope="col">"Of"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    };
    section(kind, shown, (found.count, found.stopped), query, table.into_any())
}
