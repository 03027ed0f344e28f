//! Findings: what does not fit together across wallets and orders (contract §8). A pure function over folded states and a
//! given `now`; it looks at everything at once, because the seam between the two domains is where refunds get lost.

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
    wallet::{Posting, WalletState},
};

states! {
    /// What was found.
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
    /// How bad it is: `critical` where money went wrong, `high` where it is missing or may have, `medium` where somebody
    /// should look.
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

/// One thing that does not fit. Fields that make no sense for it are `None`.
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

/// A credit of kind `refund` that was not wholly reversed.
#[derive(Clone, Copy)]
struct Credit<'a> {
    wallet: &'a EntityId,
    currency: Option<Currency>,
    posting: &'a Posting,
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

    fn of_refund(finding: FindingKind, order: &OrderFacts<'_>, id: &str, refund: &Refund, explanation: String) -> Self {
        Self {
            refund: Some(id.to_owned()),
            order: Some(order.id.to_string()),
            wallet: order.state.wallet.clone(),
            amount: Some(refund.amount.amount()),
            currency: Some(refund.amount.currency()),
            since: Some(refund.state_since),
            ..Self::new(finding, explanation)
        }
    }

    fn of_credit(finding: FindingKind, refund: &str, credit: &Credit<'_>, explanation: String) -> Self {
        Self {
            refund: Some(refund.to_owned()),
            order: credit.posting.order.clone(),
            wallet: Some(credit.wallet.to_string()),
            amount: Some(credit.posting.amount),
            currency: credit.currency,
            since: Some(credit.posting.time),
            ..Self::new(finding, explanation)
        }
    }
}

/// Everything that does not fit, by refund, then by order, then by wallet.
pub fn findings(wallets: &[WalletFacts<'_>], orders: &[OrderFacts<'_>], now: DateTime<Utc>) -> Vec<Finding> {
    let credits = credits_by_refund(wallets);
    let mut refunds: BTreeMap<&str, Vec<(&OrderFacts<'_>, &Refund)>> = BTreeMap::new();
    for order in orders {
        for (id, refund) in &order.state.refunds {
            refunds.entry(id).or_default().push((order, refund));
        }
    }
    let mut found = Vec::new();
    for (id, claims) in &refunds {
        let all = credits.get(id).map_or(&[][..], Vec::as_slice);
        for (order, refund) in claims {
            refund_findings(order, id, refund, &own_credits(all, order, claims), &mut found);
        }
    }
    for (id, credits) in &credits {
        credit_findings(id, credits, refunds.get(id).map_or(&[][..], Vec::as_slice), &mut found);
    }
    for order in orders {
        order_findings(order, &mut found);
    }
    for wallet in wallets {
        wallet_findings(wallet, now, &mut found);
    }
    found
}

fn credits_by_refund<'a>(wallets: &[WalletFacts<'a>]) -> BTreeMap<&'a str, Vec<Credit<'a>>> {
    let mut credits: BTreeMap<&str, Vec<Credit<'_>>> = BTreeMap::new();
    for wallet in wallets {
        for posting in wallet
            .state
            .postings
            .values()
            .filter(|posting| !posting.wholly_reversed())
        {
            if let Some(refund) = &posting.refund {
                credits.entry(refund).or_default().push(Credit {
                    wallet: wallet.id,
                    currency: wallet.state.currency,
                    posting,
                });
            }
        }
    }
    credits
}

/// The credits that belong to one order's refund. Ids are unique in a ledger; where two orders use one all the same, a
/// credit that names one of them is that one's alone.
fn own_credits<'a>(
    all: &[Credit<'a>],
    order: &OrderFacts<'_>,
    claims: &[(&OrderFacts<'_>, &Refund)],
) -> Vec<Credit<'a>> {
    let is_anothers = |credit: &Credit<'_>| {
        credit.posting.order.as_deref().is_some_and(|named| {
            named != order.id.as_str() && claims.iter().any(|(other, _)| other.id.as_str() == named)
        })
    };
    all.iter().filter(|credit| !is_anothers(credit)).copied().collect()
}

fn refund_findings(
    order: &OrderFacts<'_>,
    id: &str,
    refund: &Refund,
    credits: &[Credit<'_>],
    found: &mut Vec<Finding>,
) {
    let mut find = |kind, explanation| found.push(Finding::of_refund(kind, order, id, refund, explanation));
    let state = refund.state;
    if credits.is_empty() {
        if state == RefundState::Succeeded && refund.destination == Destination::Wallet {
            find(
                FindingKind::SucceededNotCredited,
                format!(
                    "refund {id} of order {} has succeeded, and no wallet was credited for it",
                    order.id
                ),
            );
        }
        return;
    }
    if !refund.ever_approved {
        find(
            FindingKind::CreditedWithoutApproval,
            format!("refund {id} is {state} and was never approved, and a wallet was credited for it"),
        );
    } else if !matches!(state, RefundState::Succeeded | RefundState::Reversed) {
        find(
            FindingKind::CreditedNotSucceeded,
            format!("a wallet was credited for refund {id}, which is still {state}"),
        );
    }
    for credit in credits {
        let differs =
            credit.posting.amount != refund.amount.amount() || credit.currency != Some(refund.amount.currency());
        if differs {
            let currency = credit.currency.map_or_else(String::new, String::from);
            let explanation = format!(
                "wallet {} was credited {} {currency} for refund {id}, which is over {}",
                credit.wallet, credit.posting.amount, refund.amount
            );
            found.push(Finding {
                order: Some(order.id.to_string()),
                ..Finding::of_credit(FindingKind::AmountMismatch, id, credit, explanation)
            });
        }
    }
}

fn credit_findings(id: &str, credits: &[Credit<'_>], claims: &[(&OrderFacts<'_>, &Refund)], found: &mut Vec<Finding>) {
    if claims.is_empty() {
        for credit in credits {
            let explanation = format!(
                "wallet {} was credited for refund {id}, which no order knows",
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
    by_time.sort_by_key(|credit| credit.posting.time);
    if let [_, second, ..] = by_time[..] {
        let wallets: Vec<_> = by_time.iter().map(|credit| credit.wallet.as_str()).collect();
        let explanation = format!(
            "refund {id} was credited {} times: {}",
            credits.len(),
            wallets.join(", ")
        );
        let order = match claims {
            [(order, _)] => Some(order.id.to_string()),
            _ => second.posting.order.clone(),
        };
        found.push(Finding {
            order,
            ..Finding::of_credit(FindingKind::CreditedTwice, id, second, explanation)
        });
    }
}

fn order_findings(order: &OrderFacts<'_>, found: &mut Vec<Finding>) {
    let state = order.state;
    let about = |kind, explanation| Finding {
        order: Some(order.id.to_string()),
        wallet: state.wallet.clone(),
        currency: state.currency,
        ..Finding::new(kind, explanation)
    };
    if state.refunded > state.paid {
        let succeeded = state
            .refunds
            .values()
            .filter(|refund| refund.state == RefundState::Succeeded);
        let explanation = format!(
            "order {} got {} back and was paid {}",
            order.id, state.refunded, state.paid
        );
        found.push(Finding {
            amount: Some(state.refunded - state.paid),
            since: succeeded.map(|refund| refund.state_since).max(),
            ..about(FindingKind::OverRefunded, explanation)
        });
    }
    if !order.complete {
        let explanation = format!("not all of order {}'s history could be applied", order.id);
        found.push(about(FindingKind::HistoryIncomplete, explanation));
    }
}

fn wallet_findings(wallet: &WalletFacts<'_>, now: DateTime<Utc>, found: &mut Vec<Finding>) {
    let state = wallet.state;
    let about = |kind, explanation| Finding {
        wallet: Some(wallet.id.to_string()),
        currency: state.currency,
        ..Finding::new(kind, explanation)
    };
    for (id, hold) in state.open_holds() {
        if hold.expires_at.is_some_and(|at| at < now) {
            let explanation = format!("the hold {id} on wallet {} is open past its expiry", wallet.id);
            found.push(Finding {
                order: hold.order.clone(),
                amount: Some(hold.amount),
                since: hold.expires_at,
                ..about(FindingKind::HoldNeverResolved, explanation)
            });
        }
    }
    if state.available() < Decimal::ZERO {
        let explanation = format!("wallet {} is at {}", wallet.id, state.available());
        found.push(Finding {
            amount: Some(state.available()),
            since: state.negative_since,
            ..about(FindingKind::NegativeBalance, explanation)
        });
    }
    if !wallet.complete {
        let explanation = format!("not all of wallet {}'s history could be applied", wallet.id);
        found.push(about(FindingKind::HistoryIncomplete, explanation));
    }
}
