//! Downloads: lists and the audit trail as CSV, one event as JSON. The audit trail records each download of a list or
//! of the trail, and each event that is shown with personal data. CSV files are safe to open in a spreadsheet.

mod event;
mod lists;
mod sheet;

use std::{borrow::Cow, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    extract::{RawQuery, Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::TryStreamExt;

use self::{lists::list, sheet::Sheet};
use super::{
    guard::{Guard, guard_page},
    permissions::{self, Gate},
};
use crate::{
    app_state::AppState,
    auth::{Principal, Visitor},
    domain::{audit::AuditOutcome, event::format_time, ids::Domain, refund::RefundRow},
    event_log::Unavailable,
    views::{
        audit::AuditEntry,
        compensations::CaseRow,
        customers::CustomerRow,
        findings::FindingRow,
        orders::OrderRow,
        query::audit_query,
        wallets::{HoldListRow, WalletRow},
    },
};

pub fn routes(state: &AppState, guard: &Arc<Guard>) -> Router {
    Router::new()
        .route("/export/wallets.csv", get(list::<WalletRow>))
        .route("/export/orders.csv", get(list::<OrderRow>))
        .route("/export/refunds.csv", get(list::<RefundRow>))
        .route("/export/findings.csv", get(list::<FindingRow>))
        .route("/export/holds.csv", get(list::<HoldListRow>))
        .route("/export/cases.csv", get(list::<CaseRow>))
        .route("/export/customers.csv", get(list::<CustomerRow>))
        .route("/export/audit.csv", get(audit))
        .route(event::ROUTE, get(event::whole))
        .layer(from_fn(refuse_other_sites))
        .layer(from_fn_with_state(Arc::clone(guard), guard_page))
        .with_state(state.clone())
}

/// Why a download is refused or fails.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("your role does not allow this")]
    Forbidden,
    #[error("{0}")]
    Invalid(String),
    #[error("there is no such event")]
    NotFound,
    #[error("the {0} store does not answer; try again in a moment")]
    StoreDown(Domain),
    #[error("{0}")]
    ReadModel(String),
    #[error("the compensation store does not answer; try again in a moment")]
    Cases,
    #[error("the audit trail is not available, so nothing was downloaded; try again in a moment")]
    Unrecorded,
    #[error("an internal error occurred; the server's log has the details")]
    Internal,
}

impl IntoResponse for ExportError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::StoreDown(_) | Self::ReadModel(_) | Self::Cases | Self::Unrecorded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, format!("{self}.\n")).into_response()
    }
}

impl From<csv::Error> for ExportError {
    fn from(error: csv::Error) -> Self {
        tracing::error!(%error, "a CSV file can't be written");
        Self::Internal
    }
}

impl From<Unavailable> for ExportError {
    fn from(_: Unavailable) -> Self {
        Self::Unrecorded
    }
}

/// Middleware: refuses downloads that another site starts (`Sec-Fetch-Site`). Links from other sites to pages are
/// allowed.
async fn refuse_other_sites(request: Request<Body>, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    if matches!(site, None | Some(b"same-origin" | b"none")) {
        next.run(request).await
    } else {
        (
            StatusCode::FORBIDDEN,
            "Downloads can be started only from pages of this site.\n",
        )
            .into_response()
    }
}

/// The audit entries that match the query of the audit page, oldest first, with their hashes.
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
    let mut entries = state.audit.export_matching(query);
    while let Some(entry) = entries.try_next().await? {
        if !sheet.row(audit_cells(&entry))? {
            break;
        }
    }
    drop(entries);
    let entry = principal
        .entry("export.audit", AuditOutcome::Done)
        .detail(format!("{} rows", sheet.rows()));
    let recorded = state.audit.record(entry).await;
    recorded.map_err(|_| ExportError::Unrecorded)?;
    Ok((csv_head("audit"), sheet.finish()?).into_response())
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

/// The principal, if the role is allowed to use `route`. The page guard passes forbidden requests on to a page that
/// shows the refusal. Downloads have no such page, so they check again.
fn allowed<'a>(visitor: &'a Visitor, route: &str) -> Result<&'a Principal, ExportError> {
    let gate = permissions::page(route);
    let principal = visitor.principal.as_ref();
    principal
        .filter(|principal| gate != Gate::Public && gate.lets(principal.operator.role))
        .ok_or(ExportError::Forbidden)
}

/// The headers of a file that is saved as `NAME.csv`.
fn csv_head(name: &str) -> [(HeaderName, String); 2] {
    [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ]
}
