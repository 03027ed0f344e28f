//! What the search page shows beside lists: events that carry an id.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{Domain, EntityId, Position};

/// Events of one kind of id that a search shows at most.
pub const CARRIERS_SHOWN: usize = 20;

/// An id that events carry, other than the id of the entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdKind {
    /// The event's own id.
    Event = 0,
    /// A correlation id.
    Correlation = 1,
    /// The payment of `order.paid`.
    Payment = 2,
    /// The reference of `order.refund_processing` or `order.refund_succeeded`.
    Reference = 3,
}

impl IdKind {
    pub const ALL: [Self; 4] = [Self::Event, Self::Correlation, Self::Payment, Self::Reference];
}

/// The first event of an entity that carries an id, in the order of its stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carrier {
    pub kind: IdKind,
    pub domain: Domain,
    pub subject: EntityId,
    /// `None`: the event was not looked for further, because there are many events, or because the stream can't be read.
    pub position: Option<Position>,
    pub event_type: Option<String>,
}

/// The events that carry an id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carriers {
    /// At most [`CARRIERS_SHOWN`] of each kind.
    pub found: Vec<Carrier>,
    /// Every event is in the index of ids.
    pub complete: bool,
}
