//! One customer with their wallets, orders, refunds, holds, findings and cases, from the read model.

use rusqlite::Connection;

use crate::{
    domain::{ids::Domain, refund::RefundRow},
    read_model::lists::{self, Ask, ListRow, Moment, Search},
    views::{
        customers::{CUSTOMER_ROWS, CustomerView, First},
        lists::{Count, ListName, ListQuery, Sort},
        orders::OrderRow,
        wallets::WalletRow,
    },
};

use super::{Ledger, LedgerError};

/// Maximum number of cases on a customer's page.
const CASES_MAX: usize = 20;

impl Ledger {
    /// An error while a store is being read for the first time.
    pub(super) fn check_filled(&self) -> Result<(), LedgerError> {
        let unfilled = Domain::ALL.into_iter().find(|domain| !self.model.is_filled(*domain));
        unfilled.map_or(Ok(()), |domain| {
            Err(LedgerError::ReadModel(format!(
                "the {domain} store is still being read for the first time; try again later"
            )))
        })
    }

    /// A customer's page. Blocks.
    #[tracing::instrument(level = "debug", skip_all)]
    pub fn customer(&self, id: &str) -> Result<CustomerView, LedgerError> {
        self.check_filled()?;
        let moment = self.model.moment();
        let missing = || LedgerError::NotFound {
            what: format!("customer {id}"),
            filtered: false,
        };
        let view = self.model.read(|connection| {
            let Some(row) = lists::customer(connection, id, &moment)? else {
                return Ok(None);
            };
            let mut wallets: First<WalletRow> = first(connection, id, &moment, |_| {})?;
            let mut orders: First<OrderRow> = first(connection, id, &moment, |_| {})?;
            wallets.total = Count::Exactly(row.wallets);
            orders.total = Count::Exactly(row.orders);
            let mut refunds: First<RefundRow> = first(connection, id, &moment, |query| {
                query.states = ListName::Refunds.states().into_iter().map(str::to_owned).collect();
                query.sort = Some(Sort::State);
            })?;
            refunds.total = Count::Exactly(row.refunds);
            let holds = first(connection, id, &moment, |_| {})?;
            let findings = first(connection, id, &moment, |_| {})?;
            let mut subjects: Vec<String> = Vec::new();
            subjects.extend(wallets.rows.iter().map(|row| format!("wallet {}", row.id)));
            subjects.extend(orders.rows.iter().map(|row| format!("order {}", row.id)));
            Ok(Some(CustomerView {
                row,
                cases: lists::cases_about(connection, &subjects, CASES_MAX)?,
                sums: lists::customer_sums(connection, id)?,
                wallets,
                orders,
                refunds,
                holds,
                findings,
                now: moment.now,
            }))
        })?;
        view.ok_or_else(missing)
    }
}

/// The first rows of a list that belong to a customer.
fn first<Row: ListRow>(
    connection: &Connection,
    id: &str,
    moment: &Moment,
    narrow: impl FnOnce(&mut ListQuery),
) -> rusqlite::Result<First<Row>> {
    let mut query = ListQuery {
        customer: Some(id.to_owned()),
        limit: Some(CUSTOMER_ROWS),
        ..ListQuery::default()
    };
    narrow(&mut query);
    let ask = Ask::page(&query, Search::Ids, *moment);
    let page = lists::page::<Row>(connection, &query, &ask)?;
    // A query without a search text has no error.
    Ok(page.map_or_else(
        |_| First {
            rows: Vec::new(),
            total: Count::Exactly(0),
            stopped: false,
        },
        |page| First {
            rows: page.rows,
            total: page.total,
            stopped: page.stopped,
        },
    ))
}
