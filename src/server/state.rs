//! What every request shares. Apart from `config` because this is alive (stores, the read model) where that is only
//! what somebody asked for; server functions read it with `expect_context::<AppState>()`.

/// Cheap to clone: each field is a handle.
#[derive(Clone, Debug, Default)]
pub struct AppState {}
