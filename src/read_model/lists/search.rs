//! Finding a search text in the search index. The index has trigrams of folded text, so pieces of fewer than three characters are
//! searched in the rows.

use rusqlite::{Connection, params};

use crate::read_model::{
    folding::{ANYWHERE_MIN, Pieces},
    search_index::{Kept, Texts},
};

/// The fields in which a search text is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Ids and names of people.
    Names,
    /// Ids only. With names, people who may not read them could guess them letter by letter.
    Ids,
}

/// The ids of a row in which a search text is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// All that `q` searches (contract §8).
    Listed,
    /// The row's own id.
    Own,
}

/// The length, in characters, from which a piece is searched by a sample of its trigrams.
const SAMPLED_FROM: usize = 10;
/// The number of trigrams in a sample.
const SAMPLES: usize = 5;
/// The largest number of rows that match a sample and are then read.
const SAMPLED_MAX: usize = 100;

/// The result of searching a text in the search index.
#[derive(Debug)]
pub enum Hits {
    /// The numbers of rows that may have the text, in ascending order. Each row has to be checked for pieces that are too short
    /// for the index, and for pieces that were searched by a sample.
    Among(Vec<i64>),
    /// The numbers of exactly the rows that have the text, in ascending order.
    Exactly(Vec<i64>),
    /// More rows than the limit have the text.
    TooMany,
    /// Unknown: the index does not have every row yet, no piece is long enough for it, or more rows than the limit have the long
    /// pieces.
    Unknown,
}

/// Searches the pieces of a text in the search index of a list. Finds at most `most` rows.
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

/// Of the rows that have the long pieces, those that were added last, at most `most`, in ascending order.
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

/// The customers whose names have the long pieces. `None` if there are more than `most`, or if no piece is long enough. The index
/// has to have every customer.
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

/// An FTS5 query for these terms.
fn question(terms: &[String], search: Search, fields: Fields) -> String {
    let terms = terms.join(" AND ");
    match (fields, search) {
        (Fields::Listed, Search::Names) => terms,
        (Fields::Listed, Search::Ids) => format!("{{own ids}} : ({terms})"),
        (Fields::Own, Search::Names) => format!("{{own names}} : ({terms})"),
        (Fields::Own, Search::Ids) => format!("own : ({terms})"),
    }
}

/// Whether the indexes have every wallet, order and customer, and with them every hold and refund.
pub fn is_searchable(connection: &Connection) -> rusqlite::Result<bool> {
    for texts in [Texts::Wallet, Texts::Orders, Texts::Customer] {
        if !is_kept(connection, texts)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the index of a list has every row.
pub fn is_kept(connection: &Connection, texts: Texts) -> rusqlite::Result<bool> {
    let sql = match texts.kept() {
        Kept::Always => return Ok(true),
        Kept::With(domain) => format!("SELECT searchable = {} FROM source WHERE domain = '{domain}'", i64::MAX),
        Kept::Customers => format!("SELECT searchable = {} FROM customer_source", i64::MAX),
        Kept::OnceBothAreFilled => "SELECT min(filled) FROM source".to_owned(),
    };
    connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))
}

/// A sample of the trigrams of a piece that may be part of a long id. `None` for a shorter piece. A phrase would make the index
/// read the lists of all trigrams, and a UUID has 34.
fn sample(piece: &str) -> Option<String> {
    let letters: Vec<char> = piece.chars().collect();
    if letters.len() < SAMPLED_FROM {
        return None;
    }
    let starts = (0..SAMPLES).map(|n| n * (letters.len() - ANYWHERE_MIN) / (SAMPLES - 1));
    let trigrams = starts.map(|start| quoted(&letters[start..start + ANYWHERE_MIN].iter().collect::<String>()));
    Some(trigrams.collect::<Vec<_>>().join(" AND "))
}

/// A term of an FTS5 query, quoted so that nothing in it is an operator.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
