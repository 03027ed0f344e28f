//! The reservation of a refund: a stream of the compensation store that keeps two cases from crediting one refund
//! (contract §6). A case reserves the refund before money moves. The reservation is valid until that case ends.

use serde::Deserialize;

use crate::domain::{
    event::{Entry, Envelope},
    fold::{AnomalyKind, Evolved, Fold, Refusal, State},
    ids::{EntityId, Sequence},
    replay::in_sequence_order,
};

/// The prefix of the ids of these streams.
pub const RESERVATION_PREFIX: &str = "PAY-";
pub const RESERVED: &str = "refund.reserved";
pub const RELEASED: &str = "refund.released";

/// The stream of one refund of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// The case that reserved the refund last, and did not release it.
    pub case: Option<EntityId>,
    /// The sequence of the last event, which the next append expects; 0 for a stream that does not exist.
    pub sequence: Sequence,
}

impl Reservation {
    /// Folds the entries of a stream, given in any order.
    pub fn fold(entries: Vec<Entry>) -> Self {
        let mut fold = Fold::<Holder>::new();
        for (_, entry) in in_sequence_order(entries) {
            fold.push(&entry, |_| {});
        }
        Self {
            case: fold.state.0,
            sequence: fold.sequence,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Holder(Option<EntityId>);

#[derive(Deserialize)]
struct Data {
    case: EntityId,
}

impl State for Holder {
    fn evolve(&mut self, event: &Envelope<'_>) -> Evolved {
        let data = event.data.and_then(|data| serde_json::from_str::<Data>(data).ok());
        let Some(Data { case }) = data else {
            return Evolved::Refused(Refusal::new(AnomalyKind::UnparsablePayload, "the event names no case"));
        };
        match event.r#type {
            RESERVED => self.0 = Some(case),
            RELEASED if self.0.as_ref() == Some(&case) => self.0 = None,
            RELEASED => {}
            _ => {
                return Evolved::Refused(Refusal::new(
                    AnomalyKind::UnknownType,
                    "a reservation has no such event",
                ));
            }
        }
        Evolved::Applied(Vec::new())
    }
}
