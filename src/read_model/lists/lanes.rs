//! Walks along indexes. A list with a filter on one column and a sort by another would need an index for each pair of columns.
//! Instead, an index begins with the filter's columns: each combination of their values is a lane, and lanes are merged by the
//! sort column. Statements name their index, because SQLite would otherwise scan if filter and sort are on different columns.

use std::{cmp::Ordering, collections::VecDeque, fmt::Write as _};

use rusqlite::{Connection, Row, params_from_iter, types::Value};

use super::{
    conditions::Conditions,
    index::{Index, Range, RowKey},
};

/// The index of a walk, and the ranges of it.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The table. Its alias is `t`.
    pub table: &'static str,
    pub index: Index,
    /// The conditions on a row besides its lane. A row that does not meet them is visited and skipped.
    pub conditions: &'a Conditions,
    /// The segments are walked one after the other.
    pub segments: Vec<Segment>,
}

/// Lanes that are merged.
#[derive(Debug)]
pub struct Segment {
    /// The label. Segments ascend by their labels.
    pub label: String,
    pub lanes: Vec<Lane>,
}

/// One range of an index.
#[derive(Clone, Debug)]
pub struct Lane {
    /// The values of the prefix columns.
    pub prefix: Vec<Value>,
    pub range: Range,
}

impl Lane {
    /// The whole index.
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
    /// Every row was visited, or `visit` returned `false`.
    Done,
    /// The limit of visited rows was reached. This is the last visited row.
    Stopped(RowKey),
}

/// An SQL statement with its values, built in steps.
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

/// A lane of a walk, with rows that were read ahead.
struct Cursor<'a> {
    lane: &'a Lane,
    ahead: VecDeque<(i64, RowKey, bool)>,
    after: Option<RowKey>,
    exhausted: bool,
    chunk: usize,
}

/// The start, direction and limit of a walk.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    pub descending: bool,
    /// The walk begins after this row or, backwards, before it.
    pub from: Option<&'a RowKey>,
    pub backwards: bool,
    /// The number of wanted rows. At first each lane reads about its share of them.
    pub ahead: usize,
    /// The largest number of visited rows.
    pub visits: usize,
}

/// Calls `visit` for the rows that meet the plan's conditions, in order, until it returns `false`.
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
    /// Reads the next rows if none are left.
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
        // If many rows do not match, larger reads cost less.
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

/// The numbers of the rows in lanes, without other conditions. `None` if there are more than `most`.
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

/// Reads columns of those rows in lanes that meet the conditions.
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

/// The number of rows in lanes, counted up to `most`.
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
