//! What every request shares. Apart from `config` because this is alive (stores, the read model) where that is only
//! what somebody asked for.

use std::sync::Arc;

use crate::ledger::Ledger;

/// Cheap to clone: each field is a handle.
#[derive(Clone)]
pub struct AppState {
    /// Server functions read it with `use_context::<Arc<Ledger>>()`.
    pub ledger: Arc<Ledger>,
}
