//! Decides commands. `decide` on replayed states returns the exact events and the figures before and after, or the
//! reason for a rejection. It is synchronous and does no I/O, so the preview, the issue and a later approval use the
//! same rules, each on the states of its own time.

mod order;
mod wallet;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::command::{Action, Command, CommandName, Pin};
use crate::domain::{
    event::Envelope,
    fold::{Evolved, Fold, State},
    ids::{Domain, EntityId, Sequence},
    money::{Currency, Money},
    order::OrderState,
    refund::RefundState,
    replay::{Balances, OrderSums, Replayable as _},
    wallet::{WalletState, WalletStatus},
};

/// An entity with the fold of its stream.
#[derive(Clone, Debug)]
pub struct Loaded<S> {
    pub id: EntityId,
    pub fold: Fold<S>,
}

/// Why it is not certain which wallets were credited for a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Uncertain {
    #[error("the wallet store is still being read")]
    Loading,
    #[error("the wallet store does not answer")]
    Down,
    #[error("the read model can't be read or written")]
    ReadModel,
    #[error("newer events of the wallet store are not read yet")]
    Behind,
    /// The store has entries that its feed does not name.
    #[error("the wallet store has events that its feed does not name, so some may be unread")]
    Unfed,
    /// The store's identity changed, and the comparison of every wallet with it has not ended.
    #[error("the wallet store may have lost events, and the comparison with it has not ended")]
    Unchecked,
    #[error("some wallets can't be read")]
    Unreadable,
}

/// The wallets that were credited for a refund id, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownCredits {
    pub wallets: Vec<EntityId>,
    /// `None` means that there are no others.
    pub uncertain: Option<Uncertain>,
}

/// The state that a command is decided on. `None` means that the stream does not exist.
#[derive(Clone, Debug, Default)]
pub struct CommandState {
    pub wallet: Option<Loaded<WalletState>>,
    pub order: Option<Loaded<OrderState>>,
    /// The wallets that have a credit for the command's refund.
    pub credits: KnownCredits,
}

/// One event to append.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub domain: Domain,
    pub subject: EntityId,
    /// The sequence that the stream's last event has to have.
    pub at: Sequence,
    pub r#type: String,
    /// JSON.
    pub data: String,
    /// The idempotency key. If it is empty, the append uses a key of the case's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
}

/// The figures that a command changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<Balances>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderSums>,
    /// The state of the refund that the command is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<RefundState>,
}

/// What an operator should consider before going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Warning {
    #[error("the history of the {domain} is not complete, so its figures may be wrong")]
    HistoryIncomplete { domain: Domain },
    #[error("the wallet is frozen; the event is applied nevertheless")]
    WalletFrozen,
    #[error("available falls below zero, to {available}")]
    BecomesNegative { available: Decimal },
    /// Another wallet may have a credit for the refund.
    #[error("another wallet may have been credited for this refund: {why}")]
    CreditsUncertain { why: Uncertain },
    #[error("the refund is in processing; the provider may settle it at the same time")]
    InProcessing,
    #[error("the wallet already has the credit for this refund; only the order will get an event")]
    CreditedAlready,
    #[error("the order already has the success of this refund; only the wallet will get an event")]
    SucceededAlready,
}

impl Warning {
    /// Whether the command needs a second person, whatever the operator's limit.
    pub const fn needs_second_person(&self) -> bool {
        matches!(
            self,
            Self::HistoryIncomplete { .. } | Self::BecomesNegative { .. } | Self::CreditsUncertain { .. }
        )
    }
}

/// Why a command can't be carried out on the current states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Rejection {
    #[error("the {domain} {id} does not exist")]
    Unknown { domain: Domain, id: String },
    #[error("the wallet is closed")]
    WalletClosed,
    #[error("the amount is in {given}, and the {domain} in {needed}")]
    OtherCurrency {
        domain: Domain,
        given: Currency,
        needed: Currency,
    },
    #[error("the amount {amount} exceeds the available {available}")]
    InsufficientAvailable { amount: Decimal, available: Decimal },
    #[error("'{event}' is not a credit, debit or capture of this wallet")]
    UnknownEntry { event: String },
    #[error("'{event}' is already wholly reversed")]
    NothingToReverse { event: String },
    #[error("the amount {amount} exceeds the {left} of the entry that is not yet reversed")]
    AboveReversible { amount: Decimal, left: Decimal },
    #[error("there is no open hold '{hold}'")]
    NoOpenHold { hold: String },
    #[error("the order has no refund '{refund}'")]
    UnknownRefund { refund: String },
    #[error("the refund is {state}, which does not allow this command")]
    RefundState { state: RefundState },
    #[error("the refund does not go to a wallet; the payment provider settles it")]
    NotToWallet,
    #[error("the order names no wallet that could be credited")]
    NoWallet,
    #[error("the refund was already credited, to {wallet}")]
    AlreadyCredited { wallet: String },
    #[error("the order's refunds would exceed the {paid} that was paid")]
    ExceedsPaid { paid: Decimal },
    /// The fold would refuse the event.
    #[error("{message}")]
    NotApplicable { message: String },
}

/// The effect of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// In the order in which they have to be appended: at least one, at most one per stream.
    pub steps: Vec<Step>,
    pub before: Figures,
    pub after: Figures,
    /// The amount that counts towards limits.
    pub amount: Money,
    pub warnings: Vec<Warning>,
}

impl CommandState {
    /// The current positions of the streams that a command is bound to, its subject first.
    pub fn pins(&self, command: &Command) -> Vec<Pin> {
        let (domain, id) = command.action.subject();
        let wallet = self.wallet.as_ref().map(|stream| Pin {
            domain: Domain::Wallet,
            id: stream.id.clone(),
            sequence: stream.fold.sequence,
        });
        let order = self.order.as_ref().map(|stream| Pin {
            domain: Domain::Order,
            id: stream.id.clone(),
            sequence: stream.fold.sequence,
        });
        let mut pins: Vec<_> = order.into_iter().chain(wallet).collect();
        pins.sort_by_key(|pin| (pin.domain, &pin.id) != (domain, id));
        pins
    }

    /// The current figures, with the state of a refund if one is given.
    pub fn figures(&self, refund: Option<&str>) -> Figures {
        figures(
            self.wallet.as_ref().map(|stream| &stream.fold.state),
            self.order.as_ref().map(|stream| &stream.fold.state),
            refund,
        )
    }
}

/// Decides a command on the loaded state. `case` is the command's case; the events refer to it.
pub fn decide(
    command: &Command,
    loaded: &CommandState,
    case: &EntityId,
    now: DateTime<Utc>,
) -> Result<Decision, Rejection> {
    let (domain, id) = command.action.subject();
    let exists = match domain {
        Domain::Wallet => loaded.wallet.is_some(),
        Domain::Order => loaded.order.is_some(),
    };
    let unknown = || Rejection::Unknown {
        domain,
        id: id.to_string(),
    };
    if !exists {
        return Err(unknown());
    }
    let plan = match (&command.action, &loaded.wallet, &loaded.order) {
        (Action::CreditWallet { amount, .. }, Some(wallet), _) => wallet::credit(wallet, command, *amount)?,
        (Action::DebitWallet { amount, .. }, Some(wallet), _) => wallet::debit(wallet, command, *amount)?,
        (Action::ReverseEntry { event, amount, .. }, Some(wallet), _) => {
            wallet::reverse(wallet, command, event, *amount)?
        }
        (Action::ReleaseHold { hold, .. }, Some(wallet), _) => wallet::release(wallet, hold)?,
        (Action::SettleRefund { refund, .. }, wallet, Some(order)) => {
            order::settle(order, wallet.as_ref(), command, refund, &loaded.credits, case)?
        }
        (Action::RetryRefund { refund, .. }, _, Some(order)) => {
            order::step(order, command, refund, RefundState::Processing, case)?
        }
        (Action::CancelRefund { refund, .. }, _, Some(order)) => {
            order::step(order, command, refund, RefundState::Canceled, case)?
        }
        (Action::RejectRefund { refund, .. }, _, Some(order)) => {
            order::step(order, command, refund, RefundState::Rejected, case)?
        }
        (Action::ApproveRefund { refund, .. }, _, Some(order)) => {
            order::step(order, command, refund, RefundState::Approved, case)?
        }
        _ => return Err(unknown()),
    };
    foresee(plan, command, loaded, now)
}

/// The planned events of a command, before their effect is known.
struct Plan {
    steps: Vec<Step>,
    amount: Money,
    warnings: Vec<Warning>,
}

/// Folds the planned events. Rejects what the fold refuses. The figures are those that the fold has after the append.
fn foresee(plan: Plan, command: &Command, loaded: &CommandState, now: DateTime<Utc>) -> Result<Decision, Rejection> {
    let Plan {
        steps,
        amount,
        mut warnings,
    } = plan;
    let mut wallet = loaded.wallet.as_ref().map(|stream| stream.fold.state.clone());
    let mut order = loaded.order.as_ref().map(|stream| stream.fold.state.clone());
    let refund = command.action.refund();
    let before = figures(wallet.as_ref(), order.as_ref(), refund);
    for step in &steps {
        match step.domain {
            Domain::Wallet => evolve(wallet.as_mut(), step, now)?,
            Domain::Order => evolve(order.as_mut(), step, now)?,
        }
    }
    let after = figures(wallet.as_ref(), order.as_ref(), refund);
    if let (Some(was), Some(is)) = (before.wallet, after.wallet)
        && is.available < Decimal::ZERO
        && is.available < was.available
    {
        warnings.push(Warning::BecomesNegative {
            available: is.available,
        });
    }
    for (domain, complete) in [
        (
            Domain::Wallet,
            loaded.wallet.as_ref().map(|stream| stream.fold.complete),
        ),
        (Domain::Order, loaded.order.as_ref().map(|stream| stream.fold.complete)),
    ] {
        if complete == Some(false) {
            warnings.push(Warning::HistoryIncomplete { domain });
        }
    }
    let touched = steps.iter().any(|step| step.domain == Domain::Wallet);
    if touched && wallet.is_some_and(|state| state.status == WalletStatus::Frozen) {
        warnings.push(Warning::WalletFrozen);
    }
    Ok(Decision {
        steps,
        before,
        after,
        amount,
        warnings,
    })
}

fn evolve<S: State>(state: Option<&mut S>, step: &Step, now: DateTime<Utc>) -> Result<(), Rejection> {
    let Some(state) = state else {
        return Err(Rejection::Unknown {
            domain: step.domain,
            id: step.subject.to_string(),
        });
    };
    let event = Envelope {
        sequence: step.at + 1,
        // A placeholder. Event ids are not expected to begin and end with a space.
        id: " to be appended ",
        r#type: &step.r#type,
        time: now,
        actor: None,
        data: Some(&step.data),
    };
    match state.evolve(&event) {
        Evolved::Applied(_) => Ok(()),
        Evolved::Refused(refusal) => Err(Rejection::NotApplicable {
            message: refusal.message,
        }),
    }
}

fn figures(wallet: Option<&WalletState>, order: Option<&OrderState>, refund: Option<&str>) -> Figures {
    Figures {
        wallet: wallet.map(WalletState::figures),
        order: order.map(OrderState::figures),
        refund: order.and_then(|order| Some(order.refunds.get(refund?)?.state)),
    }
}

/// The commands that apply to a refund in a state, in the order in which a form offers them. The preview makes the
/// other checks, for example on credits and payments.
pub fn refund_commands(state: RefundState, to_wallet: bool) -> Vec<CommandName> {
    let mut commands = Vec::new();
    if state == RefundState::Requested {
        commands.extend([CommandName::ApproveRefund, CommandName::RejectRefund]);
    }
    if to_wallet && (state.can_become(RefundState::Succeeded) || state == RefundState::Succeeded) {
        commands.push(CommandName::SettleRefund);
    }
    if state == RefundState::Failed {
        commands.push(CommandName::RetryRefund);
    }
    if state.can_become(RefundState::Canceled) {
        commands.push(CommandName::CancelRefund);
    }
    commands
}
