//! Sign-in, sign-out, and the renewed proof of the password before acts that need one. Every try is recorded in the
//! audit trail. A name is recorded only if it is an operator's, because other text may be a password in the wrong
//! field.

use std::time::Duration;

use super::{ApiError, context::Caller};
use crate::{
    audit::Audit,
    auth::{Auth, Visitor, login::SignInError, operators::Operator},
    domain::{
        access::{OperatorName, Secret},
        audit::{AuditOutcome, NewEntry},
        form::{Field, FieldError},
    },
    views::operators::SignInForm,
};

/// The longest name, password or code, in bytes.
const TYPED_MAX: usize = 1_024;
/// How often, and at which interval, the second request of a double click checks for the proof of the first.
const JUST_TRIES: u32 = 10;
const JUST_PAUSE: Duration = Duration::from_millis(50);
/// The actor in the audit trail for an unknown name.
const UNKNOWN: &str = "(unknown)";

/// Signs in with the form, and opens a session with a new token.
pub(super) async fn sign_in(
    visitor: &Visitor,
    (auth, audit): (&Auth, &Audit),
    form: &SignInForm,
) -> Result<(Operator, Secret), ApiError> {
    check_typed(&[&form.name, &form.password.0, &form.code.0])?;
    let from = visitor.from();
    let logins = auth.logins();
    let name = form.name.trim();
    let proven = logins.sign_in(name, &form.password, &form.code, from, auth.now()).await;
    let operator = match proven {
        Ok(operator) => operator,
        Err(error) => {
            let actor = known(auth, name).await?;
            let refused = NewEntry::new(actor, "sign_in", AuditOutcome::Refused).from(from);
            return Err(refuse(audit, refused, error).await?);
        }
    };
    let entry = |outcome| NewEntry::new(operator.name.as_str(), "sign_in", outcome).from(from);
    if !auth.admits(&operator) {
        let detail = "demo operators can't sign in on a public server";
        audit.record(entry(AuditOutcome::Refused).detail(detail)).await?;
        let message = "demo operators can't sign in on a public server; sign in as another operator";
        return Err(field(Field::Password, message));
    }
    audit.record(entry(AuditOutcome::Done)).await?;
    let sessions = auth.sessions();
    // The former session of this browser ends, because others may have planted its token (session fixation).
    if let Some(former) = &visitor.principal {
        sessions.close(&former.token.0).await?;
    }
    let (token, _) = sessions.open(&operator, from, auth.now()).await?;
    Ok((operator, Secret(token)))
}

/// Ends the caller's session.
pub(super) async fn sign_out(caller: &Caller) -> Result<(), ApiError> {
    let (auth, audit, principal) = (caller.auth(), caller.audit(), &caller.principal);
    audit.record(principal.entry("sign_out", AuditOutcome::Done)).await?;
    auth.sessions().close(&principal.token.0).await?;
    Ok(())
}

/// Verifies the password again if the last proof is too old. Returns an error without a valid proof.
pub(super) async fn prove(caller: &mut Caller, password: &Secret, code: &Secret) -> Result<(), ApiError> {
    prove_if_given(caller, password, code).await?;
    if caller.is_proven() {
        Ok(())
    } else {
        Err(field(Field::Password, "enter your password again"))
    }
}

/// Verifies the password again if the last proof is too old and a password was given. Does not fail without a password.
pub(super) async fn prove_if_given(caller: &mut Caller, password: &Secret, code: &Secret) -> Result<(), ApiError> {
    if caller.is_proven() || password.0.is_empty() {
        return Ok(());
    }
    check_typed(&[&password.0, &code.0])?;
    let (auth, principal) = (caller.auth(), &caller.principal);
    let now = auth.now();
    let logins = auth.logins();
    let proven = logins
        .prove(&principal.operator, password, code, principal.from, now)
        .await;
    if let Err(error) = proven {
        if error == SignInError::CodeRefused && was_just_proven(caller).await? {
            return Ok(());
        }
        let (audit, principal) = (caller.audit(), &caller.principal);
        let refused = principal.entry("prove", AuditOutcome::Refused);
        return Err(refuse(audit, refused, error).await?);
    }
    caller
        .audit()
        .record(principal.entry("prove", AuditOutcome::Done))
        .await?;
    let session = auth.sessions().prove(&principal.token.0, now).await?;
    caller.principal.session = session.ok_or(ApiError::SignedOut)?;
    Ok(())
}

/// Waits for the proof of a concurrent request. A double click sends one code twice, and a code can be used once, so
/// the second request uses the proof of the first.
async fn was_just_proven(caller: &mut Caller) -> Result<bool, ApiError> {
    for _ in 0..JUST_TRIES {
        tokio::time::sleep(JUST_PAUSE).await;
        let (auth, token) = (caller.auth(), &caller.principal.token.0);
        let resumed = auth.sessions().resume(token, auth.now()).await?;
        if let Some((session, _)) = resumed.filter(|(session, _)| session.is_proven(auth.now())) {
            caller.principal.session = session;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Records a failed proof. Returns the error for the form.
async fn refuse(audit: &Audit, entry: NewEntry, error: SignInError) -> Result<ApiError, ApiError> {
    let words = error.to_string();
    let answer = match error {
        SignInError::Unavailable(error) => return Err(error.into()),
        SignInError::Throttled { retry_after_seconds } => {
            // Recorded once a minute, so that further guesses do not fill the audit trail.
            audit.record_once(entry.detail("too many failed tries")).await?;
            return Ok(ApiError::TooMany {
                seconds: retry_after_seconds,
            });
        }
        SignInError::Refused => field(Field::Password, &words),
        SignInError::CodeNeeded | SignInError::CodeRefused => field(Field::Code, &words),
    };
    audit.record(entry.detail(words)).await?;
    Ok(answer)
}

/// The name for the audit trail: that of an operator, or [`UNKNOWN`].
async fn known(auth: &Auth, name: &str) -> Result<String, ApiError> {
    let found = match name.parse::<OperatorName>() {
        Ok(name) => auth.operators().find(&name).await?,
        Err(_) => None,
    };
    Ok(found.map_or_else(|| UNKNOWN.to_owned(), |operator| operator.name.to_string()))
}

fn check_typed(texts: &[&String]) -> Result<(), ApiError> {
    if texts.iter().all(|text| text.len() <= TYPED_MAX) {
        Ok(())
    } else {
        Err(field(Field::Password, "the name or the password is wrong"))
    }
}

pub(super) fn field(field: Field, message: &str) -> ApiError {
    ApiError::Field {
        error: FieldError::new(field, message),
    }
}
