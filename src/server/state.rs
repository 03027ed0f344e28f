//! What every request shares. Apart from `config` because this is alive (stores, the read model) where that is only
//! what somebody asked for.

use std::sync::Arc;

use super::auth::Gatekeeper;
use crate::{desk::Desk, ledger::Ledger};

/// Cheap to clone: each field is a handle. Server functions read it with `use_context::<AppState>()`.
#[derive(Clone)]
pub struct AppState {
    pub ledger: Arc<Ledger>,
    pub desk: Arc<Desk>,
    pub keeper: Arc<Gatekeeper>,
}
