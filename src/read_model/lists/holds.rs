//! Rows of holds in lists.

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    ListRow, Moment,
    spec::{HOLDS, Spec},
};
use crate::{
    domain::{ids::EntityId, wallet::HoldState},
    read_model::columns::{MinorUnits, Number, ReadCurrency, Time, from_minor_units},
    views::wallets::HoldListRow,
};

impl ListRow for HoldListRow {
    const SPEC: &'static Spec = &HOLDS;

    fn fetch(connection: &Connection, n: i64, _: &Moment) -> rusqlite::Result<Option<Self>> {
        let mut select = connection.prepare_cached(
            "SELECT hold, wallet, ord, state, amount, currency, since, expires_at FROM hold WHERE n = ?1",
        )?;
        let row = select.query_row([n], |row| {
            let Ok(wallet) = EntityId::new(row.get::<_, String>(1)?) else {
                return Ok(None);
            };
            let currency = row.get::<_, ReadCurrency>(5)?.0;
            Ok(Some(Self {
                hold: row.get(0)?,
                wallet,
                order: row.get(2)?,
                state: row.get::<_, Number<HoldState>>(3)?.0,
                amount: from_minor_units(row.get::<_, MinorUnits>(4)?.0, currency),
                currency,
                held_at: row.get::<_, Time>(6)?.0.unwrap_or_default(),
                expires_at: row.get::<_, Time>(7)?.0,
            }))
        });
        row.optional().map(Option::flatten)
    }
}
