//! Lists that people take away as files. A file leaves the program's care, so each is recorded before its first byte, holds a
//! bounded number of rows, and is safe to open in a spreadsheet.

mod event;
mod sheet;

use std::{borrow::Cow, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    extract::{RawQuery, Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::TryStreamExt;
use tokio::task::spawn_blocking;

use self::sheet::Sheet;
use super::{
    auth::{Principal, Visitor, guard_page},
    permissions::{self, Gate},
    state::AppState,
};
use crate::{
    access::Unavailable,
    domain::{access::Act, audit::AuditOutcome, event::format_time, findings::Finding, ids::Domain, refund::RefundRow},
    ledger::{Ledger, LedgerError},
    read_model::lists::Search,
    views::{
        audit::AuditEntry,
        lists::{FindingsQuery, PageAt},
        query::{audit_query, findings_query, refunds_query},
        refunds::RefundsQuery,
    },
};

pub fn routes(state: &AppState) -> Router {
    Router::new()
        .route("/export/refunds.csv", get(refunds))
        .route("/export/findings.csv", get(findings))
        .route("/export/audit.csv", get(audit))
        .route(event::ROUTE, get(event::whole))
        .layer(from_fn(refuse_other_sites))
        .layer(from_fn_with_state(state.keeper.clone(), guard_page))
        .with_state(state.clone())
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("your role does not allow this")]
    Forbidden,
    #[error("{0}")]
    Invalid(String),
    #[error("there is no such event")]
    NotFound,
    #[error("the {0} store is not answering")]
    StoreDown(Domain),
    #[error("{0}")]
    ReadModel(String),
    #[error("the audit trail can't be read or written, so nothing was taken away")]
    Unrecorded,
    #[error("something went wrong on the server; its log says what")]
    Internal,
}

impl IntoResponse for ExportError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::StoreDown(_) | Self::ReadModel(_) | Self::Unrecorded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, format!("{self}.\n")).into_response()
    }
}

impl From<csv::Error> for ExportError {
    fn from(error: csv::Error) -> Self {
        tracing::error!(%error, "a file can't be made");
        Self::Internal
    }
}

impl From<Unavailable> for ExportError {
    fn from(_: Unavailable) -> Self {
        Self::Unrecorded
    }
}

/// Another site may link to pages, but not make a reader's browser take a file away.
async fn refuse_other_sites(request: Request<Body>, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    if matches!(site, None | Some(b"same-origin" | b"none")) {
        next.run(request).await
    } else {
        (
            StatusCode::FORBIDDEN,
            "Files are taken away from this site's own pages.\n",
        )
            .into_response()
    }
}

/// The refunds that match, as the list of them with the same query; all pages.
async fn refunds(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Result<Response, ExportError> {
    let principal = allowed(&visitor, "/export/refunds.csv")?;
    let mut query = RefundsQuery {
        at: PageAt::First,
        ..refunds_query(query.as_deref().unwrap_or_default()).query
    };
    let search = if principal.may(Act::ReadPersonal) {
        Search::Names
    } else {
        Search::Ids
    };
    let mut sheet = Sheet::new(&[
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
    ])?;
    loop {
        let (rows, next) = ask(&state, &query, move |ledger, query| {
            ledger.export_refunds(query, search)
        })
        .await?;
        for row in &rows {
            sheet.row(refund_cells(row))?;
        }
        match next.filter(|_| !sheet.is_full()) {
            Some(next) => query.at = next,
            None => break,
        }
    }
    hand_over(&state, principal, "refunds", sheet).await
}

/// The next rows of an export, each time in a short transaction, on a thread that may block.
async fn ask<Q: Clone + Send + 'static, Rows: Send + 'static>(
    state: &AppState,
    query: &Q,
    question: impl FnOnce(&Ledger, &Q) -> Result<Rows, LedgerError> + Send + 'static,
) -> Result<Rows, ExportError> {
    let (ledger, query) = (Arc::clone(&state.ledger), query.clone());
    let answer = spawn_blocking(move || question(&ledger, &query)).await;
    match answer {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(LedgerError::Invalid(message))) => Err(ExportError::Invalid(message)),
        Ok(Err(LedgerError::ReadModel(message))) => Err(ExportError::ReadModel(message)),
        Ok(Err(_)) | Err(_) => Err(ExportError::Internal),
    }
}

fn refund_cells(row: &RefundRow) -> [Cow<'_, str>; 13] {
    [
        row.refund.as_str().into(),
        row.order.as_str().into(),
        row.wallet.as_deref().unwrap_or_default().into(),
        row.state.as_str().into(),
        row.waits_for.map_or("", |who| who.as_str()).into(),
        row.amount.to_string().into(),
        row.currency.to_string().into(),
        row.destination.as_str().into(),
        row.reason.as_str().into(),
        format_time(row.requested_at).into(),
        format_time(row.state_since).into(),
        row.age_seconds.to_string().into(),
        row.overdue.to_string().into(),
    ]
}

/// All findings, or those of one kind.
async fn findings(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Result<Response, ExportError> {
    let principal = allowed(&visitor, "/export/findings.csv")?;
    let kind = findings_query(query.as_deref().unwrap_or_default()).query.kind;
    let mut sheet = Sheet::new(&[
        "finding",
        "severity",
        "refund",
        "order",
        "wallet",
        "amount",
        "currency",
        "since",
        "explanation",
    ])?;
    let mut query = FindingsQuery {
        kind,
        at: PageAt::First,
    };
    loop {
        let (rows, next) = ask(&state, &query, Ledger::export_findings).await?;
        for finding in &rows {
            sheet.row(finding_cells(finding))?;
        }
        match next.filter(|_| !sheet.is_full()) {
            Some(next) => query.at = next,
            None => break,
        }
    }
    hand_over(&state, principal, "findings", sheet).await
}

fn finding_cells(finding: &Finding) -> [Cow<'_, str>; 9] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default().into();
    [
        finding.finding.as_str().into(),
        finding.severity.as_str().into(),
        text(&finding.refund),
        text(&finding.order),
        text(&finding.wallet),
        finding
            .amount
            .map_or_else(String::new, |amount| amount.to_string())
            .into(),
        finding
            .currency
            .map_or_else(String::new, |currency| currency.to_string())
            .into(),
        finding.since.map_or_else(String::new, format_time).into(),
        finding.explanation.as_str().into(),
    ]
}

/// The audit trail, oldest first, with the hashes that show whether it is whole; what matches, as on its page.
async fn audit(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Result<Response, ExportError> {
    let principal = allowed(&visitor, "/export/audit.csv")?;
    let query = audit_query(query.as_deref().unwrap_or_default()).query;
    let mut sheet = Sheet::new(&[
        "place", "time", "actor", "act", "outcome", "subject", "case", "from", "session", "detail", "hash",
    ])?;
    let mut entries = state.keeper.access().audit().export_matching(query);
    while let Some(entry) = entries.try_next().await? {
        if !sheet.row(audit_cells(&entry))? {
            break;
        }
    }
    drop(entries);
    hand_over(&state, principal, "audit", sheet).await
}

fn audit_cells(entry: &AuditEntry) -> [Cow<'_, str>; 11] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default().into();
    [
        entry.place.as_str().into(),
        format_time(entry.time).into(),
        entry.actor.as_str().into(),
        entry.act.as_str().into(),
        entry.outcome.as_str().into(),
        text(&entry.subject),
        text(&entry.case),
        text(&entry.from),
        text(&entry.session),
        text(&entry.detail),
        entry.hash.as_str().into(),
    ]
}

/// Whoever asks, if their role may. The guard of pages lets others through to a page that says no; there is none here.
fn allowed<'a>(visitor: &'a Visitor, route: &str) -> Result<&'a Principal, ExportError> {
    let gate = permissions::page(route);
    let principal = visitor.principal.as_ref();
    principal
        .filter(|principal| gate != Gate::Public && gate.lets(principal.operator.role))
        .ok_or(ExportError::Forbidden)
}

/// Gives the file away once that is recorded.
async fn hand_over(state: &AppState, principal: &Principal, what: &str, sheet: Sheet) -> Result<Response, ExportError> {
    let entry = principal
        .entry(&format!("export.{what}"), AuditOutcome::Done)
        .detail(format!("{} rows", sheet.rows()));
    let recorded = state.keeper.record(entry).await;
    recorded.map_err(|_| ExportError::Unrecorded)?;
    let file = sheet.finish()?;
    let name = format!("attachment; filename=\"{what}.csv\"");
    Ok((
        [
            (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (CONTENT_DISPOSITION, name),
        ],
        file,
    )
        .into_response())
}
