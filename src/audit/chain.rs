//! The format of the hash chain. It is complete, so that a short program in any language can verify an exported log.
//!
//! The chain starts in the stream `AUD` and continues in one stream per UTC day, such as `AUD-20260131`. Each event is
//! of type `audit.recorded`. The last event of a stream is of type `audit.sealed`; its `next` names the stream in which
//! the chain continues. `AUD` contains one seal and nothing else. A day is sealed before the next one begins, so two
//! processes at midnight can't fork the chain. The data of an event is a JSON object with `prev`, `hash` and no fields
//! besides those below.
//!
//! `hash` is the SHA-256, in lower-case hexadecimal, of these fields in this order, without absent ones: `prev`,
//! `stream`, `sequence`, `id`, `time`, `type`, `actor`, `act`, `outcome`, `subject`, `case`, `from`, `session`,
//! `detail`, `next`. Each field is written as its name, a space, the number of bytes of its value in decimal, a line
//! feed, the value in UTF-8, a line feed. `stream` is the stream's id. `sequence`, `id`, `time`, `type` and `actor` are
//! those of the event. The others are in the data. `prev` is the `hash` of the event before, which is in the previous
//! stream for the first event of a stream. The `prev` of the very first event is 64 zeros.

use chrono::NaiveDate;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    domain::{
        audit::{AuditOutcome, NewEntry},
        event::{Entry, NewEvent},
        ids::{EntityId, Sequence},
    },
    event_log::{Unavailable, short_streams},
    views::audit::AuditEntry,
};

pub(super) const RECORDED: &str = "audit.recorded";
pub(super) const SEALED: &str = "audit.sealed";
/// The prefix of the ids of day streams.
pub(super) const PREFIX: &str = "AUD-";
/// The stream in which the chain starts.
const START: &str = "AUD";
/// The actor of seals.
const SEALER: &str = "ledgerscope";

/// A stream of the chain: the start, or a day. The start comes before every day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link(pub Option<NaiveDate>);

impl Link {
    pub(super) const START: Self = Self(None);

    pub(super) fn stream(self) -> Result<EntityId, Unavailable> {
        short_streams::stream(self.to_string())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == START {
            return Some(Self::START);
        }
        let digits = text.strip_prefix(PREFIX)?;
        let day = NaiveDate::parse_from_str(digits, "%Y%m%d").ok()?;
        // Each day has one spelling. Otherwise a second stream could exist for the same day.
        let link = Self(Some(day));
        (link.to_string() == text).then_some(link)
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => f.write_str(START),
            Some(day) => write!(f, "{PREFIX}{}", day.format("%Y%m%d")),
        }
    }
}

/// The `prev` of the very first event.
pub(super) fn nothing() -> String {
    "0".repeat(64)
}

/// The data of both event types. Other fields are rejected, because the hash would not cover them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Data {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AuditOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    pub prev: String,
    pub hash: String,
}

/// The fields of the event's envelope that the hash covers.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub stream: &'a str,
    pub sequence: Sequence,
    pub id: &'a str,
    pub time: &'a str,
    pub kind: &'a str,
    pub actor: &'a str,
}

pub(super) fn hash(envelope: Envelope<'_>, data: &Data) -> String {
    let sequence = envelope.sequence.to_string();
    let fields = [
        ("prev", Some(data.prev.as_str())),
        ("stream", Some(envelope.stream)),
        ("sequence", Some(&sequence)),
        ("id", Some(envelope.id)),
        ("time", Some(envelope.time)),
        ("type", Some(envelope.kind)),
        ("actor", Some(envelope.actor)),
        ("act", data.act.as_deref()),
        ("outcome", data.outcome.map(AuditOutcome::as_str)),
        ("subject", data.subject.as_deref()),
        ("case", data.case.as_deref()),
        ("from", data.from.as_deref()),
        ("session", data.session.as_deref()),
        ("detail", data.detail.as_deref()),
        ("next", data.next.as_deref()),
    ];
    let mut digest = Sha256::new();
    for (name, value) in fields {
        let Some(value) = value else { continue };
        digest.update(format!("{name} {}\n{value}\n", value.len()));
    }
    HEXLOWER.encode(&digest.finalize())
}

/// The event of an entry for the stream and sequence in `at`, and the event's hash.
pub(super) fn recorded(
    entry: &NewEntry,
    id: &str,
    time: &str,
    at: (&EntityId, Sequence),
    prev: &str,
) -> Result<(NewEvent, String), Unavailable> {
    let data = Data {
        act: Some(entry.act.clone()),
        outcome: Some(entry.outcome),
        subject: entry.subject.clone(),
        case: entry.case.clone(),
        from: entry.from.clone(),
        session: entry.session.clone(),
        detail: entry.detail.clone(),
        next: None,
        prev: prev.to_owned(),
        hash: String::new(),
    };
    let envelope = Envelope {
        stream: at.0.as_str(),
        sequence: at.1,
        id,
        time,
        kind: RECORDED,
        actor: &entry.actor,
    };
    event(envelope, data)
}

/// The seal of a stream, whose chain continues in `next`, and the seal's hash.
pub(super) fn sealed(
    next: Link,
    time: &str,
    at: (&EntityId, Sequence),
    prev: &str,
) -> Result<(NewEvent, String), Unavailable> {
    let data = Data {
        next: Some(next.to_string()),
        prev: prev.to_owned(),
        ..Data::default()
    };
    let id = short_streams::fresh_key();
    let envelope = Envelope {
        stream: at.0.as_str(),
        sequence: at.1,
        id: &id,
        time,
        kind: SEALED,
        actor: SEALER,
    };
    event(envelope, data)
}

fn event(envelope: Envelope<'_>, mut data: Data) -> Result<(NewEvent, String), Unavailable> {
    data.hash = hash(envelope, &data);
    let text = serde_json::to_string(&data)
        .map_err(|error| Unavailable(format!("an entry of the audit trail can't be written: {error}")))?;
    let event = NewEvent {
        id: envelope.id.to_owned(),
        r#type: envelope.kind.to_owned(),
        time: envelope.time.to_owned(),
        actor: Some(envelope.actor.to_owned()),
        // The id is unique per entry, and a retry has the same id.
        idempotencykey: Some(envelope.id.to_owned()),
        correlationid: None,
        causationid: None,
        data: text,
        extra: Vec::new(),
    };
    Ok((event, data.hash))
}

/// The data of an event of the chain; `None` if it can't be parsed.
pub(super) fn data(entry: &Entry) -> Option<Data> {
    serde_json::from_str(entry.fields.data()?).ok()
}

/// The entry as pages show it. `None` for a seal, and for an event that is not a valid entry, which `verify` reports.
pub(super) fn shown(link: Link, entry: &Entry) -> Option<AuditEntry> {
    if entry.fields.r#type()? != RECORDED {
        return None;
    }
    let data = data(entry)?;
    Some(AuditEntry {
        place: format!("{link}/{}", entry.sequence()?),
        time: entry.time()?,
        actor: entry.fields.actor().map(str::to_owned)?,
        act: data.act?,
        outcome: data.outcome?,
        subject: data.subject,
        case: data.case,
        from: data.from,
        session: data.session,
        detail: data.detail,
        hash: data.hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_can_be_recomputed_by_hand() {
        let data = Data {
            act: Some("sign_in".into()),
            outcome: Some(AuditOutcome::Done),
            detail: Some("é".into()),
            prev: nothing(),
            ..Data::default()
        };
        let envelope = Envelope {
            stream: "AUD-20260131",
            sequence: 7,
            id: "e-1",
            time: "2026-01-31T10:00:00Z",
            kind: RECORDED,
            actor: "ada",
        };
        let text = format!(
            "prev 64\n{}\nstream 12\nAUD-20260131\nsequence 1\n7\nid 3\ne-1\ntime 20\n2026-01-31T10:00:00Z\ntype 14\n\
             audit.recorded\nactor 3\nada\nact 7\nsign_in\noutcome 4\ndone\ndetail 2\né\n",
            "0".repeat(64)
        );
        assert_eq!(hash(envelope, &data), HEXLOWER.encode(&Sha256::digest(text.as_bytes())));
    }

    #[test]
    fn a_link_has_one_spelling() {
        let day = Link(NaiveDate::from_ymd_opt(2026, 1, 31));
        assert_eq!(day.to_string(), "AUD-20260131");
        assert_eq!(Link::parse("AUD-20260131"), Some(day));
        assert_eq!(Link::parse("AUD"), Some(Link::START));
        assert!(Link::START < day);
        for bad in ["AUD-", "AUD-2026131", "AUD-20260230", "AUD-+20260131", "aud", "OPR-ada"] {
            assert_eq!(Link::parse(bad), None, "{bad}");
        }
    }
}
