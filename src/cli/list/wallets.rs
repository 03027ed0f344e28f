//! `ledgerscope wallets`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Listed, RowCount};
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
        wallet::{Party, WalletStatus},
    },
    views::{lists::ListName, wallets::WalletRow},
};

/// The fields of contract §8, in its order.
#[derive(Serialize)]
struct WalletLine<'a> {
    wallet: &'a EntityId,
    status: WalletStatus,
    currency: Option<Currency>,
    owner: Option<&'a Party>,
    posted: String,
    held: String,
    available: String,
    sequence: Sequence,
    last_time: Option<String>,
    complete: bool,
}

impl Listed for WalletRow {
    const LIST: ListName = ListName::Wallets;
    const COLUMNS: &'static [Column] = &[
        Column::Left("wallet"),
        Column::Left("status"),
        Column::Left("owner"),
        Column::Right("posted"),
        Column::Right("held"),
        Column::Right("available"),
        Column::Left(""),
        Column::Left("last event"),
        Column::Left(""),
    ];
    type Totals = RowCount;

    fn json(&self) -> impl Serialize {
        WalletLine {
            wallet: &self.id,
            status: self.status,
            currency: self.currency,
            owner: self.owner.as_ref(),
            posted: printed(self.balances.posted, self.currency),
            held: printed(self.balances.held, self.currency),
            available: printed(self.balances.available, self.currency),
            sequence: self.sequence,
            last_time: self.last_time.map(format_time),
            complete: self.complete,
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.status.to_string(),
            self.owner
                .as_ref()
                .map_or_else(String::new, |owner| plain(&party(owner))),
            printed(self.balances.posted, self.currency),
            printed(self.balances.held, self.currency),
            printed(self.balances.available, self.currency),
            code(self.currency),
            moment(self.last_time),
            incomplete(self.complete).to_owned(),
        ]
    }
}

/// The code of a currency, or an empty text.
pub fn code(currency: Option<Currency>) -> String {
    currency.map_or_else(String::new, String::from)
}

/// A formatted time, or an empty text.
pub fn moment(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(String::new, format_time)
}

/// The mark of an entity whose history is not complete.
pub const fn incomplete(complete: bool) -> &'static str {
    if complete { "" } else { "incomplete" }
}
