//! The commands on a refund: advance it in its order, or settle it, which also concerns the order's wallet.

use rust_decimal::Decimal;

use super::{KnownCredits, Loaded, Plan, Rejection, Step, Warning, wallet};
use crate::domain::{
    compensation::command::{Action, Command},
    ids::{Domain, EntityId},
    order::{OrderEvent, OrderState, RefundStep},
    refund::{Destination, Refund, RefundState},
    wallet::{CreditKind, Posting, WalletEvent, WalletState},
};

type Order = Loaded<OrderState>;

/// Moves a refund to `enters`.
pub(super) fn step(
    order: &Order,
    command: &Command,
    id: &str,
    enters: RefundState,
    case: &EntityId,
) -> Result<Plan, Rejection> {
    let refund = refund(order, id)?;
    // Only a failed refund can be retried. The system makes the first try.
    let retries_in_time = !matches!(command.action, Action::RetryRefund { .. }) || refund.state == RefundState::Failed;
    if !refund.state.can_become(enters) || !retries_in_time {
        return Err(Rejection::RefundState { state: refund.state });
    }
    if enters == RefundState::Approved {
        within_paid(order, committed(order) + refund.amount.amount())?;
    }
    Ok(Plan {
        steps: vec![order_step(order, command, id, enters, case)],
        amount: refund.amount,
        warnings: Vec::new(),
    })
}

/// Credits the wallet and records in the order that its refund has succeeded. An event that is already there is left
/// out.
pub(super) fn settle(
    order: &Order,
    wallet: Option<&Loaded<WalletState>>,
    command: &Command,
    id: &str,
    known: &KnownCredits,
    case: &EntityId,
) -> Result<Plan, Rejection> {
    let refund = refund(order, id)?;
    if refund.destination != Destination::Wallet {
        return Err(Rejection::NotToWallet);
    }
    let succeeded = refund.state == RefundState::Succeeded;
    if !succeeded && !refund.state.can_become(RefundState::Succeeded) {
        return Err(Rejection::RefundState { state: refund.state });
    }
    let named = order.fold.state.wallet.as_deref().ok_or(Rejection::NoWallet)?;
    let wallet = wallet
        .filter(|wallet| wallet.id.as_str() == named)
        .ok_or_else(|| Rejection::Unknown {
            domain: Domain::Wallet,
            id: named.to_owned(),
        })?;
    if let Some(other) = known.wallets.iter().find(|other| **other != wallet.id) {
        return Err(Rejection::AlreadyCredited {
            wallet: other.to_string(),
        });
    }
    wallet::takes_money(wallet, refund.amount)?;
    let more = if succeeded {
        Decimal::ZERO
    } else {
        refund.amount.amount()
    };
    within_paid(order, order.fold.state.refunded + more)?;

    let credits = credits_for(&wallet.fold.state, id);
    let standing: Vec<_> = credits.iter().filter(|credit| !credit.wholly_reversed()).collect();
    let credited = match standing.as_slice() {
        [] => false,
        // The whole credit is there, and only the order's event is missing.
        [credit] if credit.amount == refund.amount.amount() && credit.reversed.is_zero() && !succeeded => true,
        _ => {
            return Err(Rejection::AlreadyCredited {
                wallet: wallet.id.to_string(),
            });
        }
    };
    let mut warnings = Vec::new();
    let mut steps = Vec::new();
    if credited {
        warnings.push(Warning::CreditedAlready);
    } else {
        warnings.extend(known.uncertain.map(|why| Warning::CreditsUncertain { why }));
        let event = WalletEvent::Credited {
            amount: refund.amount,
            kind: CreditKind::Refund,
            order: Some(order.id.to_string()),
            refund: Some(id.to_owned()),
            // The case id distinguishes the credits of two cases.
            reference: Some(case.to_string()),
            note: Some(command.note.clone()),
        };
        steps.push(Step {
            // Every settlement of this refund uses this key, so the refund is credited once. The key counts the credits
            // so far: after a credit was wholly reversed, one more is possible.
            key: format!("settle:{}:{id}:{}", order.id, credits.len()),
            ..wallet::step(wallet, &event)
        });
    }
    if succeeded {
        warnings.push(Warning::SucceededAlready);
    } else {
        steps.push(order_step(order, command, id, RefundState::Succeeded, case));
    }
    if refund.state == RefundState::Processing {
        warnings.push(Warning::InProcessing);
    }
    Ok(Plan {
        steps,
        amount: refund.amount,
        warnings,
    })
}

/// Every credit of kind `refund` for this refund, reversed or not.
fn credits_for<'a>(wallet: &'a WalletState, refund: &str) -> Vec<&'a Posting> {
    wallet
        .postings
        .values()
        .filter(|posting| posting.refund.as_deref() == Some(refund))
        .collect()
}

fn refund<'a>(order: &'a Order, id: &str) -> Result<&'a Refund, Rejection> {
    order
        .fold
        .state
        .refunds
        .get(id)
        .ok_or_else(|| Rejection::UnknownRefund { refund: id.to_owned() })
}

/// The sum of the refunds that have succeeded or are pending, without those that are only requested.
fn committed(order: &Order) -> Decimal {
    let state = &order.fold.state;
    let agreed = state
        .refunds
        .values()
        .filter(|refund| refund.state.is_pending() && refund.state != RefundState::Requested);
    // At most the sum of all requests, which the fold keeps within 28 digits.
    agreed.fold(state.refunded, |sum, refund| sum + refund.amount.amount())
}

/// Rejects refunds that exceed what was paid.
fn within_paid(order: &Order, goes_back: Decimal) -> Result<(), Rejection> {
    let paid = order.fold.state.paid;
    if goes_back > paid {
        return Err(Rejection::ExceedsPaid { paid });
    }
    Ok(())
}

fn order_step(order: &Order, command: &Command, id: &str, enters: RefundState, case: &EntityId) -> Step {
    let refers = matches!(enters, RefundState::Succeeded | RefundState::Processing);
    let event = OrderEvent::Refund(RefundStep {
        refund: id.to_owned(),
        enters,
        reason: (enters == RefundState::Rejected).then(|| command.reason.as_str().to_owned()),
        failure: None,
        note: (!refers).then(|| command.note.clone()),
        message: None,
        provider: None,
        reference: refers.then(|| case.to_string()),
    });
    Step {
        domain: Domain::Order,
        subject: order.id.clone(),
        at: order.fold.sequence,
        r#type: event.type_name().to_owned(),
        data: event.data().to_string(),
        key: String::new(),
    }
}
