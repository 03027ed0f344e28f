//! Orders: their events (contract §5) and the fold to what was paid, refunded, is pending and is refundable. Refunds
//! are part of their order. Whether a wallet was credited is not known here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    event::Envelope,
    fold::{AnomalyKind, Evolved, Refusal, State},
    money::{Currency, Money, add_exact},
    payload::{Payload, codes, states},
    refund::{Destination, Reason, Refund, RefundState, Transition},
    wallet::Party,
};

codes! {
    /// How an order was paid.
    Method { Wallet = "wallet", Card = "card", BankTransfer = "bank_transfer", Unlisted = "other" }
}
states! {
    /// The last status of an order; `Unknown` if no event that sets one could be read.
    OrderStatus {
        Unknown = "unknown",
        Placed = "placed",
        Paid = "paid",
        Shipped = "shipped",
        Delivered = "delivered",
        Cancelled = "cancelled",
    }
}

/// One line of an order, for display. A line whose `sku`, `quantity` or `unit_price` can't be read is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub sku: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub quantity: i64,
    pub unit_price: Money,
}

impl Line {
    /// Quantity × unit price; `None` if the product has too many digits to be exact.
    pub fn amount(&self) -> Option<Decimal> {
        let price = self.unit_price.amount();
        let amount = price.checked_mul(Decimal::from(self.quantity))?;
        // A Decimal that runs out of digits rounds; a smaller scale shows that.
        (amount.scale() == price.scale()).then_some(amount)
    }

    fn read(payload: &Payload<'_>) -> Option<Self> {
        Some(Self {
            sku: payload.optional("sku")?,
            title: payload.optional("title"),
            quantity: payload.integer("quantity")?,
            unit_price: payload.money("unit_price").ok()?,
        })
    }
}

/// An order event's payload (contract §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    Placed {
        wallet: Option<String>,
        customer: Option<Party>,
        total: Money,
        lines: Vec<Line>,
    },
    Paid {
        payment: String,
        amount: Money,
        method: Method,
    },
    Shipped {
        reference: Option<String>,
    },
    Delivered {
        reference: Option<String>,
    },
    Cancelled {
        reason: Option<String>,
    },
    RefundRequested {
        refund: String,
        amount: Money,
        reason: Reason,
        destination: Destination,
        note: Option<String>,
        lines: Vec<Line>,
    },
    /// Every later step of a refund. It only enters a state.
    Refund(RefundStep),
}

/// A step of a refund after its request. The state that it enters determines which texts it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundStep {
    pub refund: String,
    pub enters: RefundState,
    /// Required for rejected and reversed, otherwise `None`.
    pub reason: Option<String>,
    /// Required for failed, otherwise `None`.
    pub failure: Option<String>,
    pub note: Option<String>,
    pub message: Option<String>,
    pub provider: Option<String>,
    pub reference: Option<String>,
}

impl RefundStep {
    /// A step with the refund's id and no texts.
    pub fn new(refund: impl Into<String>, enters: RefundState) -> Self {
        Self {
            refund: refund.into(),
            enters,
            reason: None,
            failure: None,
            note: None,
            message: None,
            provider: None,
            reference: None,
        }
    }

    fn read(enters: RefundState, data: &Payload<'_>) -> Result<Self, Refusal> {
        let needs_reason = matches!(enters, RefundState::Rejected | RefundState::Reversed);
        let reason = if needs_reason {
            Some(data.text("reason")?.to_owned())
        } else {
            None
        };
        let failure = if enters == RefundState::Failed {
            Some(data.text("failure")?.to_owned())
        } else {
            None
        };
        Ok(Self {
            refund: data.name("refund")?.to_owned(),
            enters,
            reason,
            failure,
            note: data.optional("note"),
            message: data.optional("message"),
            provider: data.optional("provider"),
            reference: data.optional("reference"),
        })
    }
}

/// Event types of refund steps and the states that they enter.
const STEPS: [(&str, RefundState); 7] = [
    ("order.refund_approved", RefundState::Approved),
    ("order.refund_rejected", RefundState::Rejected),
    ("order.refund_processing", RefundState::Processing),
    ("order.refund_succeeded", RefundState::Succeeded),
    ("order.refund_failed", RefundState::Failed),
    ("order.refund_canceled", RefundState::Canceled),
    ("order.refund_reversed", RefundState::Reversed),
];

impl OrderEvent {
    /// Parses a payload by its event type. Unknown fields and codes are accepted; unknown types and versions are
    /// errors.
    pub fn parse(r#type: &str, data: Option<&str>) -> Result<Self, Refusal> {
        let read = || Payload::parse(data);
        Ok(match r#type {
            "order.placed" => {
                let data = read()?;
                Self::Placed {
                    wallet: data.optional("wallet"),
                    customer: data.object("customer").and_then(|party| Party::read(party).ok()),
                    total: data.money("total")?,
                    lines: data.objects("lines").filter_map(Line::read).collect(),
                }
            }
            "order.paid" => {
                let data = read()?;
                Self::Paid {
                    payment: data.name("payment")?.to_owned(),
                    amount: data.money("amount")?,
                    method: data.text("method")?.into(),
                }
            }
            "order.shipped" => Self::Shipped {
                reference: read()?.optional("reference"),
            },
            "order.delivered" => Self::Delivered {
                reference: read()?.optional("reference"),
            },
            "order.cancelled" => Self::Cancelled {
                reason: read()?.optional("reason"),
            },
            "order.refund_requested" => {
                let data = read()?;
                Self::RefundRequested {
                    refund: data.name("refund")?.to_owned(),
                    amount: data.money("amount")?,
                    reason: data.text("reason")?.into(),
                    destination: data.text("destination")?.into(),
                    note: data.optional("note"),
                    lines: data.objects("lines").filter_map(Line::read).collect(),
                }
            }
            other => {
                let step = STEPS.iter().find(|(name, _)| *name == other);
                let (_, enters) = step.ok_or_else(|| {
                    Refusal::new(
                        AnomalyKind::UnknownType,
                        format!("'{other}' is an unknown type or version of an order event"),
                    )
                })?;
                Self::Refund(RefundStep::read(*enters, &read()?)?)
            }
        })
    }

    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Placed { .. } => "order.placed",
            Self::Paid { .. } => "order.paid",
            Self::Shipped { .. } => "order.shipped",
            Self::Delivered { .. } => "order.delivered",
            Self::Cancelled { .. } => "order.cancelled",
            Self::RefundRequested { .. } => "order.refund_requested",
            Self::Refund(step) => STEPS
                .iter()
                .find(|(_, enters)| *enters == step.enters)
                .map_or("order.refund_requested", |(name, _)| name),
        }
    }

    /// The payload as JSON, without fields that are `None` or empty lists.
    pub fn data(&self) -> Value {
        let mut data = match self {
            Self::Placed {
                wallet,
                customer,
                total,
                lines,
            } => {
                json!({"wallet": wallet, "customer": customer, "total": total, "lines": lines})
            }
            Self::Paid {
                payment,
                amount,
                method,
            } => json!({"payment": payment, "amount": amount, "method": method}),
            Self::Shipped { reference } | Self::Delivered { reference } => json!({"reference": reference}),
            Self::Cancelled { reason } => json!({"reason": reason}),
            Self::RefundRequested {
                refund,
                amount,
                reason,
                destination,
                note,
                lines,
            } => json!({
                "refund": refund, "amount": amount, "reason": reason, "destination": destination, "note": note, "lines": lines,
            }),
            Self::Refund(step) => json!({
                "refund": step.refund, "reason": step.reason, "failure": step.failure, "note": step.note,
                "message": step.message, "provider": step.provider, "reference": step.reference,
            }),
        };
        if let Value::Object(fields) = &mut data {
            fields.retain(|_, value| !value.is_null() && !value.as_array().is_some_and(Vec::is_empty));
        }
        data
    }
}

/// The state of an order after its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderState {
    pub status: OrderStatus,
    pub wallet: Option<String>,
    pub customer: Option<Party>,
    pub currency: Option<Currency>,
    pub total: Option<Decimal>,
    pub paid: Decimal,
    /// The sum of the succeeded refunds.
    pub refunded: Decimal,
    /// The sum of the pending refunds.
    pub pending: Decimal,
    pub placed_at: Option<DateTime<Utc>>,
    /// Effective time of the last event whose envelope could be read.
    pub last_time: Option<DateTime<Utc>>,
    /// Refunds by id.
    pub refunds: BTreeMap<String, Refund>,
    /// The sum of all refunds ever requested. It has at most 28 digits, so that no sum over refunds can overflow.
    requested: Decimal,
    placed: bool,
    payments: u64,
}

impl Default for OrderState {
    fn default() -> Self {
        Self {
            status: OrderStatus::Unknown,
            wallet: None,
            customer: None,
            currency: None,
            total: None,
            paid: Decimal::ZERO,
            refunded: Decimal::ZERO,
            pending: Decimal::ZERO,
            placed_at: None,
            last_time: None,
            refunds: BTreeMap::new(),
            requested: Decimal::ZERO,
            placed: false,
            payments: 0,
        }
    }
}

impl OrderState {
    fn zero(&self) -> Decimal {
        self.currency.map_or(Decimal::ZERO, |currency| currency.zero())
    }

    /// What can still be refunded: paid − refunded − pending, at least zero.
    pub fn refundable(&self) -> Decimal {
        let rest = self.paid - self.refunded - self.pending;
        if rest > Decimal::ZERO { rest } else { self.zero() }
    }

    /// The amount, if it is in the order's currency. An order without a readable `order.placed` takes the currency of
    /// its first money event.
    fn in_currency(&mut self, money: Money) -> Result<Decimal, Refusal> {
        match self.currency {
            Some(currency) if currency != money.currency() => Err(Refusal::new(
                AnomalyKind::CurrencyMismatch,
                format!("the event is in {}, the order in {currency}", money.currency()),
            )),
            Some(_) => Ok(money.amount()),
            None => {
                self.currency = Some(money.currency());
                let zero = money.currency().zero();
                (self.paid, self.refunded, self.pending, self.requested) = (zero, zero, zero, zero);
                Ok(money.amount())
            }
        }
    }

    fn place(
        &mut self,
        event: &Envelope<'_>,
        wallet: Option<String>,
        customer: Option<Party>,
        total: Money,
    ) -> Result<(), Refusal> {
        if self.placed {
            return Err(Refusal::new(AnomalyKind::SecondOpening, "the order was already placed"));
        }
        self.total = Some(self.in_currency(total)?);
        self.placed = true;
        self.wallet = wallet;
        self.customer = customer;
        self.placed_at = Some(event.time);
        self.status = OrderStatus::Placed;
        Ok(())
    }

    fn pay(&mut self, amount: Money) -> Result<(), Refusal> {
        let amount = self.in_currency(amount)?;
        self.paid = add_exact(self.paid, amount).ok_or_else(overflow)?;
        if self.payments == 0 {
            self.status = OrderStatus::Paid;
        }
        self.payments += 1;
        Ok(())
    }

    fn request(&mut self, id: String, refund: Refund) -> Result<(), Refusal> {
        if self.refunds.contains_key(&id) {
            return Err(Refusal::new(
                AnomalyKind::TransitionNotAllowed,
                format!("the refund '{id}' was already requested"),
            ));
        }
        let amount = self.in_currency(refund.amount)?;
        self.requested = add_exact(self.requested, amount).ok_or_else(overflow)?;
        self.pending += amount;
        self.refunds.insert(id, refund);
        Ok(())
    }

    /// The sum that a refund in this state counts towards. It never exceeds `requested`, so it can't overflow.
    fn sum_of(&mut self, state: RefundState) -> Option<&mut Decimal> {
        match state {
            RefundState::Succeeded => Some(&mut self.refunded),
            pending if pending.is_pending() => Some(&mut self.pending),
            _ => None,
        }
    }

    fn step(&mut self, event: &Envelope<'_>, step: RefundStep) -> Result<(), Refusal> {
        let refund = self.refunds.get_mut(&step.refund).ok_or_else(|| {
            Refusal::new(
                AnomalyKind::UnknownRefund,
                format!("the refund '{}' was never requested", step.refund),
            )
        })?;
        if !refund.state.can_become(step.enters) {
            return Err(Refusal::new(
                AnomalyKind::TransitionNotAllowed,
                format!(
                    "the refund '{}' is {} and can't become {}",
                    step.refund, refund.state, step.enters
                ),
            ));
        }
        let left = std::mem::replace(&mut refund.state, step.enters);
        refund.state_since = event.time;
        refund.transitions.push(Transition {
            state: step.enters,
            at: event.time,
        });
        refund.ever_approved |= step.enters == RefundState::Approved;
        if step.failure.is_some() {
            refund.failure = step.failure;
        }
        let amount = refund.amount.amount();
        if let Some(sum) = self.sum_of(left) {
            *sum -= amount;
        }
        if let Some(sum) = self.sum_of(step.enters) {
            *sum += amount;
        }
        Ok(())
    }

    fn apply(&mut self, event: &Envelope<'_>, payload: OrderEvent) -> Result<(), Refusal> {
        match payload {
            OrderEvent::Placed {
                wallet,
                customer,
                total,
                ..
            } => self.place(event, wallet, customer, total)?,
            OrderEvent::Paid { amount, .. } => self.pay(amount)?,
            OrderEvent::Shipped { .. } => self.status = OrderStatus::Shipped,
            OrderEvent::Delivered { .. } => self.status = OrderStatus::Delivered,
            OrderEvent::Cancelled { .. } => self.status = OrderStatus::Cancelled,
            OrderEvent::RefundRequested {
                refund,
                amount,
                reason,
                destination,
                note,
                ..
            } => {
                let requested = Refund {
                    amount,
                    destination,
                    reason,
                    note,
                    state: RefundState::Requested,
                    requested_at: event.time,
                    state_since: event.time,
                    ever_approved: false,
                    failure: None,
                    transitions: vec![Transition {
                        state: RefundState::Requested,
                        at: event.time,
                    }],
                };
                self.request(refund, requested)?;
            }
            OrderEvent::Refund(step) => self.step(event, step)?,
        }
        Ok(())
    }
}

impl State for OrderState {
    fn evolve(&mut self, event: &Envelope<'_>) -> Evolved {
        self.last_time = Some(event.time);
        let payload = match OrderEvent::parse(event.r#type, event.data) {
            Ok(payload) => payload,
            Err(refusal) => return Evolved::Refused(refusal),
        };
        // A refused event may have set the currency. The values from before the event are then restored.
        let before = (self.currency, self.paid, self.refunded, self.pending, self.requested);
        match self.apply(event, payload) {
            Ok(()) => Evolved::Applied(Vec::new()),
            Err(refusal) => {
                (self.currency, self.paid, self.refunded, self.pending, self.requested) = before;
                Evolved::Refused(refusal)
            }
        }
    }
}

fn overflow() -> Refusal {
    Refusal::new(AnomalyKind::Overflow, "the sum would have more than 28 digits")
}
