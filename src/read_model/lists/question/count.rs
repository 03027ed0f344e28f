//! How many rows match, as far as it can be told without a look at each.

use super::{LaneName, Question};
use crate::{
    domain::findings::FindingKind,
    read_model::{
        columns::Numbered as _,
        folding::Pieces,
        lists::{
            findings,
            lanes::{self, Range},
        },
    },
    views::lists::{Count, ListName, ListQuery},
};

impl Question<'_> {
    /// Whether rows are asked for by more than state, currency and, of refunds, how long they have been in their state.
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

    /// How many rows match a query that is narrowed by one range and nothing else, or else at least those that were found.
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

    /// Whether rows of every state and currency are asked for. Refunds are added up, so theirs are always looked at.
    pub fn has_every_lane(&self) -> bool {
        self.spec.list != ListName::Refunds && self.lanes.len() == self.totals.len()
    }

    /// How many rows of these states and currencies there are.
    pub fn total(&self) -> rusqlite::Result<Count> {
        let due = FindingKind::HoldNeverResolved.number();
        if self.spec.list != ListName::Findings || !self.lanes.iter().any(|(kind, _)| *kind == due) {
            return Ok(Count::Exactly(self.rows_of_lanes()));
        }
        // Holds that expire later have a row that does not count yet.
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
