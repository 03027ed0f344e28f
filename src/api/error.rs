//! What can go wrong with a question, as a browser is told: a code for machines, a sentence for people, nothing internal.

use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

use crate::domain::ids::Domain;

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
            Self::NotFound { .. } => 404,
            Self::Invalid { .. } => 400,
            Self::StoreDown { .. } | Self::Unreachable => 503,
            Self::Internal => 500,
        }
    }
}
