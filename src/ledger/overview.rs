//! The first page's figures and the findings, computed from the index. Findings look at everything at once, so they are
//! kept until the index or the time has moved on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::domain::{
    findings::{Finding, FindingKind, OrderFacts, WalletFacts, findings},
    listing::{AgeBucket, Overview, Page, StateSummary, Totals},
    money::{Currency, add_exact},
    refund::{RefundRow, RefundState},
};

use super::{
    Ledger,
    index::Index,
    listing::{cut, sums},
};

/// How old findings may be: only expiries of holds depend on the time.
const FINDINGS_AGE_MAX: TimeDelta = TimeDelta::seconds(10);
/// Ages of pending refunds, in hours: from one bound to the next.
const AGE_BOUNDS: [u32; 6] = [0, 4, 24, 72, 168, 720];
const LONGEST_OVERDUE: usize = 8;

/// The last findings, if any were asked for.
#[derive(Default)]
pub struct FindingsCache(Mutex<Option<Found>>);

/// The findings of one moment.
struct Found {
    generation: u64,
    at: DateTime<Utc>,
    findings: Arc<Vec<Finding>>,
}

impl Ledger {
    /// Everything that does not fit across wallets and orders.
    pub fn findings(&self) -> Arc<Vec<Finding>> {
        let now = self.now();
        let index = self.shared.index();
        let mut cache = self.findings.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = &*cache
            && found.generation == index.generation
            && now - found.at < FINDINGS_AGE_MAX
        {
            return Arc::clone(&found.findings);
        }
        let findings = Arc::new(find(&index, now));
        *cache = Some(Found {
            generation: index.generation,
            at: now,
            findings: Arc::clone(&findings),
        });
        findings
    }

    /// One page of the findings, worst first; all of them, or those of one kind.
    pub fn list_findings(&self, kind: Option<FindingKind>, page: u32) -> Page<Finding> {
        let all = self.findings();
        let wanted = all
            .iter()
            .filter(|finding| kind.is_none_or(|kind| finding.finding == kind));
        let mut rows: Vec<_> = wanted.cloned().collect();
        rows.sort_by_key(|finding| (finding.severity, finding.finding, finding.since));
        let cut = cut(rows, page);
        Page {
            rows: cut.rows,
            page: cut.page,
            pages: cut.pages,
            total: cut.total,
            now: self.now(),
        }
    }

    /// What the first page shows.
    pub fn overview(&self) -> Overview {
        let now = self.now();
        let findings = self.findings();
        let index = self.shared.index();
        let pending: Vec<_> = self.refund_rows(&index, RefundState::PENDING.to_vec(), now).collect();
        let mut overdue: Vec<_> = pending.iter().filter(|row| row.overdue).cloned().collect();
        overdue.sort_by(|a, b| {
            a.state_since
                .cmp(&b.state_since)
                .then(a.age_order().cmp(&b.age_order()))
        });
        Overview {
            by_state: by_state(&pending),
            by_age: by_age(&pending, now),
            overdue: overdue.len() as u64,
            overdue_sums: sums(&overdue),
            longest_overdue: overdue.into_iter().take(LONGEST_OVERDUE).collect(),
            recent: index.recent(),
            wallets: index.wallets.len() as u64,
            orders: index.orders.len() as u64,
            refunds: index
                .orders
                .values()
                .map(|order| order.fold.state.refunds.len() as u64)
                .sum(),
            events: index.events,
            totals: totals(&index),
            findings: count(&findings),
            now,
        }
    }
}

fn find(index: &Index, now: DateTime<Utc>) -> Vec<Finding> {
    let wallets: Vec<_> = index
        .wallets
        .iter()
        .map(|(id, wallet)| WalletFacts {
            id,
            state: &wallet.fold.state,
            complete: wallet.fold.complete,
        })
        .collect();
    let orders: Vec<_> = index
        .orders
        .iter()
        .map(|(id, order)| OrderFacts {
            id,
            state: &order.fold.state,
            complete: order.fold.complete,
        })
        .collect();
    findings(&wallets, &orders, now)
}

/// Adds everything up by currency, in the order of the currencies' codes.
fn totals(index: &Index) -> Vec<Totals> {
    let mut totals: BTreeMap<Currency, Totals> = BTreeMap::new();
    let add = |sum: &mut Decimal, amount: Decimal| *sum = add_exact(*sum, amount).unwrap_or(*sum);
    for order in index.orders.values() {
        let state = &order.fold.state;
        if let Some(currency) = state.currency {
            let of = totals.entry(currency).or_insert_with(|| nothing(currency));
            of.orders += 1;
            add(&mut of.total, state.total.unwrap_or_default());
            add(&mut of.paid, state.paid);
            add(&mut of.refunded, state.refunded);
            add(&mut of.pending, state.pending);
        }
    }
    for wallet in index.wallets.values() {
        let state = &wallet.fold.state;
        if let Some(currency) = state.currency {
            let of = totals.entry(currency).or_insert_with(|| nothing(currency));
            of.wallets += 1;
            add(&mut of.posted, state.posted);
            add(&mut of.held, state.held);
        }
    }
    totals.into_values().collect()
}

fn nothing(currency: Currency) -> Totals {
    let zero = currency.zero();
    Totals {
        currency,
        orders: 0,
        total: zero,
        paid: zero,
        refunded: zero,
        pending: zero,
        wallets: 0,
        posted: zero,
        held: zero,
    }
}

fn by_state(pending: &[RefundRow]) -> Vec<StateSummary> {
    RefundState::PENDING
        .into_iter()
        .map(|state| {
            let rows: Vec<_> = pending.iter().filter(|row| row.state == state).cloned().collect();
            StateSummary {
                state,
                count: rows.len() as u64,
                overdue: rows.iter().filter(|row| row.overdue).count() as u64,
                sums: sums(&rows),
            }
        })
        .collect()
}

fn by_age(pending: &[RefundRow], now: DateTime<Utc>) -> Vec<AgeBucket> {
    let bounds = AGE_BOUNDS.iter().enumerate();
    bounds
        .map(|(at, &from_hours)| {
            let to_hours = AGE_BOUNDS.get(at + 1).copied();
            let rows: Vec<_> = pending
                .iter()
                .filter(|row| {
                    // What was requested in the future has the age of what was requested just now.
                    let age = (now - row.requested_at).max(TimeDelta::zero());
                    age >= TimeDelta::hours(from_hours.into())
                        && to_hours.is_none_or(|to| age < TimeDelta::hours(to.into()))
                })
                .cloned()
                .collect();
            AgeBucket {
                from_hours,
                to_hours,
                count: rows.len() as u64,
                sums: sums(&rows),
            }
        })
        .collect()
}

fn count(findings: &[Finding]) -> Vec<(FindingKind, u64)> {
    let mut counts: Vec<_> = FindingKind::ALL
        .iter()
        .map(|&kind| {
            let of_kind = findings.iter().filter(|finding| finding.finding == kind);
            (kind, of_kind.count() as u64)
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    counts.sort_by_key(|(kind, _)| kind.severity());
    counts
}
