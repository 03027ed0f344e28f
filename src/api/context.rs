//! What server functions find on the server: who calls, whether they may, and what they are shown of an answer. The first
//! thing that every one of them does is one of the first four functions here.

/// Named through here, because signatures do not need it and the browser's build has no bodies.
pub(super) use crate::domain::access::Act;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header::SET_COOKIE};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;

/// For the same reason.
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

/// Somebody who is signed in and may do what they ask for.
pub(super) struct Caller {
    pub principal: Principal,
    state: AppState,
}

/// Whoever calls, for what needs no session.
pub(super) fn visitor() -> Result<(Visitor, AppState), ApiError> {
    let visitor = use_context::<Visitor>().ok_or(ApiError::Internal)?;
    Ok((visitor, state()?))
}

/// Somebody who is signed in, in whatever role.
pub(super) fn signed_in() -> Result<Caller, ApiError> {
    let (visitor, state) = visitor()?;
    Ok(Caller {
        principal: visitor.principal.ok_or(ApiError::SignedOut)?,
        state,
    })
}

/// Somebody whose role may do this. That it may not is recorded.
pub(super) async fn authorise(act: Act) -> Result<Caller, ApiError> {
    let caller = signed_in()?;
    if caller.principal.can(act) {
        return Ok(caller);
    }
    let refused = caller.principal.entry(act.as_str(), AuditOutcome::Refused);
    caller.audit().record_once(refused).await?;
    Err(ApiError::Forbidden)
}

/// Somebody who may read, with a query of a list that is no larger than an address can make it.
pub(super) async fn reader_of(list: ListName, query: &ListQuery) -> Result<Caller, ApiError> {
    let caller = authorise(Act::Read).await?;
    let states = list.states();
    let texts = [&query.destinations, &query.reasons].into_iter().flatten();
    let ids = [&query.customer, &query.wallet, &query.operator].into_iter().flatten();
    let message = if let Some(lost) = query.states.iter().find(|state| !states.contains(&state.as_str())) {
        let lost: String = lost.chars().take(FILTER_MAX).collect();
        format!("'{lost}' is no state of a {}", list.noun())
    } else if query.clone().of_list(list) != *query {
        format!("a list of {} has no such filter or sort", list.as_str())
    } else if texts.chain(ids).any(|text| text.chars().count() > FILTER_MAX) {
        format!("a filter has at most {FILTER_MAX} characters")
    } else if [
        query.destinations.len(),
        query.reasons.len(),
        query.states.len(),
        query.currencies.len(),
    ]
    .into_iter()
    .any(|values| values > FILTER_VALUES_MAX)
    {
        format!("a filter has at most {FILTER_VALUES_MAX} values")
    } else {
        return Ok(caller);
    };
    Err(ApiError::Invalid { message })
}

impl Caller {
    pub fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }

    /// Asks the read model, on a thread that may block.
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

    /// To take along into what goes on without the caller.
    pub fn shared_compensations(&self) -> Arc<Compensations> {
        Arc::clone(&self.state.compensations)
    }

    /// The caller, as compensations know them.
    pub fn who(&self) -> Requester {
        self.state.requester(&self.principal)
    }

    /// Whether the last proof of who they are is fresh.
    pub fn is_proven(&self) -> bool {
        self.principal.session.is_proven(self.auth().now())
    }

    /// What a search text of theirs may be looked for in.
    pub const fn search(&self) -> Search {
        if self.principal.can(Act::ReadPersonal) {
            Search::Names
        } else {
            Search::Ids
        }
    }

    /// What they are shown of an answer that may name people: all of it, which is recorded, or what is left without names.
    /// Long texts are truncated last, because masking recognises personal fields by the whole text. `subject` is what it is about,
    /// as in `wallet W-1`.
    pub async fn shown<T: Mask + Truncate>(&self, mut answer: T, subject: &str) -> Result<T, ApiError> {
        if self.principal.can(Act::ReadPersonal) {
            let view = self.principal.entry("view", AuditOutcome::Done).about(subject);
            self.audit().record_once(view).await?;
        } else {
            answer.mask();
        }
        Ok(truncated(answer))
    }

    /// Takes a form only if it was given out to this session: not by another site, nor before the last sign-in.
    pub async fn check_form(&self, form_token: &str) -> Result<(), ApiError> {
        if self.principal.gave_out(form_token) {
            return Ok(());
        }
        let refused = self.principal.entry("form", AuditOutcome::Refused);
        let why = "not one of this session";
        self.audit().record_once(refused.detail(why)).await?;
        Err(ApiError::FormExpired)
    }
}

/// An answer without long texts from outside; for one that names nobody.
pub(super) fn truncated<T: Truncate>(mut answer: T) -> T {
    answer.truncate_texts();
    answer
}

fn state() -> Result<AppState, ApiError> {
    use_context().ok_or(ApiError::Internal)
}

/// Gives the caller's browser a cookie with the answer.
pub(super) fn give_cookie(cookie: Option<HeaderValue>) -> Result<(), ApiError> {
    let (cookie, response) = cookie.zip(use_context::<ResponseOptions>()).ok_or(ApiError::Internal)?;
    response.append_header(SET_COOKIE, cookie);
    Ok(())
}

/// Shows the answer itself where a form was sent without JavaScript, instead of leading back to its page: for what is told
/// once and never again.
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

/// People and the audit trail are in one store: without it nothing is recorded, so nothing was done.
impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> Self {
        tracing::error!(%error, "the access store does not do what it is asked");
        Self::Unrecorded
    }
}
