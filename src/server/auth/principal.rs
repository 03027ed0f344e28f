//! Somebody who is signed in: the operator, their session, and where the request came from.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use subtle::ConstantTimeEq;

use crate::{
    access::{audit::NewEntry, operators::Operator, session::SessionRecord},
    desk::Who,
    domain::{
        access::{Act, Secret},
        audit::AuditOutcome,
    },
    views::operators::Me,
};

/// Somebody who is signed in. Everything in it has been verified for this request.
#[derive(Clone, Debug)]
pub struct Principal {
    pub operator: Operator,
    pub session: SessionRecord,
    /// What their browser has; only to end or to prove the session with.
    pub token: Secret,
    pub from: IpAddr,
}

impl Principal {
    pub const fn may(&self, act: Act) -> bool {
        self.operator.role.may(act)
    }

    /// Whether a form that was sent is one of this session. Takes as long for any wrong token as for the right one.
    pub fn gave_out(&self, form_token: &str) -> bool {
        self.session.form_token.as_bytes().ct_eq(form_token.as_bytes()).into()
    }

    /// As the desk wants to know them.
    pub fn who(&self, now: DateTime<Utc>) -> Who {
        Who {
            name: self.operator.name.clone(),
            role: self.operator.role,
            limits: self.operator.limits.clone(),
            proved: self.session.is_proven(now),
            totp: self.operator.has_totp(),
            from: Some(self.from.to_string()),
            session: Some(self.session.mark.clone()),
        }
    }

    /// The beginning of an entry in the audit trail.
    pub fn entry(&self, act: &str, outcome: AuditOutcome) -> NewEntry {
        NewEntry::new(self.operator.name.as_str(), act, outcome)
            .from(self.from)
            .in_session(self.session.mark.as_str())
    }

    /// As pages want to know them.
    pub fn me(&self) -> Me {
        Me {
            name: self.operator.name.clone(),
            role: self.operator.role,
            form_token: self.session.form_token.clone(),
            demo: self.operator.demo,
            totp: self.operator.has_totp(),
            limits: self.operator.limits.clone(),
        }
    }
}
