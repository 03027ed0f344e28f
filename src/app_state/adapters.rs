//! Adapters for the ports of [`compensations`](crate::compensations): daily limits, the audit trail, and the credits of all
//! wallets.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    audit::Audit,
    auth::{Auth, day_limits},
    compensations::{AuditLog, AuditLogError, Credits, DayLimits, ReserveError},
    domain::{
        access::OperatorName,
        audit::NewEntry,
        compensation::decide::KnownCredits,
        ids::EntityId,
        money::{Money, add_exact},
    },
    event_log::Unavailable,
    ledger::Ledger,
};

#[async_trait]
impl DayLimits for Auth {
    async fn reserve(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        amount: Money,
        daily: Money,
        now: DateTime<Utc>,
    ) -> Result<(), ReserveError> {
        let reserved = self.day_limits().reserve(operator, case, amount, daily, now).await;
        reserved.map_err(|error| match error {
            day_limits::ReserveError::Exceeded { .. } => ReserveError::Exceeded,
            other => ReserveError::Unavailable(other.to_string()),
        })
    }

    async fn release(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        reserved: DateTime<Utc>,
    ) -> Result<(), ReserveError> {
        let released = self.day_limits().release(operator, case, reserved).await;
        released.map_err(unavailable)
    }

    async fn fits(
        &self,
        operator: &OperatorName,
        amount: Money,
        daily: Money,
        now: DateTime<Utc>,
    ) -> Result<bool, ReserveError> {
        let used = self.day_limits().used(operator, amount.currency(), now).await;
        let total = add_exact(used.map_err(unavailable)?, amount.amount());
        Ok(daily.currency() == amount.currency() && total.is_some_and(|total| total <= daily.amount()))
    }
}

fn unavailable(error: Unavailable) -> ReserveError {
    ReserveError::Unavailable(error.0)
}

#[async_trait]
impl AuditLog for Audit {
    async fn record(&self, entry: NewEntry) -> Result<(), AuditLogError> {
        let recorded = self.append(entry).await;
        recorded.map_err(|error| AuditLogError(error.0.0))
    }
}

#[async_trait]
impl Credits for Ledger {
    async fn of_refund(&self, refund: &str) -> KnownCredits {
        self.known_credits(refund).await
    }
}
