//! Findings in lists.

use serde::{Deserialize, Serialize};

use crate::domain::findings::Finding;

/// A finding in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRow {
    #[serde(flatten)]
    pub finding: Finding,
    /// The id of the order's customer. If the finding names no order with a customer, the id of the wallet's owner.
    pub customer: Option<String>,
    /// Identifies the finding as long as it exists.
    pub key: String,
}
