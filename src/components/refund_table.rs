//! Refunds as table rows, with all columns or only some.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::{
    badge::{Nothing, RefundStateBadge, WaitsForLabel},
    icon::Icon,
    id::{CustomerLink, OrderLink, RefundLink, WalletLink},
    money::Money,
    reason::ReasonLabel,
    time::{Age, Fineness, Time},
};
use crate::domain::refund::RefundRow;

/// A row of a table of refunds, with the columns Refund, Order, Wallet, Customer, State, Waits for, In state for, Requested,
/// Reason, Amount.
pub fn refund_row(row: RefundRow) -> AnyView {
    let order = row.order.to_string();
    let wallet = match row.wallet {
        Some(id) => view! { <WalletLink id /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let customer = match row.customer {
        Some(id) => view! { <CustomerLink id /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let key = format!("{order} {}", row.refund);
    view! {
        <tr class:is-overdue=row.overdue data-key=key>
            <th scope="row" class="card-head">
                <RefundLink refund=row.refund order=order.clone() />
                <span class="card-aside">
                    <Money amount=row.amount currency=row.currency />
                </span>
            </th>
            <td data-label="Order">
                <OrderLink id=order />
            </td>
            <td data-label="Wallet">{wallet}</td>
            <td data-label="Customer">{customer}</td>
            <td data-label="State">
                <RefundStateBadge state=row.state />
            </td>
            <td data-label="Waits for">
                <WaitsForLabel waits_for=row.waits_for />
            </td>
            <td class="figures" data-label="In state for">
                <LimitedAge since=row.state_since seconds=row.age_seconds overdue=row.overdue />
            </td>
            <td data-label="Requested">
                <Time at=row.requested_at fineness=Fineness::Minute />
            </td>
            <td data-label="Reason">
                <ReasonLabel reason=row.reason />
            </td>
            <td class="figures not-in-card">
                <Money amount=row.amount currency=row.currency />
            </td>
        </tr>
    }
    .into_any()
}

/// The time that a refund has been in its state, marked if it is overdue.
#[component]
fn LimitedAge(since: DateTime<Utc>, seconds: i64, overdue: bool) -> impl IntoView {
    let age = view! { <Age since seconds /> };
    if !overdue {
        return age.into_any();
    }
    view! {
        <span class="late-age">
            {Icon::Clock.view()} {age} <span class="visually-hidden">", overdue"</span>
        </span>
    }
    .into_any()
}

/// The body of a narrow table of refunds, with the columns Refund, State, In state for, Amount.
#[component]
pub fn RefundRowsShort(rows: Vec<RefundRow>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">
                        <RefundLink refund=row.refund order=row.order.to_string() />
                    </th>
                    <td>
                        <RefundStateBadge state=row.state />
                    </td>
                    <td class="figures">
                        <LimitedAge since=row.state_since seconds=row.age_seconds overdue=row.overdue />
                    </td>
                    <td class="figures">
                        <Money amount=row.amount currency=row.currency />
                    </td>
                </tr>
            }
            .into_any()
        })
        .collect_view();
    view! { <tbody>{rows}</tbody> }.into_any()
}
