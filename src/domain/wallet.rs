//! Wallets: their events (contract §4) and the fold to balances. A wallet has one currency. `available = posted − held`
//! always holds. A hold sets money aside, a capture spends it, a reversal undoes an entry.

mod partial;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    event::{Entry, Envelope, format_time, parse_time},
    fold::{AnomalyKind, Evolved, Refusal, State},
    money::{Currency, Money, add_exact, sub_exact},
    payload::{Payload, codes, states},
};

pub use partial::Part;

codes! {
    /// Why a wallet was credited.
    CreditKind { TopUp = "top_up", Refund = "refund", Goodwill = "goodwill", Correction = "correction", Transfer = "transfer" }
}
codes! {
    /// Why a wallet was debited.
    DebitKind { Purchase = "purchase", Withdrawal = "withdrawal", Fee = "fee", Correction = "correction", Transfer = "transfer" }
}
states! {
    /// The status of a wallet. Freezing and closing change only the status: later money events still count.
    WalletStatus { Unopened = "unopened", Open = "open", Frozen = "frozen", Closed = "closed" }
}

/// A person or company, by the id that another system gave them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Party {
    pub(super) fn read(payload: &Payload<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            id: payload.name("id")?.to_owned(),
            name: payload.optional("name"),
        })
    }
}

/// A wallet event's payload (contract §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletEvent {
    Opened {
        owner: Party,
        currency: Currency,
    },
    Credited {
        amount: Money,
        kind: CreditKind,
        order: Option<String>,
        refund: Option<String>,
        reference: Option<String>,
        note: Option<String>,
    },
    Debited {
        amount: Money,
        kind: DebitKind,
        order: Option<String>,
        reference: Option<String>,
        note: Option<String>,
    },
    Held {
        hold: String,
        amount: Money,
        order: Option<String>,
        expires_at: Option<DateTime<Utc>>,
    },
    HoldCaptured {
        hold: String,
        amount: Money,
    },
    HoldReleased {
        hold: String,
    },
    HoldExpired {
        hold: String,
    },
    EntryReversed {
        reverses: String,
        amount: Money,
        reason: String,
        note: Option<String>,
    },
    Frozen {
        reason: String,
    },
    Unfrozen,
    Closed,
}

impl WalletEvent {
    /// Parses a payload by its event type. Unknown fields and kinds are accepted; unknown types and versions are
    /// errors.
    pub fn parse(r#type: &str, data: Option<&str>) -> Result<Self, Refusal> {
        let read = || Payload::parse(data);
        Ok(match r#type {
            "wallet.opened" => {
                let data = read()?;
                let owner = data.object("owner").ok_or_else(|| {
                    Refusal::new(AnomalyKind::UnparsablePayload, "'owner' is missing or not an object")
                })?;
                Self::Opened {
                    owner: Party::read(owner)?,
                    currency: data.currency("currency")?,
                }
            }
            "wallet.credited" => {
                let data = read()?;
                Self::Credited {
                    kind: data.name("kind")?.into(),
                    amount: data.money("amount")?,
                    order: data.optional("order"),
                    refund: data.optional("refund"),
                    reference: data.optional("reference"),
                    note: data.optional("note"),
                }
            }
            "wallet.debited" => {
                let data = read()?;
                Self::Debited {
                    kind: data.name("kind")?.into(),
                    amount: data.money("amount")?,
                    order: data.optional("order"),
                    reference: data.optional("reference"),
                    note: data.optional("note"),
                }
            }
            "wallet.held" => {
                let data = read()?;
                Self::Held {
                    hold: data.name("hold")?.to_owned(),
                    amount: data.money("amount")?,
                    order: data.optional("order"),
                    expires_at: data.optional("expires_at").and_then(|at| parse_time(&at)),
                }
            }
            "wallet.hold_captured" => {
                let data = read()?;
                Self::HoldCaptured {
                    hold: data.name("hold")?.to_owned(),
                    amount: data.money("amount")?,
                }
            }
            "wallet.hold_released" => Self::HoldReleased {
                hold: read()?.name("hold")?.to_owned(),
            },
            "wallet.hold_expired" => Self::HoldExpired {
                hold: read()?.name("hold")?.to_owned(),
            },
            "wallet.entry_reversed" => {
                let data = read()?;
                Self::EntryReversed {
                    reverses: data.name("reverses")?.to_owned(),
                    amount: data.money("amount")?,
                    reason: data.text("reason")?.to_owned(),
                    note: data.optional("note"),
                }
            }
            "wallet.frozen" => Self::Frozen {
                reason: read()?.text("reason")?.to_owned(),
            },
            "wallet.unfrozen" => read().map(|_| Self::Unfrozen)?,
            "wallet.closed" => read().map(|_| Self::Closed)?,
            other => {
                return Err(Refusal::new(
                    AnomalyKind::UnknownType,
                    format!("'{other}' is an unknown type or version of a wallet event"),
                ));
            }
        })
    }

    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "wallet.opened",
            Self::Credited { .. } => "wallet.credited",
            Self::Debited { .. } => "wallet.debited",
            Self::Held { .. } => "wallet.held",
            Self::HoldCaptured { .. } => "wallet.hold_captured",
            Self::HoldReleased { .. } => "wallet.hold_released",
            Self::HoldExpired { .. } => "wallet.hold_expired",
            Self::EntryReversed { .. } => "wallet.entry_reversed",
            Self::Frozen { .. } => "wallet.frozen",
            Self::Unfrozen => "wallet.unfrozen",
            Self::Closed => "wallet.closed",
        }
    }

    /// The payload as JSON, without fields that are `None`.
    pub fn data(&self) -> Value {
        let mut data = match self {
            Self::Opened { owner, currency } => json!({"owner": owner, "currency": currency}),
            Self::Credited {
                amount,
                kind,
                order,
                refund,
                reference,
                note,
            } => json!({
                "amount": amount, "kind": kind, "order": order, "refund": refund, "reference": reference, "note": note,
            }),
            Self::Debited {
                amount,
                kind,
                order,
                reference,
                note,
            } => json!({
                "amount": amount, "kind": kind, "order": order, "reference": reference, "note": note,
            }),
            Self::Held {
                hold,
                amount,
                order,
                expires_at,
            } => json!({
                "hold": hold, "amount": amount, "order": order, "expires_at": expires_at.map(format_time),
            }),
            Self::HoldCaptured { hold, amount } => json!({"hold": hold, "amount": amount}),
            Self::HoldReleased { hold } | Self::HoldExpired { hold } => json!({"hold": hold}),
            Self::EntryReversed {
                reverses,
                amount,
                reason,
                note,
            } => json!({
                "reverses": reverses, "amount": amount, "reason": reason, "note": note,
            }),
            Self::Frozen { reason } => json!({"reason": reason}),
            Self::Unfrozen | Self::Closed => json!({}),
        };
        if let Value::Object(fields) = &mut data {
            fields.retain(|_, value| !value.is_null());
        }
        data
    }
}

states! {
    /// How a hold ended; `Open` if it has not ended.
    HoldState { Open = "open", Captured = "captured", Released = "released", Expired = "expired" }
}

/// Money set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub amount: Decimal,
    pub order: Option<String>,
    pub since: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub state: HoldState,
}

/// A credit, debit or capture that was applied. Reversals refer to it, and refunds are matched with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The change of `posted`: negative for debits and captures.
    pub amount: Decimal,
    /// How much of it was reversed: 0 to the absolute amount.
    pub reversed: Decimal,
    pub time: DateTime<Utc>,
    /// The refund that a credit of kind `refund` names.
    pub refund: Option<String>,
    pub order: Option<String>,
}

impl Posting {
    pub fn wholly_reversed(&self) -> bool {
        self.reversed == self.amount.abs()
    }
}

/// The state of a wallet after its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalletState {
    pub status: WalletStatus,
    pub owner: Option<Party>,
    pub currency: Option<Currency>,
    pub posted: Decimal,
    pub held: Decimal,
    /// Holds by id, open or ended. A partial state leaves out ended holds (`partial`).
    pub holds: BTreeMap<String, Hold>,
    /// Postings by event id. If two events have the same id, the first counts. A partial state leaves out postings
    /// (`partial`).
    pub postings: BTreeMap<String, Posting>,
    /// When `available` fell below zero; `None` if it is not below zero.
    pub negative_since: Option<DateTime<Utc>>,
    /// Effective time of the last event whose envelope could be read.
    pub last_time: Option<DateTime<Utc>>,
    /// Whether `NotOpened` was reported. It is reported once, and not if a filter leaves out the opening.
    unopened_noted: bool,
}

impl Default for WalletState {
    fn default() -> Self {
        Self {
            status: WalletStatus::Unopened,
            owner: None,
            currency: None,
            posted: Decimal::ZERO,
            held: Decimal::ZERO,
            holds: BTreeMap::new(),
            postings: BTreeMap::new(),
            negative_since: None,
            last_time: None,
            unopened_noted: false,
        }
    }
}

impl WalletState {
    /// What can be spent: posted − held. Both have at most 28 digits, so the difference is exact.
    pub fn available(&self) -> Decimal {
        let available = self.posted - self.held;
        if available.is_zero() {
            // Zero has no minus sign.
            return Decimal::new(0, self.posted.scale());
        }
        available
    }

    pub fn open_holds(&self) -> impl Iterator<Item = (&str, &Hold)> {
        self.holds
            .iter()
            .filter(|(_, hold)| hold.state == HoldState::Open)
            .map(|(id, hold)| (id.as_str(), hold))
    }

    /// The amount, if it is in the wallet's currency. A wallet that was never opened takes the currency of its first
    /// money event, because the events after a gap still count (contract §3), even if the missing event is the opening.
    fn in_currency(&mut self, money: Money) -> Result<Decimal, Refusal> {
        match self.currency {
            Some(currency) if currency != money.currency() => Err(Refusal::new(
                AnomalyKind::CurrencyMismatch,
                format!("the event is in {}, the wallet in {currency}", money.currency()),
            )),
            Some(_) => Ok(money.amount()),
            None => {
                self.currency = Some(money.currency());
                self.posted = money.currency().zero();
                self.held = money.currency().zero();
                Ok(money.amount())
            }
        }
    }

    fn post(
        &mut self,
        event: &Envelope<'_>,
        signed: Decimal,
        refund: Option<String>,
        order: Option<String>,
    ) -> Result<(), Refusal> {
        self.posted = add_exact(self.posted, signed).ok_or_else(overflow)?;
        self.postings.entry(event.id.to_owned()).or_insert_with(|| Posting {
            amount: signed,
            reversed: Decimal::new(0, signed.scale()),
            time: event.time,
            refund,
            order,
        });
        Ok(())
    }

    fn open_hold(&self, id: &str) -> Result<&Hold, Refusal> {
        let known = self.holds.get(id);
        known.filter(|hold| hold.state == HoldState::Open).ok_or_else(|| {
            let what = if known.is_some() {
                "is no longer open"
            } else {
                "is not known"
            };
            Refusal::new(AnomalyKind::UnknownHold, format!("the hold '{id}' {what}"))
        })
    }

    fn end_hold(&mut self, id: &str, state: HoldState) -> Result<(), Refusal> {
        let amount = self.open_hold(id)?.amount;
        self.held = sub_exact(self.held, amount).ok_or_else(overflow)?;
        if let Some(hold) = self.holds.get_mut(id) {
            hold.state = state;
        }
        Ok(())
    }

    fn hold(
        &mut self,
        event: &Envelope<'_>,
        id: String,
        amount: Money,
        order: Option<String>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(), Refusal> {
        let amount = self.in_currency(amount)?;
        if self.holds.contains_key(&id) {
            return Err(Refusal::new(
                AnomalyKind::HoldReused,
                format!("the hold id '{id}' was already used"),
            ));
        }
        self.held = add_exact(self.held, amount).ok_or_else(overflow)?;
        let hold = Hold {
            amount,
            order,
            since: event.time,
            expires_at,
            state: HoldState::Open,
        };
        self.holds.insert(id, hold);
        Ok(())
    }

    fn capture(&mut self, event: &Envelope<'_>, id: &str, amount: Money) -> Result<(), Refusal> {
        let amount = self.in_currency(amount)?;
        let hold = self.open_hold(id)?;
        let order = hold.order.clone();
        if amount > hold.amount {
            return Err(Refusal::new(
                AnomalyKind::CaptureAboveHold,
                format!("the amount {amount} exceeds the {} of the hold '{id}'", hold.amount),
            ));
        }
        self.post(event, -amount, None, order)?;
        self.end_hold(id, HoldState::Captured)
    }

    fn reverse(&mut self, id: &str, amount: Money) -> Result<(), Refusal> {
        let amount = self.in_currency(amount)?;
        let entry = self.postings.get_mut(id).ok_or_else(|| {
            Refusal::new(
                AnomalyKind::UnknownEntry,
                format!("'{id}' is not a credit, debit or capture of this wallet"),
            )
        })?;
        let reversed = add_exact(entry.reversed, amount).ok_or_else(overflow)?;
        if reversed > entry.amount.abs() {
            return Err(Refusal::new(
                AnomalyKind::OverReversal,
                format!(
                    "the amount {amount} exceeds the {} of '{id}' that is not yet reversed",
                    entry.amount.abs() - entry.reversed
                ),
            ));
        }
        let back = if entry.amount.is_sign_negative() {
            amount
        } else {
            -amount
        };
        self.posted = add_exact(self.posted, back).ok_or_else(overflow)?;
        entry.reversed = reversed;
        Ok(())
    }

    fn open(&mut self, event: &Envelope<'_>, owner: Party, currency: Currency) -> Result<(), Refusal> {
        if self.status != WalletStatus::Unopened || self.owner.is_some() {
            return Err(Refusal::new(
                AnomalyKind::SecondOpening,
                "the wallet was already opened",
            ));
        }
        if event.sequence != 1 {
            return Err(Refusal::new(
                AnomalyKind::SecondOpening,
                format!(
                    "the opening must be the first event of a wallet, but is number {}",
                    event.sequence
                ),
            ));
        }
        self.status = WalletStatus::Open;
        self.owner = Some(owner);
        self.currency = Some(currency);
        self.posted = currency.zero();
        self.held = currency.zero();
        Ok(())
    }

    fn apply(&mut self, event: &Envelope<'_>, payload: WalletEvent) -> Result<(), Refusal> {
        match payload {
            WalletEvent::Opened { owner, currency } => self.open(event, owner, currency)?,
            WalletEvent::Credited {
                amount,
                kind,
                order,
                refund,
                ..
            } => {
                let amount = self.in_currency(amount)?;
                let refund = refund.filter(|_| kind == CreditKind::Refund);
                self.post(event, amount, refund, order)?;
            }
            WalletEvent::Debited { amount, order, .. } => {
                let amount = self.in_currency(amount)?;
                self.post(event, -amount, None, order)?;
            }
            WalletEvent::Held {
                hold,
                amount,
                order,
                expires_at,
            } => self.hold(event, hold, amount, order, expires_at)?,
            WalletEvent::HoldCaptured { hold, amount } => self.capture(event, &hold, amount)?,
            WalletEvent::HoldReleased { hold } => self.end_hold(&hold, HoldState::Released)?,
            WalletEvent::HoldExpired { hold } => self.end_hold(&hold, HoldState::Expired)?,
            WalletEvent::EntryReversed { reverses, amount, .. } => self.reverse(&reverses, amount)?,
            WalletEvent::Frozen { .. } => self.status = WalletStatus::Frozen,
            WalletEvent::Unfrozen => self.status = WalletStatus::Open,
            WalletEvent::Closed => self.status = WalletStatus::Closed,
        }
        Ok(())
    }
}

impl State for WalletState {
    fn evolve(&mut self, event: &Envelope<'_>) -> Evolved {
        self.last_time = Some(event.time);
        let payload = match WalletEvent::parse(event.r#type, event.data) {
            Ok(payload) => payload,
            Err(refusal) => return Evolved::Refused(refusal),
        };
        // Each step checks all that can be refused before it changes anything but the currency. A refused event may
        // have set the currency. The values from before the event are then restored.
        let before = (self.posted, self.held, self.currency);
        if let Err(refusal) = self.apply(event, payload) {
            (self.posted, self.held, self.currency) = before;
            return Evolved::Refused(refusal);
        }
        Evolved::Applied(self.notes(event))
    }

    /// Prevents the anomaly `NotOpened` if a filter leaves out the opening.
    fn pass_over(&mut self, entry: &Entry) {
        if entry.fields.r#type() == Some("wallet.opened") {
            self.unopened_noted = true;
        }
    }
}

impl WalletState {
    /// The anomalies of an event that was applied.
    fn notes(&mut self, event: &Envelope<'_>) -> Vec<Refusal> {
        let mut notes = Vec::new();
        if self.owner.is_none() && !self.unopened_noted {
            self.unopened_noted = true;
            notes.push(Refusal::new(
                AnomalyKind::NotOpened,
                "the wallet was never opened; its currency is that of its first money event",
            ));
        }
        if self.available() >= Decimal::ZERO {
            self.negative_since = None;
        } else if self.negative_since.is_none() {
            self.negative_since = Some(event.time);
            notes.push(Refusal::new(
                AnomalyKind::NegativeBalance,
                format!("available falls to {}", self.available()),
            ));
        }
        notes
    }
}

fn overflow() -> Refusal {
    Refusal::new(AnomalyKind::Overflow, "the balance would have more than 28 digits")
}
