//! Lists: refunds, wallets and orders, filtered, sorted and paged out of the index. No log is read here, and only the rows
//! of the page are built. What is asked for has been bounded before it is looked for.

use std::cmp::{Ordering, Reverse};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{
    listing::{
        ListQuery, ListSort, OrderRow, PAGE_ROWS, Page, RefundSort, RefundsPage, RefundsQuery, SEARCH_MAX, Sum,
        WalletRow,
    },
    money::{Currency, add_exact},
    refund::{RefundRow, RefundState},
};

use super::{
    Ledger, LedgerError,
    index::{ClaimRow, Index, Slot},
};

/// What a search text is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Ids and the names of people.
    Names,
    /// Ids only: who may not read names may not find by them either, or could guess them letter by letter.
    Ids,
}

impl Ledger {
    /// One page of the refunds that match.
    pub fn refunds(&self, query: &RefundsQuery, search: Search) -> Result<RefundsPage, LedgerError> {
        let now = self.now();
        let needle = needle(&query.text)?;
        let index = self.shared.index();
        let mut found = self.matching_refunds(&index, query, &needle, search, now);
        let cut = Cut::of(found.len(), query.page);
        let sums = sums(found.iter().map(|(_, claim)| *claim), &index);
        let overdue = found.iter().filter(|(_, claim)| self.is_overdue(claim, now)).count() as u64;
        let page = cut.take(&mut found, |a, b| compare_refunds(&index, query.sort, a.1, b.1));
        let rows = page
            .iter()
            .filter_map(|(slot, _)| index.show_claim(*slot, now, &self.settings.limits))
            .collect();
        Ok(RefundsPage {
            rows,
            page: cut.page,
            pages: cut.pages,
            total: cut.total,
            overdue,
            sums,
            currencies: index.claimed_currencies(),
            now,
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
        let states = if query.states.is_empty() {
            &RefundState::PENDING[..]
        } else {
            &query.states
        };
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
        let claim = |slot: Slot| Some((slot, index.claim(slot)?));
        if states.iter().all(|state| state.is_pending()) {
            // Found without looking at every order.
            let pending = index.pending().iter().filter_map(|slot| claim(*slot));
            pending.filter(|(_, row)| matches(row)).collect()
        } else {
            let all = index.claim_slots().filter_map(claim);
            all.filter(|(_, row)| matches(row)).collect()
        }
    }

    pub(super) fn is_overdue(&self, claim: &ClaimRow, now: DateTime<Utc>) -> bool {
        let limit = self.settings.limits.of(claim.state);
        limit.is_some_and(|limit| now - claim.state_since > limit)
    }

    /// One page of the wallets that match.
    pub fn wallets(&self, query: &ListQuery, search: Search) -> Result<Page<WalletRow>, LedgerError> {
        let needle = needle(&query.text)?;
        let index = self.shared.index();
        let matches = |slot: Slot, owner: Option<Slot>, name: Option<Slot>| {
            needle.is_empty()
                || has(index.wallet_id(slot), &needle)
                || party_has(&index, owner, name, &needle, search)
                || index.credited_refunds(slot).any(|refund| has(refund, &needle))
        };
        let mut found: Vec<_> = index
            .wallets()
            .filter(|(slot, row)| row.is_status(query.status.as_deref()) && matches(*slot, row.owner, row.owner_name))
            .collect();
        let id = |slot: Slot| index.wallet_id(slot);
        let cut = Cut::of(found.len(), query.page);
        let page = cut.take(&mut found, |(a, left), (b, right)| {
            let order = match query.sort {
                ListSort::Recent => right.last_time.cmp(&left.last_time),
                ListSort::Id => Ordering::Equal,
                ListSort::AmountDown => right.available().cmp(&left.available()),
                ListSort::AmountUp => left.available().cmp(&right.available()),
            };
            order.then_with(|| id(*a).cmp(id(*b)))
        });
        let rows = page.iter().filter_map(|(slot, _)| index.show_wallet(*slot)).collect();
        Ok(cut.page_of(rows, self.now()))
    }

    /// One page of the orders that match.
    pub fn orders(&self, query: &ListQuery, search: Search) -> Result<Page<OrderRow>, LedgerError> {
        let needle = needle(&query.text)?;
        let index = self.shared.index();
        let matches = |slot: Slot, wallet: Option<Slot>, customer: Option<Slot>, name: Option<Slot>| {
            needle.is_empty()
                || has(index.order_id(slot), &needle)
                || wallet.is_some_and(|wallet| has(index.wallet_id(wallet), &needle))
                || party_has(&index, customer, name, &needle, search)
                || index.refunds_of(slot).any(|refund| has(refund, &needle))
        };
        let mut found: Vec<_> = index
            .orders()
            .filter(|(slot, row)| {
                row.is_status(query.status.as_deref()) && matches(*slot, row.wallet, row.customer, row.customer_name)
            })
            .collect();
        let id = |slot: Slot| index.order_id(slot);
        let cut = Cut::of(found.len(), query.page);
        let page = cut.take(&mut found, |(a, left), (b, right)| {
            let order = match query.sort {
                ListSort::Recent => right.last_time.cmp(&left.last_time),
                ListSort::Id => Ordering::Equal,
                ListSort::AmountDown => right.total.cmp(&left.total),
                ListSort::AmountUp => left.total.cmp(&right.total),
            };
            order.then_with(|| id(*a).cmp(id(*b)))
        });
        let rows = page.iter().filter_map(|(slot, _)| index.show_order(*slot)).collect();
        Ok(cut.page_of(rows, self.now()))
    }
}

/// Which of all rows a page shows. A page beyond the last is the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub page: u32,
    pub pages: u32,
    pub total: u64,
}

impl Cut {
    pub fn of(rows: usize, page: u32) -> Self {
        let size = PAGE_ROWS as usize;
        let pages = u32::try_from(rows.div_ceil(size)).unwrap_or(u32::MAX).max(1);
        Self {
            page: page.clamp(1, pages),
            pages,
            total: rows as u64,
        }
    }

    /// The page's first row and the one after its last, of so many.
    fn range(&self, rows: usize) -> (usize, usize) {
        let size = PAGE_ROWS as usize;
        let from = (self.page as usize - 1) * size;
        (from.min(rows), (from + size).min(rows))
    }

    /// The rows of the page, in order: all others are only told apart from them, not sorted.
    pub fn take<'a, Row>(&self, rows: &'a mut [Row], order: impl Fn(&Row, &Row) -> Ordering) -> &'a [Row] {
        let (from, to) = self.range(rows.len());
        if to < rows.len() {
            rows.select_nth_unstable_by(to, &order);
        }
        if from > 0 && from < to {
            rows[..to].select_nth_unstable_by(from, &order);
        }
        let page = &mut rows[from..to];
        page.sort_unstable_by(order);
        page
    }

    /// The rows of the page, of rows that are in order.
    pub fn of_sorted<Row>(&self, rows: Vec<Row>) -> Vec<Row> {
        let (from, to) = self.range(rows.len());
        rows.into_iter().skip(from).take(to - from).collect()
    }

    /// The places of the page's rows among all of them, which are counted from the oldest.
    pub fn places(&self, total: u64, oldest_first: bool) -> Vec<u64> {
        let (from, to) = self.range(usize::try_from(total).unwrap_or(usize::MAX));
        let place = |at: usize| if oldest_first { at as u64 } else { total - 1 - at as u64 };
        (from..to).map(place).collect()
    }

    pub fn page_of<Row>(&self, rows: Vec<Row>, now: DateTime<Utc>) -> Page<Row> {
        Page {
            rows,
            page: self.page,
            pages: self.pages,
            total: self.total,
            now,
        }
    }
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

/// The search text in lower case, or why it can't be searched for.
fn needle(text: &str) -> Result<String, LedgerError> {
    let text = text.trim();
    if text.chars().count() > SEARCH_MAX {
        return Err(LedgerError::Invalid(format!(
            "a search text has at most {SEARCH_MAX} characters"
        )));
    }
    Ok(text.to_lowercase())
}

/// Whether a text holds a needle that is in lower case, whatever the text's own case.
fn has(text: &str, needle: &str) -> bool {
    if text.is_ascii() {
        let letters = needle.as_bytes();
        let mut places = text.as_bytes().windows(letters.len().max(1));
        return letters.is_empty() || places.any(|place| place.eq_ignore_ascii_case(letters));
    }
    text.to_lowercase().contains(needle)
}

fn party_has(index: &Index, id: Option<Slot>, name: Option<Slot>, needle: &str, search: Search) -> bool {
    let has = |text: Slot| has(index.text(text), needle);
    id.is_some_and(has) || (search == Search::Names && name.is_some_and(has))
}
