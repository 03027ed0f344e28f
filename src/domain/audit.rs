//! Entries of the audit trail before they are written, and the outcomes of acts.

use std::fmt::Display;

use super::payload::states;

states! {
    /// How an act ended.
    AuditOutcome {
        /// Written before the act. An act that can't be recorded is not done.
        Asked = "asked",
        Done = "done",
        /// The caller has no permission, or a rule of the ledger forbids the act.
        Refused = "refused",
        /// The act failed, or its outcome is unknown.
        Failed = "failed",
    }
}

/// An audit entry before it is written. The trail adds the time, the position and the hashes. An entry must not contain
/// secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    pub actor: String,
    pub act: String,
    pub outcome: AuditOutcome,
    pub subject: Option<String>,
    pub case: Option<String>,
    pub from: Option<String>,
    pub session: Option<String>,
    pub detail: Option<String>,
}

impl NewEntry {
    /// `actor` is an operator's name, or `cli:USER` for the command line. `act` is a code such as `sign_in` or
    /// `export.refunds`.
    pub fn new(actor: impl Into<String>, act: impl Into<String>, outcome: AuditOutcome) -> Self {
        Self {
            actor: actor.into(),
            act: act.into(),
            outcome,
            subject: None,
            case: None,
            from: None,
            session: None,
            detail: None,
        }
    }

    /// What the act is about, for example `wallet W-1`.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    #[must_use]
    pub fn of_case(mut self, case: impl Into<String>) -> Self {
        self.case = Some(case.into());
        self
    }

    #[must_use]
    pub fn from(mut self, address: impl Display) -> Self {
        self.from = Some(address.to_string());
        self
    }

    /// The mark of a session, never its token.
    #[must_use]
    pub fn in_session(mut self, mark: impl Into<String>) -> Self {
        self.session = Some(mark.into());
        self
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same act with its outcome and without its detail.
    #[must_use]
    pub fn ended(&self, outcome: AuditOutcome) -> Self {
        Self {
            outcome,
            detail: None,
            ..self.clone()
        }
    }
}
