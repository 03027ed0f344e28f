//! The audit trail as pages show it: who did what, when, from where, to what, and how it ended.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::audit::AuditOutcome;

/// One entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The stream of the day and the position in it, for example `AUD-20260101/7`.
    pub place: String,
    pub time: DateTime<Utc>,
    pub actor: String,
    /// For example `sign_in`, `compensation.issue`, `export.refunds`.
    pub act: String,
    pub outcome: AuditOutcome,
    /// What the act was about, for example `wallet W-1`.
    pub subject: Option<String>,
    pub case: Option<String>,
    /// The address that the request came from.
    pub from: Option<String>,
    /// A mark that distinguishes sessions. It does not reveal the token.
    pub session: Option<String>,
    pub detail: Option<String>,
    /// SHA-256 of this entry and all before it, in hexadecimal.
    pub hash: String,
}

/// A search in the audit trail. An entry must match every field that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditQuery {
    /// A part of the act, the actor, the subject, the case or the detail. The search ignores letter case.
    pub text: String,
    pub outcome: Option<AuditOutcome>,
    /// UTC days, both included: `2026-01-31`.
    pub from: Option<chrono::NaiveDate>,
    pub to: Option<chrono::NaiveDate>,
    /// The page number, from 1.
    pub page: u32,
}
