//! The list of wallets.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::list::{Column, ListRow, list_page};
use crate::{
    api::{ApiError, list_wallets},
    components::{
        badge::{IncompleteMark, Nothing, WalletStatusBadge},
        id::{PartyName, WalletLink},
        money::Money,
        time::Since,
    },
    domain::ids::Domain,
    views::{
        lists::{ListName, ListQuery, Page, Sort},
        wallets::WalletRow,
    },
};

#[component]
pub fn WalletsPage() -> impl IntoView {
    list_page::<WalletRow>(|_| ().into_any())
}

impl ListRow for WalletRow {
    const LIST: ListName = ListName::Wallets;
    const DOMAINS: &'static [Domain] = &[Domain::Wallet];
    const SEARCHED: &'static str = "Wallet, owner's id or name";
    const COLUMNS: &'static [Column] = &[
        Column::new("Wallet").sorting(&[Sort::Id]),
        Column::new("Owner"),
        Column::new("Status"),
        Column::figures("Posted"),
        Column::figures("Held"),
        Column::figures("Available").sorting(&[Sort::AmountDown, Sort::AmountUp]),
        Column::new("Last event").sorting(&[Sort::Newest, Sort::Oldest]),
    ];
    const NONE: (&'static str, &'static str) = (
        "There are no wallets yet",
        "A wallet appears here with the first event in its stream.",
    );

    async fn ask(query: ListQuery) -> Result<Page<Self>, ApiError> {
        list_wallets(query).await
    }

    fn row(self, now: DateTime<Utc>) -> AnyView {
        let Self {
            id,
            owner,
            status,
            currency,
            balances,
            complete,
            last_time,
            ..
        } = self;
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
}
