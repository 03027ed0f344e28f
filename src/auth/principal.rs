//! The principal: the operator who is signed in, the session, and the address of the request.

use std::net::IpAddr;

use subtle::ConstantTimeEq;

use super::{operators::Operator, session::SessionRecord};
use crate::domain::{
    access::{Act, Secret},
    audit::{AuditOutcome, NewEntry},
};

/// The operator who is signed in. All fields were verified for this request.
#[derive(Clone, Debug)]
pub struct Principal {
    pub operator: Operator,
    pub session: SessionRecord,
    /// The session token from the cookie. Used only to end the session or to renew its proof.
    pub token: Secret,
    pub from: IpAddr,
}

impl Principal {
    pub const fn can(&self, act: Act) -> bool {
        self.operator.role.can(act)
    }

    /// Whether `form_token` is the form token of this session. The comparison takes constant time.
    pub fn gave_out(&self, form_token: &str) -> bool {
        self.session.form_token.as_bytes().ct_eq(form_token.as_bytes()).into()
    }

    /// A new audit entry with the operator, the address and the session.
    pub fn entry(&self, act: &str, outcome: AuditOutcome) -> NewEntry {
        NewEntry::new(self.operator.name.as_str(), act, outcome)
            .from(self.from)
            .in_session(self.session.mark.as_str())
    }
}
