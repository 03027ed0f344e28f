//! Lists, findings and the figures of the first page, from the read model. While a domain is being read for the first time its lists
//! are empty and say so; how far the reading is, is told by the health of its store.

use crate::{
    domain::{
        findings::Finding,
        ids::{Domain, EntityId},
        refund::RefundRow,
    },
    read_model::lists::{
        ListedPage, Search,
        findings::{self, About},
        orders, orders_claiming, orders_naming, refunds, wallet_named_by, wallets,
    },
    views::{
        lists::{Count, FindingsQuery, ListQuery, PAGE_ROWS, Page, PageAt},
        orders::OrderRow,
        overview::Overview,
        refunds::{RefundsPage, RefundsQuery},
        wallets::WalletRow,
    },
};

use super::{Ledger, LedgerError};

/// Rows that an export reads at once.
const EXPORT_ROWS: usize = 1_000;

/// The page of a list that is not there yet.
fn nothing_yet<Row>() -> ListedPage<Row> {
    ListedPage {
        rows: Vec::new(),
        previous: None,
        next: None,
        total: Count::AtLeast(0),
        stopped: false,
    }
}

impl Ledger {
    /// One page of the wallets that match. Blocks.
    pub fn wallets(&self, query: &ListQuery, search: Search) -> Result<Page<WalletRow>, LedgerError> {
        let now = self.now();
        if !self.model.is_filled(Domain::Wallet) || !self.is_searchable(query) {
            return Ok(nothing_yet().at(now));
        }
        let page = self.model.read(|connection| wallets(connection, query, search))?;
        Ok(page?.at(now))
    }

    /// Wallets are also found by the refunds that they were credited for, which orders know.
    fn is_searchable(&self, query: &ListQuery) -> bool {
        query.text.trim().is_empty() || self.model.is_filled(Domain::Order)
    }

    /// One page of the orders that match. Blocks.
    pub fn orders(&self, query: &ListQuery, search: Search) -> Result<Page<OrderRow>, LedgerError> {
        let now = self.now();
        if !self.model.is_filled(Domain::Order) {
            return Ok(nothing_yet().at(now));
        }
        let page = self.model.read(|connection| orders(connection, query, search))?;
        Ok(page?.at(now))
    }

    /// One page of the refunds that match, with the sums of all of them. Blocks.
    pub fn refunds(&self, query: &RefundsQuery, search: Search) -> Result<RefundsPage, LedgerError> {
        self.refunds_of_size(query, search, PAGE_ROWS as usize)
    }

    fn refunds_of_size(&self, query: &RefundsQuery, search: Search, size: usize) -> Result<RefundsPage, LedgerError> {
        let moment = self.model.moment();
        if !self.model.is_filled(Domain::Order) {
            return Ok(RefundsPage {
                rows: Vec::new(),
                previous: None,
                next: None,
                total: Count::AtLeast(0),
                overdue: None,
                sums: None,
                stopped: false,
                currencies: Vec::new(),
                now: moment.now,
            });
        }
        let page = self
            .model
            .read(|connection| refunds::page(connection, query, search, &moment, size))?;
        Ok(page?)
    }

    /// A file that lacks what was not read yet would say so nowhere.
    fn check_filled(&self, domain: Domain) -> Result<(), LedgerError> {
        if self.model.is_filled(domain) {
            return Ok(());
        }
        Err(LedgerError::ReadModel(format!(
            "the {domain} store is still being read for the first time; try again when that is done"
        )))
    }

    /// The next refunds of an export, and where it goes on. Blocks.
    pub fn export_refunds(
        &self,
        query: &RefundsQuery,
        search: Search,
    ) -> Result<(Vec<RefundRow>, Option<PageAt>), LedgerError> {
        self.check_filled(Domain::Order)?;
        let page = self.refunds_of_size(query, search, EXPORT_ROWS)?;
        Ok((page.rows, page.next.map(PageAt::After)))
    }

    /// One page of the findings that match, worst first. Blocks.
    pub fn list_findings(&self, query: &FindingsQuery) -> Result<Page<Finding>, LedgerError> {
        let now = self.now();
        let page = self
            .model
            .read(|connection| findings::page(connection, query, now, PAGE_ROWS as usize))?;
        Ok(page?.at(now))
    }

    /// The next findings of an export, and where it goes on. Blocks.
    pub fn export_findings(&self, query: &FindingsQuery) -> Result<(Vec<Finding>, Option<PageAt>), LedgerError> {
        for domain in Domain::ALL {
            self.check_filled(domain)?;
        }
        let now = self.now();
        let page = self
            .model
            .read(|connection| findings::page(connection, query, now, EXPORT_ROWS))??;
        Ok((page.rows, page.next.map(PageAt::After)))
    }

    /// What the first page shows. Blocks.
    pub fn overview(&self) -> Result<Overview, LedgerError> {
        Ok(self.model.overview()?)
    }

    /// The first findings that name an entity, and the number of all of them.
    pub(super) fn findings_about(&self, about: About, id: &str) -> Result<(Vec<Finding>, u64), LedgerError> {
        let now = self.now();
        Ok(self
            .model
            .read(|connection| findings::about(connection, about, id, now))?)
    }

    /// Orders that name a wallet, the last changed first.
    pub(super) fn orders_naming(&self, wallet: &EntityId, most: usize) -> Result<Vec<OrderRow>, LedgerError> {
        if !self.model.is_filled(Domain::Order) {
            return Ok(Vec::new());
        }
        Ok(self.model.read(|connection| orders_naming(connection, wallet, most))?)
    }

    /// The wallet that an order names.
    pub(super) fn wallet_named_by(&self, order: &EntityId) -> Result<Option<String>, LedgerError> {
        if !self.model.is_filled(Domain::Order) {
            return Ok(None);
        }
        Ok(self
            .model
            .read(|connection| wallet_named_by(connection, order.as_str()))?)
    }

    /// The orders that use a refund's id, by their own ids.
    pub(super) fn orders_claiming(&self, refund: &str) -> Result<Vec<EntityId>, LedgerError> {
        if !self.model.is_filled(Domain::Order) {
            return Ok(Vec::new());
        }
        Ok(self.model.read(|connection| orders_claiming(connection, refund))?)
    }
}
