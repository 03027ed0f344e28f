//! The look-up of a customer by the whole name and one more fact.

use crate::read_model::look_up::{self, Fact, Found, ROWS_MAX, WholeName};

use super::{Ledger, LedgerError};

impl Ledger {
    /// Finds the customer with this name to whom the fact applies. Blocks. An error while a store is being read for the
    /// first time, and if the search index is needed and not complete.
    pub fn look_up(&self, name: &WholeName, fact: &Fact) -> Result<Found, LedgerError> {
        self.check_filled()?;
        let found = self
            .model
            .read(|connection| look_up::look_up(connection, name, fact, ROWS_MAX))?;
        found.ok_or_else(|| {
            let message = "the search index is not complete yet; enter an order's id, or try again in a few minutes";
            LedgerError::ReadModel(message.to_owned())
        })
    }
}
