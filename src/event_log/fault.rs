//! What went wrong in a store, in words for a person, before it is known what was being asked: a fault becomes a
//! [`ReadError`] or an [`AppendError`] where the answer is given. Its words never hold an address, a path or a password.

use super::{AppendError, ReadError};
use crate::domain::ids::LogName;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It may work later, or after somebody has started it, made room or given a permission.
    Unavailable(String),
    /// What is there can't be read by this program.
    Damaged(String),
}

impl Fault {
    pub(super) fn reason(self) -> String {
        match self {
            Self::Unavailable(reason) | Self::Damaged(reason) => reason,
        }
    }

    pub(super) fn into_read(self, domain: LogName) -> ReadError {
        self.into_read_of(store_name(domain))
    }

    /// For a server that is not a domain's store; `store` is what messages call it.
    pub(super) fn into_read_of(self, store: String) -> ReadError {
        match self {
            Self::Unavailable(reason) => ReadError::Unavailable { store, reason },
            Self::Damaged(reason) => ReadError::Damaged { store, reason },
        }
    }

    /// Where it is certain that nothing was written.
    pub(super) fn into_append(self, domain: LogName) -> AppendError {
        AppendError::Unavailable {
            store: store_name(domain),
            reason: self.reason(),
        }
    }

    /// Where it is not certain.
    pub(super) fn into_unknown(self, domain: LogName) -> AppendError {
        AppendError::Unknown {
            store: store_name(domain),
            reason: self.reason(),
        }
    }
}

/// How messages name a store.
fn store_name(domain: LogName) -> String {
    format!("{domain} store")
}
