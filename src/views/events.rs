//! The page of one event, links to events, and recently recorded events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    event::Entry,
    fold::Anomaly,
    ids::{Domain, EntityId, Position},
    money::Currency,
};

/// A recently recorded event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    pub domain: Domain,
    pub subject: EntityId,
    pub entry: Entry,
}

/// One event. Long texts and lists of it are truncated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    pub domain: Domain,
    pub subject: EntityId,
    pub entry: Entry,
    /// `None` means that `entry` is the whole event.
    pub truncated: Option<TruncatedEvent>,
    pub applied: bool,
    pub anomalies: Vec<Anomaly>,
    pub currency: Option<Currency>,
    /// Positions of the events before and after it in sequence order.
    pub previous: Option<Position>,
    pub next: Option<Position>,
    /// The event that caused this one, if it is in this stream or in the stream of the order or wallet that this one
    /// names.
    pub cause: Option<EventLink>,
    /// Events with the same correlation id, of this stream and of the order or wallet that this event names.
    pub correlated: Vec<EventLink>,
}

/// The size and the short form of an event that is too large for its page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruncatedEvent {
    /// Bytes of all its fields.
    pub bytes: u64,
    /// The event as rows of lists show it.
    pub row: Entry,
}

/// The location of an event, and what a link to it shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventLink {
    pub domain: Domain,
    pub subject: EntityId,
    pub position: Position,
    pub r#type: String,
    pub time: Option<DateTime<Utc>>,
}
