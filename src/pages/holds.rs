//! The list of holds. A query without states shows the open ones.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::list::{Column, ListRow, list_page};
use crate::{
    api::{ApiError, list_holds},
    components::{
        badge::{HoldStateBadge, Nothing},
        id::{Code, OrderLink, WalletLink},
        money::Money,
        time::{Fineness, Since, Time},
    },
    domain::{ids::Domain, wallet::HoldState},
    views::{
        lists::{ListName, ListQuery, Page, Sort},
        wallets::HoldListRow,
    },
};

#[component]
pub fn HoldsPage() -> impl IntoView {
    list_page::<HoldListRow>(|_| ().into_any())
}

impl ListRow for HoldListRow {
    const LIST: ListName = ListName::Holds;
    const DOMAINS: &'static [Domain] = &[Domain::Wallet];
    const SEARCHED: &'static str = "Hold, wallet or order";
    const COLUMNS: &'static [Column] = &[
        Column::new("Hold"),
        Column::new("Wallet"),
        Column::new("Order"),
        Column::new("State"),
        Column::new("Held (UTC)").sorting(&[Sort::Newest, Sort::Oldest]),
        Column::new("Expires"),
        Column::figures("Amount").sorting(&[Sort::AmountDown]),
    ];
    const NONE: (&'static str, &'static str) = ("No hold is open", "No wallet has an amount on hold.");

    async fn ask(query: ListQuery) -> Result<Page<Self>, ApiError> {
        list_holds(query).await
    }

    fn row(self, now: DateTime<Utc>) -> AnyView {
        let Self {
            hold,
            wallet,
            order,
            state,
            amount,
            currency,
            held_at,
            expires_at,
        } = self;
        let order = match order {
            Some(id) => view! { <OrderLink id /> }.into_any(),
            None => view! { <Nothing /> }.into_any(),
        };
        let expires = match expires_at {
            // An ended hold can't expire any more. Its time is shown without an age.
            Some(at) if state != HoldState::Open => view! { <Time at fineness=Fineness::Minute /> }.into_any(),
            Some(at) => {
                let past = at < now;
                view! { <span class:is-past=past><Since at now /></span> }.into_any()
            }
            None => view! { <Nothing /> }.into_any(),
        };
        let key = format!("{wallet} {hold}");
        view! {
            <tr data-key=key>
                <th scope="row" class="card-head">
                    <Code text=hold />
                    <span class="card-aside">
                        <Money amount currency />
                    </span>
                </th>
                <td data-label="Wallet">
                    <WalletLink id=wallet.to_string() />
                </td>
                <td data-label="Order">{order}</td>
                <td data-label="State">
                    <HoldStateBadge state />
                </td>
                <td data-label="Held">
                    <Time at=held_at fineness=Fineness::Minute />
                </td>
                <td data-label="Expires">{expires}</td>
                <td class="figures not-in-card">
                    <Money amount currency />
                </td>
            </tr>
        }
        .into_any()
    }
}
