//! The conditions on a row, in SQL: all filters of a query except state and currency, which select lanes.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::types::Value;

use super::{
    Moment,
    index::Range,
    search::{Fields, Search},
    spec::Spec,
};
use crate::{
    domain::{money::Currency, refund::RefundState},
    read_model::{
        columns::{Numbered as _, Sortable},
        folding::Pieces,
    },
    views::lists::{ListName, ListQuery, Side},
};

/// Conditions on a row. All of them have to hold.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    parts: Vec<(String, Vec<Value>)>,
    /// The joins that the conditions need.
    joins: &'static str,
}

impl Conditions {
    pub fn push(&mut self, condition: impl Into<String>, values: Vec<Value>) {
        self.parts.push((condition.into(), values));
    }

    /// Adds a condition that needs the joins of the list.
    fn push_joined(&mut self, spec: &Spec, condition: impl Into<String>, values: Vec<Value>) {
        self.joins = spec.joins;
        self.push(condition, values);
    }

    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub const fn joins(&self) -> &'static str {
        self.joins
    }

    /// The conditions as one SQL expression, with its values.
    pub fn as_expression(&self) -> (String, Vec<Value>) {
        if self.parts.is_empty() {
            return ("1".to_owned(), Vec::new());
        }
        let texts: Vec<_> = self.parts.iter().map(|(condition, _)| condition.as_str()).collect();
        let values = self.parts.iter().flat_map(|(_, values)| values.iter().cloned());
        (texts.join(" AND "), values.collect())
    }
}

fn blob(value: Sortable) -> Value {
    Value::Blob(value.as_bytes().to_vec())
}

/// The range of times from `from` and `to`. `None` if neither is given.
pub fn time_range(query: &ListQuery) -> Option<Range> {
    if query.from.is_none() && query.to.is_none() {
        return None;
    }
    Some(Range {
        from: Some(query.from.map_or(Sortable::MISSING, Sortable::time)),
        below: query.to.map(Sortable::time),
        ..Range::default()
    })
}

/// The range of amounts from `min` and `max`. `None` if neither is given, or if the query does not have exactly one currency.
pub fn amount_range(query: &ListQuery) -> Option<Range> {
    let [currency] = query.currencies[..] else { return None };
    if query.min.is_none() && query.max.is_none() {
        return None;
    }
    let decimals = currency.decimals();
    let bound = |bound: &crate::views::lists::Bound, side| Sortable::minor_units(bound.minor_units(decimals, side));
    Some(Range {
        from: Some(
            query
                .min
                .as_ref()
                .map_or(Sortable::MISSING, |min| bound(min, Side::AtLeast)),
        ),
        to: query.max.as_ref().map(|max| bound(max, Side::AtMost)),
        ..Range::default()
    })
}

/// The time before which a refund has to have entered this state. `Ok(None)`: any time. `Err`: the query wants no refunds in this
/// state.
pub fn entered_before(query: &ListQuery, moment: &Moment, state: RefundState) -> Result<Option<DateTime<Utc>>, ()> {
    let overdue = if query.overdue {
        Some(moment.overdue_before(state).ok_or(())?)
    } else {
        None
    };
    let aged = query.age.map(|hours| {
        // A refund of exactly this age matches; one that is a nanosecond younger does not.
        let age = TimeDelta::hours(hours.into()) - TimeDelta::nanoseconds(1);
        moment.now.checked_sub_signed(age).unwrap_or(DateTime::<Utc>::MIN_UTC)
    });
    Ok(overdue.into_iter().chain(aged).min())
}

/// The conditions of a query, without state, currency and text.
pub fn of_query(spec: &Spec, query: &ListQuery, moment: &Moment) -> Conditions {
    let mut conditions = Conditions::default();
    if let Some(holds) = spec.holds {
        conditions.push(holds, vec![blob(Sortable::time(moment.now))]);
    }
    for (range, column) in [(amount_range(query), spec.amount), (time_range(query), spec.time)] {
        let Some(range) = range else { continue };
        for (condition, value) in range.conditions(column) {
            conditions.push(condition, value.into_iter().collect());
        }
    }
    if let Some(since) = spec.since
        && (query.overdue || query.age.is_some())
    {
        let (mut texts, mut values) = (Vec::new(), Vec::new());
        for state in RefundState::ALL {
            if let Ok(Some(before)) = entered_before(query, moment, *state) {
                texts.push(format!("({} = ? AND {since} < ?)", spec.state));
                values.extend([Value::Integer(state.number()), blob(Sortable::time(before))]);
            }
        }
        conditions.push(format!("({})", texts.join(" OR ")), values);
    }
    let text = |value: &String| Value::Text(value.clone());
    if let Some(customer) = &query.customer {
        conditions.push_joined(spec, format!("{} = ?", spec.customer), vec![text(customer)]);
    }
    if let Some(wallet) = &query.wallet {
        conditions.push(format!("{} = ?", spec.wallet), vec![text(wallet)]);
    }
    if let Some(operator) = &query.operator {
        conditions.push("(t.proposer = ? OR t.decided_by = ?)", vec![text(operator); 2]);
    }
    for (column, codes) in [("t.destination", &query.destinations), ("t.reason", &query.reasons)] {
        if !codes.is_empty() {
            let marks = vec!["?"; codes.len()].join(", ");
            conditions.push(format!("{column} IN ({marks})"), codes.iter().map(text).collect());
        }
    }
    conditions
}

/// Adds the condition that a row has a text.
pub fn add_text(conditions: &mut Conditions, spec: &Spec, pieces: &Pieces, search: Search, fields: Fields) {
    let ids = match fields {
        Fields::Listed => spec.ids,
        Fields::Own => spec.own_id,
    };
    let has_names = search == Search::Names && !spec.names.is_empty();
    let names = if has_names {
        format!(", {}", spec.names)
    } else {
        String::new()
    };
    let condition = format!("has_text(?, {ids}{names})");
    let values = vec![Value::Text(pieces.joined())];
    if fields == Fields::Own && !has_names {
        conditions.push(condition, values);
    } else {
        conditions.push_joined(spec, condition, values);
    }
}

/// Adds the condition that a row is in one of these lanes.
pub fn add_lanes(conditions: &mut Conditions, spec: &Spec, lanes: &[(i64, Option<Currency>)]) {
    let mut states: Vec<_> = lanes.iter().map(|(state, _)| *state).collect();
    states.sort_unstable();
    states.dedup();
    let mut currencies: Vec<_> = lanes.iter().map(|(_, currency)| *currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let numbers: Vec<_> = states.iter().map(i64::to_string).collect();
    conditions.push(format!("{} IN ({})", spec.state, numbers.join(", ")), Vec::new());
    let marks = vec!["?"; currencies.len()].join(", ");
    let code = |currency: &Option<Currency>| {
        Value::Text(crate::read_model::columns::currency_code(currency.as_ref()).to_owned())
    };
    conditions.push(
        format!("{} IN ({marks})", spec.currency),
        currencies.iter().map(code).collect(),
    );
}

/// The numbers of the states that a query selects.
pub fn wanted_states(spec: &Spec, query: &ListQuery) -> Vec<i64> {
    use crate::domain::findings::FindingKind;
    if spec.list == ListName::Findings {
        let wanted = FindingKind::ALL.iter().filter(|kind| {
            (query.kinds.is_empty() || query.kinds.contains(kind))
                && (query.severities.is_empty() || query.severities.contains(&kind.severity()))
        });
        return wanted.map(|kind| kind.number()).collect();
    }
    if spec.list.states().is_empty() {
        return vec![0];
    }
    let asked: Vec<&str> = if query.states.is_empty() {
        spec.list.default_states()
    } else {
        query.states.iter().map(String::as_str).collect()
    };
    let known = spec.list.states();
    let places = (0..).zip(known).filter(|(_, state)| asked.contains(state));
    places.map(|(place, _)| place).collect()
}
