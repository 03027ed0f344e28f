//! Findings: what does not fit together between wallets and orders (contract §8). Pure functions over folded states and
//! a given `now`. Wallets and orders are checked together, because refunds get lost between the two domains.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    ids::EntityId,
    money::Currency,
    order::OrderState,
    payload::states,
    refund::{Destination, Refund, RefundState, utc_text},
    wallet::{Hold, WalletState},
};

states! {
    /// The kind of a finding.
    FindingKind {
        SucceededNotCredited = "succeeded_not_credited",
        CreditedNotSucceeded = "credited_not_succeeded",
        CreditedWithoutApproval = "credited_without_approval",
        CreditedTwice = "credited_twice",
        AmountMismatch = "amount_mismatch",
        OverRefunded = "over_refunded",
        CreditForUnknownRefund = "credit_for_unknown_refund",
        HoldNeverResolved = "hold_never_resolved",
        NegativeBalance = "negative_balance",
        HistoryIncomplete = "history_incomplete",
    }
}
states! {
    /// How bad a finding is: `critical` where money went wrong, `high` where money is missing or may be, `medium` where
    /// somebody should look.
    Severity { Critical = "critical", High = "high", Medium = "medium" }
}

impl FindingKind {
    pub const fn severity(self) -> Severity {
        match self {
            Self::CreditedTwice | Self::OverRefunded | Self::CreditedWithoutApproval => Severity::Critical,
            Self::SucceededNotCredited
            | Self::AmountMismatch
            | Self::CreditForUnknownRefund
            | Self::NegativeBalance => Severity::High,
            Self::CreditedNotSucceeded | Self::HoldNeverResolved | Self::HistoryIncomplete => Severity::Medium,
        }
    }
}

/// One finding. Fields that do not apply to it are `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub finding: FindingKind,
    pub severity: Severity,
    pub refund: Option<String>,
    pub order: Option<String>,
    pub wallet: Option<String>,
    pub amount: Option<Decimal>,
    pub currency: Option<Currency>,
    #[serde(serialize_with = "optional_utc_text")]
    pub since: Option<DateTime<Utc>>,
    pub explanation: String,
}

#[expect(clippy::ref_option, reason = "the shape that serde wants")]
fn optional_utc_text<S: serde::Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => utc_text::serialize(time, serializer),
        None => serializer.serialize_none(),
    }
}

/// A folded wallet.
#[derive(Clone, Copy, Debug)]
pub struct WalletFacts<'a> {
    pub id: &'a EntityId,
    pub state: &'a WalletState,
    pub complete: bool,
}

/// A folded order.
#[derive(Clone, Copy, Debug)]
pub struct OrderFacts<'a> {
    pub id: &'a EntityId,
    pub state: &'a OrderState,
    pub complete: bool,
}

/// A refund of an order, with the fields that findings need.
#[derive(Clone, Copy, Debug)]
pub struct RefundFacts<'a> {
    pub order: &'a str,
    /// The wallet that the order names.
    pub wallet: Option<&'a str>,
    pub amount: Decimal,
    pub currency: Currency,
    pub state: RefundState,
    pub to_wallet: bool,
    pub ever_approved: bool,
    pub state_since: DateTime<Utc>,
}

/// A credit of kind `refund` that was not wholly reversed.
#[derive(Clone, Copy, Debug)]
pub struct Credit<'a> {
    pub wallet: &'a str,
    /// The wallet's currency.
    pub currency: Option<Currency>,
    pub amount: Decimal,
    pub time: DateTime<Utc>,
    /// The order that the credit names.
    pub order: Option<&'a str>,
}

/// An order's sums.
#[derive(Clone, Copy, Debug)]
pub struct OrderSums<'a> {
    pub id: &'a str,
    pub wallet: Option<&'a str>,
    pub currency: Option<Currency>,
    pub paid: Decimal,
    pub refunded: Decimal,
    /// When the last succeeded refund succeeded.
    pub last_succeeded: Option<DateTime<Utc>>,
    pub complete: bool,
}

/// A wallet's balance.
#[derive(Clone, Copy, Debug)]
pub struct WalletBalance<'a> {
    pub id: &'a str,
    pub currency: Option<Currency>,
    pub available: Decimal,
    pub negative_since: Option<DateTime<Utc>>,
    pub complete: bool,
}

/// An open hold that can expire.
#[derive(Clone, Copy, Debug)]
pub struct ExpiringHold<'a> {
    pub wallet: &'a str,
    pub currency: Option<Currency>,
    pub hold: &'a str,
    pub order: Option<&'a str>,
    pub amount: Decimal,
    pub expires_at: DateTime<Utc>,
}

impl Finding {
    fn new(finding: FindingKind, explanation: String) -> Self {
        Self {
            finding,
            severity: finding.severity(),
            refund: None,
            order: None,
            wallet: None,
            amount: None,
            currency: None,
            since: None,
            explanation,
        }
    }

    fn of_refund(finding: FindingKind, id: &str, refund: &RefundFacts<'_>, explanation: String) -> Self {
        Self {
            refund: Some(id.to_owned()),
            order: Some(refund.order.to_owned()),
            wallet: refund.wallet.map(str::to_owned),
            amount: Some(refund.amount),
            currency: Some(refund.currency),
            since: Some(refund.state_since),
            ..Self::new(finding, explanation)
        }
    }

    fn of_credit(finding: FindingKind, refund: &str, credit: &Credit<'_>, explanation: String) -> Self {
        Self {
            refund: Some(refund.to_owned()),
            order: credit.order.map(str::to_owned),
            wallet: Some(credit.wallet.to_owned()),
            amount: Some(credit.amount),
            currency: credit.currency,
            since: Some(credit.time),
            ..Self::new(finding, explanation)
        }
    }
}

/// All findings, by refund, then by order, then by wallet. The read model applies the same rules to what has changed;
/// tests compare it with this function.
pub fn findings(wallets: &[WalletFacts<'_>], orders: &[OrderFacts<'_>], now: DateTime<Utc>) -> Vec<Finding> {
    let credits = credits_by_refund(wallets);
    let refunds = facts_by_refund(orders);
    let mut found = Vec::new();
    for (id, refunds) in &refunds {
        of_refunds(id, refunds, credits.get(id).map_or(&[], Vec::as_slice), &mut found);
    }
    for (id, credits) in &credits {
        of_credits(id, credits, refunds.get(id).map_or(&[], Vec::as_slice), &mut found);
    }
    for order in orders {
        of_order(&OrderSums::from(order), &mut found);
    }
    for wallet in wallets {
        for (id, hold) in wallet.state.open_holds() {
            if let Some(hold) = expiring(wallet, id, hold) {
                of_hold(&hold, now, &mut found);
            }
        }
        of_wallet(&WalletBalance::from(wallet), &mut found);
    }
    found
}

fn credits_by_refund<'a>(wallets: &[WalletFacts<'a>]) -> BTreeMap<&'a str, Vec<Credit<'a>>> {
    let mut credits: BTreeMap<&str, Vec<Credit<'_>>> = BTreeMap::new();
    for wallet in wallets {
        let standing = wallet.state.postings.values();
        for posting in standing.filter(|posting| !posting.wholly_reversed()) {
            if let Some(refund) = &posting.refund {
                credits.entry(refund).or_default().push(Credit {
                    wallet: wallet.id.as_str(),
                    currency: wallet.state.currency,
                    amount: posting.amount,
                    time: posting.time,
                    order: posting.order.as_deref(),
                });
            }
        }
    }
    credits
}

fn facts_by_refund<'a>(orders: &[OrderFacts<'a>]) -> BTreeMap<&'a str, Vec<RefundFacts<'a>>> {
    let mut refunds: BTreeMap<&str, Vec<RefundFacts<'_>>> = BTreeMap::new();
    for order in orders {
        for (id, refund) in &order.state.refunds {
            let refund = facts(order.id, order.state.wallet.as_deref(), refund);
            refunds.entry(id).or_default().push(refund);
        }
    }
    refunds
}

fn facts<'a>(order: &'a EntityId, wallet: Option<&'a str>, refund: &Refund) -> RefundFacts<'a> {
    RefundFacts {
        order: order.as_str(),
        wallet,
        amount: refund.amount.amount(),
        currency: refund.amount.currency(),
        state: refund.state,
        to_wallet: refund.destination == Destination::Wallet,
        ever_approved: refund.ever_approved,
        state_since: refund.state_since,
    }
}

impl<'a> From<&OrderFacts<'a>> for OrderSums<'a> {
    fn from(order: &OrderFacts<'a>) -> Self {
        let state = order.state;
        Self {
            id: order.id.as_str(),
            wallet: state.wallet.as_deref(),
            currency: state.currency,
            paid: state.paid,
            refunded: state.refunded,
            last_succeeded: state
                .refunds
                .values()
                .filter(|refund| refund.state == RefundState::Succeeded)
                .map(|refund| refund.state_since)
                .max(),
            complete: order.complete,
        }
    }
}

impl<'a> From<&WalletFacts<'a>> for WalletBalance<'a> {
    fn from(wallet: &WalletFacts<'a>) -> Self {
        Self {
            id: wallet.id.as_str(),
            currency: wallet.state.currency,
            available: wallet.state.available(),
            negative_since: wallet.state.negative_since,
            complete: wallet.complete,
        }
    }
}

fn expiring<'a>(wallet: &WalletFacts<'a>, id: &'a str, hold: &'a Hold) -> Option<ExpiringHold<'a>> {
    Some(ExpiringHold {
        wallet: wallet.id.as_str(),
        currency: wallet.state.currency,
        hold: id,
        order: hold.order.as_deref(),
        amount: hold.amount,
        expires_at: hold.expires_at?,
    })
}

/// Findings about the refunds with one id, one after the other. `credits` are all credits that name this id.
pub fn of_refunds(id: &str, refunds: &[RefundFacts<'_>], credits: &[Credit<'_>], found: &mut Vec<Finding>) {
    for refund in refunds {
        of_one_refund(id, refund, &own_credits(credits, refund, refunds), found);
    }
}

/// The credits that belong to one order's refund. Refund ids are unique in a ledger (contract §2). If two orders use
/// the same id anyway, a credit that names one of these orders counts only for that order.
fn own_credits<'a>(all: &[Credit<'a>], refund: &RefundFacts<'_>, refunds: &[RefundFacts<'_>]) -> Vec<Credit<'a>> {
    let is_anothers = |credit: &Credit<'_>| {
        credit
            .order
            .is_some_and(|named| named != refund.order && refunds.iter().any(|other| other.order == named))
    };
    all.iter().filter(|credit| !is_anothers(credit)).copied().collect()
}

fn of_one_refund(id: &str, refund: &RefundFacts<'_>, credits: &[Credit<'_>], found: &mut Vec<Finding>) {
    let mut find = |kind, explanation| found.push(Finding::of_refund(kind, id, refund, explanation));
    let state = refund.state;
    if credits.is_empty() {
        if state == RefundState::Succeeded && refund.to_wallet {
            find(
                FindingKind::SucceededNotCredited,
                format!(
                    "refund {id} of order {} has succeeded, but no wallet was credited for it",
                    refund.order
                ),
            );
        }
        return;
    }
    if !refund.ever_approved {
        find(
            FindingKind::CreditedWithoutApproval,
            format!("refund {id} is {state} and was never approved, but a wallet was credited for it"),
        );
    } else if !matches!(state, RefundState::Succeeded | RefundState::Reversed) {
        find(
            FindingKind::CreditedNotSucceeded,
            format!("a wallet was credited for refund {id}, which is still {state}"),
        );
    }
    for credit in credits {
        let differs = credit.amount != refund.amount || credit.currency != Some(refund.currency);
        if differs {
            let currency = credit.currency.map_or_else(String::new, String::from);
            let explanation = format!(
                "wallet {} was credited {} {currency} for refund {id}, whose amount is {} {}",
                credit.wallet, credit.amount, refund.amount, refund.currency
            );
            found.push(Finding {
                order: Some(refund.order.to_owned()),
                ..Finding::of_credit(FindingKind::AmountMismatch, id, credit, explanation)
            });
        }
    }
}

/// Findings about the credits that name one refund id, whichever orders have it.
pub fn of_credits(id: &str, credits: &[Credit<'_>], refunds: &[RefundFacts<'_>], found: &mut Vec<Finding>) {
    if refunds.is_empty() {
        for credit in credits {
            let explanation = format!(
                "wallet {} was credited for refund {id}, which no order has",
                credit.wallet
            );
            found.push(Finding::of_credit(
                FindingKind::CreditForUnknownRefund,
                id,
                credit,
                explanation,
            ));
        }
    }
    let mut by_time: Vec<_> = credits.iter().collect();
    // Credits with the same time need a fixed order. Otherwise the one called "second" would depend on the order of the
    // input.
    by_time.sort_by_key(|credit| (credit.time, credit.wallet, credit.amount, credit.order));
    if let [_, second, ..] = by_time[..] {
        let wallets: Vec<_> = by_time.iter().map(|credit| credit.wallet).collect();
        let explanation = format!(
            "refund {id} was credited {} times: {}",
            credits.len(),
            wallets.join(", ")
        );
        let order = match refunds {
            [refund] => Some(refund.order),
            _ => second.order,
        };
        found.push(Finding {
            order: order.map(str::to_owned),
            ..Finding::of_credit(FindingKind::CreditedTwice, id, second, explanation)
        });
    }
}

/// Findings about one order by itself.
pub fn of_order(order: &OrderSums<'_>, found: &mut Vec<Finding>) {
    let about = |kind, explanation| Finding {
        order: Some(order.id.to_owned()),
        wallet: order.wallet.map(str::to_owned),
        currency: order.currency,
        ..Finding::new(kind, explanation)
    };
    if order.refunded > order.paid {
        let explanation = format!(
            "order {}: {} was refunded, but only {} was paid",
            order.id, order.refunded, order.paid
        );
        found.push(Finding {
            amount: Some(order.refunded - order.paid),
            since: order.last_succeeded,
            ..about(FindingKind::OverRefunded, explanation)
        });
    }
    if !order.complete {
        let explanation = format!("some events of order {} could not be applied", order.id);
        found.push(about(FindingKind::HistoryIncomplete, explanation));
    }
}

/// Findings about one hold. Only these depend on the time.
pub fn of_hold(hold: &ExpiringHold<'_>, now: DateTime<Utc>, found: &mut Vec<Finding>) {
    if hold.expires_at < now {
        let explanation = format!("hold {} of wallet {} is open after its expiry", hold.hold, hold.wallet);
        found.push(Finding {
            wallet: Some(hold.wallet.to_owned()),
            currency: hold.currency,
            order: hold.order.map(str::to_owned),
            amount: Some(hold.amount),
            since: Some(hold.expires_at),
            ..Finding::new(FindingKind::HoldNeverResolved, explanation)
        });
    }
}

/// Findings about one wallet by itself. They do not depend on the time.
pub fn of_wallet(wallet: &WalletBalance<'_>, found: &mut Vec<Finding>) {
    let about = |kind, explanation| Finding {
        wallet: Some(wallet.id.to_owned()),
        currency: wallet.currency,
        ..Finding::new(kind, explanation)
    };
    if wallet.available < Decimal::ZERO {
        let explanation = format!("the available balance of wallet {} is {}", wallet.id, wallet.available);
        found.push(Finding {
            amount: Some(wallet.available),
            since: wallet.negative_since,
            ..about(FindingKind::NegativeBalance, explanation)
        });
    }
    if !wallet.complete {
        let explanation = format!("some events of wallet {} could not be applied", wallet.id);
        found.push(about(FindingKind::HistoryIncomplete, explanation));
    }
}
