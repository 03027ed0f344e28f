//! Lists, findings and the figures of the first page, from the read model. While a domain is being read for the first
//! time, its lists are empty and say so. The health of its store has the progress.

use crate::{
    domain::{
        findings::Finding,
        ids::{Domain, EntityId},
        refund::RefundRow,
    },
    read_model::lists::{
        self, Ask, ListRow, Search,
        findings::{self, About},
        orders_naming, orders_naming_refund, wallet_named_by,
    },
    views::{
        customers::CustomerRow,
        findings::FindingRow,
        lists::{ListQuery, Page, PageAt},
        orders::OrderRow,
        overview::Overview,
        wallets::{HoldListRow, WalletRow},
    },
};

use super::{Ledger, LedgerError};

/// Rows that an export reads in one query.
const EXPORT_ROWS: usize = 1_000;

/// The next rows of an export, and the cursor of the rows after them.
type Exported<Row> = Result<(Vec<Row>, Option<PageAt>), LedgerError>;

impl Ledger {
    /// One page of the matching wallets. Blocks.
    pub fn wallets(&self, query: &ListQuery, search: Search) -> Result<Page<WalletRow>, LedgerError> {
        self.page(&[Domain::Wallet], query, search)
    }

    /// One page of the matching orders. Blocks.
    pub fn orders(&self, query: &ListQuery, search: Search) -> Result<Page<OrderRow>, LedgerError> {
        self.page(&[Domain::Order], query, search)
    }

    /// One page of the matching refunds, with the sums of all of them. Blocks.
    pub fn refunds(&self, query: &ListQuery, search: Search) -> Result<Page<RefundRow>, LedgerError> {
        self.page(&[Domain::Order], query, search)
    }

    /// One page of the matching holds. Blocks.
    pub fn holds(&self, query: &ListQuery) -> Result<Page<HoldListRow>, LedgerError> {
        self.page(&[Domain::Wallet], query, Search::Ids)
    }

    /// One page of the matching findings. Blocks.
    pub fn findings_list(&self, query: &ListQuery, search: Search) -> Result<Page<FindingRow>, LedgerError> {
        self.page(&[], query, search)
    }

    /// One page of the matching customers. Blocks.
    pub fn customers(&self, query: &ListQuery, search: Search) -> Result<Page<CustomerRow>, LedgerError> {
        self.page(&Domain::ALL, query, search)
    }

    /// One page of a list. The page is empty while one of `domains` is being read for the first time.
    fn page<Row: ListRow>(
        &self,
        domains: &[Domain],
        query: &ListQuery,
        search: Search,
    ) -> Result<Page<Row>, LedgerError> {
        let moment = self.model.moment();
        if domains.iter().any(|domain| !self.model.is_filled(*domain)) {
            return Ok(Page::nothing_yet(moment.now));
        }
        let ask = Ask::page(query, search, moment);
        let page = self.model.read(|connection| lists::page(connection, query, &ask))?;
        Ok(page?)
    }

    /// The next wallets of an export, and the cursor of those after them. Blocks, like the other exports.
    pub fn export_wallets(&self, query: &ListQuery, search: Search) -> Exported<WalletRow> {
        self.export(&[Domain::Wallet], query, search)
    }

    pub fn export_orders(&self, query: &ListQuery, search: Search) -> Exported<OrderRow> {
        self.export(&[Domain::Order], query, search)
    }

    pub fn export_refunds(&self, query: &ListQuery, search: Search) -> Exported<RefundRow> {
        self.export(&[Domain::Order], query, search)
    }

    pub fn export_findings(&self, query: &ListQuery, search: Search) -> Exported<FindingRow> {
        self.export(&Domain::ALL, query, search)
    }

    pub fn export_customers(&self, query: &ListQuery, search: Search) -> Exported<CustomerRow> {
        self.export(&Domain::ALL, query, search)
    }

    pub fn export_holds(&self, query: &ListQuery) -> Exported<HoldListRow> {
        self.export(&[Domain::Wallet], query, Search::Ids)
    }

    /// An error before the domains are read, because an incomplete file would not say that it is incomplete.
    fn export<Row: ListRow>(&self, domains: &[Domain], query: &ListQuery, search: Search) -> Exported<Row> {
        if let Some(domain) = domains.iter().find(|domain| !self.model.is_filled(**domain)) {
            return Err(LedgerError::ReadModel(format!(
                "the {domain} store is still being read for the first time; try again later"
            )));
        }
        let ask = Ask {
            rows: EXPORT_ROWS,
            counts: false,
            ..Ask::page(query, search, self.model.moment())
        };
        let page = self.model.read(|connection| lists::page(connection, query, &ask))??;
        Ok(lists::next_part(page)?)
    }

    /// The figures of the first page. Blocks.
    #[tracing::instrument(level = "debug", skip_all)]
    pub fn overview(&self) -> Result<Overview, LedgerError> {
        Ok(self.model.overview()?)
    }

    /// The first findings about an entity, and the number of all of them.
    pub(super) fn findings_about(&self, about: About, id: &str) -> Result<(Vec<Finding>, u64), LedgerError> {
        let now = self.now();
        Ok(self
            .model
            .read(|connection| findings::about(connection, about, id, now))?)
    }

    /// The orders that name a wallet, the last changed first.
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

    /// The orders that have a refund with this id, sorted by order id.
    pub(super) fn orders_naming_refund(&self, refund: &str) -> Result<Vec<EntityId>, LedgerError> {
        if !self.model.is_filled(Domain::Order) {
            return Ok(Vec::new());
        }
        Ok(self.model.read(|connection| orders_naming_refund(connection, refund))?)
    }
}
