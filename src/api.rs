//! Server functions: what a browser may ask. Each bounds its input and makes one call into the ledger; nothing is decided
//! here. They are public HTTP endpoints (`POST /api/…`, JSON), so errors carry nothing internal.

#[cfg(feature = "ssr")]
mod context;
mod error;
mod events;
mod orders;
mod overview;
mod refunds;
mod wallets;

pub use error::ApiError;
pub use events::get_event;
pub use orders::{get_order, list_orders};
pub use overview::{get_health, get_overview, list_findings};
pub use refunds::{get_refund, list_refunds};
pub use wallets::{get_wallet, get_wallet_history, list_wallets};
