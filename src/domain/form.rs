//! Fields of forms and their errors. The forms of compensations, approvals, sign-in and the look-up of customers
//! share them.

use serde::{Deserialize, Serialize};

/// A field of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Command,
    Subject,
    Item,
    Amount,
    AmountAgain,
    Reason,
    Note,
    Password,
    Code,
    Name,
    Order,
    Currency,
    Day,
}

/// What is wrong with a field, in words for the person who filled it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct FieldError {
    pub field: Field,
    pub message: String,
}

impl FieldError {
    pub fn new(field: Field, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }
}
