//! Walks along indexes. A list sorted by one column and filtered by another would need an index for each pair; instead an index
//! begins with the filter's columns, each of their values is a lane, and lanes are merged by the sort column. The program names
//! the index: left to itself, SQLite scans where a filter and a sort are on different columns.

use std::{cmp::Ordering, collections::VecDeque, fmt::Write as _};

use rusqlite::{Connection, Row, params_from_iter, types::Value};

use super::{conditions::Conditions, paging::RowKey};
use crate::read_model::columns::Sortable;

/// An index of a list's table.
#[derive(Clone, Copy, Debug)]
pub struct Index {
    pub name: &'static str,
    /// Columns that the index begins with: those of a lane.
    pub prefix: &'static [&'static str],
    /// The column that follows them; `None`: the ids alone.
    pub key: Option<&'static str>,
    /// The columns after that, which settle what is equal.
    pub ties: &'static [&'static str],
}

impl Index {
    pub const fn new(
        name: &'static str,
        prefix: &'static [&'static str],
        key: Option<&'static str>,
        ties: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            prefix,
            key,
            ties,
        }
    }
}

/// Which index is walked, and which parts of it.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The table with its alias `t`.
    pub table: &'static str,
    pub index: Index,
    /// What a row has to meet besides being in a lane. A row that does not is visited and passed over.
    pub conditions: &'a Conditions,
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

/// Bounds of a key column. Without any, missing keys are in it, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Included; empty: every key that is there.
    pub from: Option<Sortable>,
    /// Not included.
    pub below: Option<Sortable>,
    /// Included.
    pub to: Option<Sortable>,
    /// Only missing keys.
    pub missing: bool,
}

impl Range {
    /// Every key that is there.
    pub const PRESENT: Self = Self {
        from: Some(Sortable::MISSING),
        below: None,
        to: None,
        missing: false,
    };
    pub const MISSING: Self = Self {
        from: None,
        below: None,
        to: None,
        missing: true,
    };

    /// The conditions on a column, with their values.
    pub fn conditions(&self, key: &str) -> Vec<(String, Option<Value>)> {
        let value = |value: Sortable| Some(Value::Blob(value.as_bytes().to_vec()));
        if self.missing {
            return vec![(format!("{key} = x''"), None)];
        }
        let mut conditions = Vec::new();
        if let Some(from) = self.from {
            conditions.push(if from == Sortable::MISSING {
                (format!("{key} > x''"), None)
            } else {
                (format!("{key} >= ?"), value(from))
            });
        }
        if let Some(below) = self.below {
            conditions.push((format!("{key} < ?"), value(below)));
        }
        if let Some(to) = self.to {
            conditions.push((format!("{key} <= ?"), value(to)));
        }
        conditions
    }
}

/// One range of the index.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Values of the prefix columns.
    pub prefix: Vec<Value>,
    pub range: Range,
}

impl Lane {
    /// All of an index.
    pub const EVERY: Self = Self {
        prefix: Vec::new(),
        range: Range {
            from: None,
            below: None,
            to: None,
            missing: false,
        },
    };
}

/// How a walk ended.
#[derive(Debug)]
pub enum Walked {
    /// Every row was visited, or the visitor had enough.
    Done,
    /// As many rows were visited as may be; this was the last.
    Stopped(RowKey),
}

/// A statement being put together.
struct Statement {
    sql: String,
    values: Vec<Value>,
    word: &'static str,
}

impl Statement {
    fn new(sql: String, values: Vec<Value>) -> Self {
        Self {
            sql,
            values,
            word: " WHERE ",
        }
    }

    fn condition(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(self.word);
        self.sql.push_str(condition);
        self.values.extend(values);
        self.word = " AND ";
    }

    fn lane(&mut self, index: &Index, lane: &Lane) {
        for (column, value) in index.prefix.iter().zip(&lane.prefix) {
            self.condition(&format!("{column} = ?"), [value.clone()]);
        }
        if let Some(key) = index.key {
            for (condition, value) in lane.range.conditions(key) {
                self.condition(&condition, value);
            }
        }
    }
}

/// A lane being walked, with rows read ahead.
struct Cursor<'a> {
    lane: &'a Lane,
    ahead: VecDeque<(i64, RowKey, bool)>,
    after: Option<RowKey>,
    exhausted: bool,
    chunk: usize,
}

/// How a walk begins and how far it may go.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    pub descending: bool,
    /// After this row or, backwards, before it.
    pub from: Option<&'a RowKey>,
    pub backwards: bool,
    /// Rows that are wanted, so that each lane reads about its share of them at first.
    pub ahead: usize,
    /// Rows that are visited at most.
    pub visits: usize,
}

/// Visits the rows that meet the plan's conditions, in order, until `visit` answers `false`.
pub fn walk(
    connection: &Connection,
    plan: &Plan<'_>,
    way: Way<'_>,
    mut visit: impl FnMut(i64, RowKey) -> rusqlite::Result<bool>,
) -> rusqlite::Result<Walked> {
    let down = way.descending != way.backwards;
    let mut segments: Vec<&Segment> = plan.segments.iter().collect();
    if way.backwards {
        segments.reverse();
    }
    let mut visits = 0;
    for segment in segments {
        let place = way.from.map(|from| segment.label.as_str().cmp(from.segment.as_str()));
        let passed = if way.backwards {
            Ordering::Greater
        } else {
            Ordering::Less
        };
        if place == Some(passed) {
            continue;
        }
        let after = way.from.filter(|_| place == Some(Ordering::Equal));
        let share = 2 * way.ahead / segment.lanes.len().max(1);
        let mut cursors: Vec<_> = segment
            .lanes
            .iter()
            .map(|lane| Cursor {
                lane,
                ahead: VecDeque::new(),
                after: after.cloned(),
                exhausted: false,
                chunk: share.clamp(4, way.ahead.max(4)),
            })
            .collect();
        loop {
            for cursor in &mut cursors {
                cursor.fill(connection, plan, &segment.label, down)?;
            }
            let heads = cursors.iter_mut().filter(|cursor| !cursor.ahead.is_empty());
            let first = heads.min_by(|a, b| {
                let (Some((_, a, _)), Some((_, b, _))) = (a.ahead.front(), b.ahead.front()) else {
                    return Ordering::Equal;
                };
                let order = (&a.value, &a.ties).cmp(&(&b.value, &b.ties));
                if down { order.reverse() } else { order }
            });
            let Some((n, key, meets)) = first.and_then(|cursor| cursor.ahead.pop_front()) else {
                break;
            };
            visits += 1;
            if visits >= way.visits {
                let last = key.clone();
                if meets && !visit(n, key)? {
                    return Ok(Walked::Done);
                }
                return Ok(Walked::Stopped(last));
            }
            if meets && !visit(n, key)? {
                return Ok(Walked::Done);
            }
        }
    }
    Ok(Walked::Done)
}

impl Cursor<'_> {
    /// Reads ahead, if nothing is left of what was read.
    fn fill(&mut self, connection: &Connection, plan: &Plan<'_>, label: &str, down: bool) -> rusqlite::Result<()> {
        if self.exhausted || !self.ahead.is_empty() {
            return Ok(());
        }
        let index = &plan.index;
        let Statement { sql, values, .. } = self.question(plan, down);
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let value = match index.key {
                Some(_) => row.get_ref(2)?.as_blob()?.to_vec(),
                None => Vec::new(),
            };
            let first_tie = 2 + usize::from(index.key.is_some());
            let ties: rusqlite::Result<Vec<String>> = (0..index.ties.len()).map(|at| row.get(first_tie + at)).collect();
            let key = RowKey {
                n: row.get(0)?,
                segment: label.to_owned(),
                value,
                ties: ties?,
            };
            let meets = row.get::<_, Option<bool>>(1)?.unwrap_or(false);
            self.ahead.push_back((row.get(0)?, key, meets));
        }
        self.exhausted = self.ahead.len() < self.chunk;
        self.after = self.ahead.back().map(|(_, key, _)| key.clone());
        // Where many rows do not match, reading more at once costs less.
        self.chunk = (self.chunk * 4).min(1_000);
        Ok(())
    }

    /// The statement for the next rows of the lane.
    fn question(&self, plan: &Plan<'_>, down: bool) -> Statement {
        let index = &plan.index;
        let columns: Vec<&str> = index.key.into_iter().chain(index.ties.iter().copied()).collect();
        let listed = columns.join(", ");
        let (meets, values) = plan.conditions.as_expression();
        let sql = format!(
            "SELECT t.n, {meets}, {listed} FROM {} AS t INDEXED BY {}{}",
            plan.table,
            index.name,
            plan.conditions.joins()
        );
        let mut statement = Statement::new(sql, values);
        statement.lane(index, self.lane);
        if let Some(after) = &self.after {
            let marks = vec!["?"; columns.len()].join(", ");
            let direction = if down { "<" } else { ">" };
            let value = index.key.map(|_| Value::Blob(after.value.clone()));
            let ties = after.ties.iter().cloned().map(Value::Text);
            statement.condition(
                &format!("({listed}) {direction} ({marks})"),
                value.into_iter().chain(ties),
            );
        }
        let direction = if down { "DESC" } else { "ASC" };
        let order: Vec<_> = columns.iter().map(|column| format!("{column} {direction}")).collect();
        let _ = write!(statement.sql, " ORDER BY {} LIMIT {}", order.join(", "), self.chunk);
        statement
    }
}

/// The numbers of the rows in lanes, whatever else they meet; `None` where they are more than `most`.
pub fn numbers(
    connection: &Connection,
    table: &str,
    index: &Index,
    lanes: &[Lane],
    most: usize,
) -> rusqlite::Result<Option<Vec<i64>>> {
    let mut numbers = Vec::new();
    for lane in lanes {
        let sql = format!("SELECT t.n FROM {table} AS t INDEXED BY {}", index.name);
        let mut statement = Statement::new(sql, Vec::new());
        statement.lane(index, lane);
        let limit = i64::try_from(most.saturating_add(1) - numbers.len()).unwrap_or(i64::MAX);
        let _ = write!(statement.sql, " LIMIT {limit}");
        let mut select = connection.prepare_cached(&statement.sql)?;
        let mut rows = select.query(params_from_iter(statement.values))?;
        while let Some(row) = rows.next()? {
            numbers.push(row.get(0)?);
        }
        if numbers.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(numbers))
}

/// Reads columns of the rows in lanes that meet conditions.
pub fn read<T>(
    connection: &Connection,
    table: &str,
    index: &Index,
    lanes: &[Lane],
    columns: &str,
    conditions: &Conditions,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let (meets, values) = conditions.as_expression();
    let mut found = Vec::new();
    for lane in lanes {
        let sql = format!(
            "SELECT {columns} FROM {table} AS t INDEXED BY {}{}",
            index.name,
            conditions.joins()
        );
        let mut statement = Statement::new(sql, Vec::new());
        statement.lane(index, lane);
        statement.condition(&meets, values.iter().cloned());
        let mut select = connection.prepare_cached(&statement.sql)?;
        let mut rows = select.query(params_from_iter(statement.values))?;
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
    }
    Ok(found)
}

/// How many rows are in lanes; at most `most` are counted.
pub fn count(
    connection: &Connection,
    table: &str,
    index: &Index,
    lanes: &[Lane],
    most: usize,
) -> rusqlite::Result<usize> {
    let mut counted = 0;
    for lane in lanes {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {table} AS t INDEXED BY {}",
            index.name
        );
        let mut statement = Statement::new(sql, Vec::new());
        statement.lane(index, lane);
        let _ = write!(statement.sql, " LIMIT {})", most - counted);
        let mut select = connection.prepare_cached(&statement.sql)?;
        let rows: i64 = select.query_row(params_from_iter(statement.values), |row| row.get(0))?;
        counted += usize::try_from(rows).unwrap_or(0);
        if counted >= most {
            break;
        }
    }
    Ok(counted)
}
