//! A compensation form as typed, before it is parsed. It stays text, so that the form can be shown again.
//! [`Draft::command`] turns it into a command.

use serde::{Deserialize, Serialize};

use super::command::{Action, Command, CommandName, NOTE_MAX};
use crate::domain::{
    form::{Field, FieldError},
    ids::EntityId,
    money::{Currency, Money},
    refund::Reason,
};

/// Maximum number of characters of an id, a hold, an event id or a refund id in a form.
pub const REFERENCE_MAX: usize = 200;
/// Maximum number of characters of an amount in a form.
pub const AMOUNT_MAX: usize = 40;

/// A compensation form as filled in. Fields that the command does not use are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// The name of a [`CommandName`].
    pub command: String,
    /// The wallet or the order.
    pub subject: String,
    /// The event to reverse, the hold to release or the refund.
    pub item: String,
    pub amount: String,
    pub reason: String,
    pub note: String,
}

impl Draft {
    pub fn name(&self) -> Result<CommandName, FieldError> {
        self.command
            .parse()
            .map_err(|_| FieldError::new(Field::Command, "unknown command"))
    }

    /// The id of the wallet or order, checked.
    pub fn subject(&self) -> Result<EntityId, FieldError> {
        EntityId::new(self.subject.as_str()).map_err(|error| FieldError::new(Field::Subject, error.to_string()))
    }

    /// Whether nothing was filled in beyond what the link to the form sets. An untouched form shows no errors.
    pub fn is_untouched(&self) -> bool {
        self.amount.is_empty() && self.reason.is_empty() && self.note.is_empty()
    }

    /// Parses the command. Amounts are in `currency`, the wallet's currency.
    pub fn command(&self, currency: Option<Currency>) -> Result<Command, FieldError> {
        let name = self.name()?;
        let subject = self.subject()?;
        let action = match name {
            CommandName::CreditWallet => Action::CreditWallet {
                wallet: subject,
                amount: self.amount(currency)?,
            },
            CommandName::DebitWallet => Action::DebitWallet {
                wallet: subject,
                amount: self.amount(currency)?,
            },
            CommandName::ReverseEntry => Action::ReverseEntry {
                wallet: subject,
                event: self.item("event")?,
                amount: match self.amount.trim() {
                    "" => None,
                    _ => Some(self.amount(currency)?),
                },
            },
            CommandName::ReleaseHold => Action::ReleaseHold {
                wallet: subject,
                hold: self.item("hold")?,
            },
            CommandName::SettleRefund => Action::SettleRefund {
                order: subject,
                refund: self.item("refund")?,
            },
            CommandName::RetryRefund => Action::RetryRefund {
                order: subject,
                refund: self.item("refund")?,
            },
            CommandName::CancelRefund => Action::CancelRefund {
                order: subject,
                refund: self.item("refund")?,
            },
            CommandName::RejectRefund => Action::RejectRefund {
                order: subject,
                refund: self.item("refund")?,
            },
            CommandName::ApproveRefund => Action::ApproveRefund {
                order: subject,
                refund: self.item("refund")?,
            },
        };
        Ok(Command {
            action,
            reason: self.reason()?,
            note: self.note()?,
        })
    }

    fn amount(&self, currency: Option<Currency>) -> Result<Money, FieldError> {
        let text = self.amount.trim();
        let wrong = |message: String| FieldError::new(Field::Amount, message);
        if text.is_empty() {
            return Err(wrong("enter an amount".into()));
        }
        if text.chars().count() > AMOUNT_MAX {
            return Err(wrong(format!(
                "the amount is too long; use at most {AMOUNT_MAX} characters"
            )));
        }
        let currency = currency.ok_or_else(|| wrong("the wallet has no currency yet".into()))?;
        Money::parse(text, currency).map_err(|error| wrong(error.to_string()))
    }

    fn item(&self, what: &str) -> Result<String, FieldError> {
        if self.item.is_empty() || self.item.chars().count() > REFERENCE_MAX {
            let message = format!("enter the id of the {what}, in at most {REFERENCE_MAX} characters");
            return Err(FieldError::new(Field::Item, message));
        }
        Ok(self.item.clone())
    }

    fn reason(&self) -> Result<Reason, FieldError> {
        match Reason::from(self.reason.clone()) {
            Reason::Other(_) => Err(FieldError::new(Field::Reason, "choose one of the reasons")),
            known => Ok(known),
        }
    }

    fn note(&self) -> Result<String, FieldError> {
        let note = checked_note(&self.note)?;
        note.ok_or_else(|| FieldError::new(Field::Note, "enter a note that says why"))
    }
}

/// A note without the whitespace around it; `None` if it is empty. Errors: more than [`NOTE_MAX`] characters, or
/// control characters other than line ends and tabs.
pub fn checked_note(text: &str) -> Result<Option<String>, FieldError> {
    // Browsers send line ends as CR LF if no script is involved. The same note has to give the same command.
    let note = text.trim().replace("\r\n", "\n");
    let wrong = |message: String| FieldError::new(Field::Note, message);
    if note.chars().count() > NOTE_MAX {
        return Err(wrong(format!(
            "the note is too long; use at most {NOTE_MAX} characters"
        )));
    }
    if note
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t')
    {
        return Err(wrong("the note contains a control character; remove it".into()));
    }
    Ok((!note.is_empty()).then_some(note))
}
