//! A search of everything (contract §8). For each kind it finds the rows whose own id or names match the text, whose amount the
//! text is, or whose events carry the text as an id.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::{
    columns::{MinorUnits, ReadCurrency, ReadPosition, Sortable, Time, currency_code, from_minor_units},
    folding::{Pieces, TooLong},
    lists::{self, Ask, FirstRows, ListRow, Moment, Search, WithText},
    whole_ids::{self, Holder},
};
use crate::{
    domain::{
        compensation::case::CaseStatus,
        ids::EntityId,
        money::Currency,
        refund::{RefundRow, RefundState},
        wallet::{HoldState, Party},
    },
    views::{
        compensations::CaseRow,
        customers::CustomerRow,
        lists::{Count, ListQuery, Side, Sort},
        orders::OrderRow,
        search::{AmountText, HITS_MAX, Hit, Hits, IdKind, Matched, PaymentRow},
        wallets::{HoldListRow, WalletRow},
    },
};

/// The largest number of rows of a kind that a walk visits for a page. It is smaller than for a list, because several kinds are
/// walked.
const VISITS_MAX: usize = 500;

/// The largest number of rows of a kind that are found by an index, read and sorted for a page. If more rows have the text, the
/// page shows those that a walk meets, or the last ones in the index.
const COLLECTED_MAX: usize = 1_000;

/// The largest number of rows of a kind that are found by an index, read and sorted for a command. If more rows have the text,
/// the command walks.
const COLLECTED_BY_COMMAND: usize = 1_000_000;

/// The number of credits of one amount, the newest ones, that are read for a page.
const CREDITS_MAX: usize = 1_000;

/// A command counts hits at least up to this number. Events that carry an id are sorted by time, which is only in their streams,
/// so enough of them have to be read.
const COUNTED_BY_COMMAND: usize = 1_000;

/// At least so many rows with one id are read and sorted. An id can have many rows, such as a hold's if a producer numbers holds
/// anew in each wallet.
const EXACT_MAX: usize = 1_000;

/// A search text.
#[derive(Clone, Debug)]
pub struct SearchText {
    text: String,
    pieces: Pieces,
    amount: Option<AmountText>,
}

impl SearchText {
    /// Reads a text without the white space around it. `None` if it is empty or nothing is left of it after folding.
    pub fn read(text: &str) -> Result<Option<Self>, TooLong> {
        let pieces = Pieces::of(text)?.filter(|pieces| !pieces.is_empty());
        Ok(pieces.map(|pieces| Self {
            text: text.trim().to_owned(),
            pieces,
            amount: AmountText::parse(text),
        }))
    }

    /// The text as an id, not folded.
    pub fn id(&self) -> &str {
        &self.text
    }
}

/// The bounds of a search.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// Whether names are searched.
    pub search: Search,
    pub moment: Moment,
    /// The largest number of hits of a kind.
    pub shown: usize,
    /// The number up to which hits of a kind are counted.
    pub counted: usize,
    /// Whether the number of visited rows is bounded, as for a page. A command visits all rows.
    pub is_bounded: bool,
}

impl Reach {
    /// The bounds for a page that shows so many hits of a kind.
    pub const fn page(shown: usize, search: Search, moment: Moment) -> Self {
        Self {
            search,
            moment,
            shown,
            counted: HITS_MAX,
            is_bounded: true,
        }
    }

    /// The bounds for a command that prints so many hits of a kind.
    pub fn command(shown: usize, moment: Moment) -> Self {
        Self {
            search: Search::Names,
            moment,
            shown,
            counted: shown.max(COUNTED_BY_COMMAND),
            is_bounded: false,
        }
    }

    const fn ask(&self) -> Ask {
        Ask {
            visits: if self.is_bounded { VISITS_MAX } else { usize::MAX },
            collected: if self.is_bounded {
                COLLECTED_MAX
            } else if self.counted <= lists::COUNTED_MAX {
                lists::COUNTED_MAX
            } else if self.counted <= COLLECTED_BY_COMMAND {
                self.counted
            } else {
                COLLECTED_BY_COMMAND
            },
            ..Ask::part(self.counted, self.search, self.moment)
        }
    }
}

/// The amounts of a row that are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amounts {
    None,
    /// The amount by which the list is filtered.
    Listed,
    /// The amounts of a wallet's credits of kind `refund`.
    Credits,
}

/// A row that can be found by a part of its id.
pub trait SearchRow: ListRow {
    const AMOUNTS: Amounts;
    /// Selects the numbers of the rows with the id `?1`, at most `?2`.
    const WITH_ID: &'static str;

    /// The states in two groups: those of rows that wait for something, then those of settled rows. If no state is settled, the
    /// first group has all states.
    fn groups() -> [Vec<&'static str>; 2] {
        [Self::SPEC.list.states(), Vec::new()]
    }

    /// Whether nothing has to happen to the row any more.
    fn is_settled(&self) -> bool {
        false
    }

    /// The row's own id.
    fn id(&self) -> &str;

    /// The sort key, newest first: a time, then two ids as tie-breakers.
    fn newness(&self) -> (Option<DateTime<Utc>>, &str, &str);
}

/// Splits the states: those of rows that wait for something, then the others.
fn two_groups<State: Copy>(
    all: &[State],
    waits: impl Fn(State) -> bool,
    word: fn(State) -> &'static str,
) -> [Vec<&'static str>; 2] {
    let (first, then): (Vec<State>, Vec<State>) = all.iter().copied().partition(|state| waits(*state));
    [first, then].map(|group| group.into_iter().map(word).collect())
}

impl SearchRow for WalletRow {
    const AMOUNTS: Amounts = Amounts::Credits;
    const WITH_ID: &'static str = "SELECT n FROM wallet WHERE id = ?1 LIMIT ?2";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn newness(&self) -> (Option<DateTime<Utc>>, &str, &str) {
        (self.last_time, self.id.as_str(), "")
    }
}

impl SearchRow for OrderRow {
    const AMOUNTS: Amounts = Amounts::Listed;
    const WITH_ID: &'static str = "SELECT n FROM orders WHERE id = ?1 LIMIT ?2";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn newness(&self) -> (Option<DateTime<Utc>>, &str, &str) {
        (self.last_time, self.id.as_str(), "")
    }
}

impl SearchRow for RefundRow {
    const AMOUNTS: Amounts = Amounts::Listed;
    const WITH_ID: &'static str = "SELECT n FROM refund INDEXED BY refund_id WHERE refund = ?1 LIMIT ?2";

    fn groups() -> [Vec<&'static str>; 2] {
        two_groups(RefundState::ALL, RefundState::is_pending, RefundState::as_str)
    }

    fn is_settled(&self) -> bool {
        !self.state.is_pending()
    }

    fn id(&self) -> &str {
        &self.refund
    }

    fn newness(&self) -> (Option<DateTime<Utc>>, &str, &str) {
        (Some(self.requested_at), &self.refund, self.order.as_str())
    }
}

impl SearchRow for HoldListRow {
    const AMOUNTS: Amounts = Amounts::Listed;
    const WITH_ID: &'static str = "SELECT n FROM hold INDEXED BY hold_id WHERE hold = ?1 LIMIT ?2";

    fn groups() -> [Vec<&'static str>; 2] {
        two_groups(HoldState::ALL, |state| state == HoldState::Open, HoldState::as_str)
    }

    fn is_settled(&self) -> bool {
        self.state != HoldState::Open
    }

    fn id(&self) -> &str {
        &self.hold
    }

    fn newness(&self) -> (Option<DateTime<Utc>>, &str, &str) {
        (Some(self.held_at), &self.hold, self.wallet.as_str())
    }
}

impl SearchRow for CaseRow {
    const AMOUNTS: Amounts = Amounts::None;
    const WITH_ID: &'static str = "SELECT n FROM cases WHERE id = ?1 LIMIT ?2";

    fn groups() -> [Vec<&'static str>; 2] {
        two_groups(CaseStatus::ALL, |status| !status.is_final(), CaseStatus::as_str)
    }

    fn is_settled(&self) -> bool {
        self.status.is_final()
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn newness(&self) -> (Option<DateTime<Utc>>, &str, &str) {
        (Some(self.proposed_at), self.id.as_str(), "")
    }
}

impl SearchRow for CustomerRow {
    const AMOUNTS: Amounts = Amounts::None;
    const WITH_ID: &'static str = "SELECT n FROM customer WHERE id = ?1 LIMIT ?2";

    fn id(&self) -> &str {
        &self.customer
    }

    fn newness(&self) -> (Option<DateTime<Utc>>, &str, &str) {
        (None, &self.customer, "")
    }
}

/// Finds the rows of one kind that match a text.
pub fn find<Row: SearchRow>(connection: &Connection, text: &SearchText, reach: &Reach) -> rusqlite::Result<Hits<Row>> {
    let ask = reach.ask();
    let mut numbers = BTreeSet::new();
    let (mut hits, mut more, mut stopped) = (Vec::new(), false, false);
    let fetch = |n: i64| Row::fetch(connection, n, &reach.moment);
    for (n, row) in with_id::<Row>(connection, text, reach)? {
        numbers.insert(n);
        hits.push(Hit {
            row,
            matched: Matched::Id,
            exact: true,
        });
    }
    hits.truncate(reach.shown);
    let queries: Vec<ListQuery> = Row::groups()
        .into_iter()
        .enumerate()
        .filter(|(group, states)| *group == 0 || !states.is_empty())
        .map(|(_, states)| query_of::<Row>(&states))
        .collect();
    let mut known = 0;
    let by_text = match lists::first_with_text::<Row>(connection, &queries, &text.pieces, reach.shown, &ask)? {
        WithText::Rows(found) => found,
        WithText::Many { numbers, stopped } => {
            known = reach.counted;
            FirstRows {
                numbers,
                more: true,
                stopped,
            }
        }
    };
    let mut found = vec![(by_text, false)];
    if let Some(amount) = &text.amount {
        for query in &queries {
            let by_amount = with_amount::<Row>(connection, query, amount, reach)?;
            found.extend(by_amount.into_iter().map(|found| (found, true)));
        }
    }
    let has_amounts = found.len() > 1;
    let wanted = reach.shown - hits.len();
    let mut others: Vec<Hit<Row>> = Vec::new();
    for (found, by_amount) in found {
        more |= found.more;
        stopped |= found.stopped;
        let new: Vec<i64> = found.numbers.into_iter().filter(|n| numbers.insert(*n)).collect();
        for n in new.into_iter().take(wanted) {
            others.extend(fetch(n)?.map(|row| {
                let matched = if by_amount {
                    Matched::Amount
                } else if text.pieces.are_in([row.id()].into_iter()) {
                    Matched::Id
                } else {
                    Matched::Name
                };
                Hit {
                    row,
                    matched,
                    exact: false,
                }
            }));
        }
    }
    if has_amounts {
        others.sort_by(|a, b| {
            let settled = a.row.is_settled().cmp(&b.row.is_settled());
            settled.then_with(|| b.row.newness().cmp(&a.row.newness()))
        });
        others.truncate(wanted);
    }
    hits.extend(others);
    Ok(Hits {
        hits,
        count: count(numbers.len().max(known), more || stopped, reach),
        stopped,
    })
}

/// The rows whose id is the text, with their numbers: first those that wait for something, then the newest.
fn with_id<Row: SearchRow>(
    connection: &Connection,
    text: &SearchText,
    reach: &Reach,
) -> rusqlite::Result<Vec<(i64, Row)>> {
    let most = i64::try_from(reach.counted.saturating_add(1).max(EXACT_MAX)).unwrap_or(i64::MAX);
    let mut select = connection.prepare_cached(Row::WITH_ID)?;
    let numbers = select.query_map(params![text.text, most], |row| row.get::<_, i64>(0))?;
    let mut rows = Vec::new();
    for n in numbers {
        let n = n?;
        rows.extend(Row::fetch(connection, n, &reach.moment)?.map(|row| (n, row)));
    }
    rows.sort_by(|(_, a), (_, b)| {
        let settled = a.is_settled().cmp(&b.is_settled());
        settled.then_with(|| b.newness().cmp(&a.newness()))
    });
    Ok(rows)
}

/// The count to show. `more`: there may be other hits.
fn count(hits: usize, more: bool, reach: &Reach) -> Count {
    let counted = hits.min(reach.counted) as u64;
    if more || hits > reach.counted {
        Count::AtLeast(counted)
    } else {
        Count::Exactly(counted)
    }
}

/// A query for the rows in these states, newest first.
fn query_of<Row: ListRow>(states: &[&str]) -> ListQuery {
    let list = Row::SPEC.list;
    ListQuery {
        states: states.iter().map(|state| (*state).to_owned()).collect(),
        sort: Some(Sort::Newest).filter(|sort| list.sorts().contains(sort)),
        ..ListQuery::default()
    }
}

/// The rows with an amount, newest first, for each currency.
fn with_amount<Row: SearchRow>(
    connection: &Connection,
    query: &ListQuery,
    amount: &AmountText,
    reach: &Reach,
) -> rusqlite::Result<Vec<FirstRows>> {
    if Row::AMOUNTS == Amounts::None {
        return Ok(Vec::new());
    }
    let currencies = match amount.currency {
        Some(currency) => vec![currency],
        None => lists::currencies::<Row>(connection)?,
    };
    let mut found = Vec::new();
    for currency in currencies {
        let Some(minor_units) = minor_units(amount, currency) else {
            continue;
        };
        found.push(if Row::AMOUNTS == Amounts::Credits {
            credited(connection, currency, minor_units, reach)?
        } else {
            let of_amount = ListQuery {
                currencies: vec![currency],
                min: Some(amount.amount.clone()),
                max: Some(amount.amount.clone()),
                ..query.clone()
            };
            lists::first_rows::<Row>(connection, &of_amount, &reach.ask())?
        });
    }
    Ok(found)
}

/// An amount in minor units. `None` if the currency can't have this amount.
fn minor_units(amount: &AmountText, currency: Currency) -> Option<i128> {
    let units = |side| amount.amount.minor_units(currency.decimals(), side);
    let exactly = units(Side::AtLeast);
    (exactly == units(Side::AtMost)).then_some(exactly)
}

/// The wallets with a refund credit of this amount, the most recently changed first.
fn credited(connection: &Connection, currency: Currency, amount: i128, reach: &Reach) -> rusqlite::Result<FirstRows> {
    let most = if reach.is_bounded { CREDITS_MAX } else { usize::MAX };
    let mut select = connection.prepare_cached(
        "SELECT c.credits, w.last_time, w.id, w.n FROM
             (SELECT wallet, count(*) AS credits FROM
                 (SELECT wallet FROM credit INDEXED BY credit_amount WHERE currency = ?1 AND amount = ?2
                  ORDER BY time DESC LIMIT ?3)
              GROUP BY wallet) c
         CROSS JOIN wallet w ON w.n = c.wallet",
    )?;
    let (mut credits, mut wallets) = (0, Vec::new());
    let mut rows = select.query(params![
        currency_code(Some(&currency)),
        Sortable::minor_units(amount),
        i64::try_from(most).unwrap_or(i64::MAX)
    ])?;
    while let Some(row) = rows.next()? {
        credits += row.get::<_, i64>(0)?;
        wallets.push((
            row.get::<_, Sortable>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, i64>(3)?,
        ));
    }
    wallets.sort_unstable_by(|a, b| b.cmp(a));
    let more = wallets.len() > reach.counted;
    wallets.truncate(reach.counted);
    Ok(FirstRows {
        numbers: wallets.into_iter().map(|(_, _, n)| n).collect(),
        more,
        stopped: usize::try_from(credits).is_ok_and(|credits| credits >= most),
    })
}

/// The payments whose whole id is the text, then those of its amount, newest first.
pub fn payments(connection: &Connection, text: &SearchText, reach: &Reach) -> rusqlite::Result<Hits<PaymentRow>> {
    let most = i64::try_from(reach.counted).unwrap_or(i64::MAX).saturating_add(1);
    let mut exact = Vec::new();
    for holder in holders(connection, text, IdKind::Payment, reach)? {
        let mut select = connection.prepare_cached(&format!("{PAYMENT} WHERE p.ord = ?1 AND p.payment = ?2"))?;
        let rows = select.query_map(params![holder.n, text.text], payment)?;
        exact.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten());
    }
    let mut others: Vec<PaymentRow> = Vec::new();
    if let Some(amount) = &text.amount {
        let currencies = match amount.currency {
            Some(currency) => vec![currency],
            None => payment_currencies(connection)?,
        };
        for currency in currencies {
            let Some(minor_units) = minor_units(amount, currency) else {
                continue;
            };
            let mut select = connection.prepare_cached(&format!(
                "{PAYMENT_BY_AMOUNT} WHERE p.currency = ?1 AND p.amount = ?2 ORDER BY p.time DESC, p.payment DESC LIMIT ?3"
            ))?;
            let values = params![currency_code(Some(&currency)), Sortable::minor_units(minor_units), most];
            let rows = select.query_map(values, payment)?;
            others.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten());
        }
        others.retain(|row| !exact.contains(row));
    }
    for rows in [&mut exact, &mut others] {
        rows.sort_by(|a, b| (b.paid_at, &b.payment, &b.order).cmp(&(a.paid_at, &a.payment, &a.order)));
    }
    let total = exact.len() + others.len();
    let hit = |exact: bool| {
        move |row| Hit {
            row,
            matched: if exact { Matched::Id } else { Matched::Amount },
            exact,
        }
    };
    let hits = exact
        .into_iter()
        .map(hit(true))
        .chain(others.into_iter().map(hit(false)));
    Ok(Hits {
        hits: hits.take(reach.shown).collect(),
        count: count(total, false, reach),
        stopped: false,
    })
}

const PAYMENT: &str =
    "SELECT p.payment, o.id, o.wallet, o.customer, o.customer_name, p.amount, p.currency, p.time, p.position
     FROM payment p JOIN orders o ON o.n = p.ord";
const PAYMENT_BY_AMOUNT: &str =
    "SELECT p.payment, o.id, o.wallet, o.customer, o.customer_name, p.amount, p.currency, p.time, p.position
     FROM payment p INDEXED BY payment_amount CROSS JOIN orders o ON o.n = p.ord";

fn payment(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<PaymentRow>> {
    // The projector wrote these values, so parsing succeeds.
    let (Ok(order), Some(currency)) = (
        EntityId::new(row.get::<_, String>(1)?),
        row.get::<_, ReadCurrency>(6)?.0,
    ) else {
        return Ok(None);
    };
    let name: Option<String> = row.get(4)?;
    Ok(Some(PaymentRow {
        payment: row.get(0)?,
        order,
        wallet: row.get(2)?,
        customer: row.get::<_, Option<String>>(3)?.map(|id| Party { id, name }),
        amount: from_minor_units(row.get::<_, MinorUnits>(5)?.0, Some(currency)),
        currency,
        paid_at: row.get::<_, Time>(7)?.0,
        position: row.get::<_, ReadPosition>(8)?.0,
    }))
}

/// The currencies of payments. Each is found by one index look-up.
fn payment_currencies(connection: &Connection) -> rusqlite::Result<Vec<Currency>> {
    let mut select = connection.prepare_cached("SELECT min(currency) FROM payment WHERE currency > ?1")?;
    let (mut currencies, mut last) = (Vec::new(), String::new());
    while let Some(code) = select.query_row([&last], |row| row.get::<_, Option<String>>(0))? {
        currencies.extend(code.parse::<Currency>().ok());
        last = code;
    }
    Ok(currencies)
}

/// The entities whose events may carry the text as an id of this kind. The caller has to check their streams.
pub fn holders(
    connection: &Connection,
    text: &SearchText,
    kind: IdKind,
    reach: &Reach,
) -> rusqlite::Result<Vec<Holder>> {
    whole_ids::holders(
        connection,
        kind,
        &text.text,
        reach.counted.saturating_add(1),
        !reach.is_bounded,
    )
}

/// Whether the search index and the index of ids have all rows. Until then, a page finds texts only in the newest rows.
pub fn is_complete(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(lists::is_searchable(connection)? && whole_ids::is_complete(connection)?)
}
