//! Refunds (contract §5): their states, the allowed transitions, who each pending state waits for, and the time limits.
//! The fold of an order makes refunds; rows for lists are computed here for a given `now`.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    event::format_time,
    ids::EntityId,
    money::{Currency, Money},
    payload::{codes, states},
};

states! {
    /// The state of a refund.
    RefundState {
        Requested = "requested",
        Approved = "approved",
        Processing = "processing",
        Failed = "failed",
        Succeeded = "succeeded",
        Rejected = "rejected",
        Canceled = "canceled",
        Reversed = "reversed",
    }
}
states! {
    /// Who has to act for a pending refund to move on.
    WaitsFor { Finance = "finance", System = "system", Provider = "provider", Support = "support" }
}
codes! {
    /// Where the money goes.
    Destination { Wallet = "wallet", OriginalMethod = "original_method" }
}
codes! {
    /// Why money is refunded.
    Reason {
        Duplicate = "duplicate",
        Fraud = "fraud",
        CustomerRequest = "customer_request",
        Return = "return",
        NotReceived = "not_received",
        BillingError = "billing_error",
        Goodwill = "goodwill",
        SystemCorrection = "system_correction",
        Unlisted = "other",
    }
}

impl RefundState {
    /// The states in which a refund is still owed.
    pub const PENDING: [Self; 4] = [Self::Requested, Self::Approved, Self::Processing, Self::Failed];

    pub const fn is_pending(self) -> bool {
        self.waits_for().is_some()
    }

    /// Who has to act next; `None` outside the pending states.
    pub const fn waits_for(self) -> Option<WaitsFor> {
        match self {
            Self::Requested => Some(WaitsFor::Finance),
            Self::Approved => Some(WaitsFor::System),
            Self::Processing => Some(WaitsFor::Provider),
            Self::Failed => Some(WaitsFor::Support),
            Self::Succeeded | Self::Rejected | Self::Canceled | Self::Reversed => None,
        }
    }

    /// The states that may follow this one (the table of contract §5).
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Requested => &[Self::Approved, Self::Rejected, Self::Canceled],
            Self::Approved => &[Self::Processing, Self::Succeeded, Self::Failed, Self::Canceled],
            Self::Processing => &[Self::Succeeded, Self::Failed],
            Self::Failed => &[Self::Processing, Self::Succeeded, Self::Canceled],
            Self::Succeeded => &[Self::Reversed],
            Self::Rejected | Self::Canceled | Self::Reversed => &[],
        }
    }

    pub fn can_become(self, next: Self) -> bool {
        self.next().contains(&next)
    }
}

/// How long a refund may stay in each pending state before it is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub requested: TimeDelta,
    pub approved: TimeDelta,
    pub processing: TimeDelta,
    pub failed: TimeDelta,
}

impl Default for Limits {
    /// The defaults of contract §5.
    fn default() -> Self {
        Self {
            requested: TimeDelta::hours(48),
            approved: TimeDelta::hours(4),
            processing: TimeDelta::hours(120),
            failed: TimeDelta::hours(24),
        }
    }
}

impl Limits {
    /// The limit of a state; `None` outside the pending ones.
    pub const fn of(&self, state: RefundState) -> Option<TimeDelta> {
        match state {
            RefundState::Requested => Some(self.requested),
            RefundState::Approved => Some(self.approved),
            RefundState::Processing => Some(self.processing),
            RefundState::Failed => Some(self.failed),
            _ => None,
        }
    }
}

/// The state of a refund after its order's events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub amount: Money,
    pub destination: Destination,
    pub reason: Reason,
    pub note: Option<String>,
    pub state: RefundState,
    pub requested_at: DateTime<Utc>,
    /// Effective time at which the refund entered its state.
    pub state_since: DateTime<Utc>,
    /// Whether the refund was ever approved, whatever followed.
    pub ever_approved: bool,
    /// The reason of the last failure.
    pub failure: Option<String>,
    /// The states that the refund entered, from the request on.
    pub transitions: Vec<Transition>,
}

/// The entry of a refund into a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub state: RefundState,
    /// Effective time.
    pub at: DateTime<Utc>,
}

/// A refund as lists and the command line show it (contract §8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRow {
    pub refund: String,
    pub order: EntityId,
    pub wallet: Option<String>,
    /// The id of the order's customer.
    pub customer: Option<String>,
    pub state: RefundState,
    pub waits_for: Option<WaitsFor>,
    pub amount: Decimal,
    pub currency: Currency,
    pub destination: Destination,
    pub reason: Reason,
    #[serde(with = "utc_text")]
    pub requested_at: DateTime<Utc>,
    #[serde(with = "utc_text")]
    pub state_since: DateTime<Utc>,
    /// Whole seconds since `state_since`; negative if `state_since` is in the future.
    pub age_seconds: i64,
    pub overdue: bool,
}

impl RefundRow {
    pub fn new(
        id: &str,
        order: &EntityId,
        wallet: Option<&str>,
        customer: Option<&str>,
        refund: &Refund,
        now: DateTime<Utc>,
        limits: &Limits,
    ) -> Self {
        let age = now - refund.state_since;
        Self {
            refund: id.to_owned(),
            order: order.clone(),
            wallet: wallet.map(str::to_owned),
            customer: customer.map(str::to_owned),
            state: refund.state,
            waits_for: refund.state.waits_for(),
            amount: refund.amount.amount(),
            currency: refund.amount.currency(),
            destination: refund.destination.clone(),
            reason: refund.reason.clone(),
            requested_at: refund.requested_at,
            state_since: refund.state_since,
            age_seconds: age.num_seconds(),
            overdue: limits.of(refund.state).is_some_and(|limit| age > limit),
        }
    }

    /// Sort key: oldest request first, then by refund id, then by order id.
    pub fn age_order(&self) -> (DateTime<Utc>, &str, &EntityId) {
        (self.requested_at, &self.refund, &self.order)
    }
}

/// Times as contract §8 prints them: RFC 3339 with `Z` and no needless decimals.
pub mod utc_text {
    use super::{DateTime, Utc, format_time};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_time(*time))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        DateTime::<Utc>::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pending_states_wait_for_somebody() {
        for &state in RefundState::ALL {
            let pending = RefundState::PENDING.contains(&state);
            assert_eq!(state.is_pending(), pending, "{state}");
            assert_eq!(Limits::default().of(state).is_some(), pending, "{state}");
        }
    }

    #[test]
    fn a_refund_is_overdue_when_strictly_older_than_its_limit() {
        let since = "2026-01-01T00:00:00Z".parse().unwrap();
        let refund = Refund {
            amount: Money::parse("1", "EUR".parse().unwrap()).unwrap(),
            destination: Destination::Wallet,
            reason: Reason::Return,
            note: None,
            state: RefundState::Approved,
            requested_at: since,
            state_since: since,
            ever_approved: true,
            failure: None,
            transitions: Vec::new(),
        };
        let order = EntityId::new("O-1").unwrap();
        let row = |seconds| {
            let now = since + TimeDelta::seconds(seconds);
            RefundRow::new("R", &order, None, None, &refund, now, &Limits::default())
        };
        assert!(!row(4 * 3600).overdue);
        assert!(row(4 * 3600 + 1).overdue);
        assert_eq!(row(18_000).age_seconds, 18_000);
    }
}
