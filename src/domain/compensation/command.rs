//! The commands of contract §7. A command names its subject and its reason. It holds no state, so it can be decided
//! again on a later state of the streams.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ids::{Domain, EntityId, Sequence},
    money::Money,
    payload::states,
    refund::Reason,
};

/// Maximum number of characters of a note.
pub const NOTE_MAX: usize = 500;
/// An amount of more minor units than this (100.00 EUR, 10,000 JPY) has to be typed again.
pub const RETYPE_ABOVE_MINOR: i64 = 10_000;

states! {
    /// The name of a command, in forms and in cases.
    CommandName {
        CreditWallet = "credit_wallet",
        DebitWallet = "debit_wallet",
        ReverseEntry = "reverse_entry",
        ReleaseHold = "release_hold",
        SettleRefund = "settle_refund",
        RetryRefund = "retry_refund",
        CancelRefund = "cancel_refund",
        RejectRefund = "reject_refund",
        ApproveRefund = "approve_refund",
    }
}

impl CommandName {
    /// Whether the form has an amount: `Some(true)` required, `Some(false)` optional (empty means all that is left),
    /// `None` no amount.
    pub const fn takes_amount(self) -> Option<bool> {
        match self {
            Self::CreditWallet | Self::DebitWallet => Some(true),
            Self::ReverseEntry => Some(false),
            _ => None,
        }
    }

    /// The domain of the command's subject, a wallet or an order.
    pub const fn domain(self) -> Domain {
        match self {
            Self::CreditWallet | Self::DebitWallet | Self::ReverseEntry | Self::ReleaseHold => Domain::Wallet,
            Self::SettleRefund | Self::RetryRefund | Self::CancelRefund | Self::RejectRefund | Self::ApproveRefund => {
                Domain::Order
            }
        }
    }
}

/// What a command does, with its subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Action {
    CreditWallet {
        wallet: EntityId,
        amount: Money,
    },
    DebitWallet {
        wallet: EntityId,
        amount: Money,
    },
    /// `event` is the id of a credit, debit or capture of the wallet. Without an amount, all that is not reversed yet
    /// is reversed.
    ReverseEntry {
        wallet: EntityId,
        event: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    ReleaseHold {
        wallet: EntityId,
        hold: String,
    },
    SettleRefund {
        order: EntityId,
        refund: String,
    },
    RetryRefund {
        order: EntityId,
        refund: String,
    },
    CancelRefund {
        order: EntityId,
        refund: String,
    },
    RejectRefund {
        order: EntityId,
        refund: String,
    },
    ApproveRefund {
        order: EntityId,
        refund: String,
    },
}

/// An action with its reason: a reason code of contract §5, and a note for readers of the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    #[serde(flatten)]
    pub action: Action,
    pub reason: Reason,
    /// 1 to [`NOTE_MAX`] characters.
    pub note: String,
}

impl Action {
    pub const fn name(&self) -> CommandName {
        match self {
            Self::CreditWallet { .. } => CommandName::CreditWallet,
            Self::DebitWallet { .. } => CommandName::DebitWallet,
            Self::ReverseEntry { .. } => CommandName::ReverseEntry,
            Self::ReleaseHold { .. } => CommandName::ReleaseHold,
            Self::SettleRefund { .. } => CommandName::SettleRefund,
            Self::RetryRefund { .. } => CommandName::RetryRefund,
            Self::CancelRefund { .. } => CommandName::CancelRefund,
            Self::RejectRefund { .. } => CommandName::RejectRefund,
            Self::ApproveRefund { .. } => CommandName::ApproveRefund,
        }
    }

    /// The wallet or order that the action is about. Settling a refund also concerns the order's wallet.
    pub const fn subject(&self) -> (Domain, &EntityId) {
        match self {
            Self::CreditWallet { wallet, .. }
            | Self::DebitWallet { wallet, .. }
            | Self::ReverseEntry { wallet, .. }
            | Self::ReleaseHold { wallet, .. } => (Domain::Wallet, wallet),
            Self::SettleRefund { order, .. }
            | Self::RetryRefund { order, .. }
            | Self::CancelRefund { order, .. }
            | Self::RejectRefund { order, .. }
            | Self::ApproveRefund { order, .. } => (Domain::Order, order),
        }
    }

    /// The refund that the action is about.
    pub fn refund(&self) -> Option<&str> {
        match self {
            Self::SettleRefund { refund, .. }
            | Self::RetryRefund { refund, .. }
            | Self::CancelRefund { refund, .. }
            | Self::RejectRefund { refund, .. }
            | Self::ApproveRefund { refund, .. } => Some(refund),
            _ => None,
        }
    }
}

/// The position of a stream when a person looked at it. An append that is bound to it is refused if the stream has
/// moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub domain: Domain,
    pub id: EntityId,
    /// The sequence of the last event seen; 0 if the stream does not exist.
    pub sequence: Sequence,
}

/// Maximum number of positions in one form.
const PINS_MAX: usize = 4;

/// Positions as a form sends them: `order:O-1:5,wallet:W-1:7`.
pub fn pins_text(pins: &[Pin]) -> String {
    let texts: Vec<_> = pins
        .iter()
        .map(|pin| format!("{}:{}:{}", pin.domain, pin.id, pin.sequence))
        .collect();
    texts.join(",")
}

/// Parses what [`pins_text`] wrote; `None` if it can't be parsed.
pub fn parse_pins(text: &str) -> Option<Vec<Pin>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let pin = |part: &str| {
        let mut words = part.split(':');
        let pin = Pin {
            domain: words.next()?.parse().ok()?,
            id: words.next()?.parse().ok()?,
            sequence: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(pin)
    };
    let parts: Vec<_> = text.split(',').take(PINS_MAX + 1).collect();
    if parts.len() > PINS_MAX {
        return None;
    }
    parts.into_iter().map(pin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_flat_json_and_reads_back() {
        let command = Command {
            action: Action::CreditWallet {
                wallet: EntityId::new("W-1").unwrap(),
                amount: Money::parse("5", "EUR".parse().unwrap()).unwrap(),
            },
            reason: Reason::Goodwill,
            note: "late".into(),
        };
        let json = serde_json::to_string(&command).unwrap();
        assert_eq!(
            json,
            r#"{"name":"credit_wallet","wallet":"W-1","amount":{"amount":"5.00","currency":"EUR"},"reason":"goodwill","note":"late"}"#
        );
        assert_eq!(serde_json::from_str::<Command>(&json).unwrap(), command);
    }

    #[test]
    fn positions_read_back_and_invalid_texts_are_refused() {
        let text = "order:O-1:5,wallet:W-1:7";
        let pins = parse_pins(text).unwrap();
        assert_eq!(pins_text(&pins), text);
        assert_eq!(parse_pins("").unwrap(), []);
        for bad in [
            "order",
            "order:O-1",
            "order:O-1:x",
            "queue:O-1:1",
            "order:feed:1",
            "order:O-1:1:1",
            ",",
        ] {
            assert!(parse_pins(bad).is_none(), "{bad}");
        }
        assert!(parse_pins(&["wallet:W-1:1"; 5].join(",")).is_none());
    }
}
