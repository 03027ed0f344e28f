//! The number of matching rows, as far as it is known without reading each row.

use super::{LaneName, Question};
use crate::{
    domain::findings::FindingKind,
    read_model::{
        columns::Numbered as _,
        folding::Pieces,
        lists::{findings, index::Range, lanes},
    },
    views::lists::{Count, ListName, ListQuery},
};

impl Question<'_> {
    /// Whether the query has a filter besides state, currency and, for refunds, the time in their state.
    pub fn is_narrowed(&self) -> bool {
        let plain = ListQuery {
            states: self.query.states.clone(),
            currencies: self.query.currencies.clone(),
            kinds: self.query.kinds.clone(),
            severities: self.query.severities.clone(),
            overdue: self.query.overdue,
            age: self.query.age,
            sort: self.query.sort,
            limit: self.query.limit,
            at: self.query.at.clone(),
            ..ListQuery::default()
        };
        plain != *self.query
    }

    /// The number of matching rows, if one range is the only filter. Otherwise at least the number of rows that were found.
    pub fn at_least(&self, pieces: Option<&Pieces>, found: usize) -> rusqlite::Result<Count> {
        let ranges = self.ranges();
        let without = ListQuery {
            min: None,
            max: None,
            from: None,
            to: None,
            ..self.query.clone()
        };
        let alone = Question {
            connection: self.connection,
            spec: self.spec,
            query: &without,
            ask: self.ask,
            sort: self.sort,
            order: self.order,
            totals: Vec::new(),
            lanes: self.lanes.clone(),
        };
        let aged = self.query.overdue || self.query.age.is_some();
        if let (None, [(index, range)], false, false) = (pieces, &ranges[..], alone.is_narrowed(), aged)
            && self.spec.holds.is_none()
        {
            let lanes = self.lanes_of(index, *range, &self.lanes);
            let most = self.ask.collected;
            let counted = lanes::count(self.connection, self.spec.table, index, &lanes, most + 1)?;
            return Ok(if counted > most {
                Count::AtLeast(most as u64)
            } else {
                Count::Exactly(counted as u64)
            });
        }
        Ok(Count::AtLeast(found as u64))
    }

    /// Whether the query selects every state and currency. Always false for refunds: their sums need every row.
    pub fn has_every_lane(&self) -> bool {
        self.spec.list != ListName::Refunds && self.lanes.len() == self.totals.len()
    }

    /// The number of rows of the selected states and currencies.
    pub fn total(&self) -> rusqlite::Result<Count> {
        let due = FindingKind::HoldNeverResolved.number();
        if self.spec.list != ListName::Findings || !self.lanes.iter().any(|(kind, _)| *kind == due) {
            return Ok(Count::Exactly(self.rows_of_lanes()));
        }
        // A finding about a hold that expires later has a row, and does not count yet.
        let (expiring, others): (Vec<_>, Vec<_>) = self.lanes.iter().copied().partition(|(kind, _)| *kind == due);
        let of = |lanes: &[LaneName]| -> u64 {
            let wanted = self
                .totals
                .iter()
                .filter(|total| lanes.contains(&(total.state, total.currency)));
            wanted.map(|total| total.tally.rows.max(0).cast_unsigned()).sum()
        };
        let expired = if self.query.currencies.is_empty() {
            findings::due_before(self.connection, self.ask.moment.now)?
                .max(0)
                .cast_unsigned()
        } else {
            let lanes = self.lanes_of(&self.spec.by_time, Range::default(), &expiring);
            let most = self.ask.collected;
            let counted = lanes::count(self.connection, self.spec.table, &self.spec.by_time, &lanes, most + 1)?;
            if counted > most {
                return Ok(Count::AtLeast(of(&others) + most as u64));
            }
            counted as u64
        };
        Ok(Count::Exactly(of(&others) + expired))
    }
}
