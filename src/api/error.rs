//! What can go wrong with a question, as a browser is told: a code for machines, a sentence for people, nothing internal.

use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        form::FieldError,
        ids::{Domain, EntityId},
    },
    views::look_up::AskedFact,
};

/// Why a server function has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ApiError {
    #[error("{what} does not exist{}", if *.filtered { " as of the chosen moment" } else { "" })]
    NotFound { what: String, filtered: bool },
    #[error("{message}")]
    Invalid { message: String },
    /// The figures of lists go on; what has to be read from this store can't be shown.
    #[error("the {domain} store does not answer")]
    StoreDown { domain: Domain },
    /// Lists, totals and findings have no answer; the message says what to do.
    #[error("{message}")]
    ReadModel { message: String },
    /// Nobody is signed in, or no longer.
    #[error("you are not signed in, or your session has ended")]
    SignedOut,
    #[error("your role does not allow this")]
    Forbidden,
    /// A look-up found nobody. The fact that was given comes back for the form; the name does not.
    #[error("no match")]
    NoMatch { asked: AskedFact },
    /// A field of the form that was sent is wrong; nothing was written.
    #[error("{}", .error.message)]
    Field { error: FieldError },
    /// What was looked at has changed since; nothing was written, and a new preview says what it is now.
    #[error("something was appended since you looked; nothing was issued")]
    Moved,
    /// The form is not one of this session: it was open before the last login, or comes from elsewhere.
    #[error("this form is no longer valid; load the page again")]
    FormExpired,
    /// Understood and refused, by a rule of the ledger.
    #[error("{message}")]
    Refused { message: String },
    /// A moment later it may be taken.
    #[error("too many requests; try again in {seconds} s")]
    TooMany { seconds: u64 },
    /// What can't be recorded does not happen.
    #[error("the audit trail can't be written, so nothing was done")]
    Unrecorded,
    /// It may have happened; the case will say so.
    #[error("the store stopped answering; the case {case} is open and will be finished or refused, so don't repeat it")]
    OutcomeUnknown { case: EntityId },
    /// Something went wrong here; the server's log says what.
    #[error("something went wrong on the server; its log says what")]
    Internal,
    /// The server could not be asked.
    #[error("the server could not be reached")]
    Unreachable,
}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => Self::Unreachable,
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_) => {
                Self::Invalid {
                    message: "the question can't be read".to_owned(),
                }
            }
            _ => Self::Internal,
        }
    }
}

impl ApiError {
    /// The HTTP status that a page with this error has.
    pub const fn status(&self) -> u16 {
        match self {
            Self::SignedOut => 401,
            Self::Forbidden | Self::FormExpired => 403,
            Self::NotFound { .. } | Self::NoMatch { .. } => 404,
            Self::Moved => 409,
            Self::Invalid { .. } => 400,
            Self::Field { .. } | Self::Refused { .. } => 422,
            Self::TooMany { .. } => 429,
            Self::StoreDown { .. }
            | Self::ReadModel { .. }
            | Self::Unreachable
            | Self::Unrecorded
            | Self::OutcomeUnknown { .. } => 503,
            Self::Internal => 500,
        }
    }
}
