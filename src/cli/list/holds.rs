//! `ledgerscope holds`.

use serde::Serialize;

use super::{
    Listed, RowCount,
    wallets::{code, moment},
};
use crate::{
    cli::{
        amounts::printed,
        output::{Column, plain},
    },
    domain::{event::format_time, ids::EntityId, money::Currency, wallet::HoldState},
    views::{lists::ListName, wallets::HoldListRow},
};

/// The fields of contract §8, in its order.
#[derive(Serialize)]
struct HoldLine<'a> {
    hold: &'a str,
    wallet: &'a EntityId,
    order: Option<&'a str>,
    state: HoldState,
    amount: String,
    currency: Option<Currency>,
    held_at: String,
    expires_at: Option<String>,
}

impl Listed for HoldListRow {
    const LIST: ListName = ListName::Holds;
    const COLUMNS: &'static [Column] = &[
        Column::Left("hold"),
        Column::Left("wallet"),
        Column::Left("order"),
        Column::Left("state"),
        Column::Right("amount"),
        Column::Left(""),
        Column::Left("held"),
        Column::Left("expires"),
    ];
    type Totals = RowCount;

    fn json(&self) -> impl Serialize {
        HoldLine {
            hold: &self.hold,
            wallet: &self.wallet,
            order: self.order.as_deref(),
            state: self.state,
            amount: printed(self.amount, self.currency),
            currency: self.currency,
            held_at: format_time(self.held_at),
            expires_at: self.expires_at.map(format_time),
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            plain(&self.hold),
            self.wallet.to_string(),
            plain(self.order.as_deref().unwrap_or("")),
            self.state.to_string(),
            printed(self.amount, self.currency),
            code(self.currency),
            format_time(self.held_at),
            moment(self.expires_at),
        ]
    }
}
