//! What may be asked of the index: rows by id and by slot, and the rows as lists show them. Nothing here changes anything.

use chrono::{DateTime, Utc};

use super::{ClaimRow, Counts, Index, OrderRow, Slot, WalletRow};
use crate::{
    domain::{
        ids::EntityId,
        money::Currency,
        order::OrderStatus,
        refund::{Limits, RefundRow},
        replay::{Balances, OrderSums},
        wallet::{Party, WalletStatus},
    },
    views::{events::Recent, orders, overview::Totals, wallets},
};

impl Index {
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Changes when findings may have.
    pub const fn odd_generation(&self) -> u64 {
        self.odd_generation
    }

    /// The last recorded entries, newest first.
    pub fn recent(&self) -> Vec<Recent> {
        self.recent.newest_first()
    }

    /// Changes with every change of a refund; no two indexes of a process have the same, but empty ones.
    pub const fn claims_generation(&self) -> u64 {
        self.claims_generation
    }

    /// The sums over everything, by currency.
    pub fn totals(&self) -> Vec<Totals> {
        self.totals.totals().unwrap_or_else(|| self.add_up())
    }

    /// Currencies that refunds are in.
    pub fn claimed_currencies(&self) -> Vec<Currency> {
        self.claimed.keys().copied().collect()
    }

    pub fn pending(&self) -> &[Slot] {
        &self.pending
    }

    pub fn currency_of(&self, claim: &ClaimRow) -> Option<Currency> {
        self.currency(claim.currency)
    }

    /// Every order's every refund.
    pub fn claim_slots(&self) -> impl Iterator<Item = Slot> {
        let live = self.claims.iter().enumerate().filter(|(_, row)| row.is_some());
        live.map(|(index, _)| Slot::at(index))
    }

    pub fn claim(&self, slot: Slot) -> Option<&ClaimRow> {
        self.claims.get(slot.index())?.as_ref()
    }

    pub fn wallet_row(&self, id: &str) -> Option<(Slot, &WalletRow)> {
        let slot = self.wallet_ids.find(id)?;
        let row = self.wallets.get(slot.index()).filter(|row| row.events > 0)?;
        Some((slot, row))
    }

    pub fn order_row(&self, id: &str) -> Option<(Slot, &OrderRow)> {
        let slot = self.order_ids.find(id)?;
        let row = self.orders.get(slot.index()).filter(|row| row.events > 0)?;
        Some((slot, row))
    }

    pub fn wallets(&self) -> impl Iterator<Item = (Slot, &WalletRow)> {
        let rows = self.wallets.iter().enumerate();
        rows.filter(|(_, row)| row.events > 0)
            .map(|(index, row)| (Slot::at(index), row))
    }

    pub fn orders(&self) -> impl Iterator<Item = (Slot, &OrderRow)> {
        let rows = self.orders.iter().enumerate();
        rows.filter(|(_, row)| row.events > 0)
            .map(|(index, row)| (Slot::at(index), row))
    }

    pub fn wallet_id(&self, slot: Slot) -> &str {
        self.wallet_ids.text(slot)
    }

    pub fn order_id(&self, slot: Slot) -> &str {
        self.order_ids.text(slot)
    }

    pub fn refund_id(&self, slot: Slot) -> &str {
        self.refund_ids.text(slot)
    }

    pub fn text(&self, slot: Slot) -> &str {
        self.texts.text(slot)
    }

    /// The refund ids that a wallet was credited for.
    pub fn credited_refunds(&self, wallet: Slot) -> impl Iterator<Item = &str> {
        self.credits_of_wallet(wallet)
            .map(|(_, row)| self.refund_ids.text(row.refund))
    }

    /// The refund ids of an order.
    pub fn refunds_of(&self, order: Slot) -> impl Iterator<Item = &str> {
        self.claims_of_order(order)
            .map(|(_, row)| self.refund_ids.text(row.refund))
    }

    /// The orders that use a refund's id, by their own.
    pub fn orders_claiming(&self, refund: &str) -> Vec<EntityId> {
        let slot = self.refund_ids.find(refund);
        let orders = slot.into_iter().flat_map(|slot| self.claims_of_refund(slot));
        let mut orders: Vec<_> = orders
            .filter_map(|(_, row)| EntityId::new(self.order_ids.text(row.order)).ok())
            .collect();
        orders.sort_unstable();
        orders.dedup();
        orders
    }

    /// The wallets that were ever credited for a refund, by their ids.
    pub fn wallets_credited(&self, refund: &str) -> Vec<EntityId> {
        let slot = self.refund_ids.find(refund);
        let credits = slot.into_iter().flat_map(|slot| self.credits_of_refund(slot));
        let mut wallets: Vec<_> = credits
            .filter_map(|(_, row)| EntityId::new(self.wallet_ids.text(row.wallet)).ok())
            .collect();
        wallets.sort_unstable();
        wallets.dedup();
        wallets
    }

    /// The wallet that an order names.
    pub fn wallet_named_by(&self, order: &EntityId) -> Option<&str> {
        let (_, row) = self.order_row(order.as_str())?;
        row.wallet.map(|wallet| self.wallet_ids.text(wallet))
    }

    /// Orders that name a wallet, the last changed first, at most so many.
    pub fn orders_naming(&self, wallet: &EntityId, most: usize) -> Vec<orders::OrderRow> {
        let first = self.wallet_ids.find(wallet.as_str());
        let first = first.and_then(|slot| self.wallets.get(slot.index())?.orders);
        let chain = std::iter::successors(first, |slot| self.orders.get(slot.index())?.next_of_wallet);
        let mut slots: Vec<_> = chain.collect();
        let newest = |slot: &Slot| {
            let row = &self.orders[slot.index()];
            (std::cmp::Reverse(row.last_time), self.order_ids.text(*slot))
        };
        if slots.len() > most {
            slots.select_nth_unstable_by(most, |a, b| newest(a).cmp(&newest(b)));
            slots.truncate(most);
        }
        slots.sort_unstable_by(|a, b| newest(a).cmp(&newest(b)));
        slots.into_iter().filter_map(|slot| self.show_order(slot)).collect()
    }

    /// A wallet as lists show it.
    pub fn show_wallet(&self, slot: Slot) -> Option<wallets::WalletRow> {
        let row = self.wallets.get(slot.index())?;
        Some(wallets::WalletRow {
            id: EntityId::new(self.wallet_ids.text(slot)).ok()?,
            owner: self.party(row.owner, row.owner_name),
            status: row.status,
            currency: row.currency.and_then(|number| self.currency(number)),
            balances: Balances {
                posted: row.posted,
                held: row.held,
                available: row.available(),
            },
            sequence: row.sequence,
            complete: row.complete,
            last_time: row.last_time,
        })
    }

    /// An order as lists show it.
    pub fn show_order(&self, slot: Slot) -> Option<orders::OrderRow> {
        let row = self.orders.get(slot.index())?;
        let pending = self.claims_of_order(slot).filter(|(_, claim)| claim.state.is_pending());
        let currency = row.currency.and_then(|number| self.currency(number));
        Some(orders::OrderRow {
            id: EntityId::new(self.order_ids.text(slot)).ok()?,
            customer: self.party(row.customer, row.customer_name),
            wallet: row.wallet.map(|wallet| self.wallet_ids.text(wallet).to_owned()),
            status: row.status,
            currency,
            total: row.total,
            sums: OrderSums {
                paid: row.paid,
                refunded: row.refunded,
                pending: row.pending,
                refundable: refundable(row, currency),
            },
            pending_refunds: pending.count() as u64,
            complete: row.complete,
            placed_at: row.placed_at,
            last_time: row.last_time,
        })
    }

    /// A refund as lists show it.
    pub fn show_claim(&self, slot: Slot, now: DateTime<Utc>, limits: &Limits) -> Option<RefundRow> {
        let claim = self.claim(slot)?;
        let age = now - claim.state_since;
        let wallet = self.orders.get(claim.order.index())?.wallet;
        Some(RefundRow {
            refund: self.refund_ids.text(claim.refund).to_owned(),
            order: EntityId::new(self.order_ids.text(claim.order)).ok()?,
            wallet: wallet.map(|wallet| self.wallet_ids.text(wallet).to_owned()),
            state: claim.state,
            waits_for: claim.state.waits_for(),
            amount: claim.amount,
            currency: self.currency(claim.currency)?,
            destination: self.texts.text(claim.destination).to_owned().into(),
            reason: self.texts.text(claim.reason).to_owned().into(),
            requested_at: claim.requested_at,
            state_since: claim.state_since,
            age_seconds: age.num_seconds(),
            overdue: limits.of(claim.state).is_some_and(|limit| age > limit),
        })
    }

    /// The order of a claim.
    pub fn order_of(&self, claim: &ClaimRow) -> Option<&OrderRow> {
        self.orders.get(claim.order.index())
    }

    fn party(&self, id: Option<Slot>, name: Option<Slot>) -> Option<Party> {
        id.map(|id| Party {
            id: self.texts.text(id).to_owned(),
            name: name.map(|name| self.texts.text(name).to_owned()),
        })
    }
}

/// paid − refunded − pending, not below zero.
fn refundable(row: &OrderRow, currency: Option<Currency>) -> rust_decimal::Decimal {
    let rest = row.paid - row.refunded - row.pending;
    if rest > rust_decimal::Decimal::ZERO {
        rest
    } else {
        currency.map_or(rust_decimal::Decimal::ZERO, |currency| currency.zero())
    }
}

impl WalletRow {
    pub fn is_status(&self, wanted: Option<&str>) -> bool {
        let own: WalletStatus = self.status;
        wanted.is_none_or(|wanted| wanted == own.as_str())
    }
}

impl OrderRow {
    pub fn is_status(&self, wanted: Option<&str>) -> bool {
        let own: OrderStatus = self.status;
        wanted.is_none_or(|wanted| wanted == own.as_str())
    }
}
