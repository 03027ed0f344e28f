//! The form with which an administrator changes an operator: it is parsed, then the change is made and recorded before
//! and after. Administrators can't change their own rights.

use super::{ApiError, context::Caller};
use crate::{
    auth::operators::{NewOperator, Operator, OperatorError},
    domain::{
        access::{Limit, OperatorName, OperatorRow, Role},
        audit::AuditOutcome,
        money::{Currency, Money},
    },
    event_log::Unavailable,
    views::operators::{OperatorAnswer, OperatorForm},
};

/// The longest list of limits in bytes.
const LIMITS_BYTES_MAX: usize = 10_000;

/// All operators as administrators see them.
pub(super) async fn rows(caller: &Caller) -> Result<Vec<OperatorRow>, Unavailable> {
    let operators = caller.auth().operators().list().await?;
    Ok(operators.iter().map(Operator::row).collect())
}

/// A valid change of an operator.
#[derive(Debug)]
pub(super) struct OperatorChange {
    name: OperatorName,
    act: Act,
}

#[derive(Debug)]
enum Act {
    Add {
        title: Option<String>,
        role: Role,
        limits: Vec<Limit>,
    },
    Disable,
    Enable,
    Reset,
    Role(Role),
    Limits(Vec<Limit>),
}

impl Act {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Add { .. } => "operator.add",
            Self::Disable => "operator.disable",
            Self::Enable => "operator.enable",
            Self::Reset => "operator.reset",
            Self::Role(_) => "operator.role",
            Self::Limits(_) => "operator.limits",
        }
    }
}

impl OperatorChange {
    pub fn read(form: &OperatorForm) -> Result<Self, ApiError> {
        let name = form.name.trim().parse::<OperatorName>().map_err(invalid)?;
        let role = || form.role.parse::<Role>().map_err(invalid);
        let act = match form.act.as_str() {
            "add" => Act::Add {
                title: Some(form.title.trim())
                    .filter(|title| !title.is_empty())
                    .map(str::to_owned),
                role: role()?,
                limits: limits(&form.limits)?,
            },
            "disable" => Act::Disable,
            "enable" => Act::Enable,
            "reset" => Act::Reset,
            "role" => Act::Role(role()?),
            "limits" => Act::Limits(limits(&form.limits)?),
            _ => return Err(invalid("unknown change of an operator")),
        };
        Ok(Self { name, act })
    }

    pub async fn make(self, caller: &Caller) -> Result<OperatorAnswer, ApiError> {
        let entry = caller
            .principal
            .entry(self.act.as_str(), AuditOutcome::Done)
            .about(format!("operator {}", self.name));
        let entry = match self.detail() {
            Some(detail) => entry.detail(detail),
            None => entry,
        };
        let audit = caller.audit();
        if self.is_of(&caller.principal.operator.name) {
            audit.record(entry.ended(AuditOutcome::Refused)).await?;
            return Err(ApiError::Refused {
                message: "you can't change your own rights; ask another administrator".to_owned(),
            });
        }
        audit.begin(&entry).await?;
        let made = self.apply(caller).await;
        let ended = match &made {
            Ok(_) => entry,
            Err(OperatorError::Unavailable(_)) => entry.ended(AuditOutcome::Failed),
            Err(error) => entry.ended(AuditOutcome::Refused).detail(error.to_string()),
        };
        let recorded = audit.record(ended).await;
        match made {
            // The change is made and its start is recorded. An error for a failed second entry would be wrong, and
            // would lose a new password.
            Ok(answer) => Ok(answer),
            Err(OperatorError::Unavailable(error)) => Err(error.into()),
            Err(error) => {
                recorded?;
                Err(ApiError::Refused {
                    message: error.to_string(),
                })
            }
        }
    }

    /// Whether the change is of the caller's own rights. A password reset is not.
    fn is_of(&self, caller: &OperatorName) -> bool {
        self.name == *caller && !matches!(self.act, Act::Reset)
    }

    fn detail(&self) -> Option<String> {
        let spelled = |limits: &[Limit]| {
            let lines = limits.iter().map(|limit| {
                format!(
                    "{} {} {}",
                    limit.currency(),
                    limit.single.amount(),
                    limit.daily.amount()
                )
            });
            lines.collect::<Vec<_>>().join(", ")
        };
        match &self.act {
            Act::Add { role, limits, .. } => Some(format!("{role}; limits: {}", spelled(limits))),
            Act::Role(role) => Some(role.to_string()),
            Act::Limits(limits) => Some(format!("limits: {}", spelled(limits))),
            Act::Disable | Act::Enable | Act::Reset => None,
        }
    }

    async fn apply(self, caller: &Caller) -> Result<OperatorAnswer, OperatorError> {
        let operators = caller.auth().operators();
        let actor = caller.principal.operator.name.as_str();
        let name = &self.name;
        let mut password = None;
        match self.act {
            Act::Add { title, role, limits } => {
                let new = NewOperator {
                    name: name.clone(),
                    title,
                    role,
                    limits,
                    password: None,
                    totp: false,
                    demo: false,
                };
                password = Some(operators.add(new, actor).await?.password.0);
            }
            Act::Disable => operators.disable(name, actor).await?,
            Act::Enable => operators.enable(name, actor).await?,
            Act::Reset => password = Some(operators.reset(name, None, actor).await?.password.0),
            Act::Role(role) => operators.set_role(name, role, actor).await?,
            Act::Limits(limits) => operators.set_limits(name, &limits, actor).await?,
        }
        Ok(OperatorAnswer {
            name: self.name,
            password,
        })
    }
}

/// Parses limits, one per line: the currency, the limit of one compensation, the limit of a day.
fn limits(text: &str) -> Result<Vec<Limit>, ApiError> {
    if text.len() > LIMITS_BYTES_MAX {
        return Err(invalid("there are too many limits; use one line per currency"));
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(limit).collect()
}

fn limit(line: &str) -> Result<Limit, ApiError> {
    let wrong = || {
        invalid("write each limit as a line such as 'EUR 500.00 2000.00': currency, for one correction, for one day")
    };
    let words: Vec<_> = line.split_whitespace().collect();
    let [currency, single, daily] = words[..] else {
        return Err(wrong());
    };
    let currency: Currency = currency.parse().map_err(|_| wrong())?;
    let money = |amount| Money::parse(amount, currency).map_err(invalid);
    Ok(Limit {
        single: money(single)?,
        daily: money(daily)?,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn invalid(message: impl ToString) -> ApiError {
    ApiError::Invalid {
        message: message.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_lines() {
        let read = limits("EUR 500.00 2000.00\n\n  JPY 50000 100000 \n").unwrap();
        let read: Vec<_> = read.iter().map(|limit| limit.single.to_string()).collect();
        assert_eq!(read.len(), 2, "{read:?}");
        for bad in ["EUR 1", "EUR 1 2 3", "EURO 1 2", "EUR 1.234 5", "EUR -1 5", "EUR 0 5"] {
            assert!(limits(bad).is_err(), "{bad}");
        }
        assert!(limits(&"EUR 1 2\n".repeat(5_000)).is_err());
    }

    #[test]
    fn a_form_is_parsed_as_one_change() {
        let form = |act: &str, role: &str| OperatorForm {
            act: act.to_owned(),
            name: " ada ".to_owned(),
            role: role.to_owned(),
            ..OperatorForm::default()
        };
        for good in [form("add", "finance"), form("role", "viewer"), form("disable", "")] {
            assert!(OperatorChange::read(&good).is_ok(), "{good:?}");
        }
        for bad in [form("add", ""), form("role", "root"), form("delete", "")] {
            assert!(OperatorChange::read(&bad).is_err(), "{bad:?}");
        }
    }
}
