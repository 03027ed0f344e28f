//! Keyset paging: where a page begins, the cursors that lead to the pages beside it, and the rows between.

use std::cmp::Ordering;

use data_encoding::BASE64URL_NOPAD;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{
    COUNTED_MAX, ListError,
    lanes::{self, Plan, Walked},
};
use crate::views::lists::{CURSOR_MAX, PageAt};

/// Where a row stands in a list: its segment, the value that the list is sorted by, and the ids that settle what is equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowKey {
    pub segment: String,
    pub value: Vec<u8>,
    pub ties: Vec<String>,
}

/// The order of a list. Segments ascend; within one, values and ties ascend or descend.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Names the sort in cursors, so that one of another sort is not taken.
    pub sort: u8,
    pub descending: bool,
}

impl Order {
    pub fn compare(self, a: &RowKey, b: &RowKey) -> Ordering {
        let within = (&a.value, &a.ties).cmp(&(&b.value, &b.ties));
        let within = if self.descending { within.reverse() } else { within };
        a.segment.cmp(&b.segment).then(within)
    }
}

/// Where a page begins.
#[derive(Clone, Debug)]
pub enum Start {
    First,
    After(RowKey),
    Before(RowKey),
}

impl Start {
    /// Reads the place that an address names.
    pub fn read(at: &PageAt, sort: u8) -> Result<Self, ListError> {
        Ok(match at {
            PageAt::First => Self::First,
            PageAt::After(cursor) => Self::After(read_cursor(cursor, sort)?),
            PageAt::Before(cursor) => Self::Before(read_cursor(cursor, sort)?),
        })
    }
}

fn write_cursor(key: &RowKey, sort: u8) -> Option<String> {
    let bytes = postcard::to_stdvec(&(sort, key)).ok()?;
    Some(BASE64URL_NOPAD.encode(&bytes))
}

fn read_cursor(cursor: &str, sort: u8) -> Result<RowKey, ListError> {
    if cursor.len() > CURSOR_MAX {
        return Err(ListError::Cursor);
    }
    let bytes = BASE64URL_NOPAD
        .decode(cursor.as_bytes())
        .map_err(|_| ListError::Cursor)?;
    match postcard::from_bytes::<(u8, RowKey)>(&bytes) {
        Ok((made_for, key)) if made_for == sort => Ok(key),
        _ => Err(ListError::Cursor),
    }
}

/// Whether collecting and sorting all `matching` rows costs less than walking along an index of `walked` rows until `size` of
/// them are met, those that match being spread evenly.
pub const fn collects(matching: u64, walked: u64, size: usize) -> bool {
    if matching == 0 || matching > COUNTED_MAX as u64 {
        return matching == 0;
    }
    matching < (size as u64).saturating_mul(walked) / matching
}

/// The rows of a page, and the cursors of the pages beside it.
#[derive(Debug)]
pub struct Found<Row> {
    pub rows: Vec<Row>,
    pub previous: Option<String>,
    pub next: Option<String>,
    /// The page ended before it was full, because it had visited as many rows as a page may; `next` goes on.
    pub stopped: bool,
}

impl<Row> Found<Row> {
    /// The page with other rows in place of these; those that are `None` are left out.
    pub fn try_map<To>(self, mut map: impl FnMut(Row) -> rusqlite::Result<Option<To>>) -> rusqlite::Result<Found<To>> {
        let mut rows = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            rows.extend(map(row)?);
        }
        Ok(Found {
            rows,
            previous: self.previous,
            next: self.next,
            stopped: self.stopped,
        })
    }
}

/// A page of rows that were collected in memory.
pub fn of_collected<Row>(mut collected: Vec<(RowKey, Row)>, order: Order, start: &Start, size: usize) -> Found<Row> {
    collected.sort_unstable_by(|(a, _), (b, _)| order.compare(a, b));
    let from = match start {
        Start::First => 0,
        Start::After(key) => collected.partition_point(|(row, _)| order.compare(row, key) != Ordering::Greater),
        Start::Before(key) => collected
            .partition_point(|(row, _)| order.compare(row, key) == Ordering::Less)
            .saturating_sub(size),
    };
    let to = (from + size).min(collected.len());
    let cursor = |at: Option<&(RowKey, Row)>| at.and_then(|(key, _)| write_cursor(key, order.sort));
    let previous = (from > 0).then(|| cursor(collected.get(from))).flatten();
    let next = (to < collected.len())
        .then(|| cursor(collected.get(to.wrapping_sub(1))))
        .flatten();
    // After the last row there is nothing, but a way back.
    let previous = match (start, from < to) {
        (Start::After(key), false) => write_cursor(key, order.sort),
        _ => previous,
    };
    Found {
        rows: collected.drain(from..to).map(|(_, row)| row).collect(),
        previous,
        next,
        stopped: false,
    }
}

/// A page of rows met by walking along an index. `fetch` answers with the row of a number, if it matches.
pub fn of_walk<Row>(
    connection: &Connection,
    plan: &Plan,
    order: Order,
    start: &Start,
    size: usize,
    mut fetch: impl FnMut(i64) -> rusqlite::Result<Option<Row>>,
) -> rusqlite::Result<Found<Row>> {
    let (from, backwards) = match start {
        Start::First => (None, false),
        Start::After(key) => (Some(key), false),
        Start::Before(key) => (Some(key), true),
    };
    let mut rows: Vec<(RowKey, Row)> = Vec::with_capacity(size + 1);
    let walked = lanes::walk(
        connection,
        plan,
        order.descending,
        from,
        backwards,
        size + 1,
        |n, key| {
            if let Some(row) = fetch(n)? {
                rows.push((key, row));
            }
            Ok(rows.len() <= size)
        },
    )?;
    let more = rows.len() > size;
    rows.truncate(size);
    let stopped_at = match walked {
        Walked::Stopped(key) if !more => Some(key),
        _ => None,
    };
    if backwards {
        if !more && stopped_at.is_none() && rows.len() < size {
            // Fewer rows than a page has are before the cursor: the first page shows them, and those after them.
            return of_walk(connection, plan, order, &Start::First, size, fetch);
        }
        rows.reverse();
    }
    let cursor = |key: &RowKey| write_cursor(key, order.sort);
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
    })
}
