//! A short summary of an event for a column of a table. An event that can't be parsed has an empty summary; the
//! anomalies report it.

use crate::domain::{
    event::Entry,
    order::{OrderEvent, RefundStep},
    wallet::WalletEvent,
};

/// Summarises a wallet's event: the amount, and what it is for.
pub fn wallet(entry: &Entry) -> String {
    let Some(event) = entry
        .fields
        .r#type()
        .and_then(|kind| WalletEvent::parse(kind, entry.fields.data()).ok())
    else {
        return String::new();
    };
    match event {
        WalletEvent::Opened { owner, currency } => words(&[&owner.name.unwrap_or(owner.id), &currency]),
        WalletEvent::Credited {
            amount,
            kind,
            order,
            refund,
            ..
        } => {
            format!("+{}", words(&[&amount, &kind, &about(refund.or(order))]))
        }
        WalletEvent::Debited {
            amount, kind, order, ..
        } => format!("-{}", words(&[&amount, &kind, &about(order)])),
        WalletEvent::Held {
            hold, amount, order, ..
        } => words(&[&amount, &hold, &about(order)]),
        WalletEvent::HoldCaptured { hold, amount } => format!("-{}", words(&[&amount, &hold])),
        WalletEvent::HoldReleased { hold } | WalletEvent::HoldExpired { hold } => hold,
        WalletEvent::EntryReversed {
            reverses,
            amount,
            reason,
            ..
        } => words(&[&amount, &"of", &reverses, &reason]),
        WalletEvent::Frozen { reason } => reason,
        WalletEvent::Unfrozen | WalletEvent::Closed => String::new(),
    }
}

/// Summarises an order's event.
pub fn order(entry: &Entry) -> String {
    let Some(event) = entry
        .fields
        .r#type()
        .and_then(|kind| OrderEvent::parse(kind, entry.fields.data()).ok())
    else {
        return String::new();
    };
    match event {
        OrderEvent::Placed { total, .. } => total.to_string(),
        OrderEvent::Paid {
            payment,
            amount,
            method,
        } => words(&[&amount, &"by", &method, &payment]),
        OrderEvent::Shipped { reference } | OrderEvent::Delivered { reference } => reference.unwrap_or_default(),
        OrderEvent::Cancelled { reason } => reason.unwrap_or_default(),
        OrderEvent::RefundRequested {
            refund,
            amount,
            reason,
            destination,
            ..
        } => words(&[&refund, &amount, &reason, &"to", &destination]),
        OrderEvent::Refund(step) => refund_step(step),
    }
}

fn refund_step(step: RefundStep) -> String {
    let why = step.reason.or(step.failure).or(step.provider).unwrap_or_default();
    words(&[&step.refund, &why])
}

fn about(id: Option<String>) -> String {
    id.map(|id| format!("for {id}")).unwrap_or_default()
}

fn words(parts: &[&dyn ToString]) -> String {
    let parts: Vec<_> = parts
        .iter()
        .map(|part| part.to_string())
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}
