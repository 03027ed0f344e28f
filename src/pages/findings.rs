//! The list of findings: what does not fit together across wallets and orders.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::list::{Column, ListRow, list_page};
use crate::{
    api::{ApiError, list_findings},
    components::{
        badge::{Nothing, SeverityBadge},
        findings::FindingSubjects,
        id::CustomerLink,
        money::Money,
        time::{Fineness, Time},
        words::sentence,
    },
    domain::ids::Domain,
    views::{
        findings::FindingRow,
        lists::{ListName, ListQuery, Page, Sort},
    },
};

#[component]
pub fn FindingsPage() -> impl IntoView {
    list_page::<FindingRow>(|_| ().into_any())
}

impl ListRow for FindingRow {
    const LIST: ListName = ListName::Findings;
    const DOMAINS: &'static [Domain] = &[Domain::Wallet, Domain::Order];
    const SEARCHED: &'static str = "Refund, order, wallet, customer's id or name";
    const COLUMNS: &'static [Column] = &[
        Column::new("Finding"),
        Column::new("Severity").sorting(&[Sort::Severity]),
        Column::new("About"),
        Column::new("Customer"),
        Column::new("Since (UTC)").sorting(&[Sort::Oldest, Sort::Newest]),
        Column::figures("At risk").sorting(&[Sort::AmountDown]),
    ];
    const NONE: (&'static str, &'static str) = ("No findings", "Wallets and orders are consistent.");

    async fn ask(query: ListQuery) -> Result<Page<Self>, ApiError> {
        list_findings(query).await
    }

    fn row(self, _: DateTime<Utc>) -> AnyView {
        let Self { finding, customer, key } = self;
        let customer = match customer {
            Some(id) => view! { <CustomerLink id /> }.into_any(),
            None => view! { <Nothing /> }.into_any(),
        };
        let since = match finding.since {
            Some(at) => view! { <Time at fineness=Fineness::Minute /> }.into_any(),
            None => view! { <Nothing /> }.into_any(),
        };
        let currency = finding.currency;
        let amount = || match finding.amount {
            Some(amount) => view! { <Money amount currency /> }.into_any(),
            None => view! { <Nothing /> }.into_any(),
        };
        view! {
            <tr data-key=key>
                <th scope="row" class="finding-cell card-head">
                    <span>
                        <strong>{sentence(finding.finding.as_str())}</strong>
                        <span class="finding-explanation">{finding.explanation.clone()}</span>
                    </span>
                    <span class="card-aside">{amount()}</span>
                </th>
                <td data-label="Severity">
                    <SeverityBadge severity=finding.severity />
                </td>
                <td data-label="About">
                    <FindingSubjects finding=finding.clone() />
                </td>
                <td data-label="Customer">{customer}</td>
                <td data-label="Since">{since}</td>
                <td class="figures not-in-card">{amount()}</td>
            </tr>
        }
        .into_any()
    }
}
