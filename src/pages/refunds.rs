//! The list of refunds. A query without states shows the pending ones.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::list::{Column, ListRow, list_page};
use crate::{
    api::{ApiError, list_refunds},
    components::refund_table::refund_row,
    domain::{ids::Domain, refund::RefundRow},
    views::lists::{ListName, ListQuery, Page, Sort},
};

#[component]
pub fn RefundsPage() -> impl IntoView {
    list_page::<RefundRow>(|_| ().into_any())
}

impl ListRow for RefundRow {
    const LIST: ListName = ListName::Refunds;
    const DOMAINS: &'static [Domain] = &[Domain::Order];
    const SEARCHED: &'static str = "Refund, order, wallet, customer or reason";
    const COLUMNS: &'static [Column] = &[
        Column::new("Refund").sorting(&[Sort::Id]),
        Column::new("Order").sorting(&[Sort::Order]),
        Column::new("Wallet"),
        Column::new("Customer"),
        Column::new("State").sorting(&[Sort::State]),
        Column::new("Waits for"),
        Column::figures("In state for").sorting(&[Sort::Stuck]),
        Column::new("Requested (UTC)").sorting(&[Sort::Oldest, Sort::Newest]),
        Column::new("Reason"),
        Column::figures("Amount").sorting(&[Sort::AmountDown, Sort::AmountUp]),
    ];
    const NONE: (&'static str, &'static str) = ("No refund is pending", "Every requested refund has ended.");

    async fn ask(query: ListQuery) -> Result<Page<Self>, ApiError> {
        list_refunds(query).await
    }

    fn row(self, _: DateTime<Utc>) -> AnyView {
        refund_row(self)
    }
}
