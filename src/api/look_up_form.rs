//! The form of a customer look-up: it is parsed, counted against the limit, answered by the ledger, and recorded.
//! Errors and audit entries never repeat typed text that may be a name.

use chrono::NaiveDate;

use super::{ApiError, context::Caller, proof};
use crate::{
    auth::look_ups::TryError,
    domain::{
        audit::AuditOutcome,
        form::Field,
        ids::EntityId,
        money::{Currency, Money, MoneyError},
    },
    read_model::look_up::{Fact, Found, WholeName},
    views::look_up::{AskedFact, DAY_MAX, LookUpQuestion},
};

/// The act in the audit trail.
const ACT: &str = "look_up";

/// A valid question.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    name: WholeName,
    fact: Fact,
}

impl Asked {
    /// Parses the form. An error names the field.
    pub fn read(form: &LookUpQuestion) -> Result<Self, ApiError> {
        let wrong = |field: Field, message: &str| proof::field(field, message);
        let name = WholeName::new(&form.name.0).map_err(|error| wrong(Field::Name, &error.to_string()))?;
        let [order, amount, currency, day] = [&form.order, &form.amount, &form.currency, &form.day].map(|t| t.trim());
        let has_amount = [amount, currency, day].iter().any(|text| !text.is_empty());
        let fact = match (order.is_empty(), has_amount) {
            (true, false) => {
                let message = "enter an order's id, or an amount with its currency and day";
                return Err(wrong(Field::Order, message));
            }
            (false, true) => {
                let message = "enter an order's id or an amount, not both";
                return Err(wrong(Field::Order, message));
            }
            (false, false) => Fact::Order(EntityId::new(order).map_err(|_| {
                let message = "an order's id has at most 64 letters, digits, dots, underscores and hyphens";
                wrong(Field::Order, message)
            })?),
            (true, true) => {
                let code = currency.to_ascii_uppercase();
                let currency: Currency = code
                    .parse()
                    .map_err(|_| wrong(Field::Currency, "enter the three letters of a currency, as in EUR"))?;
                let money = Money::parse(amount, currency).map_err(|error| match error {
                    MoneyError::Grammar(_) | MoneyError::Currency(_) => {
                        wrong(Field::Amount, "enter the amount as in 12.50")
                    }
                    error => wrong(Field::Amount, &error.to_string()),
                })?;
                let day = day_of(day).ok_or_else(|| wrong(Field::Day, "enter the day as in 2026-01-31"))?;
                Fact::Amount { money, day }
            }
        };
        Ok(Self { name, fact })
    }

    /// Answers with the customer's id. Counts the try, asks the ledger, and records the result before returning it.
    pub async fn answer(self, caller: &Caller) -> Result<String, ApiError> {
        let (auth, audit, principal) = (caller.auth(), caller.audit(), &caller.principal);
        let tries = auth.look_ups();
        let entry = |outcome| principal.entry(ACT, outcome);
        let counted = match tries.begin(&principal.operator.name, auth.now()).await {
            Ok(counted) => counted,
            Err(TryError::Unavailable(error)) => return Err(error.into()),
            Err(TryError::UsedUp { retry_after_seconds }) => {
                let detail = format!("{}: the tries of an hour are used up", kind(&self.fact));
                audit.record(entry(AuditOutcome::Refused).detail(detail)).await?;
                return Err(ApiError::TooMany {
                    seconds: retry_after_seconds,
                });
            }
        };
        let Self { name, fact } = self;
        let asked = fact.clone();
        let found = match caller.ask(move |ledger| ledger.look_up(&name, &asked)).await {
            Ok(found) => found,
            Err(error) => {
                tries.take_back(counted).await?;
                let detail = format!("{}: the ledger does not answer", kind(&fact));
                audit.record(entry(AuditOutcome::Failed).detail(detail)).await?;
                return Err(error);
            }
        };
        let detail = format!("{}: {}", spelled(&fact, &found), outcome(&found));
        let mut done = entry(AuditOutcome::Done).detail(detail);
        if let Found::Customer(customer) = &found {
            done = done.about(format!("customer {customer}"));
        }
        audit.record(done).await?;
        answered(found, &fact)
    }
}

/// Parses a date in the form `2026-01-31` only.
fn day_of(text: &str) -> Option<NaiveDate> {
    let plain = text.len() == DAY_MAX && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    plain.then(|| text.parse().ok()).flatten()
}

/// The kind of a fact, for audit entries of questions without an answer.
const fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::Order(_) => "by an order",
        Fact::Amount { .. } => "by an amount",
    }
}

/// The fact for the audit entry. The id of an unknown order is left out, because it may be a name in the wrong field.
fn spelled(fact: &Fact, found: &Found) -> String {
    match fact {
        Fact::Order(_) if *found == Found::NoSuchOrder => "by an order that does not exist".to_owned(),
        Fact::Order(order) => format!("by the order {order}"),
        Fact::Amount { money, day } => format!("by {money} on {day}"),
    }
}

const fn outcome(found: &Found) -> &'static str {
    match found {
        Found::Customer(_) => "match",
        Found::NoMatch | Found::NoSuchOrder => "no match",
        Found::Several => "more than one customer",
        Found::TooMany => "too many to compare",
    }
}

/// The customer's id, or the error for the form.
fn answered(found: Found, fact: &Fact) -> Result<String, ApiError> {
    let message = match found {
        Found::Customer(customer) => return Ok(customer),
        Found::NoMatch | Found::NoSuchOrder => {
            return Err(ApiError::NoMatch {
                asked: again(&found, fact),
            });
        }
        Found::Several => "more than one customer has this name and this amount on that day; enter an order's id",
        Found::TooMany => "too many customers and orders would have to be compared; enter an order's id",
    };
    Err(ApiError::Refused {
        message: message.to_owned(),
    })
}

/// The fact that the form shows again.
fn again(found: &Found, fact: &Fact) -> AskedFact {
    match fact {
        Fact::Order(_) if *found == Found::NoSuchOrder => AskedFact::default(),
        Fact::Order(order) => AskedFact {
            order: order.to_string(),
            ..AskedFact::default()
        },
        Fact::Amount { money, day } => AskedFact {
            amount: money.amount().to_string(),
            currency: money.currency().to_string(),
            day: day.to_string(),
            ..AskedFact::default()
        },
    }
}
