//! Wallets: a list to search, filter and sort. All of it stands in the address.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use super::{
    list::{ListForm, list_head, none_found},
    live::follow_all,
    region::region,
};
use crate::{
    api::list_wallets,
    components::{
        badge::{IncompleteMark, Nothing, WalletStatusBadge},
        id::{PartyName, WalletLink},
        money::Money,
        notice::Ignored,
        pagination::Pagination,
        table::Table,
        time::Since,
        words::counted,
    },
    domain::wallet::WalletStatus,
    views::{
        href,
        lists::{ListQuery, ListSort, Page},
        query::{list_href, list_query},
        wallets::WalletRow,
    },
};

/// A page of wallets, with the query that it was asked with.
type Answer = (ListQuery, Page<WalletRow>);

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
        |query| async move { list_wallets(query.clone()).await.map(|page| (query, page)) },
    );
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
        <div class="panel">{region(answer, "wallets", show)}</div>
        </div>
    }
}

fn show((query, page): Answer) -> AnyView {
    if page.rows.is_empty() {
        return none_found(href::WALLETS, "wallet", &query, page.total, page.pages);
    }
    let page_href = |page| list_href(href::WALLETS, &ListQuery { page, ..query.clone() });
    let sorted = query.clone();
    let head = move |label, sorts: &[ListSort]| list_head(label, &sorted, sorts, href::WALLETS);
    let rows = page.rows.into_iter().map(|row| row_view(row, page.now)).collect_view();
    view! {
        <div class="panel-head"><p><strong>{counted(page.total, "wallet")}</strong></p></div>
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
        <Pagination label="Wallets" page=page.page pages=page.pages href=page_href />
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
