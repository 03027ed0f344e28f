//! Entries of the audit trail before they are written, and the outcomes of acts.

use std::fmt::Display;

use super::payload::states;

states! {
    /// How an act ended.
    AuditOutcome {
        /// About to be done: written first, because what can't be recorded does not happen.
        Asked = "asked",
        Done = "done",
        /// Somebody may not, or the rules of the ledger say no.
        Refused = "refused",
        /// It could not be done, or nobody knows yet.
        Failed = "failed",
    }
}

/// One entry to be. The trail adds the time, the place and the hashes. Nothing secret may be in it.
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
    /// `actor` is an operator's name, or `cli:USER` for the command line; `act` is as in `sign_in`, `export.refunds`.
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

    /// What it was about, as in `wallet W-1`.
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

    /// The same act, and how it ended.
    #[must_use]
    pub fn ended(&self, outcome: AuditOutcome) -> Self {
        Self {
            outcome,
            detail: None,
            ..self.clone()
        }
    }
}
