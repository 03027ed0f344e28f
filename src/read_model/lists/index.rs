//! An index of a list's table, ranges of its key column, and the position of a row in it.

use rusqlite::types::Value;
use serde::{Deserialize, Serialize};

use crate::read_model::columns::Sortable;

/// An index of a list's table.
#[derive(Clone, Copy, Debug)]
pub struct Index {
    pub name: &'static str,
    /// The first columns of the index, whose values select a lane.
    pub prefix: &'static [&'static str],
    /// The column after the prefix. `None`: the ties follow the prefix.
    pub key: Option<&'static str>,
    /// The columns after the key, as tie-breakers.
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

/// A range of a key column. Without bounds, it includes missing keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The lower bound, included. An empty value includes every key that is not missing.
    pub from: Option<Sortable>,
    /// The upper bound, excluded.
    pub below: Option<Sortable>,
    /// The upper bound, included.
    pub to: Option<Sortable>,
    /// The range has only missing keys.
    pub missing: bool,
}

impl Range {
    /// Every key that is not missing.
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

/// The position of a row in a list: its segment, its sort value, and ids as tie-breakers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowKey {
    /// The row's number. It is not compared.
    pub n: i64,
    pub segment: String,
    pub value: Vec<u8>,
    pub ties: Vec<String>,
}
