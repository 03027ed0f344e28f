//! The commands on a wallet: credit, debit, reverse an entry, release a hold.

use rust_decimal::Decimal;

use super::{Loaded, Plan, Rejection, Step};
use crate::domain::{
    compensation::command::Command,
    ids::Domain,
    money::Money,
    refund::Reason,
    wallet::{CreditKind, DebitKind, HoldState, WalletEvent, WalletState, WalletStatus},
};

type Wallet = Loaded<WalletState>;

pub(super) fn credit(wallet: &Wallet, command: &Command, amount: Money) -> Result<Plan, Rejection> {
    takes_money(wallet, amount)?;
    let kind = if command.reason == Reason::Goodwill {
        CreditKind::Goodwill
    } else {
        CreditKind::Correction
    };
    let event = WalletEvent::Credited {
        amount,
        kind,
        order: None,
        refund: None,
        reference: None,
        note: Some(command.note.clone()),
    };
    Ok(one(wallet, &event, amount))
}

pub(super) fn debit(wallet: &Wallet, command: &Command, amount: Money) -> Result<Plan, Rejection> {
    takes_money(wallet, amount)?;
    let available = wallet.fold.state.available();
    if amount.amount() > available {
        return Err(Rejection::InsufficientAvailable {
            amount: amount.amount(),
            available,
        });
    }
    let event = WalletEvent::Debited {
        amount,
        kind: DebitKind::Correction,
        order: None,
        reference: None,
        note: Some(command.note.clone()),
    };
    Ok(one(wallet, &event, amount))
}

/// A reversal may take `available` below zero: a double credit can be reversed even if it was spent. Such a reversal
/// needs a second person.
pub(super) fn reverse(
    wallet: &Wallet,
    command: &Command,
    reverses: &str,
    amount: Option<Money>,
) -> Result<Plan, Rejection> {
    let state = &wallet.fold.state;
    let unknown = || Rejection::UnknownEntry {
        event: reverses.to_owned(),
    };
    let entry = state.postings.get(reverses).ok_or_else(unknown)?;
    let currency = state.currency.ok_or_else(unknown)?;
    let left = entry.amount.abs() - entry.reversed;
    if left <= Decimal::ZERO {
        return Err(Rejection::NothingToReverse {
            event: reverses.to_owned(),
        });
    }
    let amount = match amount {
        Some(amount) => amount,
        None => Money::parse(&left.to_string(), currency).map_err(|error| Rejection::NotApplicable {
            message: error.to_string(),
        })?,
    };
    takes_money(wallet, amount)?;
    if amount.amount() > left {
        return Err(Rejection::AboveReversible {
            amount: amount.amount(),
            left,
        });
    }
    let event = WalletEvent::EntryReversed {
        reverses: reverses.to_owned(),
        amount,
        reason: command.reason.as_str().to_owned(),
        note: Some(command.note.clone()),
    };
    Ok(one(wallet, &event, amount))
}

pub(super) fn release(wallet: &Wallet, hold: &str) -> Result<Plan, Rejection> {
    let state = &wallet.fold.state;
    let none = || Rejection::NoOpenHold { hold: hold.to_owned() };
    let open = state
        .holds
        .get(hold)
        .filter(|hold| hold.state == HoldState::Open)
        .ok_or_else(none)?;
    let currency = state.currency.ok_or_else(none)?;
    let amount = Money::parse(&open.amount.to_string(), currency).map_err(|error| Rejection::NotApplicable {
        message: error.to_string(),
    })?;
    let event = WalletEvent::HoldReleased { hold: hold.to_owned() };
    Ok(one(wallet, &event, amount))
}

/// What every movement of money requires of a wallet: it is not closed, and the currency is its own.
pub(super) fn takes_money(wallet: &Wallet, amount: Money) -> Result<(), Rejection> {
    let state = &wallet.fold.state;
    if state.status == WalletStatus::Closed {
        return Err(Rejection::WalletClosed);
    }
    match state.currency {
        Some(needed) if needed != amount.currency() => Err(Rejection::OtherCurrency {
            domain: Domain::Wallet,
            given: amount.currency(),
            needed,
        }),
        _ => Ok(()),
    }
}

pub(super) fn step(wallet: &Wallet, event: &WalletEvent) -> Step {
    Step {
        domain: Domain::Wallet,
        subject: wallet.id.clone(),
        at: wallet.fold.sequence,
        r#type: event.type_name().to_owned(),
        data: event.data().to_string(),
        key: String::new(),
    }
}

fn one(wallet: &Wallet, event: &WalletEvent, amount: Money) -> Plan {
    Plan {
        steps: vec![step(wallet, event)],
        amount,
        warnings: Vec::new(),
    }
}
