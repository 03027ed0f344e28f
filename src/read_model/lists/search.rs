//! Search texts: what they are looked for in, and how they are found in the search index or in a row. The index is of trigrams, so
//! a text of fewer than three characters is looked for in the rows.

use rusqlite::Connection;

use super::{COUNTED_MAX, ListError};
use crate::{domain::wallet::Party, views::lists::SEARCH_MAX};

/// What a search text is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Ids and the names of people.
    Names,
    /// Ids only: those who may not read names could otherwise guess them letter by letter.
    Ids,
}

/// Characters that the index needs.
const INDEXED_MIN: usize = 3;

/// A search text.
#[derive(Clone, Debug)]
pub struct Needle {
    given: String,
    lower: String,
    search: Search,
}

impl Needle {
    /// The text to look for; `None` where there is none.
    pub fn new(text: &str, search: Search) -> Result<Option<Self>, ListError> {
        let text = text.trim();
        if text.chars().count() > SEARCH_MAX {
            return Err(ListError::TextTooLong);
        }
        let lower = text.to_lowercase();
        Ok((!lower.is_empty()).then(|| Self {
            given: text.to_owned(),
            lower,
            search,
        }))
    }

    /// Whether a text contains it, whatever the case.
    pub fn is_in(&self, text: &str) -> bool {
        if text.is_ascii() {
            let letters = self.lower.as_bytes();
            return text
                .as_bytes()
                .windows(letters.len())
                .any(|part| part.eq_ignore_ascii_case(letters));
        }
        text.to_lowercase().contains(&self.lower)
    }

    /// Whether it is in a person's id, or in the name where names are looked at.
    pub fn is_of(&self, party: Option<&Party>) -> bool {
        party.is_some_and(|party| {
            self.is_in(&party.id)
                || (self.search == Search::Names && party.name.as_ref().is_some_and(|name| self.is_in(name)))
        })
    }

    /// Whether the search index answers for it: long enough, and every row of `table` is in the index.
    pub fn is_indexed(&self, connection: &Connection, table: &str) -> rusqlite::Result<bool> {
        if self.lower.chars().count() < INDEXED_MIN {
            return Ok(false);
        }
        // Wallets are also found by the refunds that they were credited for, which orders know.
        let mut select = connection.prepare_cached(if table == "wallet" {
            "SELECT min(searchable) FROM source"
        } else {
            "SELECT searchable FROM source WHERE domain = 'order'"
        })?;
        let searchable: i64 = select.query_row([], |row| row.get(0))?;
        Ok(searchable == i64::MAX)
    }

    /// The question for an index with columns `ids` and `names`.
    pub fn question(&self) -> String {
        match self.search {
            Search::Names => self.phrase(),
            Search::Ids => format!("ids : {}", self.phrase()),
        }
    }

    /// The question for one column, or for an index with one.
    pub fn phrase(&self) -> String {
        format!("\"{}\"", self.lower.replace('"', "\"\""))
    }

    /// As it was given.
    pub fn given(&self) -> &str {
        &self.given
    }
}

/// Whether a text is found in one of the ids that a statement gives for a value; the first thousand are looked at.
pub fn is_in_ids(
    connection: &Connection,
    sql: &str,
    of: impl rusqlite::ToSql,
    needle: &Needle,
) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached(&format!("{sql} LIMIT 1000"))?;
    let mut rows = select.query([of])?;
    while let Some(row) = rows.next()? {
        if needle.is_in(row.get_ref(0)?.as_str()?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Numbers that several questions answer with, each once.
pub fn numbers(connection: &Connection, questions: &[(&str, String)]) -> rusqlite::Result<Vec<i64>> {
    let mut numbers = Vec::new();
    for (sql, needle) in questions {
        let mut select = connection.prepare_cached(&format!("{sql} LIMIT {}", COUNTED_MAX + 1))?;
        let found = select.query_map([needle], |row| row.get::<_, i64>(0))?;
        for number in found {
            numbers.push(number?);
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}
