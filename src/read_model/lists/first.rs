//! The first rows of a list, up to a limit, and whether there are more. Used by the search of everything.

use rusqlite::Connection;

use super::{
    Ask, ListRow,
    conditions::{self, Conditions},
    paging::{Collected, Start},
    question::Question,
    search::{self, Fields, Hits},
};
use crate::{read_model::folding::Pieces, views::lists::ListQuery};

/// The first rows of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstRows {
    pub numbers: Vec<i64>,
    /// There are more matching rows.
    pub more: bool,
    /// The limit of visited rows was reached, so there may be more matching rows.
    pub stopped: bool,
}

/// The numbers of the first rows of a list, in the requested order.
pub fn first_rows<Row: ListRow>(connection: &Connection, query: &ListQuery, ask: &Ask) -> rusqlite::Result<FirstRows> {
    let question = Question::new(connection, Row::SPEC, query, ask)?;
    let Some(found) = question.find::<Row>(None, &Start::First)? else {
        return Ok(FirstRows::default());
    };
    Ok(FirstRows {
        more: found.next.is_some() && !found.stopped,
        numbers: found.rows,
        stopped: found.stopped,
    })
}

/// If too many rows have a text to read them all, this many of those indexed last are read.
const LAST_MAX: usize = 200;

/// Rows with a text in their own id or a name: those of the first query, then those of the next. No row matches two queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithText {
    /// All matching rows if the search index found them, else the first `ask.rows`.
    Rows(FirstRows),
    /// More rows than `ask.collected` have the text, so not all of them are read. `numbers` has some of the first rows, at most
    /// `shown`. `stopped`: other rows may come before them.
    Many { numbers: Vec<i64>, stopped: bool },
}

/// Finds the first rows with a text. If the search index finds them, returns all of them.
pub fn first_with_text<Row: ListRow>(
    connection: &Connection,
    queries: &[ListQuery],
    pieces: &Pieces,
    shown: usize,
    ask: &Ask,
) -> rusqlite::Result<WithText> {
    let first = FirstWithText {
        connection,
        queries,
        pieces,
        ask,
    };
    let texts = Row::SPEC.texts;
    let last_hits = |most| search::last_hits(connection, texts, pieces, ask.search, Fields::Own, most);
    Ok(
        match search::hits(connection, texts, pieces, ask.search, Fields::Own, ask.collected)? {
            Hits::Exactly(numbers) => WithText::Rows(first.among::<Row>(numbers, true)?),
            Hits::Among(numbers) => WithText::Rows(first.among::<Row>(numbers, false)?),
            Hits::TooMany => first.some_of_many::<Row>(shown)?,
            Hits::Unknown => {
                let met = first.walk::<Row>(ask.rows)?;
                let last = if met.stopped {
                    first.among::<Row>(last_hits(ask.collected)?, false)?.numbers
                } else {
                    Vec::new()
                };
                WithText::Rows(if last.len() > met.numbers.len() {
                    FirstRows { numbers: last, ..met }
                } else {
                    met
                })
            }
        },
    )
}

struct FirstWithText<'a> {
    connection: &'a Connection,
    queries: &'a [ListQuery],
    pieces: &'a Pieces,
    ask: &'a Ask,
}

impl FirstWithText<'_> {
    fn conditions<Row: ListRow>(&self, query: &ListQuery) -> Conditions {
        conditions::of_query(Row::SPEC, query, &self.ask.moment)
    }

    /// Some of the first rows with a text that too many rows have.
    fn some_of_many<Row: ListRow>(&self, shown: usize) -> rusqlite::Result<WithText> {
        let met = self.walk::<Row>(shown)?;
        let mut numbers = met.numbers;
        if met.stopped && numbers.len() < shown {
            // Very many rows have the text, but few of the first rows have it.
            let (connection, texts, search) = (self.connection, Row::SPEC.texts, self.ask.search);
            let most = shown.max(LAST_MAX);
            numbers.extend(search::last_hits(
                connection,
                texts,
                self.pieces,
                search,
                Fields::Own,
                most,
            )?);
            numbers.sort_unstable();
            numbers.dedup();
            numbers = self.among::<Row>(numbers, true)?.numbers;
            numbers.truncate(shown);
        }
        Ok(WithText::Many {
            numbers,
            stopped: met.stopped,
        })
    }

    fn text_conditions<Row: ListRow>(&self, query: &ListQuery) -> Conditions {
        let mut conditions = self.conditions::<Row>(query);
        conditions::add_text(&mut conditions, Row::SPEC, self.pieces, self.ask.search, Fields::Own);
        conditions
    }

    /// Those of these rows that match, in the order of the list. `have_text`: all of them are known to have the text.
    fn among<Row: ListRow>(&self, mut numbers: Vec<i64>, have_text: bool) -> rusqlite::Result<FirstRows> {
        let mut first = FirstRows::default();
        for query in self.queries {
            let question = Question::new(self.connection, Row::SPEC, query, self.ask)?;
            let conditions = if have_text {
                self.conditions::<Row>(query)
            } else {
                self.text_conditions::<Row>(query)
            };
            let mut rows: Vec<Collected> = question.collect(&numbers, &conditions)?;
            // `collect` returns rows in the order of `numbers`, which is ascending.
            numbers.retain(|n| rows.binary_search_by_key(n, |row| row.n).is_err());
            rows.sort_unstable_by(|a, b| question.order.compare(&a.key, &b.key));
            first.numbers.extend(rows.into_iter().map(|row| row.n));
        }
        Ok(first)
    }

    /// The first `most` matching rows on a walk along the index of the sort.
    fn walk<Row: ListRow>(&self, most: usize) -> rusqlite::Result<FirstRows> {
        let mut first = FirstRows::default();
        for query in self.queries {
            let ask = Ask {
                rows: (most - first.numbers.len()).saturating_add(1),
                ..*self.ask
            };
            let question = Question::new(self.connection, Row::SPEC, query, &ask)?;
            if question.lanes.is_empty() {
                continue;
            }
            let found = question.walk(&self.text_conditions::<Row>(query), &Start::First, None)?;
            first.stopped |= found.stopped;
            first.numbers.extend(found.rows);
            if first.numbers.len() > most {
                first.numbers.truncate(most);
                first.more = true;
                break;
            }
        }
        Ok(first)
    }
}
