//! What the projector collects of an entity while it folds the stream, and passes to the writer: the fold at the end of the
//! stream, and the parts that the new entries touched. A part is a credit, a hold, a refund or a payment. Only rows of touched
//! parts are written.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::whole_ids::{self, IdHash};
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
    /// The stream was read from its beginning, so all earlier rows of the entity are replaced.
    pub anew: bool,
    pub fold: std::sync::Arc<Fold<S>>,
    /// The number of entries in the stream.
    pub entries: u64,
    /// Position of the last entry.
    pub last: Position,
    /// The parts that the new entries touched.
    pub touched: S::Touched,
    /// The newest entries, truncated, for the list of recent entries.
    pub newest: Vec<Entry>,
    /// The raw digest of the stream.
    pub digest: Digest,
    /// Hashes of the ids that the new entries carry, without duplicates.
    pub ids: Vec<IdHash>,
}

/// The raw digest of a stream, or what is needed to continue the row's.
#[derive(Clone, Debug)]
pub enum Digest {
    Whole(RawDigest),
    /// The digests of the entries after those that the row was made from.
    After(Vec<RawDigest>),
}

impl Digest {
    /// The digest of the whole stream. `known` is the digest that the row has.
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
    /// The update for an entity whose stream could not be read.
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

    /// Collects the parts that these entries touched, and the ids in their payloads. `state` is the state after the entries. The
    /// state of a long wallet holds only the parts that the entries mention.
    fn touch(state: &Self, entries: &[Entry], touched: &mut Self::Touched, ids: &mut Vec<IdHash>);

    /// The wallet that an order names. `None` for wallets.
    fn wallet(state: &Self) -> Option<&str>;

    /// Writes the rows of an entity.
    fn put(writer: &mut impl RowWriter, id: &EntityId, update: &Update<Self>) -> rusqlite::Result<()>;
}

/// Writes the rows of entities of each domain.
pub trait RowWriter {
    fn put_wallet(&mut self, id: &EntityId, update: &Update<WalletState>) -> rusqlite::Result<()>;
    fn put_order(&mut self, id: &EntityId, update: &Update<OrderState>) -> rusqlite::Result<()>;
}

/// The touched credits and holds of a wallet, after the entries.
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
    /// The refund that the credit names, if any.
    pub refund: Option<String>,
    pub order: Option<String>,
    pub amount: Decimal,
    pub time: DateTime<Utc>,
    /// The credit was wholly reversed. Always false if it names no refund.
    pub reversed: bool,
}

/// The touched parts of an order.
#[derive(Debug, Default)]
pub struct TouchedOrder {
    /// The ids of refunds.
    pub refunds: BTreeSet<String>,
    /// By the position of the event.
    pub payments: BTreeMap<Position, Payment>,
}

/// An `order.paid` event, also one that the order did not accept.
#[derive(Debug)]
pub struct Payment {
    pub id: String,
    pub amount: Money,
    pub time: Option<DateTime<Utc>>,
}

impl TouchedParts {
    /// Collects a credit of kind `refund`. A posting that names a refund is one; for a posting that names none, `is_refund`
    /// decides.
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
            // Reversals are recorded only for credits that name a refund.
            reversed: posting.refund.is_some() && posting.wholly_reversed(),
        }
    }
}

/// Whether a `wallet.credited` event is of kind `refund` and has the posted amount. Payloads without that word are not parsed.
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
                        // A credit that names no refund is only found by its amount, reversed or not, so it is not written again.
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

    fn put(writer: &mut impl RowWriter, id: &EntityId, update: &Update<Self>) -> rusqlite::Result<()> {
        writer.put_wallet(id, update)
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

    fn put(writer: &mut impl RowWriter, id: &EntityId, update: &Update<Self>) -> rusqlite::Result<()> {
        writer.put_order(id, update)
    }
}
