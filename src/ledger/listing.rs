//! Lists of wallets and orders, filtered, sorted and paged out of the index. No log is read here, and only the rows
//! of the page are built. What is asked for has been bounded before it is looked for.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use crate::domain::listing::{ListQuery, ListSort, OrderRow, PAGE_ROWS, Page, Part, SEARCH_MAX, WalletRow};

use super::{
    Ledger, LedgerError,
    index::{Index, Slot},
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

    /// The page of rows that are its own already.
    pub fn part_of<Row>(&self, rows: Vec<Row>) -> Part<Row> {
        Part {
            rows,
            page: self.page,
            pages: self.pages,
            total: self.total,
        }
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

/// The search text in lower case, or why it can't be searched for.
pub(super) fn needle(text: &str) -> Result<String, LedgerError> {
    let text = text.trim();
    if text.chars().count() > SEARCH_MAX {
        return Err(LedgerError::Invalid(format!(
            "a search text has at most {SEARCH_MAX} characters"
        )));
    }
    Ok(text.to_lowercase())
}

/// Whether a text holds a needle that is in lower case, whatever the text's own case.
pub(super) fn has(text: &str, needle: &str) -> bool {
    if text.is_ascii() {
        let letters = needle.as_bytes();
        let mut places = text.as_bytes().windows(letters.len().max(1));
        return letters.is_empty() || places.any(|place| place.eq_ignore_ascii_case(letters));
    }
    text.to_lowercase().contains(needle)
}

pub(super) fn party_has(index: &Index, id: Option<Slot>, name: Option<Slot>, needle: &str, search: Search) -> bool {
    let has = |text: Slot| has(index.text(text), needle);
    id.is_some_and(has) || (search == Search::Names && name.is_some_and(has))
}
