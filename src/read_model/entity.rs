//! What the projector gathers of an entity while it folds the entity's stream, and hands to the writer: the fold at the end of
//! the stream, and those parts that the new entries touched. A part is a credit, a hold or a refund; rows of parts that were not
//! touched are not written again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{
    batch::Batch,
    whole_ids::{self, IdHash},
};
use crate::{
    domain::{
        event::{Entry, RawDigest},
        fold::Fold,
        ids::{Domain, EntityId, Position},
        money::Money,
        order::{OrderEvent, OrderState},
        wallet::{CreditKind, Hold, Posting, WalletEvent, WalletState},
    },
    event_log::roll,
    read_model::snapshots::Remembered,
};

/// An entity at the end of its stream.
#[derive(Debug)]
pub struct Update<S: Entity> {
    /// The stream was read from its beginning: rows that were written of it before are replaced.
    pub anew: bool,
    pub fold: std::sync::Arc<Fold<S>>,
    /// Entries of the stream.
    pub entries: u64,
    /// Position of the last entry.
    pub last: Position,
    /// Parts that the new entries touched.
    pub touched: S::Touched,
    /// The newest entries, truncated, for the list of what was recorded last.
    pub newest: Vec<Entry>,
    /// The raw digest of the stream.
    pub digest: Digest,
    /// Ids that the new entries carry, each once.
    pub ids: Vec<IdHash>,
}

/// The raw digest of a stream up to its last entry.
#[derive(Clone, Debug)]
pub enum Digest {
    Whole(RawDigest),
    /// Digests of the entries that follow those that the row stands for.
    After(Vec<RawDigest>),
}

impl Digest {
    /// The digest of the stream, of which `known` is that of the entries that the row stands for.
    pub fn of(&self, known: Option<RawDigest>) -> RawDigest {
        match self {
            Self::Whole(digest) => *digest,
            Self::After(digests) => digests
                .iter()
                .fold(known.unwrap_or_default(), |digest, next| roll(digest, *next)),
        }
    }
}

impl<S: Entity> Update<S> {
    /// An entity of which nothing could be read.
    pub fn unread() -> Self {
        let mut fold = Fold::new();
        fold.complete = false;
        Self {
            anew: true,
            fold: std::sync::Arc::new(fold),
            entries: 0,
            last: Position::START,
            touched: S::Touched::default(),
            newest: Vec::new(),
            digest: Digest::Whole(RawDigest::default()),
            ids: Vec::new(),
        }
    }
}

/// A state that has rows in the read model.
pub trait Entity: Remembered {
    const DOMAIN: Domain;
    type Touched: Default + Send + std::fmt::Debug + 'static;

    /// Notes the parts that these entries touched, and the ids that their payloads carry. `state` is the state after them; of a long
    /// wallet it holds only the parts that the entries mention.
    fn touch(state: &Self, entries: &[Entry], touched: &mut Self::Touched, ids: &mut Vec<IdHash>);

    /// The wallet that an order names.
    fn wallet(state: &Self) -> Option<&str>;

    fn put(batch: &mut Batch<'_>, id: &EntityId, update: &Update<Self>) -> rusqlite::Result<()>;
}

/// Credits and holds as they stand after the entries that touched them.
#[derive(Debug, Default)]
pub struct TouchedParts {
    /// By event id.
    pub credits: BTreeMap<String, Credit>,
    /// By hold id.
    pub holds: BTreeMap<String, Hold>,
}

/// A credit of kind `refund`.
#[derive(Debug)]
pub struct Credit {
    /// The refund that it names, if it does.
    pub refund: Option<String>,
    pub order: Option<String>,
    pub amount: Decimal,
    pub time: DateTime<Utc>,
    /// It was wholly reversed.
    pub reversed: bool,
}

/// What the new entries of an order are about.
#[derive(Debug, Default)]
pub struct TouchedOrder {
    /// Ids of refunds.
    pub refunds: BTreeSet<String>,
    /// By the position of the event.
    pub payments: BTreeMap<Position, Payment>,
}

/// An `order.paid`, whatever the order made of it.
#[derive(Debug)]
pub struct Payment {
    pub id: String,
    pub amount: Money,
    pub time: Option<DateTime<Utc>>,
}

impl TouchedParts {
    /// Notes a credit of kind `refund`; `is_refund`: whether one that names no refund is such a credit.
    fn credit(&mut self, state: &WalletState, event: &str, is_refund: impl FnOnce(&Posting) -> bool) {
        if let Some(posting) = state.postings.get(event)
            && (posting.refund.is_some() || is_refund(posting))
        {
            self.credits.insert(event.to_owned(), Credit::of(posting));
        }
    }

    fn hold(&mut self, state: &WalletState, id: String) {
        if let Some(hold) = state.holds.get(&id) {
            self.holds.insert(id, hold.clone());
        }
    }
}

impl Credit {
    fn of(posting: &Posting) -> Self {
        Self {
            refund: posting.refund.clone(),
            order: posting.order.clone(),
            amount: posting.amount,
            time: posting.time,
            // A reversal of one that names no refund is not noted.
            reversed: posting.refund.is_some() && posting.wholly_reversed(),
        }
    }
}

/// Whether a `wallet.credited` is of kind `refund` and is what was posted. Payloads without that word need not be read.
fn is_refund_credit(posting: &Posting, kind: &str, data: Option<&str>) -> bool {
    data.is_some_and(|data| data.contains(CreditKind::Refund.as_str()))
        && match WalletEvent::parse(kind, data) {
            Ok(WalletEvent::Credited { kind, amount, .. }) => {
                kind == CreditKind::Refund && amount.amount() == posting.amount
            }
            _ => false,
        }
}

impl Entity for WalletState {
    const DOMAIN: Domain = Domain::Wallet;
    type Touched = TouchedParts;

    fn touch(state: &Self, entries: &[Entry], touched: &mut TouchedParts, _: &mut Vec<IdHash>) {
        for entry in entries {
            let (Some(kind), fields) = (entry.fields.r#type(), &entry.fields) else {
                continue;
            };
            // Most entries are credits and debits, whose payload need not be read again.
            match kind {
                "wallet.credited" => {
                    if let Some(id) = fields.id() {
                        touched.credit(state, id, |posting| is_refund_credit(posting, kind, fields.data()));
                    }
                }
                "wallet.entry_reversed"
                | "wallet.held"
                | "wallet.hold_captured"
                | "wallet.hold_released"
                | "wallet.hold_expired" => match WalletEvent::parse(kind, fields.data()) {
                    Ok(WalletEvent::EntryReversed { reverses, .. }) => {
                        // One that names no refund is found by its amount alone, reversed or not.
                        touched.credit(state, &reverses, |_| false);
                    }
                    Ok(
                        WalletEvent::Held { hold, .. }
                        | WalletEvent::HoldCaptured { hold, .. }
                        | WalletEvent::HoldReleased { hold }
                        | WalletEvent::HoldExpired { hold },
                    ) => touched.hold(state, hold),
                    _ => {}
                },
                _ => {}
            }
        }
    }

    fn wallet(_: &Self) -> Option<&str> {
        None
    }

    fn put(batch: &mut Batch<'_>, id: &EntityId, update: &Update<Self>) -> rusqlite::Result<()> {
        batch.put_wallet(id, update)
    }
}

impl Entity for OrderState {
    const DOMAIN: Domain = Domain::Order;
    type Touched = TouchedOrder;

    fn touch(_: &Self, entries: &[Entry], touched: &mut TouchedOrder, ids: &mut Vec<IdHash>) {
        for entry in entries {
            let about_money = |kind: &&str| *kind == "order.paid" || kind.starts_with("order.refund_");
            let Some(kind) = entry.fields.r#type().filter(about_money) else {
                continue;
            };
            let Ok(event) = OrderEvent::parse(kind, entry.fields.data()) else {
                continue;
            };
            whole_ids::of_payload(&event, |kind, id| ids.push(IdHash::of(kind, id)));
            match event {
                OrderEvent::Paid { payment, amount, .. } => {
                    let time = entry.time();
                    touched.payments.insert(
                        entry.position,
                        Payment {
                            id: payment,
                            amount,
                            time,
                        },
                    );
                }
                OrderEvent::RefundRequested { refund, .. } => {
                    touched.refunds.insert(refund);
                }
                OrderEvent::Refund(step) => {
                    touched.refunds.insert(step.refund);
                }
                _ => {}
            }
        }
    }

    fn wallet(state: &Self) -> Option<&str> {
        state.wallet.as_deref()
    }

    fn put(batch: &mut Batch<'_>, id: &EntityId, update: &Update<Self>) -> rusqlite::Result<()> {
        batch.put_order(id, update)
    }
}
