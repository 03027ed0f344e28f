//! One event as one line of CloudEvents 1.0 JSON (contract §9), for import and export. Reading checks the envelope, but
//! not the content, because existing histories may contain invalid events. Writing keeps the payload byte for byte,
//! except for line breaks between tokens.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize as _,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::domain::{
    event::{EVENT_ID_MAX, Entry, NewEvent, is_event_id, parse_time},
    ids::{Domain, EntityId, SEQUENCE_MAX, Sequence},
};

/// The supported version of CloudEvents.
const SPEC_VERSION: &str = "1.0";

/// Attributes that have a field in [`NewEvent`]. All others are extensions of the producer.
const KNOWN: [&str; 12] = [
    "specversion",
    "id",
    "source",
    "subject",
    "type",
    "sequence",
    "time",
    "actor",
    "idempotencykey",
    "correlationid",
    "causationid",
    "data",
];

/// An event of a line, to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub domain: Domain,
    pub subject: EntityId,
    /// The sequence that the line names, if any.
    pub sequence: Option<Sequence>,
    pub event: NewEvent,
}

/// A JSON object's members in their written order. Repeated names are kept.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Members {
    /// Removes a known attribute and returns its value; `None` if it is absent or `null`. A repeated name is an error.
    fn take(&mut self, name: &str) -> Result<Option<Box<RawValue>>, String> {
        let Some(at) = self.0.iter().position(|(found, _)| found == name) else {
            return Ok(None);
        };
        let (_, value) = self.0.remove(at);
        if self.0.iter().any(|(found, _)| found == name) {
            return Err(format!("'{name}' is given twice"));
        }
        Ok((value.get() != "null").then_some(value))
    }

    fn optional(&mut self, name: &str) -> Result<Option<String>, String> {
        let Some(value) = self.take(name)? else {
            return Ok(None);
        };
        match serde_json::from_str(value.get()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(format!("'{name}' is not a string")),
        }
    }

    fn text(&mut self, name: &str) -> Result<String, String> {
        self.optional(name)?.ok_or_else(|| format!("'{name}' is missing"))
    }

    fn sequence(&mut self) -> Result<Option<Sequence>, String> {
        let Some(value) = self.take("sequence")? else {
            return Ok(None);
        };
        let text = serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned());
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits
            .then(|| text.parse().ok())
            .flatten()
            .filter(|n| (1..=SEQUENCE_MAX).contains(n))
            .map(Some)
            .ok_or_else(|| "'sequence' is not a whole number from 1".to_owned())
    }

    fn data(&mut self) -> Result<String, String> {
        let data = self.take("data")?.ok_or("'data' is missing")?;
        if data.get().starts_with('{') {
            Ok(data.get().to_owned())
        } else {
            Err("'data' is not a JSON object".into())
        }
    }

    /// The remaining members: the producer's extensions. A stream stores strings, so other values are kept as their
    /// JSON text.
    fn extra(self) -> Vec<(String, String)> {
        self.0
            .into_iter()
            .filter(|(_, value)| value.get() != "null")
            .map(|(name, value)| {
                let text = serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned());
                (name, text)
            })
            .collect()
    }
}

/// Parses a line. The error says what is wrong with the line.
pub fn read(line: &str) -> Result<Imported, String> {
    let mut members: Members = serde_json::from_str(line).map_err(|error| format!("not a JSON object: {error}"))?;
    if members.text("specversion")? != SPEC_VERSION {
        return Err(format!("'specversion' is not {SPEC_VERSION}"));
    }
    let source = members.text("source")?;
    let domain = Domain::ALL
        .into_iter()
        .find(|domain| source.strip_prefix('/') == Some(domain.as_str()))
        .ok_or("'source' is neither /wallet nor /order")?;
    let subject = EntityId::new(members.text("subject")?).map_err(|error| format!("'subject': {error}"))?;
    let sequence = members.sequence()?;
    let event = NewEvent {
        id: members.text("id")?,
        r#type: members.text("type")?,
        time: members.text("time")?,
        actor: members.optional("actor")?,
        idempotencykey: members.optional("idempotencykey")?,
        correlationid: members.optional("correlationid")?,
        causationid: members.optional("causationid")?,
        data: members.data()?,
        extra: members.extra(),
    };
    if !is_event_id(&event.id) {
        return Err(format!("'id' is not 1 to {EVENT_ID_MAX} printable ASCII characters"));
    }
    if event.r#type.is_empty() {
        return Err("'type' is empty".into());
    }
    if parse_time(&event.time).is_none() {
        return Err("'time' is not RFC 3339".into());
    }
    Ok(Imported {
        domain,
        subject,
        sequence,
        event,
    })
}

/// Writes an entry as a line without its line break. The error says why the entry can't be written as a `CloudEvent`.
pub fn write(domain: Domain, id: &EntityId, entry: &Entry) -> Result<String, String> {
    let envelope = entry.envelope().map_err(|error| error.to_string())?;
    let data = envelope.data.ok_or("it has no data")?;
    let data: &RawValue = serde_json::from_str(data).map_err(|_| "its data is not JSON")?;
    if !data.get().starts_with('{') {
        return Err("its data is not a JSON object".into());
    }
    let mut line = String::with_capacity(data.get().len() + 256);
    push(&mut line, "specversion", SPEC_VERSION)?;
    push(&mut line, "source", &format!("/{domain}"))?;
    push(&mut line, "subject", id.as_str())?;
    for (name, value) in entry.fields.iter().filter(|(name, _)| *name != "data") {
        push(&mut line, name, value)?;
    }
    if let Some((name, _)) = entry
        .fields
        .extra
        .iter()
        .find(|(name, _)| KNOWN.contains(&name.as_str()))
    {
        return Err(format!("it has a second field '{name}'"));
    }
    line.push_str(",\"data\":");
    // JSON has no raw line breaks inside strings, so this only replaces white space between tokens.
    line.push_str(&data.get().replace(['\n', '\r'], " "));
    line.push('}');
    Ok(line)
}

fn push(line: &mut String, name: &str, value: &str) -> Result<(), String> {
    line.push(if line.is_empty() { '{' } else { ',' });
    for (text, end) in [(name, ":"), (value, "")] {
        let mut quoted = Vec::with_capacity(text.len() + 2);
        text.serialize(&mut serde_json::Serializer::new(&mut quoted))
            .map_err(|error| error.to_string())?;
        line.push_str(&String::from_utf8(quoted).map_err(|error| error.to_string())?);
        line.push_str(end);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::domain::{
        event::{Known, RawDigest},
        ids::Position,
    };

    const LINE: &str = r#"{"specversion":"1.0","source":"/wallet","subject":"W-1","id":"e-1","type":"wallet.opened","sequence":"1","time":"2026-01-01T00:00:00Z","actor":"Zoë","tenant":"a","data":{"b": 1.50,"a":2,"a":3}}"#;

    #[test]
    fn a_line_is_written_as_it_was_read() {
        let read = read(LINE).unwrap();
        assert_eq!(read.sequence, Some(1));
        assert_eq!(read.event.data, r#"{"b": 1.50,"a":2,"a":3}"#);
        assert_eq!(read.event.extra, [("tenant".to_owned(), "a".to_owned())]);
        let entry = Entry {
            position: Position::new(1, 0),
            recorded: Utc::now(),
            fields: read.event.into_fields(1),
            digest: RawDigest::default(),
        };
        assert_eq!(write(read.domain, &read.subject, &entry).unwrap(), LINE);
    }

    #[test]
    fn data_over_many_lines_becomes_one_line() {
        let mut fields = read(LINE).unwrap().event.into_fields(1);
        fields.replace(Known::Data, Some("{\n\"a\":\r\n\"x\\ny\"}"));
        let entry = Entry {
            position: Position::new(1, 0),
            recorded: Utc::now(),
            fields,
            digest: RawDigest::default(),
        };
        let line = write(Domain::Wallet, &EntityId::new("W-1").unwrap(), &entry).unwrap();
        assert!(!line.contains(['\n', '\r']));
        assert_eq!(read(&line).unwrap().event.data, "{ \"a\":  \"x\\ny\"}");
    }

    #[test]
    fn a_sequence_is_a_string_or_an_integer_or_absent() {
        for (written, sequence) in [(r#""7""#, Some(7)), ("7", Some(7)), ("null", None)] {
            let line = LINE.replace(r#""sequence":"1""#, &format!(r#""sequence":{written}"#));
            assert_eq!(read(&line).unwrap().sequence, sequence, "{written}");
        }
        for bad in [
            "0",
            "-1",
            "1.0",
            "1e3",
            r#""""#,
            r#""x""#,
            "true",
            "9223372036854775808",
        ] {
            let line = LINE.replace(r#""sequence":"1""#, &format!(r#""sequence":{bad}"#));
            assert!(read(&line).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_envelope_that_is_wrong_is_refused_with_the_reason() {
        for (from, to, why) in [
            ("1.0\"", "0.3\"", "'specversion'"),
            ("/wallet", "/ledger", "'source'"),
            ("W-1", "W 1", "'subject'"),
            ("e-1", "é", "'id'"),
            ("wallet.opened", "", "'type'"),
            ("T00:00", "T99:00", "'time'"),
            ("{\"b\": 1.50,\"a\":2,\"a\":3}", "[]", "'data'"),
            ("\"actor\":\"Zoë\"", "\"actor\":1", "'actor'"),
            ("\"tenant\"", "\"id\"", "twice"),
            ("{\"spec", "[\"spec", "not a JSON object"),
        ] {
            let line = LINE.replacen(from, to, 1);
            let error = read(&line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
