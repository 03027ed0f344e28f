//! Somebody who is signed in: the operator, their session, and where the request came from.

use std::net::IpAddr;

use subtle::ConstantTimeEq;

use super::{operators::Operator, session::SessionRecord};
use crate::domain::{
    access::{Act, Secret},
    audit::{AuditOutcome, NewEntry},
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
    pub const fn can(&self, act: Act) -> bool {
        self.operator.role.can(act)
    }

    /// Whether a form that was sent is one of this session. Takes as long for any wrong token as for the right one.
    pub fn gave_out(&self, form_token: &str) -> bool {
        self.session.form_token.as_bytes().ct_eq(form_token.as_bytes()).into()
    }

    /// The beginning of an entry in the audit trail.
    pub fn entry(&self, act: &str, outcome: AuditOutcome) -> NewEntry {
        NewEntry::new(self.operator.name.as_str(), act, outcome)
            .from(self.from)
            .in_session(self.session.mark.as_str())
    }
}
