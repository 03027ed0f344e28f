//! `ledgerscope orders`.

use serde::Serialize;

use super::{
    Listed, RowCount,
    wallets::{code, incomplete, moment},
};
use crate::{
    cli::{
        amounts::printed,
        output::{Column, plain},
        wallet::party,
    },
    domain::{
        event::format_time,
        ids::{EntityId, Sequence},
        money::Currency,
        order::OrderStatus,
        wallet::Party,
    },
    views::{lists::ListName, orders::OrderRow},
};

/// The fields of contract §8, in its order.
#[derive(Serialize)]
struct OrderLine<'a> {
    order: &'a EntityId,
    wallet: Option<&'a str>,
    customer: Option<&'a Party>,
    status: OrderStatus,
    currency: Option<Currency>,
    total: Option<String>,
    paid: String,
    refunded: String,
    pending: String,
    refundable: String,
    sequence: Sequence,
    last_time: Option<String>,
    complete: bool,
}

impl Listed for OrderRow {
    const LIST: ListName = ListName::Orders;
    const COLUMNS: &'static [Column] = &[
        Column::Left("order"),
        Column::Left("wallet"),
        Column::Left("customer"),
        Column::Left("status"),
        Column::Right("total"),
        Column::Right("paid"),
        Column::Right("refunded"),
        Column::Right("pending"),
        Column::Right("refundable"),
        Column::Left(""),
        Column::Left("last event"),
        Column::Left(""),
    ];
    type Totals = RowCount;

    fn json(&self) -> impl Serialize {
        OrderLine {
            order: &self.id,
            wallet: self.wallet.as_deref(),
            customer: self.customer.as_ref(),
            status: self.status,
            currency: self.currency,
            total: self.total.map(|total| printed(total, self.currency)),
            paid: printed(self.sums.paid, self.currency),
            refunded: printed(self.sums.refunded, self.currency),
            pending: printed(self.sums.pending, self.currency),
            refundable: printed(self.sums.refundable, self.currency),
            sequence: self.sequence,
            last_time: self.last_time.map(format_time),
            complete: self.complete,
        }
    }

    fn cells(&self) -> Vec<String> {
        let customer = self.customer.as_ref();
        let total = self.total.map(|total| printed(total, self.currency));
        vec![
            self.id.to_string(),
            plain(self.wallet.as_deref().unwrap_or("")),
            customer.map_or_else(String::new, |customer| plain(&party(customer))),
            self.status.to_string(),
            total.unwrap_or_default(),
            printed(self.sums.paid, self.currency),
            printed(self.sums.refunded, self.currency),
            printed(self.sums.pending, self.currency),
            printed(self.sums.refundable, self.currency),
            code(self.currency),
            moment(self.last_time),
            incomplete(self.complete).to_owned(),
        ]
    }
}
