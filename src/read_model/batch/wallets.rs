//! Rows of wallets, their credits for refunds and their holds.

use rusqlite::{OptionalExtension as _, params};

use super::{
    Batch, List, Sign,
    findings::{self, Scope},
};
use crate::{
    domain::{
        event::RawDigest,
        findings::{ExpiringHold, Finding, WalletBalance, WalletFacts, of_wallet},
        ids::EntityId,
        money::Currency,
        wallet::{Hold, HoldState, WalletState},
    },
    read_model::{
        columns::{MinorUnits, Numbered as _, ReadCurrency, Sortable, currency_code, to_minor_units},
        customers::Counts,
        entity::{Credit, Update},
        search_index::{self, Texts},
    },
};

/// The values of a row before it is written again.
struct Known {
    n: i64,
    digest: RawDigest,
    entries: i64,
    status: i64,
    currency: Option<Currency>,
    posted: i128,
    held: i128,
    owner: Option<String>,
    owner_name: Option<String>,
}

struct KnownHold {
    n: i64,
    state: i64,
    currency: Option<Currency>,
    amount: i128,
}

fn known_hold(row: &rusqlite::Row<'_>) -> rusqlite::Result<KnownHold> {
    Ok(KnownHold {
        n: row.get(0)?,
        state: row.get(1)?,
        currency: row.get::<_, ReadCurrency>(2)?.0,
        amount: row.get::<_, MinorUnits>(3)?.0,
    })
}

impl Batch<'_> {
    pub(super) fn put_wallet_rows(&mut self, id: &EntityId, update: &Update<WalletState>) -> rusqlite::Result<()> {
        let known = if self.filling { None } else { self.known_wallet(id)? };
        let state = &update.fold.state;
        let n = self.write_wallet(id, update, known.as_ref())?;
        self.ids.note(self.domain, n, &update.ids);
        if let Some(known) = &known {
            self.events -= known.entries;
            let sums = [known.posted, known.held, 0, 0];
            self.count(List::Wallets, known.status, known.currency, sums, Sign::Out);
        }
        self.events += i64::try_from(update.entries).unwrap_or(i64::MAX);
        let minor = |amount| to_minor_units(amount, state.currency);
        let sums = [minor(state.posted), minor(state.held), 0, 0];
        self.count(List::Wallets, state.status.number(), state.currency, sums, Sign::In);
        if let Some(known) = &known {
            if update.anew {
                self.forget_parts(id, n)?;
            } else if known.currency != state.currency {
                self.change_currency(n, state.currency)?;
            }
        }
        for (event, credit) in &update.touched.credits {
            self.put_credit(n, event, credit, state.currency)?;
        }
        for (hold, about) in &update.touched.holds {
            self.put_hold(id, hold, about, state.currency)?;
        }
        self.find_wallet(id, update)?;
        let owner = state.owner.as_ref();
        let text = (
            owner.map(|owner| &owner.id),
            owner.and_then(|owner| owner.name.as_ref()),
        );
        let same = known
            .as_ref()
            .is_some_and(|known| (known.owner.as_ref(), known.owner_name.as_ref()) == text);
        if !self.filling && !same {
            let one = Counts {
                wallets: 1,
                ..Counts::default()
            };
            if let Some(known) = &known {
                self.customers
                    .note(known.owner.as_deref(), known.owner_name.as_deref(), one, -1);
            }
            self.customers.come(owner, one);
        }
        if self.has_text(n) && !same {
            search_index::put(self.connection, Texts::Wallet, n, known.is_some())?;
        }
        if self.evaluates && !same {
            findings::refresh_texts(self.connection, self.domain, id)?;
        }
        Ok(())
    }

    fn known_wallet(&self, id: &EntityId) -> rusqlite::Result<Option<Known>> {
        let mut select = self.connection.prepare_cached(
            "SELECT n, entries, status, currency, posted, held, owner, owner_name, digest FROM wallet WHERE id = ?1",
        )?;
        select
            .query_row([id.as_str()], |row| {
                Ok(Known {
                    n: row.get(0)?,
                    entries: row.get(1)?,
                    status: row.get(2)?,
                    currency: row.get::<_, ReadCurrency>(3)?.0,
                    posted: row.get::<_, MinorUnits>(4)?.0,
                    held: row.get::<_, MinorUnits>(5)?.0,
                    owner: row.get(6)?,
                    owner_name: row.get(7)?,
                    digest: RawDigest(row.get(8)?),
                })
            })
            .optional()
    }

    fn write_wallet(
        &self,
        id: &EntityId,
        update: &Update<WalletState>,
        known: Option<&Known>,
    ) -> rusqlite::Result<i64> {
        let (fold, state) = (&update.fold, &update.fold.state);
        let amount = |amount| Sortable::amount(amount, state.currency);
        let mut replace = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO wallet VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?;
        let written = replace.insert(params![
            known.map(|known| known.n),
            id.as_str(),
            Sortable::position(update.last),
            update.digest.of(known.map(|known| known.digest)).0,
            update.entries.cast_signed(),
            fold.sequence.cast_signed(),
            state.status.number(),
            currency_code(state.currency.as_ref()),
            amount(state.posted),
            amount(state.held),
            amount(state.available()),
            state.owner.as_ref().map(|owner| &owner.id),
            state.owner.as_ref().and_then(|owner| owner.name.as_ref()),
            Sortable::optional_time(state.last_time),
            Sortable::optional_time(state.negative_since),
            fold.complete,
        ])?;
        Ok(written)
    }

    /// Removes credits and holds of a wallet that was read from its beginning.
    fn forget_parts(&mut self, id: &EntityId, n: i64) -> rusqlite::Result<()> {
        let mut select = self
            .connection
            .prepare_cached("SELECT DISTINCT refund FROM credit WHERE wallet = ?1 AND refund IS NOT NULL")?;
        let refunds: rusqlite::Result<Vec<String>> = select.query_map([n], |row| row.get(0))?.collect();
        self.refunds.extend(refunds?);
        self.connection
            .prepare_cached("DELETE FROM credit WHERE wallet = ?1")?
            .execute([n])?;
        let mut delete = self
            .connection
            .prepare_cached("DELETE FROM hold WHERE wallet = ?1 RETURNING n, state, currency, amount")?;
        let removed = delete.query_map([id.as_str()], known_hold)?;
        for hold in removed.collect::<rusqlite::Result<Vec<_>>>()? {
            self.count_hold(&hold, Sign::Out);
            if self.has_text(hold.n) {
                search_index::remove(self.connection, Texts::Hold, hold.n)?;
            }
        }
        findings::forget_holds(self.connection, id, self.upkeep())
    }

    /// Updates the currency of credits. A wallet that was never opened takes the currency of its first money event.
    fn change_currency(&mut self, n: i64, currency: Option<Currency>) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE credit SET currency = ?2 WHERE wallet = ?1")?
            .execute(params![n, currency_code(currency.as_ref())])?;
        let mut select = self
            .connection
            .prepare_cached("SELECT DISTINCT refund FROM credit WHERE wallet = ?1 AND refund IS NOT NULL")?;
        let refunds: rusqlite::Result<Vec<String>> = select.query_map([n], |row| row.get(0))?.collect();
        self.refunds.extend(refunds?);
        Ok(())
    }

    fn put_credit(&mut self, n: i64, event: &str, credit: &Credit, currency: Option<Currency>) -> rusqlite::Result<()> {
        self.refunds.extend(credit.refund.clone());
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO credit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
            .execute(params![
                n,
                event,
                credit.refund,
                credit.order,
                Sortable::amount(credit.amount, currency),
                currency_code(currency.as_ref()),
                Sortable::time(credit.time),
                credit.reversed,
            ])
            .map(drop)
    }

    fn put_hold(
        &mut self,
        wallet: &EntityId,
        hold: &str,
        about: &Hold,
        currency: Option<Currency>,
    ) -> rusqlite::Result<()> {
        let known = if self.filling {
            None
        } else {
            let mut select = self
                .connection
                .prepare_cached("SELECT n, state, currency, amount FROM hold WHERE wallet = ?1 AND hold = ?2")?;
            select.query_row([wallet.as_str(), hold], known_hold).optional()?
        };
        let mut replace = self
            .connection
            .prepare_cached("INSERT OR REPLACE INTO hold VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
        let n = replace.insert(params![
            known.as_ref().map(|known| known.n),
            wallet.as_str(),
            hold,
            about.state.number(),
            Sortable::amount(about.amount, currency),
            currency_code(currency.as_ref()),
            about.order,
            Sortable::time(about.since),
            Sortable::optional_time(about.expires_at),
        ])?;
        drop(replace);
        if let Some(known) = &known {
            self.count_hold(known, Sign::Out);
        }
        let now = KnownHold {
            n,
            state: about.state.number(),
            currency,
            amount: to_minor_units(about.amount, currency),
        };
        self.count_hold(&now, Sign::In);
        // The searched texts of a hold do not depend on its state.
        if self.has_text(n) && known.is_none() {
            search_index::put(self.connection, Texts::Hold, n, false)?;
        }
        let expiring = about.expires_at.filter(|_| about.state == HoldState::Open);
        let expiring = expiring.map(|expires_at| ExpiringHold {
            wallet: wallet.as_str(),
            currency,
            hold,
            order: about.order.as_deref(),
            amount: about.amount,
            expires_at,
        });
        findings::set_hold(self.connection, wallet, hold, expiring.as_ref(), self.upkeep())
    }

    fn count_hold(&mut self, hold: &KnownHold, sign: Sign) {
        self.count(List::Holds, hold.state, hold.currency, [hold.amount, 0, 0, 0], sign);
    }

    fn find_wallet(&self, id: &EntityId, update: &Update<WalletState>) -> rusqlite::Result<()> {
        let facts = WalletFacts {
            id,
            state: &update.fold.state,
            complete: update.fold.complete,
        };
        let mut found: Vec<Finding> = Vec::new();
        of_wallet(&WalletBalance::from(&facts), &mut found);
        findings::set(self.connection, Scope::Wallet, id.as_str(), &found, self.upkeep())
    }
}
