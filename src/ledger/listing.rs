//! Lists: refunds, wallets and orders, filtered, sorted and paged out of the index. No log is read here. What is asked for
//! has been bounded before it is looked for.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{
    ids::EntityId,
    listing::{
        ListQuery, ListSort, OrderRow, PAGE_ROWS, Page, RefundSort, RefundsPage, RefundsQuery, SEARCH_MAX, Sum,
        WalletRow,
    },
    money::{Currency, add_exact},
    order::OrderState,
    refund::{RefundRow, RefundState},
    replay::Replayable,
    wallet::{Party, WalletState},
};

use super::{
    Ledger, LedgerError,
    index::{Index, Indexed},
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
        let rows = self.matching_refunds(query, search, now)?;
        let currencies = currencies(&self.shared.index());
        let sums = sums(&rows);
        let overdue = rows.iter().filter(|row| row.overdue).count() as u64;
        let page = cut(rows, query.page);
        Ok(RefundsPage {
            rows: page.rows,
            page: page.page,
            pages: page.pages,
            total: page.total,
            overdue,
            sums,
            currencies,
            now,
        })
    }

    /// All refunds that match, sorted; for who wants more than a page.
    pub fn all_refunds(&self, query: &RefundsQuery, search: Search) -> Result<Vec<RefundRow>, LedgerError> {
        self.matching_refunds(query, search, self.now())
    }

    fn matching_refunds(
        &self,
        query: &RefundsQuery,
        search: Search,
        now: DateTime<Utc>,
    ) -> Result<Vec<RefundRow>, LedgerError> {
        let needle = needle(&query.text)?;
        let index = self.shared.index();
        let mut rows: Vec<RefundRow> = self
            .refund_rows(&index, wanted(query), now)
            .filter(|row| matches(row, query) && mentions(&index, row, &needle, search))
            .collect();
        drop(index);
        sort_refunds(&mut rows, query.sort);
        Ok(rows)
    }

    /// Every refund in one of these states; the pending ones are found without looking at every order.
    pub(super) fn refund_rows<'a>(
        &'a self,
        index: &'a Index,
        states: Vec<RefundState>,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = RefundRow> + 'a {
        let only_pending = states.iter().all(|state| state.is_pending());
        let orders: Box<dyn Iterator<Item = (&EntityId, &Indexed<OrderState>)>> = if only_pending {
            Box::new(index.pending.iter().filter_map(|id| index.orders.get_key_value(id)))
        } else {
            Box::new(index.orders.iter())
        };
        orders.flat_map(move |(id, order)| {
            let state = &order.fold.state;
            let of_states = state
                .refunds
                .iter()
                .filter(|(_, refund)| states.contains(&refund.state));
            of_states
                .map(|(refund_id, refund)| {
                    RefundRow::new(
                        refund_id,
                        id,
                        state.wallet.as_deref(),
                        refund,
                        now,
                        &self.settings.limits,
                    )
                })
                .collect::<Vec<_>>()
        })
    }

    /// One page of the wallets that match.
    pub fn wallets(&self, query: &ListQuery, search: Search) -> Result<Page<WalletRow>, LedgerError> {
        let needle = needle(&query.text)?;
        let index = self.shared.index();
        let mut rows: Vec<WalletRow> = index
            .wallets
            .iter()
            .filter(|(id, wallet)| {
                let state = &wallet.fold.state;
                is_status(query, state.status.as_str())
                    && (needle.is_empty()
                        || has(id.as_str(), &needle)
                        || party_has(state.owner.as_ref(), &needle, search)
                        || credited_for(state, &needle))
            })
            .map(|(id, wallet)| wallet_row(id, wallet))
            .collect();
        drop(index);
        match query.sort {
            ListSort::Recent => rows.sort_by_key(|row| Reverse(row.last_time)),
            ListSort::Id => {}
            ListSort::AmountDown => rows.sort_by_key(|row| Reverse(row.balances.available)),
            ListSort::AmountUp => rows.sort_by_key(|row| row.balances.available),
        }
        Ok(self.page(rows, query.page))
    }

    /// One page of the orders that match.
    pub fn orders(&self, query: &ListQuery, search: Search) -> Result<Page<OrderRow>, LedgerError> {
        let needle = needle(&query.text)?;
        let index = self.shared.index();
        let mut rows: Vec<OrderRow> = index
            .orders
            .iter()
            .filter(|(id, order)| {
                let state = &order.fold.state;
                is_status(query, state.status.as_str())
                    && (needle.is_empty()
                        || has(id.as_str(), &needle)
                        || state.wallet.as_deref().is_some_and(|wallet| has(wallet, &needle))
                        || party_has(state.customer.as_ref(), &needle, search)
                        || state.refunds.keys().any(|refund| has(refund, &needle)))
            })
            .map(|(id, order)| order_row(id, order))
            .collect();
        drop(index);
        match query.sort {
            ListSort::Recent => rows.sort_by_key(|row| Reverse(row.last_time)),
            ListSort::Id => {}
            ListSort::AmountDown => rows.sort_by_key(|row| Reverse(row.total)),
            ListSort::AmountUp => rows.sort_by_key(|row| row.total),
        }
        Ok(self.page(rows, query.page))
    }

    fn page<Row>(&self, rows: Vec<Row>, page: u32) -> Page<Row> {
        let cut = cut(rows, page);
        Page {
            rows: cut.rows,
            page: cut.page,
            pages: cut.pages,
            total: cut.total,
            now: self.now(),
        }
    }
}

pub(super) fn wallet_row(id: &EntityId, wallet: &Indexed<WalletState>) -> WalletRow {
    let state = &wallet.fold.state;
    WalletRow {
        id: id.clone(),
        owner: state.owner.clone(),
        status: state.status,
        currency: state.currency,
        balances: state.figures(),
        sequence: wallet.fold.sequence,
        complete: wallet.fold.complete,
        last_time: state.last_time,
    }
}

pub(super) fn order_row(id: &EntityId, order: &Indexed<OrderState>) -> OrderRow {
    let state = &order.fold.state;
    let pending = state.refunds.values().filter(|refund| refund.state.is_pending());
    OrderRow {
        id: id.clone(),
        customer: state.customer.clone(),
        wallet: state.wallet.clone(),
        status: state.status,
        currency: state.currency,
        total: state.total,
        sums: state.figures(),
        pending_refunds: pending.count() as u64,
        complete: order.fold.complete,
        placed_at: state.placed_at,
        last_time: state.last_time,
    }
}

/// A page cut out of all rows. A page beyond the last is the last.
pub(super) struct Cut<Row> {
    pub rows: Vec<Row>,
    pub page: u32,
    pub pages: u32,
    pub total: u64,
}

pub(super) fn cut<Row>(rows: Vec<Row>, page: u32) -> Cut<Row> {
    let size = PAGE_ROWS as usize;
    let total = rows.len() as u64;
    let pages = u32::try_from(rows.len().div_ceil(size)).unwrap_or(u32::MAX).max(1);
    let page = page.clamp(1, pages);
    let rows = rows.into_iter().skip((page as usize - 1) * size).take(size).collect();
    Cut {
        rows,
        page,
        pages,
        total,
    }
}

/// Sums by currency, in the order of the currencies' codes. A sum too large for 28 digits stays at the largest that is exact;
/// its count goes on.
pub(super) fn sums(rows: &[RefundRow]) -> Vec<Sum> {
    let mut sums: Vec<Sum> = Vec::new();
    for row in rows {
        match sums.iter_mut().find(|sum| sum.currency == row.currency) {
            Some(sum) => {
                sum.amount = add_exact(sum.amount, row.amount).unwrap_or(sum.amount);
                sum.count += 1;
            }
            None => sums.push(Sum {
                currency: row.currency,
                amount: row.amount,
                count: 1,
            }),
        }
    }
    sums.sort_by_key(|sum| sum.currency);
    sums
}

fn wanted(query: &RefundsQuery) -> Vec<RefundState> {
    if query.states.is_empty() {
        RefundState::PENDING.to_vec()
    } else {
        query.states.clone()
    }
}

fn matches(row: &RefundRow, query: &RefundsQuery) -> bool {
    (!query.overdue || row.overdue)
        && query.currency.is_none_or(|currency| row.currency == currency)
        && query
            .older_than_hours
            .is_none_or(|hours| row.age_seconds >= i64::from(hours) * 3600)
}

fn mentions(index: &Index, row: &RefundRow, needle: &str, search: Search) -> bool {
    let customer = || index.orders.get(&row.order)?.fold.state.customer.as_ref();
    needle.is_empty()
        || has(&row.refund, needle)
        || has(row.order.as_str(), needle)
        || row.wallet.as_deref().is_some_and(|wallet| has(wallet, needle))
        || has(row.reason.as_str(), needle)
        || party_has(customer(), needle, search)
}

fn sort_refunds(rows: &mut [RefundRow], sort: RefundSort) {
    // Amounts of different currencies are not comparable: they are grouped by currency.
    let by_amount = |row: &RefundRow| -> (Currency, Decimal) { (row.currency, row.amount) };
    rows.sort_by(|a, b| a.age_order().cmp(&b.age_order()));
    match sort {
        RefundSort::Oldest => {}
        RefundSort::Newest => rows.reverse(),
        RefundSort::Stuck => rows.sort_by_key(|row| row.state_since),
        RefundSort::AmountUp => rows.sort_by_key(by_amount),
        RefundSort::AmountDown => rows.sort_by_key(|row| (row.currency, Reverse(row.amount))),
        RefundSort::State => rows.sort_by_key(|row| row.state),
        RefundSort::Refund => rows.sort_by(|a, b| a.refund.cmp(&b.refund)),
        RefundSort::Order => rows.sort_by(|a, b| a.order.cmp(&b.order)),
    }
}

fn currencies(index: &Index) -> Vec<Currency> {
    let mut currencies: Vec<_> = index
        .orders
        .values()
        .filter(|order| !order.fold.state.refunds.is_empty())
        .filter_map(|order| order.fold.state.currency)
        .collect();
    currencies.sort_unstable();
    currencies.dedup();
    currencies
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

fn is_status(query: &ListQuery, status: &str) -> bool {
    query.status.as_deref().is_none_or(|wanted| wanted == status)
}

fn has(text: &str, needle: &str) -> bool {
    text.to_lowercase().contains(needle)
}

fn party_has(party: Option<&Party>, needle: &str, search: Search) -> bool {
    let name_has = |party: &Party| party.name.as_deref().is_some_and(|name| has(name, needle));
    party.is_some_and(|party| has(&party.id, needle) || (search == Search::Names && name_has(party)))
}

fn credited_for(wallet: &WalletState, needle: &str) -> bool {
    let refunds = wallet.postings.values().filter_map(|posting| posting.refund.as_deref());
    refunds.into_iter().any(|refund| has(refund, needle))
}
