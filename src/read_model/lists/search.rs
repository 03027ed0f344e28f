//! How a search text is found in the search index. The index is of trigrams of folded text, so a piece of fewer than three characters is
//! looked for in the rows.

use rusqlite::{Connection, params};

use crate::read_model::{
    folding::{ANYWHERE_MIN, Pieces},
    search_index::{Kept, Texts},
};

/// What a search text is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Ids and the names of people.
    Names,
    /// Ids only: those who may not read names could otherwise guess them letter by letter.
    Ids,
}

/// Which ids of a row a search text is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// Those that `q` looks into (contract §8).
    Listed,
    /// The row's own id alone.
    Own,
}

/// Characters of a piece that is looked for by a sample of its trigrams, at least.
const SAMPLED_FROM: usize = 10;
/// Trigrams of a sample at most.
const SAMPLES: usize = 5;
/// Rows that have every trigram of a sample, and are then looked at, at most.
const SAMPLED_MAX: usize = 100;

/// What the search index knows of a text.
#[derive(Debug)]
pub enum Hits {
    /// Numbers of rows, in ascending order. Whether a piece that the index can't look for is in them, and one that was looked for by
    /// a sample, is still to be seen.
    Among(Vec<i64>),
    /// Exactly these rows have the text.
    Exactly(Vec<i64>),
    /// More rows than are to be found have the text.
    TooMany,
    /// It is not known: the index does not have every row yet, or can't look for all of the text and more rows than are to be found have
    /// the rest.
    Unknown,
}

/// Looks for the pieces of a text in the search index of a list; `most`: so many rows are found at most.
pub fn hits(
    connection: &Connection,
    texts: Texts,
    pieces: &Pieces,
    search: Search,
    fields: Fields,
    most: usize,
) -> rusqlite::Result<Hits> {
    let long: Vec<&str> = pieces.long().collect();
    if long.is_empty() || !is_kept(connection, texts)? {
        return Ok(Hits::Unknown);
    }
    let all_long = long.len() == pieces.len();
    let ask = |terms: Vec<String>, most: usize| -> rusqlite::Result<Option<Vec<i64>>> {
        let question = question(&terms, search, fields);
        let mut select = connection.prepare_cached(&format!("{} LIMIT ?2", texts.matching()))?;
        let limit = i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX);
        let rows = select.query_map(params![question, limit], |row| row.get(0))?;
        let mut numbers: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
        numbers.sort_unstable();
        Ok((numbers.len() <= most).then_some(numbers))
    };
    let samples: Vec<Option<String>> = long.iter().map(|piece| sample(piece)).collect();
    if samples.iter().any(Option::is_some) {
        let terms = long.iter().zip(samples);
        let terms = terms
            .map(|(piece, sample)| sample.unwrap_or_else(|| quoted(piece)))
            .collect();
        if let Some(numbers) = ask(terms, SAMPLED_MAX)? {
            return Ok(Hits::Among(numbers));
        }
    }
    let found = ask(long.iter().map(|piece| quoted(piece)).collect(), most)?;
    Ok(match found {
        None if all_long => Hits::TooMany,
        None => Hits::Unknown,
        Some(numbers) if all_long => Hits::Exactly(numbers),
        Some(numbers) => Hits::Among(numbers),
    })
}

/// The rows that were added last of those that have the pieces that the index can look for, so many at most, in ascending
/// order.
pub fn last_hits(
    connection: &Connection,
    texts: Texts,
    pieces: &Pieces,
    search: Search,
    fields: Fields,
    most: usize,
) -> rusqlite::Result<Vec<i64>> {
    let terms: Vec<String> = pieces.long().map(quoted).collect();
    if terms.is_empty() || !is_kept(connection, texts)? {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare_cached(&format!("{} ORDER BY rowid DESC LIMIT ?2", texts.matching()))?;
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = select.query_map(params![question(&terms, search, fields), limit], |row| row.get(0))?;
    let mut numbers: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    numbers.sort_unstable();
    Ok(numbers)
}

/// The customers whose names have the pieces that the index can look for; `None`: there are more than `most`, or no piece is long
/// enough. The index has to have every customer.
pub fn customers_with_name(
    connection: &Connection,
    pieces: &Pieces,
    most: usize,
) -> rusqlite::Result<Option<Vec<i64>>> {
    let terms: Vec<String> = pieces.long().map(quoted).collect();
    if terms.is_empty() {
        return Ok(None);
    }
    let question = format!("names : ({})", terms.join(" AND "));
    let mut select = connection.prepare_cached(&format!("{} LIMIT ?2", Texts::Customer.matching()))?;
    let limit = i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX);
    let rows = select.query_map(params![question, limit], |row| row.get(0))?;
    let numbers: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    Ok((numbers.len() <= most).then_some(numbers))
}

/// A question in the index's language.
fn question(terms: &[String], search: Search, fields: Fields) -> String {
    let terms = terms.join(" AND ");
    match (fields, search) {
        (Fields::Listed, Search::Names) => terms,
        (Fields::Listed, Search::Ids) => format!("{{own ids}} : ({terms})"),
        (Fields::Own, Search::Names) => format!("{{own names}} : ({terms})"),
        (Fields::Own, Search::Ids) => format!("own : ({terms})"),
    }
}

/// Whether every row of wallets, orders and customers is in its index, and with them those of holds and refunds.
pub fn is_searchable(connection: &Connection) -> rusqlite::Result<bool> {
    for texts in [Texts::Wallet, Texts::Orders, Texts::Customer] {
        if !is_kept(connection, texts)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether every row of a list is in its index.
pub fn is_kept(connection: &Connection, texts: Texts) -> rusqlite::Result<bool> {
    let sql = match texts.kept() {
        Kept::Always => return Ok(true),
        Kept::With(domain) => format!("SELECT searchable = {} FROM source WHERE domain = '{domain}'", i64::MAX),
        Kept::Customers => format!("SELECT searchable = {} FROM customer_source", i64::MAX),
        Kept::OnceBothAreFilled => "SELECT min(filled) FROM source".to_owned(),
    };
    connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))
}

/// Some of the trigrams of a piece that looks like part of a long id; `None` for a shorter one. A phrase makes the index read its lists
/// of all trigrams, of which a UUID has 34.
fn sample(piece: &str) -> Option<String> {
    let letters: Vec<char> = piece.chars().collect();
    if letters.len() < SAMPLED_FROM {
        return None;
    }
    let starts = (0..SAMPLES).map(|n| n * (letters.len() - ANYWHERE_MIN) / (SAMPLES - 1));
    let trigrams = starts.map(|start| quoted(&letters[start..start + ANYWHERE_MIN].iter().collect::<String>()));
    Some(trigrams.collect::<Vec<_>>().join(" AND "))
}

/// A text of a question, with nothing in it that the index's language knows.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
