//! Walks along indexes. A list sorted by one column and filtered by another would need an index for each pair; instead an index
//! begins with the filter's columns, each of their values is a lane, and lanes are merged by the sort column. The program names
//! the index: left to itself, SQLite scans where a filter and a sort are on different columns.

use std::{cmp::Ordering, collections::VecDeque, fmt::Write as _};

use rusqlite::{Connection, params_from_iter, types::Value};

use super::{VISITS_MAX, paging::RowKey};
use crate::read_model::columns::Sortable;

/// Which index is walked, and which parts of it.
#[derive(Debug)]
pub struct Plan {
    /// The table and its index.
    pub from: String,
    /// Columns that the index begins with.
    pub prefix: &'static [&'static str],
    /// The column that follows them, which the list is sorted by; `None`: the ids alone.
    pub key: Option<&'static str>,
    /// The columns after that, which settle what is equal.
    pub ties: &'static [&'static str],
    /// One after the other.
    pub segments: Vec<Segment>,
}

/// Lanes whose rows are merged.
#[derive(Debug)]
pub struct Segment {
    /// Segments ascend by their labels.
    pub label: String,
    pub lanes: Vec<Lane>,
}

impl Segment {
    pub fn of(lanes: impl IntoIterator<Item = Lane>) -> Self {
        Self {
            label: String::new(),
            lanes: lanes.into_iter().collect(),
        }
    }
}

/// One range of the index.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Values of the prefix columns.
    pub prefix: Vec<Value>,
    /// A condition on the key column, such as `> x''`.
    pub range: Option<&'static str>,
    /// The key column is below this.
    pub below: Option<Sortable>,
}

impl Lane {
    pub fn of(prefix: Vec<Value>) -> Self {
        Self {
            prefix,
            range: None,
            below: None,
        }
    }
}

/// How a walk ended.
#[derive(Debug)]
pub enum Walked {
    /// Every row was visited, or the visitor had enough.
    Done,
    /// As many rows were visited as may be; this was the last.
    Stopped(RowKey),
}

/// A lane being walked, with rows read ahead.
struct Cursor<'a> {
    lane: &'a Lane,
    ahead: VecDeque<(i64, RowKey)>,
    after: Option<RowKey>,
    exhausted: bool,
    chunk: usize,
}

/// Visits rows in order, after `from` or, backwards, before it, until `visit` answers `false`. Of each lane, `ahead` rows are
/// read at first.
pub fn walk(
    connection: &Connection,
    plan: &Plan,
    descending: bool,
    from: Option<&RowKey>,
    backwards: bool,
    ahead: usize,
    mut visit: impl FnMut(i64, RowKey) -> rusqlite::Result<bool>,
) -> rusqlite::Result<Walked> {
    let down = descending != backwards;
    let mut segments: Vec<&Segment> = plan.segments.iter().collect();
    if backwards {
        segments.reverse();
    }
    let mut visits = 0;
    for segment in segments {
        let place = from.map(|from| segment.label.as_str().cmp(from.segment.as_str()));
        let passed = if backwards { Ordering::Greater } else { Ordering::Less };
        if place == Some(passed) {
            continue;
        }
        let after = from.filter(|_| place == Some(Ordering::Equal));
        let mut cursors: Vec<_> = segment
            .lanes
            .iter()
            .map(|lane| Cursor {
                lane,
                ahead: VecDeque::new(),
                after: after.cloned(),
                exhausted: false,
                chunk: ahead,
            })
            .collect();
        loop {
            for cursor in &mut cursors {
                cursor.fill(connection, plan, &segment.label, down)?;
            }
            let heads = cursors.iter_mut().filter(|cursor| !cursor.ahead.is_empty());
            let first = heads.min_by(|a, b| {
                let (Some((_, a)), Some((_, b))) = (a.ahead.front(), b.ahead.front()) else {
                    return Ordering::Equal;
                };
                let order = (&a.value, &a.ties).cmp(&(&b.value, &b.ties));
                if down { order.reverse() } else { order }
            });
            let Some((n, key)) = first.and_then(|cursor| cursor.ahead.pop_front()) else {
                break;
            };
            visits += 1;
            let last = key.clone();
            if !visit(n, key)? {
                return Ok(Walked::Done);
            }
            if visits >= VISITS_MAX {
                return Ok(Walked::Stopped(last));
            }
        }
    }
    Ok(Walked::Done)
}

impl Cursor<'_> {
    /// Reads ahead, if nothing is left of what was read.
    fn fill(&mut self, connection: &Connection, plan: &Plan, label: &str, down: bool) -> rusqlite::Result<()> {
        if self.exhausted || !self.ahead.is_empty() {
            return Ok(());
        }
        let (sql, values) = self.question(plan, down);
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let value = match plan.key {
                Some(_) => row.get_ref(1)?.as_blob()?.to_vec(),
                None => Vec::new(),
            };
            let first_tie = 1 + usize::from(plan.key.is_some());
            let ties: rusqlite::Result<Vec<String>> = (0..plan.ties.len()).map(|at| row.get(first_tie + at)).collect();
            let key = RowKey {
                segment: label.to_owned(),
                value,
                ties: ties?,
            };
            self.ahead.push_back((row.get(0)?, key));
        }
        self.exhausted = self.ahead.len() < self.chunk;
        self.after = self.ahead.back().map(|(_, key)| key.clone());
        // Where many rows do not match, reading more at once costs less.
        self.chunk = (self.chunk * 4).min(1_000);
        Ok(())
    }

    /// The statement for the next rows of the lane, and its values.
    fn question(&self, plan: &Plan, down: bool) -> (String, Vec<Value>) {
        let columns: Vec<&str> = plan.key.into_iter().chain(plan.ties.iter().copied()).collect();
        let mut values = self.lane.prefix.clone();
        let mut sql = format!("SELECT n, {} FROM {}", columns.join(", "), plan.from);
        let mut word = " WHERE ";
        let mut put = |sql: &mut String, condition: &str| {
            sql.push_str(word);
            sql.push_str(condition);
            word = " AND ";
        };
        for column in plan.prefix {
            put(&mut sql, &format!("{column} = ?"));
        }
        if let (Some(key), Some(range)) = (plan.key, self.lane.range) {
            put(&mut sql, &format!("{key} {range}"));
        }
        if let (Some(key), Some(below)) = (plan.key, &self.lane.below) {
            put(&mut sql, &format!("{key} < ?"));
            values.push(Value::Blob(below.as_bytes().to_vec()));
        }
        if let Some(after) = &self.after {
            let marks = vec!["?"; columns.len()].join(", ");
            let direction = if down { "<" } else { ">" };
            put(&mut sql, &format!("({}) {direction} ({marks})", columns.join(", ")));
            if plan.key.is_some() {
                values.push(Value::Blob(after.value.clone()));
            }
            values.extend(after.ties.iter().cloned().map(Value::Text));
        }
        let direction = if down { "DESC" } else { "ASC" };
        let order: Vec<_> = columns.iter().map(|column| format!("{column} {direction}")).collect();
        let _ = write!(sql, " ORDER BY {} LIMIT {}", order.join(", "), self.chunk);
        (sql, values)
    }
}
