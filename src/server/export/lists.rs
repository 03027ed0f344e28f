//! Lists as CSV files: all rows that match the query. The file is streamed in parts, so its length is not bounded by
//! memory. The audit trail records the download before the first byte, and the number of rows after the last one.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use futures::stream;
use tokio::task::spawn_blocking;

use super::{ExportError, allowed, csv_head, sheet::part};
use crate::{
    app_state::AppState,
    auth::Visitor,
    compensations::{CompensationError, Requester},
    domain::{
        access::Act,
        audit::{AuditOutcome, NewEntry},
        event::format_time,
        refund::RefundRow,
        wallet::Party,
    },
    ledger::{Ledger, LedgerError},
    read_model::lists::Search,
    views::{
        compensations::CaseRow,
        customers::CustomerRow,
        findings::FindingRow,
        lists::{ListName, ListQuery, PAGE_ROWS_MAX, PageAt},
        mask::Mask,
        orders::OrderRow,
        query::list_query,
        wallets::{HoldListRow, WalletRow},
    },
};

/// Rows, and the cursor of the next ones; `None` after the last rows.
type Rows<Row> = (Vec<Row>, Option<PageAt>);

/// A list row that can be exported to CSV.
pub(super) trait Exported: Mask + Send + Sized + 'static {
    const LIST: ListName;
    const HEADS: &'static [&'static str];

    /// Reads the next rows of the query, in a transaction of its own.
    fn read(source: &Source, query: ListQuery) -> impl Future<Output = Result<Rows<Self>, ExportError>> + Send;

    /// A cell for each of [`Exported::HEADS`].
    fn cells(&self) -> Vec<Cow<'_, str>>;
}

/// The state from which rows are read, and the person for whom they are read.
pub(super) struct Source {
    state: AppState,
    who: Requester,
    search: Search,
    /// Whether names are masked.
    masked: bool,
}

impl Source {
    /// Runs a query of the read model on a thread for blocking calls.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, ExportError> {
        let ledger = Arc::clone(&self.state.ledger);
        let answer = spawn_blocking(move || question(&ledger)).await;
        match answer {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(LedgerError::Invalid(message))) => Err(ExportError::Invalid(message)),
            Ok(Err(LedgerError::ReadModel(message))) => Err(ExportError::ReadModel(message)),
            Ok(Err(_)) | Err(_) => Err(ExportError::Internal),
        }
    }
}

/// The handler of a list's CSV file.
pub(super) async fn list<Row: Exported>(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Result<Response, ExportError> {
    let name = Row::LIST.as_str();
    let principal = allowed(&visitor, &format!("/export/{name}.csv"))?;
    let personal = principal.can(Act::ReadPersonal);
    let source = Source {
        who: state.requester(principal),
        state: state.clone(),
        search: if personal { Search::Names } else { Search::Ids },
        masked: !personal,
    };
    let query = ListQuery {
        limit: None,
        ..list_query(Row::LIST, query.as_deref().unwrap_or_default())
            .query
            .page(PageAt::First)
    };
    let entry = |outcome| principal.entry(&format!("export.{name}"), outcome);
    let mut file = File::<Row> {
        source,
        query,
        rows: 0,
        done: entry(AuditOutcome::Done),
        failed: entry(AuditOutcome::Failed),
        ended: false,
        row: std::marker::PhantomData,
    };
    // The first rows are read before the response starts, so that an invalid query is answered with an error status.
    let first = file.next(Some(Row::HEADS)).await?;
    let recorded = state.audit.record(entry(AuditOutcome::Asked)).await;
    recorded.map_err(|_| ExportError::Unrecorded)?;
    let rest = stream::try_unfold((file, Some(first)), |(mut file, first)| async move {
        let part = match first {
            Some(first) => Some(first),
            None => file.go_on().await?,
        };
        Ok::<_, ExportError>(part.map(|part| (part, (file, None))))
    });
    Ok((csv_head(name), Body::from_stream(rest)).into_response())
}

/// A CSV file that is being streamed.
struct File<Row> {
    source: Source,
    /// The query of the next rows.
    query: ListQuery,
    rows: u64,
    /// The audit entry that is recorded after the last row.
    done: NewEntry,
    failed: NewEntry,
    /// Whether the last rows have been read.
    ended: bool,
    row: std::marker::PhantomData<fn() -> Row>,
}

impl<Row: Exported> File<Row> {
    /// The next part. Records the end of the download in the audit trail: after the last part, or at an error.
    async fn go_on(&mut self) -> Result<Option<Bytes>, ExportError> {
        if self.ended {
            self.record(self.done.clone()).await;
            return Ok(None);
        }
        let next = self.next(None).await;
        if let Err(error) = &next {
            tracing::error!(%error, list = Row::LIST.as_str(), "a download failed before its end");
            self.record(self.failed.clone()).await;
        }
        next.map(Some)
    }

    async fn next(&mut self, heads: Option<&[&str]>) -> Result<Bytes, ExportError> {
        let (mut rows, next) = Row::read(&self.source, self.query.clone()).await?;
        if self.source.masked {
            rows.mask();
        }
        self.rows += rows.len() as u64;
        match next {
            Some(next) => self.query.at = next,
            None => self.ended = true,
        }
        let cells = rows.iter().map(Exported::cells);
        Ok(part(heads, cells)?.into())
    }

    /// Records the end of the download in the audit trail. A failure only goes to the log, because the file has already
    /// been sent.
    async fn record(&self, entry: NewEntry) {
        let entry = entry.detail(format!("{} rows", self.rows));
        let _ = self.source.state.audit.record(entry).await;
    }
}

impl Exported for WalletRow {
    const LIST: ListName = ListName::Wallets;
    const HEADS: &'static [&'static str] = &[
        "wallet",
        "status",
        "currency",
        "owner",
        "owner_name",
        "posted",
        "held",
        "available",
        "sequence",
        "last_time",
        "complete",
    ];

    async fn read(source: &Source, query: ListQuery) -> Result<Rows<Self>, ExportError> {
        let search = source.search;
        source.ask(move |ledger| ledger.export_wallets(&query, search)).await
    }

    fn cells(&self) -> Vec<Cow<'_, str>> {
        let [owner, name] = party(self.owner.as_ref());
        vec![
            self.id.as_str().into(),
            self.status.as_str().into(),
            text(self.currency),
            owner,
            name,
            self.balances.posted.to_string().into(),
            self.balances.held.to_string().into(),
            self.balances.available.to_string().into(),
            self.sequence.to_string().into(),
            text(self.last_time.map(format_time)),
            self.complete.to_string().into(),
        ]
    }
}

impl Exported for OrderRow {
    const LIST: ListName = ListName::Orders;
    const HEADS: &'static [&'static str] = &[
        "order",
        "wallet",
        "customer",
        "customer_name",
        "status",
        "currency",
        "total",
        "paid",
        "refunded",
        "pending",
        "refundable",
        "sequence",
        "last_time",
        "complete",
    ];

    async fn read(source: &Source, query: ListQuery) -> Result<Rows<Self>, ExportError> {
        let search = source.search;
        source.ask(move |ledger| ledger.export_orders(&query, search)).await
    }

    fn cells(&self) -> Vec<Cow<'_, str>> {
        let [customer, name] = party(self.customer.as_ref());
        vec![
            self.id.as_str().into(),
            self.wallet.as_deref().unwrap_or_default().into(),
            customer,
            name,
            self.status.as_str().into(),
            text(self.currency),
            text(self.total),
            self.sums.paid.to_string().into(),
            self.sums.refunded.to_string().into(),
            self.sums.pending.to_string().into(),
            self.sums.refundable.to_string().into(),
            self.sequence.to_string().into(),
            text(self.last_time.map(format_time)),
            self.complete.to_string().into(),
        ]
    }
}

impl Exported for RefundRow {
    const LIST: ListName = ListName::Refunds;
    const HEADS: &'static [&'static str] = &[
        "refund",
        "order",
        "wallet",
        "state",
        "waits_for",
        "amount",
        "currency",
        "destination",
        "reason",
        "requested_at",
        "state_since",
        "age_seconds",
        "overdue",
        "customer",
    ];

    async fn read(source: &Source, query: ListQuery) -> Result<Rows<Self>, ExportError> {
        let search = source.search;
        source.ask(move |ledger| ledger.export_refunds(&query, search)).await
    }

    fn cells(&self) -> Vec<Cow<'_, str>> {
        vec![
            self.refund.as_str().into(),
            self.order.as_str().into(),
            self.wallet.as_deref().unwrap_or_default().into(),
            self.state.as_str().into(),
            self.waits_for.map_or("", |who| who.as_str()).into(),
            self.amount.to_string().into(),
            self.currency.to_string().into(),
            self.destination.as_str().into(),
            self.reason.as_str().into(),
            format_time(self.requested_at).into(),
            format_time(self.state_since).into(),
            self.age_seconds.to_string().into(),
            self.overdue.to_string().into(),
            self.customer.as_deref().unwrap_or_default().into(),
        ]
    }
}

impl Exported for FindingRow {
    const LIST: ListName = ListName::Findings;
    const HEADS: &'static [&'static str] = &[
        "finding",
        "severity",
        "refund",
        "order",
        "wallet",
        "amount",
        "currency",
        "since",
        "explanation",
        "customer",
        "key",
    ];

    async fn read(source: &Source, query: ListQuery) -> Result<Rows<Self>, ExportError> {
        let search = source.search;
        source.ask(move |ledger| ledger.export_findings(&query, search)).await
    }

    fn cells(&self) -> Vec<Cow<'_, str>> {
        let finding = &self.finding;
        vec![
            finding.finding.as_str().into(),
            finding.severity.as_str().into(),
            finding.refund.as_deref().unwrap_or_default().into(),
            finding.order.as_deref().unwrap_or_default().into(),
            finding.wallet.as_deref().unwrap_or_default().into(),
            text(finding.amount),
            text(finding.currency),
            text(finding.since.map(format_time)),
            finding.explanation.as_str().into(),
            self.customer.as_deref().unwrap_or_default().into(),
            self.key.as_str().into(),
        ]
    }
}

impl Exported for HoldListRow {
    const LIST: ListName = ListName::Holds;
    const HEADS: &'static [&'static str] = &[
        "hold",
        "wallet",
        "order",
        "state",
        "amount",
        "currency",
        "held_at",
        "expires_at",
    ];

    async fn read(source: &Source, query: ListQuery) -> Result<Rows<Self>, ExportError> {
        source.ask(move |ledger| ledger.export_holds(&query)).await
    }

    fn cells(&self) -> Vec<Cow<'_, str>> {
        vec![
            self.hold.as_str().into(),
            self.wallet.as_str().into(),
            self.order.as_deref().unwrap_or_default().into(),
            self.state.as_str().into(),
            self.amount.to_string().into(),
            text(self.currency),
            format_time(self.held_at).into(),
            text(self.expires_at.map(format_time)),
        ]
    }
}

impl Exported for CaseRow {
    const LIST: ListName = ListName::Cases;
    const HEADS: &'static [&'static str] = &[
        "case",
        "command",
        "state",
        "amount",
        "currency",
        "proposed_by",
        "proposed_at",
        "decided_by",
        "subjects",
    ];

    async fn read(source: &Source, query: ListQuery) -> Result<Rows<Self>, ExportError> {
        let query = ListQuery {
            limit: Some(PAGE_ROWS_MAX),
            ..query
        };
        let page = source.state.compensations.cases(&source.who, &query).await;
        let page = page.map_err(|error| match error {
            CompensationError::Forbidden(_) => ExportError::Forbidden,
            error => {
                tracing::error!(%error, "the cases can't be read");
                ExportError::Cases
            }
        })?;
        Ok((page.rows, page.next.map(PageAt::After)))
    }

    fn cells(&self) -> Vec<Cow<'_, str>> {
        vec![
            self.id.as_str().into(),
            self.name.as_str().into(),
            self.status.as_str().into(),
            self.amount.amount().to_string().into(),
            self.amount.currency().to_string().into(),
            self.proposer.as_str().into(),
            format_time(self.proposed_at).into(),
            self.decided_by.as_deref().unwrap_or_default().into(),
            self.subjects.join(", ").into(),
        ]
    }
}

impl Exported for CustomerRow {
    const LIST: ListName = ListName::Customers;
    const HEADS: &'static [&'static str] = &["customer", "names", "wallets", "orders", "refunds", "pending_refunds"];

    async fn read(source: &Source, query: ListQuery) -> Result<Rows<Self>, ExportError> {
        let search = source.search;
        source.ask(move |ledger| ledger.export_customers(&query, search)).await
    }

    fn cells(&self) -> Vec<Cow<'_, str>> {
        vec![
            self.customer.as_str().into(),
            self.names.join(", ").into(),
            self.wallets.to_string().into(),
            self.orders.to_string().into(),
            self.refunds.to_string().into(),
            self.pending_refunds.to_string().into(),
        ]
    }
}

/// The cell of an optional value; empty if it is absent.
fn text<T: ToString>(value: Option<T>) -> Cow<'static, str> {
    value.map_or(Cow::Borrowed(""), |value| value.to_string().into())
}

/// The cells of a party: id and name.
fn party(party: Option<&Party>) -> [Cow<'_, str>; 2] {
    let (id, name) = party.map_or(("", ""), |party| (&party.id, party.name.as_deref().unwrap_or_default()));
    [id.into(), name.into()]
}
