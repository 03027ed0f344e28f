//! Search texts: what they are looked for in, and how they are found in the search index or in a row. The index is of trigrams, so
//! a text of fewer than three characters is looked for in the rows.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::{COUNTED_MAX, ListError};
use crate::{domain::wallet::Party, read_model::search_index::Texts, views::lists::SEARCH_MAX};

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
/// Characters of a text that is looked for by a sample of its trigrams, at least.
const SAMPLED_FROM: usize = 16;
/// Trigrams of a sample.
const SAMPLES: usize = 5;
/// Rows that have every trigram of a sample, and are then looked at, at most.
const SAMPLED_MAX: usize = 100;

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

    /// Which columns of an index with ids and names it is looked for in.
    pub const fn columns(&self) -> Columns {
        match self.search {
            Search::Names => Columns::Both,
            Search::Ids => Columns::First,
        }
    }

    /// The text as one phrase.
    fn phrase(&self) -> String {
        quoted(&self.lower)
    }

    /// Some of the trigrams of a text that looks like part of a long id; `None` for any other text. A phrase makes the index read
    /// its lists of all trigrams, of which a UUID has 34.
    fn sample(&self) -> Option<String> {
        let letters: Vec<char> = self.lower.chars().collect();
        if letters.len() < SAMPLED_FROM || letters.iter().any(|letter| letter.is_whitespace()) {
            return None;
        }
        let starts = (0..SAMPLES).map(|n| n * (letters.len() - INDEXED_MIN) / (SAMPLES - 1));
        let trigrams = starts.map(|start| quoted(&letters[start..start + INDEXED_MIN].iter().collect::<String>()));
        Some(trigrams.collect::<Vec<_>>().join(" AND "))
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

/// A text of a question, with nothing in it that the index's language knows.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The rows of a list in which a text is found by the search index.
#[derive(Debug)]
pub enum Hits {
    /// All of them, by their numbers.
    All(Vec<i64>),
    /// More than [`COUNTED_MAX`].
    Many,
    /// Not known, because the text is found in more than [`COUNTED_MAX`] rows of what belongs to the list's rows.
    Unknown,
}

/// The columns of an index that a text is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    First,
    Both,
}

/// Numbers of the rows in which a text is found by the search index; `None` where they are more than [`COUNTED_MAX`].
pub fn rows_with(
    connection: &Connection,
    texts: Texts,
    columns: Columns,
    needle: &Needle,
) -> rusqlite::Result<Option<Vec<i64>>> {
    let ask = |terms: String, most: usize| {
        let question = match columns {
            Columns::First => format!("{} : ({terms})", texts.first_column()),
            Columns::Both => terms,
        };
        let mut select = connection.prepare_cached(texts.matching())?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = select.query_map(params![question, most], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<Vec<i64>>>()
    };
    if let Some(sample) = needle.sample() {
        let candidates = ask(sample, SAMPLED_MAX + 1)?;
        if candidates.len() <= SAMPLED_MAX {
            let mut found = Vec::new();
            for n in candidates {
                if is_in_row(connection, texts, columns, n, needle)? {
                    found.push(n);
                }
            }
            return Ok(Some(found));
        }
    }
    let found = ask(needle.phrase(), COUNTED_MAX + 1)?;
    Ok((found.len() <= COUNTED_MAX).then_some(found))
}

fn is_in_row(
    connection: &Connection,
    texts: Texts,
    columns: Columns,
    n: i64,
    needle: &Needle,
) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached(texts.of_row())?;
    let looked_at = select.column_count() - usize::from(columns == Columns::First);
    let mut rows = select.query([n])?;
    let Some(row) = rows.next()? else { return Ok(false) };
    for at in 0..looked_at {
        if row
            .get_ref(at)?
            .as_str_or_null()?
            .is_some_and(|text| needle.is_in(text))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The rows that were found, with those that a statement gives for each of `related`.
pub fn add_related(
    connection: &Connection,
    sql: &str,
    related: &[i64],
    numbers: &mut BTreeSet<i64>,
) -> rusqlite::Result<Hits> {
    let mut select = connection.prepare_cached(sql)?;
    for n in related {
        let mut rows = select.query([n])?;
        while let Some(row) = rows.next()? {
            numbers.insert(row.get(0)?);
            if numbers.len() > COUNTED_MAX {
                return Ok(Hits::Many);
            }
        }
    }
    Ok(Hits::All(std::mem::take(numbers).into_iter().collect()))
}
