//! Lists of refunds. What was found for a page is kept until a refund changes or time turns one overdue or old enough, for
//! finding it looks at every refund that may match.

use std::{
    cmp::{Ordering, Reverse},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::{
    domain::{
        money::{Currency, add_exact},
        refund::{RefundRow, RefundState},
    },
    views::{
        lists::Count,
        refunds::{RefundSort, RefundsPage, RefundsQuery, Sum},
    },
};

use super::{
    Ledger, LedgerError, Search,
    index::{ClaimRow, Index, Slot},
    listing::{Cut, has, needle, party_has},
};

/// Pages that are kept, the ones lately asked for.
const KEPT: usize = 64;

/// What was found for a page: everything but the rows themselves, which are shown as they are when they are shown.
#[derive(Debug)]
struct FoundPage {
    slots: Vec<Slot>,
    cut: Cut,
    overdue: u64,
    sums: Vec<Sum>,
    /// It holds from one moment until another, which is not among them.
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// Pages that were found, each with the generation of the index's claims.
#[derive(Default)]
pub(super) struct RefundPages(Mutex<Vec<(u64, RefundsQuery, Arc<FoundPage>)>>);

impl RefundPages {
    fn get(&self, generation: u64, query: &RefundsQuery, now: DateTime<Utc>) -> Option<Arc<FoundPage>> {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|(made, _, found)| *made == generation && found.from <= now && now < found.until);
        let at = pages.iter().position(|(_, asked, _)| asked == query)?;
        let page = pages.remove(at);
        let found = Arc::clone(&page.2);
        pages.push(page);
        Some(found)
    }

    fn put(&self, generation: u64, query: &RefundsQuery, found: &Arc<FoundPage>) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() >= KEPT {
            pages.remove(0);
        }
        pages.push((generation, query.clone(), Arc::clone(found)));
    }
}

impl Ledger {
    /// One page of the refunds that match.
    pub fn refunds(&self, query: &RefundsQuery, search: Search) -> Result<RefundsPage, LedgerError> {
        let now = self.now();
        let needle = needle(&query.text)?;
        let index = self.shared.index();
        // Texts of orders and wallets change without any refund, so what was searched for is searched for again. And a question
        // is kept only if it is no longer than any that makes sense.
        let keeps = query.text.is_empty() && query.states.len() <= RefundState::ALL.len();
        let generation = keeps.then(|| index.claims_generation());
        let known = generation.and_then(|generation| self.refund_pages.get(generation, query, now));
        let found = if let Some(found) = known {
            found
        } else {
            let found = Arc::new(self.find_refunds(&index, query, &needle, search, now)?);
            if let Some(generation) = generation {
                self.refund_pages.put(generation, query, &found);
            }
            found
        };
        let rows = found.slots.iter();
        let rows = rows.filter_map(|slot| index.show_claim(*slot, now, &self.settings.limits));
        let (previous, next) = found.cut.cursors();
        Ok(RefundsPage {
            rows: rows.collect(),
            previous,
            next,
            total: Count::Exactly(found.cut.total),
            overdue: Some(found.overdue),
            sums: Some(found.sums.clone()),
            stopped: false,
            currencies: index.claimed_currencies(),
            now,
        })
    }

    fn find_refunds(
        &self,
        index: &Index,
        query: &RefundsQuery,
        needle: &str,
        search: Search,
        now: DateTime<Utc>,
    ) -> Result<FoundPage, LedgerError> {
        let mut until = DateTime::<Utc>::MAX_UTC;
        let mut turns = |at: Option<DateTime<Utc>>| until = at.filter(|at| *at > now).map_or(until, |at| at.min(until));
        let hours = query.older_than_hours.map(|hours| TimeDelta::hours(i64::from(hours)));
        for claim in candidates(index, query).filter_map(|slot| index.claim(slot)) {
            turns(hours.and_then(|hours| claim.state_since.checked_add_signed(hours)));
            // Overdue is who waited longer than the limit, not so long.
            turns(
                self.limit_of(claim)
                    .and_then(|limit| claim.state_since.checked_add_signed(limit + TimeDelta::nanoseconds(1))),
            );
        }
        let mut found = self.matching_refunds(index, query, needle, search, now);
        let cut = Cut::at(found.len(), &query.at)?;
        let sums = sums(found.iter().map(|(_, claim)| *claim), index);
        let overdue = found.iter().filter(|(_, claim)| self.is_overdue(claim, now)).count() as u64;
        let page = cut.take(&mut found, |a, b| compare_refunds(index, query.sort, a.1, b.1));
        Ok(FoundPage {
            slots: page.iter().map(|(slot, _)| *slot).collect(),
            cut,
            overdue,
            sums,
            from: now,
            until,
        })
    }

    /// All refunds that match, sorted; for who wants more than a page.
    pub fn all_refunds(&self, query: &RefundsQuery, search: Search) -> Result<Vec<RefundRow>, LedgerError> {
        let now = self.now();
        let needle = needle(&query.text)?;
        let index = self.shared.index();
        let mut found = self.matching_refunds(&index, query, &needle, search, now);
        found.sort_unstable_by(|a, b| compare_refunds(&index, query.sort, a.1, b.1));
        let rows = found.iter();
        Ok(rows
            .filter_map(|(slot, _)| index.show_claim(*slot, now, &self.settings.limits))
            .collect())
    }

    fn matching_refunds<'a>(
        &self,
        index: &'a Index,
        query: &RefundsQuery,
        needle: &str,
        search: Search,
        now: DateTime<Utc>,
    ) -> Vec<(Slot, &'a ClaimRow)> {
        let states = states_of(query);
        let matches = |claim: &ClaimRow| {
            states.contains(&claim.state)
                && (!query.overdue || self.is_overdue(claim, now))
                && query
                    .currency
                    .is_none_or(|currency| index.currency_of(claim) == Some(currency))
                && query
                    .older_than_hours
                    .is_none_or(|hours| (now - claim.state_since).num_seconds() >= i64::from(hours) * 3600)
                && (needle.is_empty() || mentions(index, claim, needle, search))
        };
        let claims = candidates(index, query).filter_map(|slot| Some((slot, index.claim(slot)?)));
        claims.filter(|(_, row)| matches(row)).collect()
    }

    pub(super) fn is_overdue(&self, claim: &ClaimRow, now: DateTime<Utc>) -> bool {
        self.limit_of(claim)
            .is_some_and(|limit| now - claim.state_since > limit)
    }

    fn limit_of(&self, claim: &ClaimRow) -> Option<TimeDelta> {
        self.settings.limits.of(claim.state)
    }
}

fn states_of(query: &RefundsQuery) -> &[RefundState] {
    if query.states.is_empty() {
        &RefundState::PENDING
    } else {
        &query.states
    }
}

/// Where those that may match are: pending ones are found without looking at every order.
fn candidates(index: &Index, query: &RefundsQuery) -> impl Iterator<Item = Slot> {
    let pending = states_of(query).iter().all(|state| state.is_pending());
    let waiting = pending.then(|| index.pending().iter().copied());
    let all = (!pending).then(|| index.claim_slots());
    waiting.into_iter().flatten().chain(all.into_iter().flatten())
}

/// Sums by currency, in the order of the currencies' codes. A sum too large for 28 digits stays at the largest that is exact;
/// its count goes on.
pub(super) fn sums<'a>(claims: impl Iterator<Item = &'a ClaimRow>, index: &Index) -> Vec<Sum> {
    let mut sums: Vec<Sum> = Vec::new();
    for claim in claims {
        let Some(currency) = index.currency_of(claim) else {
            continue;
        };
        match sums.iter_mut().find(|sum| sum.currency == currency) {
            Some(sum) => {
                sum.amount = add_exact(sum.amount, claim.amount).unwrap_or(sum.amount);
                sum.count += 1;
            }
            None => sums.push(Sum {
                currency,
                amount: claim.amount,
                count: 1,
            }),
        }
    }
    sums.sort_by_key(|sum| sum.currency);
    sums
}

fn compare_refunds(index: &Index, sort: RefundSort, a: &ClaimRow, b: &ClaimRow) -> Ordering {
    // Amounts of different currencies are not comparable: they are grouped by currency.
    let amount = |claim: &ClaimRow| -> (Option<Currency>, Decimal) { (index.currency_of(claim), claim.amount) };
    let by_refund = || index.refund_id(a.refund).cmp(index.refund_id(b.refund));
    let by_order = || index.order_id(a.order).cmp(index.order_id(b.order));
    let by_age = || {
        let times = a.requested_at.cmp(&b.requested_at);
        times.then_with(by_refund).then_with(by_order)
    };
    match sort {
        RefundSort::Oldest => by_age(),
        RefundSort::Newest => by_age().reverse(),
        RefundSort::Stuck => a.state_since.cmp(&b.state_since).then_with(by_age),
        RefundSort::AmountUp => amount(a).cmp(&amount(b)).then_with(by_age),
        RefundSort::AmountDown => {
            let down = |claim: &ClaimRow| (amount(claim).0, Reverse(amount(claim).1));
            down(a).cmp(&down(b)).then_with(by_age)
        }
        RefundSort::State => a.state.cmp(&b.state).then_with(by_age),
        RefundSort::Refund => by_refund().then_with(by_age),
        RefundSort::Order => by_order().then_with(by_age),
    }
}

fn mentions(index: &Index, claim: &ClaimRow, needle: &str, search: Search) -> bool {
    let order = index.order_of(claim);
    has(index.refund_id(claim.refund), needle)
        || has(index.order_id(claim.order), needle)
        || has(index.text(claim.reason), needle)
        || order.is_some_and(|order| {
            order.wallet.is_some_and(|wallet| has(index.wallet_id(wallet), needle))
                || party_has(index, order.customer, order.customer_name, needle, search)
        })
}
