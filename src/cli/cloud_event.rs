//! One event as one line of CloudEvents 1.0 JSON (contract §9), in both directions. The envelope is checked, the payload
//! is carried as the text it was written in: numbers, the order of fields and what nobody knows come through unchanged.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::domain::{
    event::{Entry, NewEvent, is_event_id, parse_time},
    ids::{Domain, EntityId, SEQUENCE_MAX, Sequence},
};

/// An event of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub domain: Domain,
    pub subject: EntityId,
    /// Its place, where the line names one.
    pub sequence: Option<Sequence>,
    pub event: NewEvent,
}

/// Names with a meaning here. An entry that has a field of its own with such a name has no line of its own.
const TAKEN: [&str; 12] = [
    "specversion",
    "source",
    "subject",
    "id",
    "type",
    "sequence",
    "time",
    "actor",
    "idempotencykey",
    "correlationid",
    "causationid",
    "data",
];

/// Reads one line, or says what is wrong with it.
pub fn read(line: &str) -> Result<Line, String> {
    let mut attributes: Attributes<'_> =
        serde_json::from_str(line).map_err(|error| format!("it is not a JSON object of attributes: {error}"))?;
    if attributes.required("specversion")? != "1.0" {
        return Err("'specversion' is not \"1.0\"".into());
    }
    let domain = match attributes.required("source")?.as_str() {
        "/wallet" => Domain::Wallet,
        "/order" => Domain::Order,
        _ => return Err("'source' is neither \"/wallet\" nor \"/order\"".into()),
    };
    let subject = EntityId::new(attributes.required("subject")?).map_err(|error| format!("'subject': {error}"))?;
    let sequence = attributes.sequence()?;
    let event = NewEvent {
        id: attributes.required("id")?,
        r#type: attributes.required("type")?,
        time: attributes.required("time")?,
        actor: attributes.text("actor")?,
        idempotencykey: attributes.text("idempotencykey")?,
        correlationid: attributes.text("correlationid")?,
        causationid: attributes.text("causationid")?,
        data: attributes.data()?,
        extra: attributes.rest()?,
    };
    if !is_event_id(&event.id) {
        return Err("'id' is not 1 to 64 printable ASCII characters".into());
    }
    if event.r#type.is_empty() {
        return Err("'type' is empty".into());
    }
    if parse_time(&event.time).is_none() {
        return Err("'time' is not an RFC 3339 time".into());
    }
    Ok(Line {
        domain,
        subject,
        sequence,
        event,
    })
}

/// Writes an entry as one line without its line feed, or says why there is no such line.
pub fn write(domain: Domain, subject: &EntityId, entry: &Entry) -> Result<String, String> {
    let envelope = entry.envelope().map_err(|error| error.to_string())?;
    let data = object(envelope.data.unwrap_or_default()).ok_or("its data is not a JSON object")?;
    let mut line = String::with_capacity(data.len() + 384);
    line.push_str("{\"specversion\":\"1.0\"");
    let source = format!("/{domain}");
    for (name, value) in [("source", source.as_str()), ("subject", subject.as_str())] {
        attribute(&mut line, name, value)?;
    }
    let fields = &entry.fields;
    for (index, (name, _)) in fields.extra.iter().enumerate() {
        let twice = fields.extra[..index].iter().any(|(other, _)| other == name);
        if twice || TAKEN.contains(&name.as_str()) {
            return Err(format!(
                "its field '{name}' can't stand on a line beside the one of that name"
            ));
        }
    }
    for (name, value) in fields.iter().filter(|(name, _)| *name != "data") {
        attribute(&mut line, name, value)?;
    }
    line.push_str(",\"data\":");
    line.push_str(&data);
    line.push('}');
    Ok(line)
}

fn attribute(line: &mut String, name: &str, value: &str) -> Result<(), String> {
    let quoted = |text: &str| serde_json::to_string(text).map_err(|error| error.to_string());
    line.push(',');
    line.push_str(&quoted(name)?);
    line.push(':');
    line.push_str(&quoted(value)?);
    Ok(())
}

/// A JSON object's text without the space between its tokens, so that it fits on a line; nothing else is changed.
fn object(text: &str) -> Option<String> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    raw.get().starts_with('{').then(|| compact(raw.get()))
}

fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&letter| {
            let keep = in_string || !matches!(letter, ' ' | '\t' | '\n' | '\r');
            in_string = if in_string {
                escaped || letter != '"'
            } else {
                letter == '"'
            };
            escaped = in_string && !escaped && letter == '\\';
            keep
        })
        .collect()
}

/// The attributes of a line, each as the text it was written in, in the line's order.
struct Attributes<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut attributes: Self::Value = Vec::with_capacity(TAKEN.len());
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    // Which of two would count is left to each reader's taste by JSON; that is no basis for money.
                    if attributes.iter().any(|(other, _)| *other == name) {
                        return Err(A::Error::custom(format!("'{name}' stands there twice")));
                    }
                    attributes.push((name, value));
                }
                Ok(attributes)
            }
        }
        deserializer.deserialize_map(Each).map(Self)
    }
}

impl Attributes<'_> {
    /// Takes one out. CloudEvents has `null` mean that it is not there.
    fn take(&mut self, name: &str) -> Option<&RawValue> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        let (_, value) = self.0.remove(at);
        (value.get() != "null").then_some(value)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        self.take(name)
            .map(|value| serde_json::from_str(value.get()).map_err(|_| format!("'{name}' is not a string")))
            .transpose()
    }

    fn required(&mut self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| format!("'{name}' is missing"))
    }

    /// A whole number from 1, as a string (the CloudEvents extension `sequence`) or as an integer.
    fn sequence(&mut self) -> Result<Option<Sequence>, String> {
        let Some(value) = self.take("sequence") else {
            return Ok(None);
        };
        let text: String = serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned());
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten();
        number
            .filter(|number| (1..=SEQUENCE_MAX).contains(number))
            .map(Some)
            .ok_or_else(|| "'sequence' is not a whole number from 1".into())
    }

    fn data(&mut self) -> Result<String, String> {
        let value = self.take("data").ok_or("'data' is missing")?;
        if !value.get().starts_with('{') {
            return Err("'data' is not an object".into());
        }
        Ok(value.get().to_owned())
    }

    /// What is left: attributes that the contract does not know, kept as text.
    fn rest(self) -> Result<Vec<(String, String)>, String> {
        let mut rest = Vec::with_capacity(self.0.len());
        for (name, value) in self.0 {
            let text = match value.get().as_bytes().first() {
                Some(b'n') => continue,
                Some(b'{' | b'[') => return Err(format!("'{name}' is neither a string nor a number nor a boolean")),
                Some(b'"') => serde_json::from_str(value.get()).map_err(|error| format!("'{name}': {error}"))?,
                _ => value.get().to_owned(),
            };
            rest.push((name, text));
        }
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Position;

    const WHOLE: &str = r#"{"specversion":"1.0","source":"/wallet","subject":"W-1","id":"e 1","type":"wallet.opened.v9","sequence":"7","time":"2026-01-01T01:00:00.5+01:00","actor":"zoë","causationid":"e-0","traceparent":"00-ab","data":{"z":1.50,"a":"x \" y","a":[{}]}}"#;

    fn entry(line: Line, sequence: Sequence) -> Entry {
        Entry {
            position: Position::START,
            recorded: parse_time("2026-01-01T00:00:00Z").unwrap(),
            fields: line.event.into_fields(sequence),
        }
    }

    #[test]
    fn a_line_comes_back_as_it_was() {
        let line = read(WHOLE).unwrap();
        assert_eq!((line.domain, line.subject.as_str()), (Domain::Wallet, "W-1"));
        assert_eq!(line.sequence, Some(7));
        assert_eq!(line.event.extra, [("traceparent".to_owned(), "00-ab".to_owned())]);
        let (domain, subject) = (line.domain, line.subject.clone());
        assert_eq!(write(domain, &subject, &entry(line, 7)).unwrap(), WHOLE);
    }

    #[test]
    fn data_is_put_on_one_line_and_not_changed_otherwise() {
        let text = "{ \"a b\" :\n[1, 2.0e3 ],\t\"c\\\\\": \" \\\" \" }";
        assert_eq!(object(text).unwrap(), r#"{"a b":[1,2.0e3],"c\\":" \" "}"#);
        for bad in ["", "[]", "\"{}\"", "{", "{} {}"] {
            assert_eq!(object(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (from, to, word) in [
            (r#""specversion":"1.0""#, r#""specversion":"0.3""#, "'specversion'"),
            (r#""/wallet""#, r#""/compensation""#, "'source'"),
            (r#""W-1""#, r#""-W""#, "'subject'"),
            (r#""e 1""#, r#""é""#, "'id'"),
            (r#""e 1""#, r#""""#, "'id'"),
            (r#""e 1""#, "7", "'id' is not a string"),
            (r#""wallet.opened.v9""#, r#""""#, "'type'"),
            (r#""type""#, r#""kind""#, "'type' is missing"),
            (r#""sequence":"7""#, r#""sequence":"0""#, "'sequence'"),
            (r#""sequence":"7""#, r#""sequence":-1"#, "'sequence'"),
            (r#""sequence":"7""#, r#""sequence":1.5"#, "'sequence'"),
            ("2026-01-01T01", "2026-01-01T25", "'time'"),
            (r#""zoë""#, "[]", "'actor'"),
            (r#""00-ab""#, "{}", "'traceparent'"),
            (r#""data":{"#, r#""data":[{"#, "JSON"),
            (r#""causationid""#, r#""actor""#, "twice"),
        ] {
            let line = WHOLE.replacen(from, to, 1);
            assert_ne!(line, WHOLE, "{from}");
            let why = read(&line).unwrap_err();
            assert!(why.contains(word), "{why} lacks {word}");
        }
        assert!(read("[]").is_err());
    }

    #[test]
    fn a_sequence_may_be_a_number_and_null_is_absence() {
        let line = read(&WHOLE.replace(r#""7""#, "7").replace(r#""zoë""#, "null")).unwrap();
        assert_eq!((line.sequence, line.event.actor), (Some(7), None));
        let line = read(&WHOLE.replace(r#""sequence":"7","#, "")).unwrap();
        assert_eq!(line.sequence, None);
    }

    #[test]
    fn an_entry_that_no_line_can_hold_is_refused() {
        let whole = entry(read(WHOLE).unwrap(), 7);
        let spoil: [fn(&mut Entry); 5] = [
            |e| e.fields.id = None,
            |e| e.fields.sequence = Some("x".into()),
            |e| e.fields.data = Some("[]".into()),
            |e| e.fields.extra.push(("id".into(), "2".into())),
            |e| e.fields.extra.push(("traceparent".into(), "2".into())),
        ];
        let subject = EntityId::new("W-1").unwrap();
        for (number, spoil) in spoil.into_iter().enumerate() {
            let mut entry = whole.clone();
            spoil(&mut entry);
            assert!(write(Domain::Wallet, &subject, &entry).is_err(), "{number}");
        }
    }
}
