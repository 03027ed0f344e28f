//! Where the rows of a page come from. Whatever is chosen, every condition is checked on the row: a choice costs time and never
//! changes an answer.

use super::Question;
use crate::{
    read_model::{
        folding::Pieces,
        lists::{
            COUNTED_MAX, VISITS_MAX, customers,
            lanes::{self, Index, Lane, Range},
            paging,
            search::{self, Fields, Hits},
        },
    },
    views::lists::Sort,
};

/// Where the rows of a page come from.
pub enum Source {
    /// Every row of the lanes is looked at and sorted, because no index has the order.
    Every,
    /// These are looked at and sorted.
    Numbers(Vec<i64>),
    /// The index of the sort is walked; the rows that are not among these are passed over.
    WalkAmong(Vec<i64>),
    /// The index of the sort is walked.
    Walk,
}

impl Question<'_> {
    /// Chooses where the rows come from. The second value says whether every one of them is known to have the text.
    pub fn source(&self, pieces: Option<&Pieces>) -> rusqlite::Result<(Source, bool)> {
        if self.sort == Sort::Risk {
            return Ok((Source::Every, false));
        }
        let most = self.ask.collected;
        let walked = self.walked()?;
        // Collecting all matching rows costs less than walking until a page is full, unless most of what is walked matches.
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
        // A text that the index can't look for is looked for in every row, where they are few: then all that have it are counted.
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
        // Where there is no index of lanes, a rare state is collected.
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

    /// Whether all rows of a narrow range are collected: the first rows are asked for and nothing else, and a walk might stop before it
    /// meets them.
    const fn takes_every(&self) -> bool {
        !self.ask.counts && self.ask.visits != usize::MAX
    }

    /// The numbers of the rows that name something; `None` where they are too many to be collected.
    fn named(&self, sql: &str, id: &str) -> rusqlite::Result<Option<Vec<i64>>> {
        let most = self.ask.collected;
        if self.query.customer.is_some() && customers::rows_of(self.connection, id)? > most as u64 {
            // Of whom there is much, to find little of another kind may take long.
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

    /// How many rows a walk along the index of the sort passes.
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
