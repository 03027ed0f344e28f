//! The first rows of a list, for a search of everything: so many at most, and how many there are.

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
    /// There are more.
    pub more: bool,
    /// As many rows were visited as may be: there may be more.
    pub stopped: bool,
}

/// The numbers of the first rows of a list, in the order asked for.
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

/// Rows that the search index got last, of a text that too many rows have to look at them all.
const LAST_MAX: usize = 200;

/// The rows with a text in their own id or a name: those that the first query asks for, then those of the next. No row is asked for by two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithText {
    /// `ask.rows` at most, or all.
    Rows(FirstRows),
    /// More rows have the text than `ask.collected`, so they are not all looked at. Some of the first are here, `shown` at most;
    /// `stopped`: there may be others before them.
    Many { numbers: Vec<i64>, stopped: bool },
}

/// Looks for the first rows with a text. Where the search index finds them, they are all answered with.
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

    /// Some of the first rows of those with a text that too many have.
    fn some_of_many<Row: ListRow>(&self, shown: usize) -> rusqlite::Result<WithText> {
        let met = self.walk::<Row>(shown)?;
        let mut numbers = met.numbers;
        if met.stopped && numbers.len() < shown {
            // Very many rows have the text, but few of those that come first.
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

    /// These rows in the order of the list; `have_text`: every one of them is known to have the text.
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
            // They are in the order of the numbers.
            numbers.retain(|n| rows.binary_search_by_key(n, |row| row.n).is_err());
            rows.sort_unstable_by(|a, b| question.order.compare(&a.key, &b.key));
            first.numbers.extend(rows.into_iter().map(|row| row.n));
        }
        Ok(first)
    }

    /// The first rows that are met along the index of the sort, `most` of them.
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
