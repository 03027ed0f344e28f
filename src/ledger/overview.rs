//! The first page's figures and the findings, computed from the index. Findings are kept until something odd has changed or
//! the time has moved on, with where those of a wallet, an order and a refund stand among them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    findings::{Finding, FindingKind},
    ids::EntityId,
    listing::{AgeBucket, FINDINGS_SHOWN, Overview, Page, StateSummary},
    refund::RefundState,
};

use super::{
    Ledger,
    index::{ClaimRow, Index, Slot},
    listing::Cut,
    refunds::sums,
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
    findings: Arc<Findings>,
}

/// All findings, and where those that name something are among them.
#[derive(Debug, Default)]
pub struct Findings {
    pub all: Vec<Finding>,
    by_wallet: HashMap<String, Vec<usize>>,
    by_order: HashMap<String, Vec<usize>>,
    by_refund: HashMap<String, Vec<usize>>,
}

impl Findings {
    fn new(all: Vec<Finding>) -> Self {
        let by = |name: fn(&Finding) -> Option<&String>| {
            let mut places: HashMap<String, Vec<usize>> = HashMap::new();
            for (at, finding) in all.iter().enumerate() {
                if let Some(name) = name(finding) {
                    places.entry(name.clone()).or_default().push(at);
                }
            }
            places
        };
        Self {
            by_wallet: by(|finding| finding.wallet.as_ref()),
            by_order: by(|finding| finding.order.as_ref()),
            by_refund: by(|finding| finding.refund.as_ref()),
            all,
        }
    }

    /// The first of those that name a wallet, and how many there are.
    pub fn of_wallet(&self, wallet: &EntityId) -> (Vec<Finding>, u64) {
        self.at(self.by_wallet.get(wallet.as_str()))
    }

    pub fn of_order(&self, order: &EntityId) -> (Vec<Finding>, u64) {
        self.at(self.by_order.get(order.as_str()))
    }

    pub fn of_refund(&self, refund: &str) -> (Vec<Finding>, u64) {
        self.at(self.by_refund.get(refund))
    }

    fn at(&self, places: Option<&Vec<usize>>) -> (Vec<Finding>, u64) {
        let places = places.map(Vec::as_slice).unwrap_or_default();
        let shown = places.iter().take(FINDINGS_SHOWN);
        let shown = shown.filter_map(|at| self.all.get(*at).cloned()).collect();
        (shown, places.len() as u64)
    }
}

impl Ledger {
    /// Everything that does not fit across wallets and orders.
    pub fn findings(&self) -> Arc<Findings> {
        let now = self.now();
        let index = self.shared.index();
        let mut cache = self.findings.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = &*cache
            && found.generation == index.odd_generation()
            && now - found.at < FINDINGS_AGE_MAX
        {
            return Arc::clone(&found.findings);
        }
        let findings = Arc::new(Findings::new(index.findings(now)));
        *cache = Some(Found {
            generation: index.odd_generation(),
            at: now,
            findings: Arc::clone(&findings),
        });
        findings
    }

    /// One page of the findings, worst first; all of them, or those of one kind.
    pub fn list_findings(&self, kind: Option<FindingKind>, page: u32) -> Page<Finding> {
        let findings = self.findings();
        let wanted = findings.all.iter();
        let mut rows: Vec<_> = wanted
            .filter(|finding| kind.is_none_or(|kind| finding.finding == kind))
            .collect();
        rows.sort_by_key(|finding| (finding.severity, finding.finding, finding.since));
        let cut = Cut::of(rows.len(), page);
        let rows = cut.of_sorted(rows).into_iter().cloned().collect();
        cut.page_of(rows, self.now())
    }

    /// What the first page shows.
    pub fn overview(&self) -> Overview {
        let now = self.now();
        let findings = self.findings();
        let index = self.shared.index();
        let claim = |slot: &Slot| Some((*slot, index.claim(*slot)?));
        let pending: Vec<_> = index.pending().iter().filter_map(claim).collect();
        let mut overdue: Vec<_> = pending
            .iter()
            .filter(|(_, row)| self.is_overdue(row, now))
            .copied()
            .collect();
        let age = |row: &ClaimRow| (row.state_since, row.requested_at);
        let cut = Cut::of(overdue.len(), 1);
        let overdue_sums = sums(overdue.iter().map(|(_, row)| *row), &index);
        let longest = cut.take(&mut overdue, |(_, a), (_, b)| {
            let names = || index.refund_id(a.refund).cmp(index.refund_id(b.refund));
            let orders = || index.order_id(a.order).cmp(index.order_id(b.order));
            age(a).cmp(&age(b)).then_with(names).then_with(orders)
        });
        let longest = longest.iter().take(LONGEST_OVERDUE);
        let longest_overdue = longest
            .filter_map(|(slot, _)| index.show_claim(*slot, now, &self.settings.limits))
            .collect();
        let pending: Vec<_> = pending.into_iter().map(|(_, row)| row).collect();
        let counts = index.counts();
        Overview {
            by_state: self.by_state(&pending, &index, now),
            by_age: by_age(&pending, &index, now),
            overdue: cut.total,
            overdue_sums,
            longest_overdue,
            recent: index.recent(),
            wallets: counts.wallets,
            orders: counts.orders,
            refunds: counts.refunds,
            events: counts.events,
            totals: index.totals(),
            findings: count(&findings.all),
            now,
        }
    }

    fn by_state(&self, pending: &[&ClaimRow], index: &Index, now: DateTime<Utc>) -> Vec<StateSummary> {
        RefundState::PENDING
            .into_iter()
            .map(|state| {
                let rows = || pending.iter().copied().filter(|row| row.state == state);
                StateSummary {
                    state,
                    count: rows().count() as u64,
                    overdue: rows().filter(|row| self.is_overdue(row, now)).count() as u64,
                    sums: sums(rows(), index),
                }
            })
            .collect()
    }
}

fn by_age(pending: &[&ClaimRow], index: &Index, now: DateTime<Utc>) -> Vec<AgeBucket> {
    let bounds = AGE_BOUNDS.iter().enumerate();
    bounds
        .map(|(at, &from_hours)| {
            let to_hours = AGE_BOUNDS.get(at + 1).copied();
            let is_of_age = |row: &&ClaimRow| {
                // What was requested in the future has the age of what was requested just now.
                let age = (now - row.requested_at).max(TimeDelta::zero());
                age >= TimeDelta::hours(from_hours.into())
                    && to_hours.is_none_or(|to| age < TimeDelta::hours(to.into()))
            };
            let rows = || pending.iter().copied().filter(is_of_age);
            AgeBucket {
                from_hours,
                to_hours,
                count: rows().count() as u64,
                sums: sums(rows(), index),
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
