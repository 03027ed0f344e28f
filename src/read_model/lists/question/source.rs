//! The choice of where the rows of a page come from. Every condition is checked on the row, so the choice changes the time that
//! is taken, and never the answer.

use super::Question;
use crate::{
    read_model::{
        folding::Pieces,
        lists::{
            COUNTED_MAX, VISITS_MAX, customers,
            index::{Index, Range},
            lanes::{self, Lane},
            paging,
            search::{self, Fields, Hits},
        },
    },
    views::lists::Sort,
};

/// Where the rows of a page come from.
pub enum Source {
    /// Every row of the lanes is read and sorted, because no index has the order.
    Every,
    /// The rows of these numbers are read and sorted.
    Numbers(Vec<i64>),
    /// The index of the sort is walked. Rows that do not have one of these numbers are skipped.
    WalkAmong(Vec<i64>),
    /// The index of the sort is walked.
    Walk,
}

impl Question<'_> {
    /// Chooses where the rows come from. The second value says whether all of these rows are known to have the text.
    pub fn source(&self, pieces: Option<&Pieces>) -> rusqlite::Result<(Source, bool)> {
        if self.sort == Sort::Risk {
            return Ok((Source::Every, false));
        }
        let most = self.ask.collected;
        let walked = self.walked()?;
        // Collecting all matching rows costs less than walking until a page is full, unless most of the walked rows match.
        let chosen = |numbers: Vec<i64>| {
            let collects = paging::collects(numbers.len() as u64, walked, self.ask.rows);
            if collects || numbers.len() <= self.ask.rows {
                Source::Numbers(numbers)
            } else {
                Source::WalkAmong(numbers)
            }
        };
        let named = [
            (self.query.customer.as_ref(), self.spec.of_customer),
            (self.query.wallet.as_ref(), self.spec.of_wallet),
            (self.query.operator.as_ref(), self.spec.of_operator),
        ];
        for (id, sql) in named {
            if let (Some(id), Some(sql)) = (id, sql)
                && let Some(numbers) = self.named(sql, id)?
            {
                return Ok((chosen(numbers), false));
            }
        }
        if let Some(pieces) = pieces {
            let (texts, search) = (self.spec.texts, self.ask.search);
            match search::hits(self.connection, texts, pieces, search, Fields::Listed, COUNTED_MAX)? {
                Hits::Exactly(numbers) => return Ok((chosen(numbers), true)),
                Hits::Among(numbers) => return Ok((chosen(numbers), false)),
                Hits::TooMany | Hits::Unknown => {}
            }
        }
        let sorted_by = self.spec.index(self.sort).name;
        // A text that the index can't find is searched in every row if there are few rows. Then all matching rows are counted.
        let few = if self.ask.counts {
            VISITS_MAX
        } else {
            VISITS_MAX.min(self.ask.visits)
        };
        if pieces.is_some() && self.rows_of_lanes() <= most.min(few) as u64 {
            let index = &self.spec.by_time;
            let lanes = if index.prefix.is_empty() {
                vec![Lane::EVERY]
            } else {
                self.lanes_of(index, Range::default(), &self.lanes)
            };
            let every = lanes::numbers(self.connection, self.spec.table, index, &lanes, most)?;
            return Ok((Source::Numbers(every.unwrap_or_default()), false));
        }
        let mut narrowest: Option<Vec<i64>> = None;
        let mut ranges: Vec<(&Index, Vec<Lane>)> = self
            .ranges()
            .into_iter()
            .filter(|(index, _)| index.name != sorted_by)
            .map(|(index, range)| (index, self.lanes_of(index, range, &self.lanes)))
            .collect();
        if let Some(index) = &self.spec.by_since
            && (self.query.overdue || self.query.age.is_some())
            && index.name != sorted_by
        {
            ranges.push((index, self.since_lanes()));
        }
        // If the index of the sort has no lanes, the rows of a rare state are collected.
        if self.spec.index(self.sort).prefix.is_empty()
            && ranges.is_empty()
            && self.lanes.len() < self.totals.len()
            && self.rows_of_lanes() <= most as u64
        {
            let index = &self.spec.by_time;
            ranges.push((index, self.lanes_of(index, Range::default(), &self.lanes)));
        }
        for (index, lanes) in ranges {
            let at_most = narrowest.as_ref().map_or(most, Vec::len);
            if let Some(numbers) = lanes::numbers(self.connection, self.spec.table, index, &lanes, at_most)? {
                narrowest = Some(numbers);
            }
        }
        Ok(match narrowest {
            Some(numbers) if self.takes_every() || paging::collects(numbers.len() as u64, walked, self.ask.rows) => {
                (Source::Numbers(numbers), false)
            }
            _ => (Source::Walk, false),
        })
    }

    /// Whether all rows of a narrow range are collected. This is so if only the first rows are wanted, since a walk might stop
    /// before it meets them.
    const fn takes_every(&self) -> bool {
        !self.ask.counts && self.ask.visits != usize::MAX
    }

    /// The sorted numbers of the rows of a customer, wallet or operator. `None` if there are too many to collect.
    fn named(&self, sql: &str, id: &str) -> rusqlite::Result<Option<Vec<i64>>> {
        let most = self.ask.collected;
        if self.query.customer.is_some() && customers::rows_of(self.connection, id)? > most as u64 {
            // If a customer has very many rows, finding a few of another kind may take long.
            return Ok(None);
        }
        let mut select = self
            .connection
            .prepare_cached(&format!("SELECT n FROM ({sql}) LIMIT {}", most + 1))?;
        let numbers = select.query_map([id], |row| row.get(0))?;
        let mut numbers: Vec<i64> = numbers.collect::<rusqlite::Result<_>>()?;
        numbers.sort_unstable();
        Ok((numbers.len() <= most).then_some(numbers))
    }

    /// The number of rows that a walk along the index of the sort passes.
    fn walked(&self) -> rusqlite::Result<u64> {
        let index = self.spec.index(self.sort);
        if index.prefix.is_empty() {
            return Ok(self
                .totals
                .iter()
                .map(|total| total.tally.rows.max(0).cast_unsigned())
                .sum());
        }
        let of_lanes = self.rows_of_lanes();
        let own = self.ranges().into_iter().find(|(range, _)| range.name == index.name);
        let Some((index, range)) = own else { return Ok(of_lanes) };
        let lanes = self.lanes_of(index, range, &self.lanes);
        let most = self.ask.collected;
        let counted = lanes::count(self.connection, self.spec.table, index, &lanes, most + 1)?;
        Ok(if counted > most { of_lanes } else { counted as u64 })
    }
}
