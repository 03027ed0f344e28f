//! The output of the generator: events in the order in which they happen, and their streams.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use super::chance::Chance;
use crate::domain::{
    event::{NewEvent, parse_time},
    ids::{Domain, EntityId},
    order::OrderEvent,
    wallet::WalletEvent,
};

/// An event and the stream that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedEvent {
    pub domain: Domain,
    pub id: EntityId,
    pub event: NewEvent,
}

/// The time and the actor of an event, and the events that it belongs to.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub time: DateTime<Utc>,
    pub actor: &'a str,
    pub correlation: Option<&'a str>,
    pub cause: Option<&'a str>,
}

impl<'a> Context<'a> {
    pub const fn new(time: DateTime<Utc>, actor: &'a str) -> Self {
        Self {
            time,
            actor,
            correlation: None,
            cause: None,
        }
    }
}

pub fn wallet_event(chance: &mut Chance, context: Context<'_>, payload: &WalletEvent) -> NewEvent {
    event(chance, context, payload.type_name(), &payload.data())
}

pub fn order_event(chance: &mut Chance, context: Context<'_>, payload: &OrderEvent) -> NewEvent {
    event(chance, context, payload.type_name(), &payload.data())
}

/// Builds an event of any type and content, valid or not.
pub fn event(chance: &mut Chance, context: Context<'_>, kind: &str, data: &Value) -> NewEvent {
    NewEvent {
        id: chance.event_id(context.time),
        r#type: kind.to_owned(),
        time: context.time.to_rfc3339_opts(SecondsFormat::Millis, true),
        actor: Some(context.actor.to_owned()),
        idempotencykey: None,
        correlationid: context.correlation.map(str::to_owned),
        causationid: context.cause.map(str::to_owned),
        data: data.to_string(),
        extra: Vec::new(),
    }
}

/// The streams of a demo ledger, each in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Streams(pub BTreeMap<(Domain, EntityId), Vec<NewEvent>>);

impl Streams {
    pub fn add(&mut self, planned: PlannedEvent) {
        self.0
            .entry((planned.domain, planned.id))
            .or_default()
            .push(planned.event);
    }

    /// The earliest moment from `wished` on at which an event can be added to a stream: after the stream's last event.
    pub fn moment(&self, domain: Domain, id: &EntityId, wished: DateTime<Utc>) -> DateTime<Utc> {
        let last = self
            .0
            .get(&(domain, id.clone()))
            .and_then(|events| parse_time(&events.last()?.time));
        last.map_or(wished, |last| wished.max(last + TimeDelta::seconds(1)))
    }
}
