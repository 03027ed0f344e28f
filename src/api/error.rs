//! The errors of server functions: a code for programs, a sentence for people, and nothing internal.

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

/// The error of a server function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ApiError {
    #[error("{what} does not exist{}", if *.filtered { " as of the chosen moment" } else { "" })]
    NotFound { what: String, filtered: bool },
    #[error("{message}")]
    Invalid { message: String },
    /// Lists still work. Data that are read from this store can't be shown.
    #[error("the {domain} store does not answer")]
    StoreDown { domain: Domain },
    /// The read model does not answer, so lists, totals and findings can't be shown. The message says what to do.
    #[error("{message}")]
    ReadModel { message: String },
    /// There is no session, or it has ended.
    #[error("you are not signed in, or your session has ended")]
    SignedOut,
    #[error("your role does not allow this")]
    Forbidden,
    /// A customer look-up found no match. `asked` is the given fact for the form, without the name.
    #[error("no match")]
    NoMatch { asked: AskedFact },
    /// A field of the form is wrong. Nothing was written.
    #[error("{}", .error.message)]
    Field { error: FieldError },
    /// A stream has changed since the preview. Nothing was written; a new preview shows the current state.
    #[error("events were appended since the preview; nothing was issued")]
    Moved,
    /// The form is not of this session: it was rendered before the last sign-in, or comes from another site.
    #[error("this form is no longer valid; load the page again")]
    FormExpired,
    /// A valid request that a rule refuses.
    #[error("{message}")]
    Refused { message: String },
    /// A rate limit is exceeded. `seconds` is the time until the next try.
    #[error("too many requests; try again in {seconds} s")]
    TooMany { seconds: u64 },
    /// The audit trail could not be written, so nothing was done.
    #[error("the audit trail can't be written, so nothing was done")]
    Unrecorded,
    /// It is unknown whether the events were appended. The case will show it.
    #[error(
        "the store stopped answering; the case {case} is open and will be issued or refused automatically; don't \
         repeat it"
    )]
    OutcomeUnknown { case: EntityId },
    /// An internal error. The log contains the details.
    #[error("an internal error occurred; the server's log has the details")]
    Internal,
    /// The request to the server failed.
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
                    message: "the request can't be parsed".to_owned(),
                }
            }
            _ => Self::Internal,
        }
    }
}

impl ApiError {
    /// The HTTP status of the error.
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
