//! What compensations need of others: the limits of a day and the audit trail. `app_state` has the adapters.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{access::OperatorName, audit::NewEntry, ids::EntityId, money::Money};

/// Why an amount was not set aside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReserveError {
    #[error("it is more than what is left of the day's limit")]
    Exceeded,
    #[error("what was issued today can't be read or written: {0}")]
    Unavailable(String),
}

/// What each operator issues in a day (UTC) and currency, counted over all processes.
#[async_trait]
pub trait DayLimits: Send + Sync {
    /// Sets `amount` aside for a case if it fits under `daily` on the day of `now`, in one atomic step. A second time for the
    /// same case changes nothing.
    async fn reserve(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        amount: Money,
        daily: Money,
        now: DateTime<Utc>,
    ) -> Result<(), ReserveError>;

    /// Gives back what was set aside for a case, on the day of `reserved`; nothing where that is nothing.
    async fn release(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        reserved: DateTime<Utc>,
    ) -> Result<(), ReserveError>;

    /// Whether the amount would fit now. Writes nothing.
    async fn fits(
        &self,
        operator: &OperatorName,
        amount: Money,
        daily: Money,
        now: DateTime<Utc>,
    ) -> Result<bool, ReserveError>;
}

/// Nothing was recorded, or it is not certain that it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail can't be written: {0}")]
pub struct AuditLogError(pub String);

/// The audit trail.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Answers once the entry is kept.
    async fn record(&self, entry: NewEntry) -> Result<(), AuditLogError>;
}
