//! Wallets: a list to search, filter and sort. All of it stands in the address.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use super::{
    list::{Answered, ListForm, answered, found, list_head, no_rows_here, none_found, not_read},
    live::follow_all,
    region::list_region,
};
use crate::{
    api::list_wallets,
    components::{
        badge::{IncompleteMark, Nothing, WalletStatusBadge},
        id::{PartyName, WalletLink},
        money::Money,
        notice::Ignored,
        page_links::{PageInfo, PageLinks, SearchOn},
        table::Table,
        time::Since,
    },
    domain::{ids::Domain, wallet::WalletStatus},
    views::{
        href,
        lists::{ListQuery, ListSort, Page, PageAt},
        query::{list_href, list_query},
        wallets::WalletRow,
    },
};

type Answer = Answered<ListQuery, Page<WalletRow>>;

#[component]
pub fn WalletsPage() -> impl IntoView {
    let search = use_location().search;
    let parsed = Memo::new(move |_| {
        let statuses: Vec<_> = WalletStatus::ALL.iter().map(|status| status.as_str()).collect();
        search.with(|search| list_query(search, &statuses))
    });
    let query = Memo::new(move |_| parsed.with(|parsed| parsed.query.clone()));
    let answer = Resource::new(
        move || query.get(),
        |query| answered(query, &[Domain::Wallet], list_wallets),
    );
    let first = move || {
        let query = query.get_untracked();
        (query.at != PageAt::First).then(|| page_href(&query, PageAt::First))
    };
    let statuses = WalletStatus::ALL.iter().map(|status| status.as_str()).collect();
    view! {
        <Title text="Wallets" />
        {follow_all()}
        <header class="page-head">
            <h1>"Wallets"</h1>
        </header>
        <div class="stack">
        <ListForm action=href::WALLETS query statuses hint="Wallet, owner, order or refund" />
        {move || view! { <Ignored notes=parsed.with(|parsed| parsed.ignored.clone()) /> }}
        <div class="panel">{list_region(answer, "wallets", first, show)}</div>
        </div>
    }
}

/// The address of another page of the list.
fn page_href(query: &ListQuery, at: PageAt) -> String {
    list_href(href::WALLETS, &ListQuery { at, ..query.clone() })
}

fn show(Answered { query, page, unread }: Answer) -> AnyView {
    let info = PageInfo::of(query.at.clone(), &page);
    let href_of = |at| page_href(&query, at);
    if page.rows.is_empty() {
        return no_rows_here("wallet", &info, &unread, href_of)
            .unwrap_or_else(|| none_found(href::WALLETS, "wallet", &query));
    }
    let sorted = query.clone();
    let head = move |label, sorts: &[ListSort]| list_head(label, &sorted, sorts, href::WALLETS);
    let rows = page.rows.into_iter().map(|row| row_view(row, page.now)).collect_view();
    view! {
        <div class="panel-head"><p><strong>{found(page.total, "wallet", &unread)}</strong></p>{not_read(&unread)}</div>
        <Table caption="Wallets" class="folds">
            <thead>
                <tr>
                    {head("Wallet", &[ListSort::Id])}
                    <th scope="col">"Owner"</th>
                    <th scope="col">"Status"</th>
                    <th scope="col" class="figures">
                        "Posted"
                    </th>
                    <th scope="col" class="figures">
                        "Held"
                    </th>
                    {head("Available", &[ListSort::AmountDown, ListSort::AmountUp])}
                    {head("Last event", &[ListSort::Recent])}
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
        <SearchOn info=info.clone() href=href_of />
        <PageLinks label="Wallets" info href=href_of />
    }
    .into_any()
}

fn row_view(row: WalletRow, now: DateTime<Utc>) -> AnyView {
    let WalletRow {
        id,
        owner,
        status,
        currency,
        balances,
        complete,
        last_time,
        ..
    } = row;
    let owner = match owner {
        Some(party) => view! { <PartyName party /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let last = match last_time {
        Some(at) => view! { <Since at now /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    view! {
        <tr data-key=id.to_string()>
            <th scope="row" class="card-head">
                <WalletLink id=id.to_string() />
            </th>
            <td data-label="Owner">{owner}</td>
            <td data-label="Status">
                <span>
                    <WalletStatusBadge status />
                    " "
                    {(!complete).then(|| view! { <IncompleteMark /> })}
                </span>
            </td>
            <td class="figures" data-label="Posted">
                <Money amount=balances.posted currency />
            </td>
            <td class="figures" data-label="Held">
                <Money amount=balances.held currency />
            </td>
            <td class="figures" data-label="Available">
                <Money amount=balances.available currency />
            </td>
            <td data-label="Last event">{last}</td>
        </tr>
    }
    .into_any()
}
