//! The events of a case and their payloads (contract §6).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::domain::{
    compensation::{
        command::{Command, Pin},
        decide::{Figures, Step, Warning},
    },
    fold::{AnomalyKind, Refusal},
    ids::{Domain, EntityId, Sequence},
    money::Money,
    payload::states,
    refund::Reason,
};

states! {
    /// What authorises the issue of a case.
    Authority {
        /// The proposer's own limit.
        OwnLimit = "own_limit",
        /// The approval of a second person.
        FourEyes = "four_eyes",
    }
}

/// `compensation.proposed`. The fields beyond contract §6 (`also`, `steps`, `amount`, `authority`, `warnings`) make the
/// proposal self-contained: the case can be issued without other data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    pub command: Command,
    /// SHA-256 of the command and its positions, in hexadecimal.
    pub command_hash: String,
    /// The position of the command's subject.
    pub target: Pin,
    /// The positions of the other streams that it appends to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Pin>,
    pub before: Figures,
    pub after: Figures,
    pub reason: Reason,
    pub note: String,
    pub expires_at: DateTime<Utc>,
    /// The events to append, in this order.
    pub steps: Vec<Step>,
    /// The amount that counts towards limits.
    pub amount: Money,
    pub authority: Authority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

impl Proposal {
    /// Every position that the proposal is bound to, the target first.
    pub fn pins(&self) -> impl Iterator<Item = &Pin> {
        std::iter::once(&self.target).chain(&self.also)
    }
}

/// `compensation.approved`, `compensation.declined`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalDecision {
    pub command_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `compensation.withdrawn`, `compensation.lapsed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    pub why: String,
}

/// An event that a case appended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedEvent {
    pub domain: Domain,
    pub id: EntityId,
    pub sequence: Sequence,
    /// The event's id.
    pub event: String,
}

/// `compensation.issued`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    pub events: Vec<IssuedEvent>,
}

/// `compensation.refused`. `events` lists what was appended and undone again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The reason, in words.
    pub rejection: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<IssuedEvent>,
}

/// A case event's payload.
#[derive(Clone, Debug, PartialEq)]
pub enum CaseEvent {
    Proposed(Box<Proposal>),
    Approved(ApprovalDecision),
    Declined(ApprovalDecision),
    Withdrawn(Ending),
    Lapsed(Ending),
    Issued(Issued),
    Refused(Refused),
}

impl CaseEvent {
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Proposed(_) => "compensation.proposed",
            Self::Approved(_) => "compensation.approved",
            Self::Declined(_) => "compensation.declined",
            Self::Withdrawn(_) => "compensation.withdrawn",
            Self::Lapsed(_) => "compensation.lapsed",
            Self::Issued(_) => "compensation.issued",
            Self::Refused(_) => "compensation.refused",
        }
    }

    /// The payload as JSON text.
    pub fn data(&self) -> String {
        let json = match self {
            Self::Proposed(data) => serde_json::to_string(data),
            Self::Approved(data) | Self::Declined(data) => serde_json::to_string(data),
            Self::Withdrawn(data) | Self::Lapsed(data) => serde_json::to_string(data),
            Self::Issued(data) => serde_json::to_string(data),
            Self::Refused(data) => serde_json::to_string(data),
        };
        // The payloads are strings, numbers and lists of them, so this does not fail.
        json.unwrap_or_default()
    }

    pub fn parse(r#type: &str, data: Option<&str>) -> Result<Self, Refusal> {
        Ok(match r#type {
            "compensation.proposed" => Self::Proposed(Box::new(read(data)?)),
            "compensation.approved" => Self::Approved(read(data)?),
            "compensation.declined" => Self::Declined(read(data)?),
            "compensation.withdrawn" => Self::Withdrawn(read(data)?),
            "compensation.lapsed" => Self::Lapsed(read(data)?),
            "compensation.issued" => Self::Issued(read(data)?),
            "compensation.refused" => Self::Refused(read(data)?),
            other => {
                return Err(Refusal::new(
                    AnomalyKind::UnknownType,
                    format!("'{other}' is an unknown event of a case"),
                ));
            }
        })
    }
}

fn read<T: DeserializeOwned>(data: Option<&str>) -> Result<T, Refusal> {
    serde_json::from_str(data.unwrap_or_default()).map_err(|error| {
        Refusal::new(
            AnomalyKind::UnparsablePayload,
            format!("the data can't be read: {error}"),
        )
    })
}
