//! What the desk asks of people's room: amounts set aside in a day, and the audit trail. Apart because neither room knows
//! the other.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    access::{Access, Unavailable, audit::NewEntry, day_limits},
    desk::{DayLimits, ReserveError, Trail, TrailEntry, TrailError},
    domain::{
        access::OperatorName,
        ids::EntityId,
        money::{Money, add_exact},
    },
};

#[async_trait]
impl DayLimits for Access {
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
impl Trail for Access {
    async fn record(&self, entry: TrailEntry) -> Result<(), TrailError> {
        let entry = NewEntry {
            actor: entry.actor,
            act: entry.act.to_owned(),
            outcome: entry.outcome,
            subject: entry.subject,
            case: entry.case.map(String::from),
            from: entry.from,
            session: entry.session,
            detail: entry.detail,
        };
        let recorded = self.audit().record(entry).await;
        recorded.map_err(|error| TrailError(error.0.0))
    }
}
