//! Server functions. Each authorises the caller, bounds its input, and makes one call into the ledger, `compensations`
//! or `auth`. They are public HTTP endpoints (`POST /api/…`; queries as JSON, forms as form data), so errors contain
//! nothing internal.

#[cfg(feature = "ssr")]
mod compensation_form;
mod compensations;
#[cfg(feature = "ssr")]
mod context;
mod customers;
mod error;
mod events;
mod findings;
mod look_up;
#[cfg(feature = "ssr")]
mod look_up_form;
#[cfg(feature = "ssr")]
mod operator_form;
mod orders;
mod overview;
mod people;
#[cfg(feature = "ssr")]
mod proof;
mod refunds;
mod search;
mod session;
mod wallets;

// The types are the requests of forms.
pub use compensations::{
    ApproveCompensation, DeclineCompensation, IssueCompensation, WithdrawCompensation, approve_compensation,
    count_approvals, decline_compensation, get_compensation, get_compensation_form, issue_compensation, list_cases,
    withdraw_compensation,
};
pub use customers::{get_customer, list_customers};
pub use error::ApiError;
pub use events::get_event;
pub use findings::list_findings;
pub use look_up::{LookUpCustomer, look_up_customer};
pub use orders::{get_order, list_orders};
pub use overview::{get_health, get_overview};
pub use people::{ChangeOperator, change_operator, list_operators, search_audit};
pub use refunds::{get_refund, list_refunds};
pub use search::search;
pub use session::{SignIn, SignOut, sign_in, sign_out};
pub use wallets::{get_wallet, get_wallet_history, list_holds, list_wallets};
