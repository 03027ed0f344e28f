//! Operators: each is a stream `OPR-NAME` in the access log. A change is appended at the sequence at which the operator
//! was read, so of two concurrent changes one is decided again. Old password hashes stay in the log, which only this
//! module reads.

mod fold;

use std::sync::Arc;

use serde_json::json;

pub use self::fold::Operator;
use super::{
    passwords::{PASSWORD_MAX, PASSWORD_MIN, Passwords},
    secrets, totp,
};
use crate::{
    domain::{
        access::{Act, Limit, OperatorName, Role, Secret},
        ids::{EntityId, Sequence},
    },
    event_log::{AppendError, Clock, EventLog, Expected, Unavailable, short_streams},
};

pub use super::totp::uri as totp_uri;

/// The most currencies in which an operator has limits.
pub const LIMITS_MAX: usize = 50;
/// The longest title in characters.
pub const TITLE_MAX: usize = 100;
/// How often a change is decided again after a conflict.
const TRIES: usize = 8;

const PREFIX: &str = "OPR-";

/// Why an operator can't be added or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    #[error("there is no operator {0}")]
    Missing(OperatorName),
    #[error("there is already an operator {0}; a name is never reused, so choose another name")]
    Exists(OperatorName),
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The data of an operator to add.
#[derive(Clone, Debug)]
pub struct NewOperator {
    pub name: OperatorName,
    pub title: Option<String>,
    pub role: Role,
    pub limits: Vec<Limit>,
    /// `None` makes a random password.
    pub password: Option<Secret>,
    /// Whether to make a secret for an authenticator.
    pub totp: bool,
    /// A demo operator of `make serve`.
    pub demo: bool,
}

/// New credentials, which are shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub name: OperatorName,
    pub password: Secret,
    /// The secret in base 32; [`totp_uri`] makes a URI of it.
    pub totp: Option<Secret>,
}

/// The event of a change: its type and its data. `None` if nothing has to be changed.
type Change = Option<(&'static str, serde_json::Value)>;

pub struct Operators {
    log: Arc<dyn EventLog>,
    passwords: Arc<Passwords>,
    clock: Clock,
}

impl Operators {
    pub(super) fn new(log: Arc<dyn EventLog>, passwords: Arc<Passwords>, clock: Clock) -> Self {
        Self { log, passwords, clock }
    }

    pub async fn find(&self, name: &OperatorName) -> Result<Option<Operator>, Unavailable> {
        let entries = short_streams::whole(&self.log, &stream(name)?).await?;
        fold::fold(name, &entries)
    }

    /// All operators by name, including disabled ones.
    pub async fn list(&self) -> Result<Vec<Operator>, Unavailable> {
        let mut found = Vec::new();
        for id in short_streams::ids(&self.log, PREFIX).await? {
            let name = id.as_str().strip_prefix(PREFIX).and_then(|name| name.parse().ok());
            // A stream whose id has no valid operator name is not an operator.
            let Some(name) = name else { continue };
            found.extend(self.find(&name).await?);
        }
        Ok(found)
    }

    /// Adds an operator. `actor` is the person who does this, as events and the audit trail name them.
    pub async fn add(&self, new: NewOperator, actor: &str) -> Result<Credentials, OperatorError> {
        check_limits(new.role, &new.limits)?;
        check_title(new.title.as_deref())?;
        let password = chosen_or_random(new.password)?;
        let totp = new.totp.then(totp::new_secret);
        let mut events = vec![(
            "operator.added",
            json!({
                "role": new.role,
                "title": new.title,
                "password_hash": self.passwords.hash(&password).await?,
                "demo": new.demo,
            }),
        )];
        if !new.limits.is_empty() {
            events.push(("operator.limits_set", json!({ "limits": new.limits })));
        }
        if let Some(secret) = &totp {
            events.push(("operator.totp_set", json!({ "secret": secret })));
        }
        match self.append(&new.name, 0, &events, actor).await {
            Ok(()) => Ok(Credentials {
                name: new.name,
                password,
                totp,
            }),
            Err(AppendError::Conflict { .. }) => Err(OperatorError::Exists(new.name)),
            Err(error) => Err(Unavailable::from(error).into()),
        }
    }

    /// Disables an operator: sign-in is refused, and all sessions end.
    pub async fn disable(&self, name: &OperatorName, actor: &str) -> Result<(), OperatorError> {
        self.change(name, actor, |operator| {
            Ok((!operator.disabled).then(|| ("operator.disabled", json!({}))))
        })
        .await
    }

    pub async fn enable(&self, name: &OperatorName, actor: &str) -> Result<(), OperatorError> {
        self.change(name, actor, |operator| {
            Ok(operator.disabled.then(|| ("operator.enabled", json!({}))))
        })
        .await
    }

    /// Sets a new password, a random one for `None`. All sessions of the operator end.
    pub async fn reset(
        &self,
        name: &OperatorName,
        password: Option<Secret>,
        actor: &str,
    ) -> Result<Credentials, OperatorError> {
        let password = chosen_or_random(password)?;
        let hashed = self.passwords.hash(&password).await?;
        self.change(name, actor, |_| {
            Ok(Some(("operator.password_set", json!({ "password_hash": hashed }))))
        })
        .await?;
        Ok(Credentials {
            name: name.clone(),
            password,
            totp: None,
        })
    }

    /// Sets the role. A change of the role ends all sessions of the operator. Limits stay, and apply only to roles that
    /// issue.
    pub async fn set_role(&self, name: &OperatorName, role: Role, actor: &str) -> Result<(), OperatorError> {
        self.change(name, actor, |operator| {
            Ok((operator.role != role).then(|| ("operator.role_set", json!({ "role": role }))))
        })
        .await
    }

    /// Replaces all limits. In a currency without a limit, every compensation needs an approval.
    pub async fn set_limits(&self, name: &OperatorName, limits: &[Limit], actor: &str) -> Result<(), OperatorError> {
        self.change(name, actor, |operator| {
            check_limits(operator.role, limits)?;
            Ok((operator.limits != limits).then(|| ("operator.limits_set", json!({ "limits": limits }))))
        })
        .await
    }

    /// Sets a new secret for an authenticator. All sessions of the operator end.
    pub async fn set_totp(&self, name: &OperatorName, actor: &str) -> Result<Secret, OperatorError> {
        let secret = totp::new_secret();
        self.change(name, actor, |_| {
            Ok(Some(("operator.totp_set", json!({ "secret": secret }))))
        })
        .await?;
        Ok(secret)
    }

    pub async fn remove_totp(&self, name: &OperatorName, actor: &str) -> Result<(), OperatorError> {
        self.change(name, actor, |operator| {
            let has = operator.totp_secret.is_some();
            Ok(has.then(|| ("operator.totp_removed", json!({}))))
        })
        .await
    }

    async fn change(
        &self,
        name: &OperatorName,
        actor: &str,
        decide: impl Fn(&Operator) -> Result<Change, OperatorError> + Send + Sync,
    ) -> Result<(), OperatorError> {
        for _ in 0..TRIES {
            let operator = self.find(name).await?;
            let operator = operator.ok_or_else(|| OperatorError::Missing(name.clone()))?;
            let Some(change) = decide(&operator)? else {
                return Ok(());
            };
            match self.append(name, operator.sequence, &[change], actor).await {
                Ok(()) => return Ok(()),
                Err(AppendError::Conflict { .. }) => {}
                Err(error) => return Err(Unavailable::from(error).into()),
            }
        }
        Err(Unavailable("too many changes of this operator at once".into()).into())
    }

    async fn append(
        &self,
        name: &OperatorName,
        at: Sequence,
        events: &[(&'static str, serde_json::Value)],
        actor: &str,
    ) -> Result<(), AppendError> {
        let unable = |error: Unavailable| AppendError::Invalid(error.0);
        let now = (self.clock)();
        let events = events
            .iter()
            .map(|(kind, data)| short_streams::event(kind, actor, &short_streams::fresh_key(), now, data))
            .collect::<Result<Vec<_>, _>>()
            .map_err(unable)?;
        let id = stream(name).map_err(unable)?;
        self.log.append(&id, Expected::Exactly(at), &events).await.map(|_| ())
    }
}

fn stream(name: &OperatorName) -> Result<EntityId, Unavailable> {
    short_streams::stream(format!("{PREFIX}{name}"))
}

fn chosen_or_random(password: Option<Secret>) -> Result<Secret, OperatorError> {
    let Some(password) = password else {
        return Ok(Secret(secrets::random_password()));
    };
    let length = password.0.chars().count();
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&length) {
        return Err(OperatorError::Invalid(format!(
            "a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters"
        )));
    }
    Ok(password)
}

fn check_title(title: Option<&str>) -> Result<(), OperatorError> {
    match title {
        Some(title) if title.trim().is_empty() || title.chars().count() > TITLE_MAX => Err(OperatorError::Invalid(
            format!("a person's name has 1 to {TITLE_MAX} characters"),
        )),
        _ => Ok(()),
    }
}

/// Checks limits: at most one per currency, the daily limit not below the single one, and only for roles that issue.
fn check_limits(role: Role, limits: &[Limit]) -> Result<(), OperatorError> {
    let invalid = |text: String| Err(OperatorError::Invalid(text));
    if !limits.is_empty() && !role.can(Act::Issue) {
        return invalid(format!("the role {role} can't issue corrections, so it has no limits"));
    }
    if limits.len() > LIMITS_MAX {
        return invalid(format!("an operator has limits in at most {LIMITS_MAX} currencies"));
    }
    for (index, limit) in limits.iter().enumerate() {
        let currency = limit.currency();
        if limit.daily.currency() != currency || limit.daily.amount() < limit.single.amount() {
            return invalid(format!(
                "the daily limit must be in the same currency as the other limit ({currency}), and not below it"
            ));
        }
        if limits.iter().take(index).any(|earlier| earlier.currency() == currency) {
            return invalid(format!("there are two limits in {currency}"));
        }
    }
    Ok(())
}
