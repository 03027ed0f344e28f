//! The context of server functions: finds and authorises the caller, and masks and records answers. Every server
//! function first calls one of [`visitor`], [`signed_in`], [`authorise`] and [`reader_of`].

/// Server functions use this re-export in their bodies. An import of their own would be unused in the browser's build,
/// which has no bodies.
pub(super) use crate::domain::access::Act;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header::SET_COOKIE};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;

/// Re-exports for the same reason.
pub(super) use crate::{ledger::Ledger, views::lists::ListName};

use super::ApiError;
use crate::{
    app_state::AppState,
    audit::{Audit, AuditError},
    auth::{Auth, Principal, Visitor},
    compensations::{Compensations, Requester},
    domain::audit::AuditOutcome,
    event_log::Unavailable,
    ledger::LedgerError,
    read_model::lists::Search,
    views::{
        lists::{FILTER_MAX, FILTER_VALUES_MAX, ListQuery},
        mask::Mask,
        truncate::Truncate,
    },
};

/// The authorised caller of a server function.
pub(super) struct Caller {
    pub principal: Principal,
    state: AppState,
}

/// The visitor, for functions that need no session.
pub(super) fn visitor() -> Result<(Visitor, AppState), ApiError> {
    let visitor = use_context::<Visitor>().ok_or(ApiError::Internal)?;
    Ok((visitor, state()?))
}

/// The caller, for functions that need a session of any role.
pub(super) fn signed_in() -> Result<Caller, ApiError> {
    let (visitor, state) = visitor()?;
    Ok(Caller {
        principal: visitor.principal.ok_or(ApiError::SignedOut)?,
        state,
    })
}

/// The caller, for functions that need a role with `act`. A refusal is recorded in the audit trail.
pub(super) async fn authorise(act: Act) -> Result<Caller, ApiError> {
    let caller = signed_in()?;
    if caller.principal.can(act) {
        return Ok(caller);
    }
    let refused = caller.principal.entry(act.as_str(), AuditOutcome::Refused);
    caller.audit().record_once(refused).await?;
    Err(ApiError::Forbidden)
}

/// The caller, for functions that read a list. Checks that the query's filters and sort are valid for the list, and
/// bounds their length and number.
pub(super) async fn reader_of(list: ListName, query: &ListQuery) -> Result<Caller, ApiError> {
    let caller = authorise(Act::Read).await?;
    let states = list.states();
    let texts = [&query.destinations, &query.reasons].into_iter().flatten();
    let ids = [&query.customer, &query.wallet, &query.operator].into_iter().flatten();
    let message = if let Some(lost) = query.states.iter().find(|state| !states.contains(&state.as_str())) {
        let lost: String = lost.chars().take(FILTER_MAX).collect();
        format!("'{lost}' is not a state of a {}", list.noun())
    } else if query.clone().of_list(list) != *query {
        format!("a list of {} does not support this filter or sort", list.as_str())
    } else if texts.chain(ids).any(|text| text.chars().count() > FILTER_MAX) {
        format!("a filter's value is too long; use at most {FILTER_MAX} characters")
    } else if [
        query.destinations.len(),
        query.reasons.len(),
        query.states.len(),
        query.currencies.len(),
    ]
    .into_iter()
    .any(|values| values > FILTER_VALUES_MAX)
    {
        format!("a filter has too many values; use at most {FILTER_VALUES_MAX}")
    } else {
        return Ok(caller);
    };
    Err(ApiError::Invalid { message })
}

impl Caller {
    pub fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }

    /// Runs a query of the read model on a thread for blocking calls.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let ledger = Arc::clone(&self.state.ledger);
        let answer = tokio::task::spawn_blocking(move || question(&ledger)).await;
        Ok(answer.map_err(|_| ApiError::Internal)??)
    }

    pub fn auth(&self) -> &Auth {
        &self.state.auth
    }

    pub fn audit(&self) -> &Audit {
        &self.state.audit
    }

    pub fn compensations(&self) -> &Compensations {
        &self.state.compensations
    }

    /// A handle for tasks that outlive the request.
    pub fn shared_compensations(&self) -> Arc<Compensations> {
        Arc::clone(&self.state.compensations)
    }

    /// The caller as a requester of compensations.
    pub fn who(&self) -> Requester {
        self.state.requester(&self.principal)
    }

    /// Whether the last proof of the password is still valid.
    pub fn is_proven(&self) -> bool {
        self.principal.session.is_proven(self.auth().now())
    }

    /// The fields that the caller may search: names only for roles that may read them.
    pub const fn search(&self) -> Search {
        if self.principal.can(Act::ReadPersonal) {
            Search::Names
        } else {
            Search::Ids
        }
    }

    /// Prepares an answer that may contain personal data. A caller who may read them gets all, and the view is recorded
    /// with `subject` (such as `wallet W-1`). For others, personal data are masked. Long texts are truncated last,
    /// because masking recognises personal fields by their whole text.
    pub async fn shown<T: Mask + Truncate>(&self, mut answer: T, subject: &str) -> Result<T, ApiError> {
        if self.principal.can(Act::ReadPersonal) {
            let view = self.principal.entry("view", AuditOutcome::Done).about(subject);
            self.audit().record_once(view).await?;
        } else {
            answer.mask();
        }
        Ok(truncated(answer))
    }

    /// Checks the form token: a form from another site or from an earlier session is refused. A refusal is recorded.
    pub async fn check_form(&self, form_token: &str) -> Result<(), ApiError> {
        if self.principal.gave_out(form_token) {
            return Ok(());
        }
        let refused = self.principal.entry("form", AuditOutcome::Refused);
        let why = "the form token is not of this session";
        self.audit().record_once(refused.detail(why)).await?;
        Err(ApiError::FormExpired)
    }
}

/// The answer with long texts truncated; for answers without personal data.
pub(super) fn truncated<T: Truncate>(mut answer: T) -> T {
    answer.truncate_texts();
    answer
}

fn state() -> Result<AppState, ApiError> {
    use_context().ok_or(ApiError::Internal)
}

/// Adds `Set-Cookie` to the response. `None` is an error.
pub(super) fn give_cookie(cookie: Option<HeaderValue>) -> Result<(), ApiError> {
    let (cookie, response) = cookie.zip(use_context::<ResponseOptions>()).ok_or(ApiError::Internal)?;
    response.append_header(SET_COOKIE, cookie);
    Ok(())
}

/// Sets status 200, so that a form that was sent without JavaScript gets the answer itself instead of a redirect to its
/// page. For answers that are shown only once.
pub(super) fn answer_in_place() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::OK);
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::NotFound { what, filtered } => Self::NotFound { what, filtered },
            LedgerError::Invalid(message) => Self::Invalid { message },
            LedgerError::Store { domain, .. } => Self::StoreDown { domain },
            LedgerError::ReadModel(message) => Self::ReadModel { message },
        }
    }
}

impl From<AuditError> for ApiError {
    fn from(_: AuditError) -> Self {
        Self::Unrecorded
    }
}

/// Operators and the audit trail are in one store. If it fails, nothing can be recorded, so nothing is done.
impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> Self {
        tracing::error!(%error, "the access store does not answer");
        Self::Unrecorded
    }
}
