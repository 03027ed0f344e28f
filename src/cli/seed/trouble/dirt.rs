//! Invalid events of other producers: one wallet or order for each kind of event that a replay can't apply (contract
//! §3). The demo ledger shows them as anomalies.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::Trouble;
use crate::cli::seed::story::Context;
use crate::domain::{
    ids::{Domain, EntityId},
    money::{Currency, Money},
};

const LEGACY: &str = "legacy:batch-import";

impl Trouble<'_> {
    pub(super) fn dirt(&mut self) {
        for days in 0..10 {
            let Some((wallet, currency)) = self.wallets.pop() else {
                break;
            };
            let Ok(amount) = Money::from_minor(3_000, currency) else {
                break;
            };
            let credit = self.top_up(&wallet, amount);
            for (kind, data) in wallet_dirt(days, currency, amount, &credit) {
                self.spoil(Domain::Wallet, &wallet, days, kind, &data);
            }
        }
        for days in 0..5 {
            let Some(order) = self.order_before(self.now - TimeDelta::days(days + 1)) else {
                break;
            };
            let Ok(amount) = Money::from_minor(order.paid, order.currency) else {
                break;
            };
            for (kind, data) in order_dirt(days, amount) {
                self.spoil(Domain::Order, &order.id, days, kind, &data);
            }
        }
    }

    fn spoil(&mut self, domain: Domain, id: &EntityId, days: i64, kind: &str, data: &Value) {
        let at = self.now - TimeDelta::days(days + 1);
        self.raw(domain, id, Context::new(at, LEGACY), kind, data);
    }
}

fn wallet_dirt(which: i64, currency: Currency, amount: Money, credit: &str) -> Vec<(&'static str, Value)> {
    let other = if currency.code() == "EUR" { "USD" } else { "EUR" };
    match which {
        0 => vec![("wallet.bonus_granted", json!({"points": 120}))],
        1 => vec![(
            "wallet.credited.v2",
            json!({"value": {"minor": 1250}, "kind": "top_up"}),
        )],
        2 => vec![("wallet.credited", json!({"amount": 12.5, "kind": "top_up"}))],
        3 => vec![(
            "wallet.credited",
            json!({"amount": {"amount": "10.00", "currency": other}, "kind": "top_up"}),
        )],
        4 => vec![
            (
                "wallet.entry_reversed",
                json!({"reverses": credit, "amount": amount, "reason": "duplicate"}),
            ),
            (
                "wallet.entry_reversed",
                json!({"reverses": credit, "amount": amount, "reason": "duplicate"}),
            ),
        ],
        5 => vec![("wallet.hold_captured", json!({"hold": "H-NEVER", "amount": amount}))],
        6 => vec![
            ("wallet.held", json!({"hold": "H-TWICE", "amount": amount})),
            ("wallet.hold_released", json!({"hold": "H-TWICE"})),
            ("wallet.held", json!({"hold": "H-TWICE", "amount": amount})),
        ],
        7 => vec![(
            "wallet.credited",
            json!({"amount": {"amount": "1,50", "currency": currency}, "kind": "correction"}),
        )],
        8 => vec![(
            "wallet.opened",
            json!({"owner": {"id": "C-OTHER"}, "currency": currency}),
        )],
        _ => vec![("wallet.debited", json!({"line": "as the old system wrote it"}))],
    }
}

fn order_dirt(which: i64, amount: Money) -> Vec<(&'static str, Value)> {
    match which {
        0 => vec![("order.refund_succeeded", json!({"refund": "R-NEVER"}))],
        1 => vec![("order.repriced", json!({"total": amount}))],
        2 => vec![("order.placed", json!({"total": amount}))],
        3 => vec![
            (
                "order.refund_requested",
                json!({"refund": "R-SKIP", "amount": amount, "reason": "warehouse_fire", "destination": "original_method"}),
            ),
            (
                "order.refund_rejected",
                json!({"refund": "R-SKIP", "reason": "return_window_over"}),
            ),
            ("order.refund_succeeded", json!({"refund": "R-SKIP"})),
        ],
        _ => vec![("order.paid", json!({"payment": "P-OLD", "method": "card"}))],
    }
}
