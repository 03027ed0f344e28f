//! Outcomes of acts in the audit trail.

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
