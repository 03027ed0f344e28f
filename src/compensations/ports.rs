//! The ports that compensations need: daily limits, the audit trail, and the credits of all wallets. `app_state` has the adapters.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{
    access::OperatorName, audit::NewEntry, compensation::decide::KnownCredits, ids::EntityId, money::Money,
};

/// Why an amount was not reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReserveError {
    #[error("the amount exceeds what is left of the day's limit")]
    Exceeded,
    #[error("the amounts of the day can't be read or written: {0}")]
    Unavailable(String),
}

/// The sums that each operator issues alone per UTC day and currency, over all processes.
#[async_trait]
pub trait DayLimits: Send + Sync {
    /// Reserves `amount` for a case if it fits into `daily` on the day of `now`, atomically. A repeat for the same case
    /// changes nothing.
    async fn reserve(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        amount: Money,
        daily: Money,
        now: DateTime<Utc>,
    ) -> Result<(), ReserveError>;

    /// Releases the reservation of a case on the day of `reserved`. Does nothing if there is none.
    async fn release(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        reserved: DateTime<Utc>,
    ) -> Result<(), ReserveError>;

    /// Whether the amount would fit into `daily` on the day of `now`. Writes nothing.
    async fn fits(
        &self,
        operator: &OperatorName,
        amount: Money,
        daily: Money,
        now: DateTime<Utc>,
    ) -> Result<bool, ReserveError>;
}

/// The entry was not recorded, or it is unknown whether it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail can't be written: {0}")]
pub struct AuditLogError(pub String);

/// The audit trail.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Returns when the entry is durable.
    async fn record(&self, entry: NewEntry) -> Result<(), AuditLogError>;
}

/// The credits for refunds over all wallets.
#[async_trait]
pub trait Credits: Send + Sync {
    /// The wallets that were ever credited for a refund id, with everything that the wallet store has now. The answer says
    /// if that is not certain. Takes a few seconds at most.
    async fn of_refund(&self, refund: &str) -> KnownCredits;
}
