//! Which refunds a query asks for, and along which index they are walked or by which key they are sorted.

use chrono::{DateTime, TimeDelta, Utc};

use super::Moment;
use crate::{
    domain::{
        money::Currency,
        refund::{RefundRow, RefundState},
    },
    read_model::{
        columns::{Numbered as _, Sortable, currency_code},
        lists::{
            Total, amount_label,
            lanes::{Lane, Plan, Segment},
            paging::RowKey,
        },
    },
    views::refunds::{RefundSort, RefundsQuery},
};

/// The states that a query asks for, with the time before which a refund entered its state, if that is asked for.
pub struct Wanted {
    pub lanes: Vec<WantedLane>,
}

impl Wanted {
    pub fn new(query: &RefundsQuery, moment: &Moment, totals: &[Total]) -> Self {
        let states = if query.states.is_empty() {
            &RefundState::PENDING[..]
        } else {
            &query.states
        };
        let mut lanes = Vec::new();
        for total in totals.iter().filter(|total| total.tally.rows > 0) {
            let state = RefundState::of_number(total.state);
            let Some(state) = state.filter(|state| states.contains(state)) else {
                continue;
            };
            if query.currency.is_some() && query.currency != total.currency {
                continue;
            }
            let overdue = query.overdue.then(|| moment.overdue_before(state));
            if overdue == Some(None) {
                continue;
            }
            let aged = query.older_than_hours.map(|hours| {
                let age = TimeDelta::hours(hours.into()) - TimeDelta::nanoseconds(1);
                moment.now.checked_sub_signed(age).unwrap_or(DateTime::<Utc>::MIN_UTC)
            });
            let before = overdue.flatten().into_iter().chain(aged).min();
            lanes.push((state, total.currency, before));
        }
        Self { lanes }
    }

    pub fn has(&self, row: &SortedRow) -> bool {
        self.lanes.iter().any(|(state, currency, before)| {
            *state == row.state
                && *currency == row.currency
                && before.is_none_or(|before| row.state_since < Sortable::time(before))
        })
    }

    /// Rows of the states and currencies, whatever their age.
    pub fn rows(&self, totals: &[Total]) -> i64 {
        let wanted = totals.iter().filter(|total| {
            let mut lanes = self.lanes.iter();
            lanes.any(|(state, currency, _)| state.number() == total.state && *currency == total.currency)
        });
        wanted.map(|total| total.tally.rows).sum()
    }

    /// Whether it asks for ages, which only the index by age answers without looking at rows.
    pub fn is_aged(&self) -> bool {
        self.lanes.iter().any(|(_, _, before)| before.is_some())
    }
}

/// The index ranges in which the wanted refunds stand in the order of a sort.
pub fn plan(sort: RefundSort, wanted: &Wanted) -> Plan {
    let lane = |(state, currency, _): &WantedLane| {
        let code = currency_code(currency.as_ref()).to_owned();
        Lane::of(vec![state.number().into(), code.into()])
    };
    let (index, key): (&str, Option<&'static str>) = match sort {
        RefundSort::Oldest | RefundSort::Newest | RefundSort::State => ("refund_requested", Some("requested_at")),
        RefundSort::Stuck => ("refund_since", Some("state_since")),
        RefundSort::AmountUp | RefundSort::AmountDown => ("refund_amount", Some("amount")),
        RefundSort::Refund => ("refund_id", None),
        RefundSort::Order => ("refund_order", None),
    };
    let segments = match sort {
        RefundSort::Oldest | RefundSort::Newest => vec![Segment::of(wanted.lanes.iter().map(lane))],
        RefundSort::Stuck => vec![Segment::of(wanted.lanes.iter().map(|wanted| Lane {
            below: wanted.2.map(Sortable::time),
            ..lane(wanted)
        }))],
        RefundSort::State => labelled(wanted, lane, |(state, _, _)| state_label(*state)),
        RefundSort::AmountUp | RefundSort::AmountDown => {
            labelled(wanted, lane, |(_, currency, _)| amount_label(*currency, false))
        }
        RefundSort::Refund | RefundSort::Order => vec![Segment::of([Lane::of(vec![])])],
    };
    let by_id = matches!(sort, RefundSort::Refund | RefundSort::Order);
    Plan {
        from: format!("refund INDEXED BY {index}"),
        prefix: if by_id { &[] } else { &["state", "currency"] },
        key,
        ties: if sort == RefundSort::Order {
            &["ord", "refund"]
        } else {
            &["refund", "ord"]
        },
        segments,
    }
}

/// State, currency, and the time before which the state was entered.
pub type WantedLane = (RefundState, Option<Currency>, Option<DateTime<Utc>>);

fn labelled(
    wanted: &Wanted,
    lane: impl Fn(&WantedLane) -> Lane,
    label: impl Fn(&WantedLane) -> String,
) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for wanted in &wanted.lanes {
        let label = label(wanted);
        match segments.iter_mut().find(|segment| segment.label == label) {
            Some(segment) => segment.lanes.push(lane(wanted)),
            None => segments.push(Segment {
                label,
                lanes: vec![lane(wanted)],
            }),
        }
    }
    segments.sort_unstable_by(|a, b| a.label.cmp(&b.label));
    segments
}

fn state_label(state: RefundState) -> String {
    state.number().to_string()
}

/// What a refund is sorted by.
pub struct SortedRow {
    pub refund: String,
    pub order: String,
    pub state: RefundState,
    pub currency: Option<Currency>,
    pub amount: Sortable,
    pub requested_at: Sortable,
    pub state_since: Sortable,
}

impl SortedRow {
    pub fn of(row: &RefundRow) -> Self {
        Self {
            refund: row.refund.clone(),
            order: row.order.to_string(),
            state: row.state,
            currency: Some(row.currency),
            amount: Sortable::amount(row.amount, Some(row.currency)),
            requested_at: Sortable::time(row.requested_at),
            state_since: Sortable::time(row.state_since),
        }
    }

    pub fn is_overdue(&self, moment: &Moment) -> bool {
        let before = moment.overdue_before(self.state);
        before.is_some_and(|before| self.state_since < Sortable::time(before))
    }

    pub fn key(self, sort: RefundSort) -> RowKey {
        let (segment, value) = match sort {
            RefundSort::Oldest | RefundSort::Newest => (String::new(), self.requested_at),
            RefundSort::State => (state_label(self.state), self.requested_at),
            RefundSort::Stuck => (String::new(), self.state_since),
            RefundSort::AmountUp | RefundSort::AmountDown => (amount_label(self.currency, false), self.amount),
            RefundSort::Refund | RefundSort::Order => (String::new(), Sortable::MISSING),
        };
        let ties = if sort == RefundSort::Order {
            vec![self.order, self.refund]
        } else {
            vec![self.refund, self.order]
        };
        RowKey {
            segment,
            value: value.as_bytes().to_vec(),
            ties,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::read_model::lists::{amount_label, currency_label};

    #[test]
    fn no_currency_comes_after_every_currency() {
        assert!(currency_label(None) > currency_label("ZWL".parse().ok()));
        assert!(amount_label("EUR".parse().ok(), true) > amount_label("EUR".parse().ok(), false));
    }
}
