//! The reservation of a refund: a stream of the compensation store that keeps two cases from crediting one refund
//! (contract §6). A case reserves the refund before money moves. The reservation is valid until that case ends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    event::{Entry, Envelope},
    fold::{self, AnomalyKind, Evolved, Fold, State},
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
    pub holder: Option<EntityId>,
    /// The sequence of the last event, which the next append expects; 0 for a stream that does not exist.
    pub sequence: Sequence,
    cases: BTreeMap<EntityId, Standing>,
}

/// What the stream says of one case. The first of its events decides: after a release the case can't reserve the refund.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    #[default]
    Nothing,
    Reserved,
    /// It had reserved the refund, and has ended.
    Ended,
    /// It is refused, and has not reserved the refund.
    Refused(Refusal),
}

/// Why a case can't be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub why: String,
    /// A stream has changed since the preview.
    pub moved: bool,
}

/// The data of the events.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReservationData {
    pub case: EntityId,
    /// Why the case is refused. Only in the release of a case that did not reserve the refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
}

impl Reservation {
    /// Folds the entries of a stream, given in any order.
    pub fn fold(entries: Vec<Entry>) -> Self {
        let mut fold = Fold::<Cases>::new();
        for (_, entry) in in_sequence_order(entries) {
            fold.push(&entry, |_| {});
        }
        Self {
            holder: fold.state.holder,
            sequence: fold.sequence,
            cases: fold.state.cases,
        }
    }

    /// What the stream says of a case.
    pub fn standing(&self, case: &EntityId) -> Standing {
        self.cases.get(case).cloned().unwrap_or_default()
    }
}

#[derive(Clone, Debug, Default)]
struct Cases {
    holder: Option<EntityId>,
    cases: BTreeMap<EntityId, Standing>,
}

impl State for Cases {
    fn evolve(&mut self, event: &Envelope<'_>) -> Evolved {
        let data = event
            .data
            .and_then(|data| serde_json::from_str::<ReservationData>(data).ok());
        let Some(data) = data else {
            return Evolved::Refused(fold::Refusal::new(
                AnomalyKind::UnparsablePayload,
                "the event names no case",
            ));
        };
        let standing = self.cases.entry(data.case.clone()).or_default();
        match (event.r#type, &*standing) {
            (RESERVED, Standing::Nothing) => {
                *standing = Standing::Reserved;
                self.holder = Some(data.case);
            }
            (RELEASED, Standing::Nothing) => {
                *standing = Standing::Refused(Refusal {
                    why: data.why.unwrap_or_default(),
                    moved: data.moved,
                });
            }
            (RELEASED, Standing::Reserved) => {
                *standing = Standing::Ended;
                if self.holder.as_ref() == Some(&data.case) {
                    self.holder = None;
                }
            }
            (RESERVED | RELEASED, _) => {
                return Evolved::Refused(fold::Refusal::new(
                    AnomalyKind::TransitionNotAllowed,
                    "the case has reserved or released the refund before",
                ));
            }
            _ => {
                return Evolved::Refused(fold::Refusal::new(
                    AnomalyKind::UnknownType,
                    "a reservation has no such event",
                ));
            }
        }
        Evolved::Applied(Vec::new())
    }
}
