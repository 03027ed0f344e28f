//! What server functions find on the server, and how its refusals become theirs.

use std::sync::Arc;

use leptos::prelude::use_context;

use super::ApiError;
use crate::ledger::{Ledger, LedgerError};

pub(super) fn ledger() -> Result<Arc<Ledger>, ApiError> {
    use_context().ok_or(ApiError::Internal)
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::NotFound { what, filtered } => Self::NotFound { what, filtered },
            LedgerError::Invalid(message) => Self::Invalid { message },
            LedgerError::Store { domain, .. } => Self::StoreDown { domain },
        }
    }
}
