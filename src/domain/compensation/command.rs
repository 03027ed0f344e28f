//! The commands of contract §7: what a person can ask for. A command names its subject and says why; it holds no state,
//! so the same command can be decided again on whatever the streams have become.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ids::{Domain, EntityId, Sequence},
    money::Money,
    payload::states,
    refund::Reason,
};

/// Characters of a note at most.
pub const NOTE_MAX: usize = 500;
/// Above so many minor units (100.00 EUR, 10,000 JPY) the amount has to be typed again.
pub const RETYPE_ABOVE_MINOR: i64 = 10_000;

states! {
    /// What a command is called, in forms and in cases.
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
    /// Whether the form asks for an amount: `Some(true)` it must, `Some(false)` it may (nothing: all that is left).
    pub const fn takes_amount(self) -> Option<bool> {
        match self {
            Self::CreditWallet | Self::DebitWallet => Some(true),
            Self::ReverseEntry => Some(false),
            _ => None,
        }
    }

    /// The domain that its subject, a wallet or an order, is of.
    pub const fn domain(self) -> Domain {
        match self {
            Self::CreditWallet | Self::DebitWallet | Self::ReverseEntry | Self::ReleaseHold => Domain::Wallet,
            Self::SettleRefund | Self::RetryRefund | Self::CancelRefund | Self::RejectRefund | Self::ApproveRefund => {
                Domain::Order
            }
        }
    }
}

/// What is asked for, with its subject.
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
    /// `event` is the id of a credit, debit or capture of the wallet; without an amount, all of it that is not reversed yet.
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

/// An action and why: a reason code of contract §5 and a note for those who read the case later.
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

    /// The wallet or order that it is about. Settling a refund concerns the order's wallet as well.
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

    /// The refund that it is about.
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

/// Where a stream was when a person looked at it. An append that follows from it is refused anywhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub domain: Domain,
    pub id: EntityId,
    /// Of the last event that was seen; 0 where the stream does not exist.
    pub sequence: Sequence,
}

/// Positions in one form at most.
const PINS_MAX: usize = 4;

/// Positions as a form carries them: `order:O-1:5,wallet:W-1:7`.
pub fn pins_text(pins: &[Pin]) -> String {
    let texts: Vec<_> = pins
        .iter()
        .map(|pin| format!("{}:{}:{}", pin.domain, pin.id, pin.sequence))
        .collect();
    texts.join(",")
}

/// Reads what [`pins_text`] wrote; nothing where that can't be read.
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
    fn positions_read_back_and_nonsense_does_not() {
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
