//! Failures of a store, in words for people. A [`Fault`] becomes a [`ReadError`] or an [`AppendError`], depending on
//! the call. Its text never contains an address, a path or a password.

use super::{AppendError, ReadError};
use crate::domain::ids::LogName;

/// Why a store failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The store may work later, or after somebody has started it, freed space or granted a permission.
    Unavailable(String),
    /// This program can't read the stored data.
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

    /// For a server that is not a domain's store. `store` is its name in messages.
    pub(super) fn into_read_of(self, store: String) -> ReadError {
        match self {
            Self::Unavailable(reason) => ReadError::Unavailable { store, reason },
            Self::Damaged(reason) => ReadError::Damaged { store, reason },
        }
    }

    /// For an append that certainly wrote nothing.
    pub(super) fn into_append(self, domain: LogName) -> AppendError {
        AppendError::Unavailable {
            store: store_name(domain),
            reason: self.reason(),
        }
    }

    /// For an append whose outcome is unknown.
    pub(super) fn into_unknown(self, domain: LogName) -> AppendError {
        AppendError::Unknown {
            store: store_name(domain),
            reason: self.reason(),
        }
    }
}

/// The name of a store in messages.
fn store_name(domain: LogName) -> String {
    format!("{domain} store")
}
