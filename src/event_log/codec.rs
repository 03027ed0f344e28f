//! The checks of an event before it is appended, for all adapters: the limits and the fields of contract §3. All
//! adapters refuse the same events with the same message. The meaning of types and payloads is not checked.

use std::collections::HashSet;

use serde::de::IgnoredAny;

use super::{APPEND_MAX, AppendError, EVENT_BYTES_MAX, EXTRA_FIELDS_MAX};
use crate::domain::event::{EVENT_ID_MAX, NewEvent, is_event_id, parse_time};

/// Names that an extra field can't have: those of contract §3, and those of the envelope that import, export and queues
/// put around an event.
const RESERVED: [&str; 12] = [
    "id",
    "type",
    "sequence",
    "time",
    "actor",
    "idempotencykey",
    "correlationid",
    "causationid",
    "data",
    "subject",
    "source",
    "specversion",
];

/// Refuses what no adapter appends: no events or too many, invalid or too large ones, and a key on two events.
pub(super) fn check(events: &[NewEvent]) -> Result<(), AppendError> {
    if !(1..=APPEND_MAX).contains(&events.len()) {
        return invalid(format!(
            "an append takes 1 to {APPEND_MAX} events, not {}",
            events.len()
        ));
    }
    let mut keys = HashSet::new();
    for event in events {
        check_event(event)?;
        if let Some(key) = &event.idempotencykey
            && !keys.insert(key)
        {
            return invalid(format!("the idempotency key '{key}' is on two events of one append"));
        }
    }
    Ok(())
}

fn check_event(event: &NewEvent) -> Result<(), AppendError> {
    if !is_event_id(&event.id) {
        return invalid(format!(
            "an event's id is 1 to {EVENT_ID_MAX} printable ASCII characters"
        ));
    }
    if event.r#type.is_empty() {
        return invalid(format!("the event {} has an empty type", event.id));
    }
    if parse_time(&event.time).is_none() {
        return invalid(format!("the event {} has a time that is not RFC 3339", event.id));
    }
    if event.idempotencykey.as_deref() == Some("") {
        return invalid(format!("the event {} has an empty idempotency key", event.id));
    }
    if serde_json::from_str::<IgnoredAny>(&event.data).is_err() {
        return invalid(format!("the event {} has data that is not JSON", event.id));
    }
    if event.extra.len() > EXTRA_FIELDS_MAX {
        return invalid(format!(
            "the event {} has more than {EXTRA_FIELDS_MAX} fields of its own",
            event.id
        ));
    }
    for (name, _) in &event.extra {
        if name.is_empty() || RESERVED.contains(&name.as_str()) {
            return invalid(format!(
                "the event {} can't have a field of its own named '{name}'",
                event.id
            ));
        }
    }
    let size = size(event);
    if size > EVENT_BYTES_MAX {
        return invalid(format!(
            "the event {} has {size} bytes, more than {EVENT_BYTES_MAX}",
            event.id
        ));
    }
    Ok(())
}

fn invalid(message: String) -> Result<(), AppendError> {
    Err(AppendError::Invalid(message))
}

/// Bytes of all field names and values, without the sequence, which is not assigned yet.
fn size(event: &NewEvent) -> usize {
    named(event).map(|(name, value)| name.len() + value.len()).sum()
}

/// The fields by name, in the order of contract §3, without the sequence.
pub(super) fn named(event: &NewEvent) -> impl Iterator<Item = (&str, &str)> {
    [
        ("id", Some(event.id.as_str())),
        ("type", Some(event.r#type.as_str())),
        ("time", Some(event.time.as_str())),
        ("actor", event.actor.as_deref()),
        ("idempotencykey", event.idempotencykey.as_deref()),
        ("correlationid", event.correlationid.as_deref()),
        ("causationid", event.causationid.as_deref()),
        ("data", Some(event.data.as_str())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .chain(event.extra.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> NewEvent {
        NewEvent {
            id: "e-1".into(),
            r#type: "wallet.opened".into(),
            time: "2026-01-01T00:00:00Z".into(),
            actor: None,
            idempotencykey: None,
            correlationid: None,
            causationid: None,
            data: "{}".into(),
            extra: vec![],
        }
    }

    #[test]
    fn a_valid_event_is_accepted() {
        assert_eq!(check(&[event()]), Ok(()));
    }

    #[test]
    fn invalid_fields_are_refused() {
        let spoil: [fn(&mut NewEvent); 10] = [
            |e| e.id.clear(),
            |e| e.id = "é".into(),
            |e| e.r#type.clear(),
            |e| e.time = "yesterday".into(),
            |e| e.idempotencykey = Some(String::new()),
            |e| e.data = "{".into(),
            |e| e.data.clear(),
            |e| e.extra.push((String::new(), "x".into())),
            |e| e.extra.push(("subject".into(), "x".into())),
            |e| e.data = format!("\"{}\"", "x".repeat(EVENT_BYTES_MAX)),
        ];
        for (number, spoil) in spoil.into_iter().enumerate() {
            let mut event = event();
            spoil(&mut event);
            assert!(matches!(check(&[event]), Err(AppendError::Invalid(_))), "{number}");
        }
    }

    #[test]
    fn no_events_too_many_events_and_repeated_keys_are_refused() {
        assert!(check(&[]).is_err());
        assert!(check(&vec![event(); APPEND_MAX]).is_ok());
        assert!(check(&vec![event(); APPEND_MAX + 1]).is_err());
        let keyed = NewEvent {
            idempotencykey: Some("k".into()),
            ..event()
        };
        assert!(check(&[keyed.clone(), keyed]).is_err());
    }
}
