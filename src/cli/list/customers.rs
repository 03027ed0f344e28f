//! `ledgerscope customers`.

use serde::Serialize;

use super::{Listed, RowCount};
use crate::{
    cli::output::{Column, plain},
    views::{customers::CustomerRow, lists::ListName},
};

impl Listed for CustomerRow {
    const LIST: ListName = ListName::Customers;
    const COLUMNS: &'static [Column] = &[
        Column::Left("customer"),
        Column::Left("names"),
        Column::Right("wallets"),
        Column::Right("orders"),
        Column::Right("refunds"),
        Column::Right("pending"),
    ];
    type Totals = RowCount;

    /// The fields of [`CustomerRow`] are those of contract §8.
    fn json(&self) -> impl Serialize {
        self
    }

    fn cells(&self) -> Vec<String> {
        vec![
            plain(&self.customer),
            plain(&self.names.join(", ")),
            self.wallets.to_string(),
            self.orders.to_string(),
            self.refunds.to_string(),
            self.pending_refunds.to_string(),
        ]
    }
}
