//! Findings, evaluated by the rules of the domain whenever something changes that they depend on. A finding that becomes true
//! with time alone (a hold past its expiry) is written in advance, with the time from which it holds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use rust_decimal::Decimal;

use super::Upkeep;
use crate::{
    domain::{
        event::format_time,
        findings::{
            Credit, ExpiringHold, Finding, FindingKind, OrderSums, RefundFacts, WalletBalance, of_credits, of_hold,
            of_order, of_refunds, of_wallet,
        },
        ids::{Domain, EntityId},
        money::Currency,
        refund::{Destination, RefundState},
    },
    read_model::{
        columns::{MinorUnits, Number, Numbered as _, ReadCurrency, Sortable, Time, currency_code, from_minor_units},
        search_index::{self, Texts},
        time_slots::minute,
    },
};

/// The kind of subject that a finding was found on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Refund = 0,
    Order = 1,
    /// One hold. The subject is the wallet's id, a slash and the hold's id.
    Hold = 2,
    Wallet = 3,
}

/// Replaces the findings about a subject.
pub fn set(
    connection: &Connection,
    scope: Scope,
    subject: &str,
    found: &[Finding],
    upkeep: Upkeep,
) -> rusqlite::Result<()> {
    if !upkeep.new {
        let mut delete =
            connection.prepare_cached("DELETE FROM finding WHERE scope = ?1 AND subject = ?2 RETURNING n")?;
        let removed = delete.query_map(params![scope as i64, subject], |row| row.get(0))?;
        remove_texts(connection, removed, upkeep)?;
    }
    add(connection, scope, subject, found, upkeep)
}

/// Removes findings from the search index.
fn remove_texts(
    connection: &Connection,
    removed: impl Iterator<Item = rusqlite::Result<i64>>,
    upkeep: Upkeep,
) -> rusqlite::Result<()> {
    // The whole statement runs before the search index is changed.
    for n in removed.collect::<rusqlite::Result<Vec<i64>>>()? {
        if upkeep.searched {
            search_index::remove(connection, Texts::Finding, n)?;
        }
    }
    Ok(())
}

/// Indexes again the texts of findings that name an order or a wallet whose customer has changed.
pub fn refresh_texts(connection: &Connection, domain: Domain, id: &EntityId) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(match domain {
        Domain::Wallet => "SELECT n FROM finding INDEXED BY finding_wallet WHERE wallet = ?1",
        Domain::Order => "SELECT n FROM finding INDEXED BY finding_order WHERE ord = ?1",
    })?;
    let numbers: rusqlite::Result<Vec<i64>> = select.query_map([id.as_str()], |row| row.get(0))?.collect();
    for n in numbers? {
        search_index::put(connection, Texts::Finding, n, true)?;
    }
    Ok(())
}

/// Adds findings about a subject.
fn add(
    connection: &Connection,
    scope: Scope,
    subject: &str,
    found: &[Finding],
    upkeep: Upkeep,
) -> rusqlite::Result<()> {
    let mut keys = BTreeMap::new();
    for finding in found {
        let key = key(scope, subject, finding);
        let before = keys.entry(key.clone()).or_insert(0_u32);
        // Two credits of one wallet with the same amount and time can both be wrong. A suffix makes their keys unique.
        let key = if *before == 0 { key } else { format!("{key}#{before}") };
        *before += 1;
        let due = finding
            .since
            .filter(|_| finding.finding == FindingKind::HoldNeverResolved);
        let n = connection
            .prepare_cached(
                "INSERT INTO finding
                 VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .insert(params![
                key,
                evidence(finding),
                scope as i64,
                subject,
                finding.finding.number(),
                finding.severity.number(),
                finding.refund,
                finding.order,
                finding.wallet,
                Sortable::optional_amount(finding.amount, finding.currency),
                currency_code(finding.currency.as_ref()),
                Sortable::optional_time(finding.since),
                Sortable::optional_amount(finding.amount.map(|amount| amount.abs()), finding.currency),
                Sortable::optional_time(due),
                due.map(minute),
                finding.explanation,
            ])?;
        if upkeep.searched {
            search_index::put(connection, Texts::Finding, n, false)?;
        }
    }
    Ok(())
}

/// Adds the finding that an entity's history is incomplete, unless it exists.
pub fn add_incomplete(connection: &Connection, domain: Domain, id: &EntityId, upkeep: Upkeep) -> rusqlite::Result<()> {
    let scope = match domain {
        Domain::Wallet => Scope::Wallet,
        Domain::Order => Scope::Order,
    };
    let kind = FindingKind::HistoryIncomplete;
    let mut known =
        connection.prepare_cached("SELECT 1 FROM finding WHERE scope = ?1 AND subject = ?2 AND kind = ?3")?;
    if known.exists(params![scope as i64, id.as_str(), kind.number()])? {
        return Ok(());
    }
    let mut found = Vec::new();
    match domain {
        Domain::Wallet => of_wallet(
            &WalletBalance {
                id: id.as_str(),
                currency: None,
                available: Decimal::ZERO,
                negative_since: None,
                complete: false,
            },
            &mut found,
        ),
        Domain::Order => of_order(
            &OrderSums {
                id: id.as_str(),
                wallet: None,
                currency: None,
                paid: Decimal::ZERO,
                refunded: Decimal::ZERO,
                last_succeeded: None,
                complete: false,
            },
            &mut found,
        ),
    }
    add(connection, scope, id.as_str(), &found, upkeep)
}

/// The key of a finding, as a JSON list: its kind, and the scope and subject that it was found on. The key stays the same while
/// the finding lasts.
fn key(scope: Scope, subject: &str, finding: &Finding) -> String {
    let scope_word = match scope {
        Scope::Refund => "refund",
        Scope::Order => "order",
        Scope::Hold => "hold",
        Scope::Wallet => "wallet",
    };
    let mut parts = vec![finding.finding.as_str(), scope_word, subject];
    let ids = [&finding.order, &finding.wallet].map(|id| id.as_deref().unwrap_or_default());
    let of_credit = [
        finding.since.map(format_time).unwrap_or_default(),
        finding.amount.map(|amount| amount.to_string()).unwrap_or_default(),
    ];
    match finding.finding {
        // One finding for all credits of the refund.
        FindingKind::CreditedTwice => {}
        // One finding for each credit.
        FindingKind::AmountMismatch | FindingKind::CreditForUnknownRefund => {
            parts.extend(ids);
            parts.extend(of_credit.iter().map(String::as_str));
        }
        // One finding for each order that uses the refund's id.
        _ if scope == Scope::Refund => parts.extend(ids),
        _ => {}
    }
    serde_json::to_string(&parts).unwrap_or_default()
}

/// The digest of all fields of a finding.
fn evidence(finding: &Finding) -> [u8; 16] {
    let text = serde_json::to_vec(finding).unwrap_or_default();
    xxhash_rust::xxh3::xxh3_128(&text).to_be_bytes()
}

fn hold_subject(wallet: &EntityId, hold: &str) -> String {
    format!("{wallet}/{hold}")
}

/// Replaces the finding about a hold. The finding holds once the hold is past its expiry. `expiring` is `None` if the hold is not
/// open or can't expire.
pub fn set_hold(
    connection: &Connection,
    wallet: &EntityId,
    hold: &str,
    expiring: Option<&ExpiringHold<'_>>,
    upkeep: Upkeep,
) -> rusqlite::Result<()> {
    let mut found = Vec::new();
    if let Some(expiring) = expiring {
        // The row is written before the expiry; its column `holds_from` has the time.
        of_hold(expiring, DateTime::<Utc>::MAX_UTC, &mut found);
    }
    set(connection, Scope::Hold, &hold_subject(wallet, hold), &found, upkeep)
}

/// Removes the findings about the holds of a wallet.
pub fn forget_holds(connection: &Connection, wallet: &EntityId, upkeep: Upkeep) -> rusqlite::Result<()> {
    // Ids contain neither a slash nor the character after it, so the range has only the holds of this wallet.
    let mut delete = connection.prepare_cached(
        "DELETE FROM finding WHERE scope = ?1 AND subject >= ?2 || '/' AND subject < ?2 || '0' RETURNING n",
    )?;
    let removed = delete.query_map(params![Scope::Hold as i64, wallet.as_str()], |row| row.get(0))?;
    remove_texts(connection, removed, upkeep)
}

/// A refund of an order, as read from its rows.
struct RefundFactsRow {
    order: String,
    wallet: Option<String>,
    amount: Decimal,
    currency: Currency,
    state: RefundState,
    to_wallet: bool,
    ever_approved: bool,
    state_since: DateTime<Utc>,
}

/// A credit for a refund. Wholly reversed credits are left out.
struct CreditRow {
    wallet: String,
    currency: Option<Currency>,
    amount: Decimal,
    time: DateTime<Utc>,
    order: Option<String>,
}

/// Evaluates the findings about all refunds with this id.
pub fn evaluate_refund(connection: &Connection, refund: &str, upkeep: Upkeep) -> rusqlite::Result<()> {
    let refunds = refunds_of(connection, refund)?;
    let credits = credits(connection, refund)?;
    let found = find(refund, &refunds, &credits);
    set(connection, Scope::Refund, refund, &found, upkeep)
}

fn find(refund: &str, refunds: &[RefundFactsRow], credits: &[CreditRow]) -> Vec<Finding> {
    let refunds: Vec<_> = refunds
        .iter()
        .map(|row| RefundFacts {
            order: &row.order,
            wallet: row.wallet.as_deref(),
            amount: row.amount,
            currency: row.currency,
            state: row.state,
            to_wallet: row.to_wallet,
            ever_approved: row.ever_approved,
            state_since: row.state_since,
        })
        .collect();
    let mut credits: Vec<_> = credits
        .iter()
        .map(|row| Credit {
            wallet: &row.wallet,
            currency: row.currency,
            amount: row.amount,
            time: row.time,
            order: row.order.as_deref(),
        })
        .collect();
    credits.sort_unstable_by_key(|credit| (credit.wallet, credit.time, credit.amount, credit.order));
    let mut found = Vec::new();
    of_refunds(refund, &refunds, &credits, &mut found);
    of_credits(refund, &credits, &refunds, &mut found);
    found
}

fn refunds_of(connection: &Connection, refund: &str) -> rusqlite::Result<Vec<RefundFactsRow>> {
    let mut select = connection.prepare_cached(
        "SELECT r.ord, o.wallet, r.amount, r.currency, r.state, r.destination, r.approved, r.state_since
         FROM refund r JOIN orders o ON o.id = r.ord WHERE r.refund = ?1 ORDER BY r.ord",
    )?;
    let mut rows = select.query([refund])?;
    let mut refunds = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(currency) = row.get::<_, ReadCurrency>(3)?.0 else {
            continue;
        };
        let destination = row.get_ref(5)?.as_str()?;
        refunds.push(RefundFactsRow {
            order: row.get(0)?,
            wallet: row.get(1)?,
            amount: from_minor_units(row.get::<_, MinorUnits>(2)?.0, Some(currency)),
            currency,
            state: row.get::<_, Number<RefundState>>(4)?.0,
            to_wallet: destination == Destination::Wallet.as_str(),
            ever_approved: row.get(6)?,
            state_since: row.get::<_, Time>(7)?.0.unwrap_or_default(),
        });
    }
    Ok(refunds)
}

fn credits(connection: &Connection, refund: &str) -> rusqlite::Result<Vec<CreditRow>> {
    let mut select = connection.prepare_cached(
        "SELECT w.id, c.currency, c.amount, c.time, c.ord
         FROM credit c JOIN wallet w ON w.n = c.wallet WHERE c.refund = ?1 AND NOT c.reversed",
    )?;
    let mut rows = select.query([refund])?;
    let mut credits = Vec::new();
    while let Some(row) = rows.next()? {
        let currency = row.get::<_, ReadCurrency>(1)?.0;
        credits.push(CreditRow {
            wallet: row.get(0)?,
            currency,
            amount: from_minor_units(row.get::<_, MinorUnits>(2)?.0, currency),
            time: row.get::<_, Time>(3)?.0.unwrap_or_default(),
            order: row.get(4)?,
        });
    }
    Ok(credits)
}

/// Evaluates the findings about all refunds, once both domains are filled. Reads only refunds that were credited or should have
/// been.
pub fn evaluate_all(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM finding WHERE scope = ?1", [Scope::Refund as i64])?;
    let mut select = connection.prepare(
        "SELECT DISTINCT refund FROM credit WHERE refund IS NOT NULL
         UNION SELECT refund FROM refund WHERE state = ?1 AND destination = ?2",
    )?;
    let mut rows = select.query(params![RefundState::Succeeded.number(), Destination::Wallet.as_str()])?;
    while let Some(row) = rows.next()? {
        let upkeep = Upkeep {
            new: true,
            searched: false,
        };
        evaluate_refund(connection, row.get_ref(0)?.as_str()?, upkeep)?;
    }
    search_index::index_findings(connection)
}
