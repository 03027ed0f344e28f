//! Keyset paging: the start of a page, the cursors of the pages beside it, and the rows between.

use std::cmp::Ordering;

use data_encoding::BASE64URL_NOPAD;
use rusqlite::Connection;

use super::{
    Ask, COUNTED_MAX, Summary,
    index::RowKey,
    lanes::{self, Plan, Walked, Way},
};
use crate::{
    domain::money::Currency,
    read_model::columns::Sortable,
    views::lists::{CURSOR_MAX, Count, PageAt},
};

/// The order of a list. Segments ascend; within one, values and ties ascend or descend.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The list and the sort, which each cursor contains. A cursor of another list or sort is not accepted.
    pub cursor: (u8, u8),
    pub descending: bool,
}

impl Order {
    pub fn compare(self, a: &RowKey, b: &RowKey) -> Ordering {
        let within = (&a.value, &a.ties).cmp(&(&b.value, &b.ties));
        let within = if self.descending { within.reverse() } else { within };
        a.segment.cmp(&b.segment).then(within)
    }
}

/// The start of a page.
#[derive(Clone, Debug)]
pub enum Start {
    First,
    After(RowKey),
    Before(RowKey),
}

impl Start {
    /// Reads the start from an address. `None` if the cursor can't be read. `whole` completes a key that has only a row number,
    /// and returns `None` for a key that the list can't have.
    pub fn read(
        at: &PageAt,
        order: Order,
        whole: impl Fn(RowKey) -> rusqlite::Result<Option<RowKey>>,
    ) -> rusqlite::Result<Option<Self>> {
        let key = |cursor: &str| match read_cursor(cursor, order) {
            Some(key) => whole(key),
            None => Ok(None),
        };
        Ok(match at {
            PageAt::First => Some(Self::First),
            PageAt::After(cursor) => key(cursor)?.map(Self::After),
            PageAt::Before(cursor) => key(cursor)?.map(Self::Before),
        })
    }
}

/// Encodes a cursor. A cursor contains the row's key, which is the same in every read model of the stores. If the ids are too
/// long for an address, it contains only the row's number, which other read models do not know.
fn write_cursor(key: &RowKey, order: Order) -> Option<String> {
    let encode = |key: &RowKey| {
        let bytes = postcard::to_stdvec(&(order.cursor, key)).ok()?;
        Some(BASE64URL_NOPAD.encode(&bytes))
    };
    let cursor = encode(&RowKey { n: 0, ..key.clone() })?;
    if cursor.len() <= CURSOR_MAX {
        return Some(cursor);
    }
    encode(&RowKey {
        n: key.n,
        segment: String::new(),
        value: Vec::new(),
        ties: Vec::new(),
    })
}

fn read_cursor(cursor: &str, order: Order) -> Option<RowKey> {
    if cursor.len() > CURSOR_MAX {
        return None;
    }
    let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
    let (made_for, key) = postcard::from_bytes::<((u8, u8), RowKey)>(&bytes).ok()?;
    (made_for == order.cursor).then_some(key)
}

/// The largest number of rows that a walk reads ahead at first.
const AHEAD_MAX: usize = 1_000;

/// Whether collecting and sorting all `matching` rows costs less than walking an index of `walked` rows until `size` matching
/// rows are met. The matching rows are assumed to be spread evenly.
pub const fn collects(matching: u64, walked: u64, size: usize) -> bool {
    if matching == 0 || matching > COUNTED_MAX as u64 {
        return matching == 0;
    }
    matching < (size as u64).saturating_mul(walked) / matching
}

/// The numbers of the rows of a page, and the cursors of the pages beside it.
#[derive(Debug)]
pub struct Found {
    pub rows: Vec<i64>,
    pub previous: Option<String>,
    pub next: Option<String>,
    /// The page ended before it was full, because it visited as many rows as a page may. `next` continues there.
    pub stopped: bool,
    pub summary: Summary,
}

impl Found {
    pub const fn nothing() -> Self {
        Self {
            rows: Vec::new(),
            previous: None,
            next: None,
            stopped: false,
            summary: Summary::counted(Count::Exactly(0)),
        }
    }

    pub fn with(self, summary: Summary) -> Self {
        Self { summary, ..self }
    }

    /// Whether the page has all matching rows.
    pub const fn is_whole(&self, start: &Start) -> bool {
        matches!(start, Start::First) && self.next.is_none() && !self.stopped
    }
}

/// A row that was read, with its sort key and the values that are summed up.
#[derive(Debug)]
pub struct Collected {
    pub n: i64,
    pub key: RowKey,
    pub state: i64,
    pub currency: Option<Currency>,
    pub amount: i128,
    /// The time at which a refund entered its state.
    pub since: Sortable,
}

/// A page of rows that were collected in memory.
pub fn of_collected(mut collected: Vec<Collected>, order: Order, start: &Start, size: usize) -> Found {
    collected.sort_unstable_by(|a, b| order.compare(&a.key, &b.key));
    let from = match start {
        Start::First => 0,
        Start::After(key) => collected.partition_point(|row| order.compare(&row.key, key) != Ordering::Greater),
        Start::Before(key) => collected
            .partition_point(|row| order.compare(&row.key, key) == Ordering::Less)
            .saturating_sub(size),
    };
    let to = from.saturating_add(size).min(collected.len());
    let cursor = |at: Option<&Collected>| at.and_then(|row| write_cursor(&row.key, order));
    let previous = (from > 0).then(|| cursor(collected.get(from))).flatten();
    let next = (to < collected.len())
        .then(|| cursor(collected.get(to.wrapping_sub(1))))
        .flatten();
    // An empty page after the last row still has a cursor back.
    let previous = match (start, from < to) {
        (Start::After(key), false) => write_cursor(key, order),
        _ => previous,
    };
    Found {
        rows: collected[from..to].iter().map(|row| row.n).collect(),
        previous,
        next,
        stopped: false,
        summary: Summary::counted(Count::AtLeast(0)),
    }
}

/// A page of the rows on a walk along an index that `matches` accepts.
pub fn of_walk(
    connection: &Connection,
    plan: &Plan<'_>,
    order: Order,
    start: &Start,
    ask: &Ask,
    matches: impl Fn(i64) -> bool,
) -> rusqlite::Result<Found> {
    let size = ask.rows;
    let (from, backwards) = match start {
        Start::First => (None, false),
        Start::After(key) => (Some(key), false),
        Start::Before(key) => (Some(key), true),
    };
    let mut rows: Vec<(RowKey, i64)> = Vec::with_capacity(size.min(AHEAD_MAX) + 1);
    let way = Way {
        descending: order.descending,
        from,
        backwards,
        ahead: size.min(AHEAD_MAX) + 1,
        visits: ask.visits,
    };
    let walked = lanes::walk(connection, plan, way, |n, key| {
        if matches(n) {
            rows.push((key, n));
        }
        Ok(rows.len() <= size)
    })?;
    let more = rows.len() > size;
    rows.truncate(size);
    let stopped_at = match walked {
        Walked::Stopped(key) if !more => Some(key),
        _ => None,
    };
    if backwards {
        if !more && stopped_at.is_none() && rows.len() < size {
            // Fewer rows than a page are before the cursor. The first page is returned: these rows, and those after them.
            return of_walk(connection, plan, order, &Start::First, ask, matches);
        }
        rows.reverse();
    }
    let cursor = |key: &RowKey| write_cursor(key, order);
    let first = rows.first().map(|(key, _)| key);
    let last = rows.last().map(|(key, _)| key);
    let (previous, next) = if backwards {
        let goes_on = stopped_at.as_ref().or(if more { first } else { None });
        (goes_on.and_then(cursor), last.or(from).and_then(cursor))
    } else {
        let goes_on = stopped_at.as_ref().or(if more { last } else { None });
        (
            from.map(|from| first.unwrap_or(from)).and_then(cursor),
            goes_on.and_then(cursor),
        )
    };
    Ok(Found {
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        previous,
        next,
        stopped: stopped_at.is_some(),
        summary: Summary::counted(Count::AtLeast(0)),
    })
}
