//! Findings in lists.

use serde::{Deserialize, Serialize};

use crate::domain::findings::Finding;

/// A finding in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRow {
    #[serde(flatten)]
    pub finding: Finding,
    /// The id of its order's customer; where it names no order that has one, of its wallet's owner.
    pub customer: Option<String>,
    /// Names the finding as long as it lasts.
    pub key: String,
}
