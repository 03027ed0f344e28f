//! Events before their payload is parsed. An [`Entry`] is what a stream stores, unchanged. An [`Envelope`] is an entry
//! whose `id`, `type`, `sequence` and `time` could be read. A [`NewEvent`] is an event to append. `wallet` and `order`
//! parse the payloads.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{Position, SEQUENCE_MAX, Sequence};

pub use super::fields::{Fields, Known};

/// Longest event id that is read, in characters (contract §3).
pub const EVENT_ID_MAX: usize = 64;

/// One entry of a stream, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The position in its stream.
    pub position: Position,
    /// When the store recorded it: UTC, whole milliseconds.
    pub recorded: DateTime<Utc>,
    pub fields: Fields,
    /// The digest of the stored entry, computed when it was read. Serialising leaves it out, because the browser does
    /// not need it. So an entry that was serialised and read back is not equal to the entry that was read from the
    /// store.
    #[serde(skip)]
    pub digest: RawDigest,
}

/// The raw digest of one stored entry, or of all entries of a stream up to one (`event_log::roll`). It covers the
/// position and the bytes of every field as stored, also of what [`Fields`] drops or replaces. It compares one store
/// with itself at another time: a lost or changed entry changes the digest. It does not protect against somebody who
/// changes the store on purpose. An entry that was not read from a store has the default digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RawDigest(pub [u8; 16]);

impl Entry {
    /// The sequence, 1 to [`SEQUENCE_MAX`] in ASCII digits; `None` if it can't be read.
    pub fn sequence(&self) -> Option<Sequence> {
        let text = self.fields.sequence()?;
        let digits = text.len() <= 20 && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits
            .then(|| text.parse().ok())
            .flatten()
            .filter(|n| (1..=SEQUENCE_MAX).contains(n))
    }

    /// The effective time: when the event happened. RFC 3339 with any offset; `None` if it can't be read.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        parse_time(self.fields.time()?)
    }

    /// Parses the envelope. The error names the field that can't be read.
    pub fn envelope(&self) -> Result<Envelope<'_>, EnvelopeError> {
        let fields = &self.fields;
        Ok(Envelope {
            sequence: self.sequence().ok_or(EnvelopeError::Sequence)?,
            id: fields.id().filter(|id| is_event_id(id)).ok_or(EnvelopeError::Id)?,
            r#type: fields
                .r#type()
                .filter(|kind| !kind.is_empty())
                .ok_or(EnvelopeError::Type)?,
            time: self.time().ok_or(EnvelopeError::Time)?,
            actor: fields.actor(),
            data: fields.data(),
        })
    }
}

/// An RFC 3339 time as an instant in UTC.
pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    // chrono also accepts a space or an underscore instead of the `T`. RFC 3339 §5.6 lets applications accept the
    // space.
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// RFC 3339 in UTC with as many decimals of a second as the time has (none, 3, 6 or 9).
pub fn format_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// RFC 3339 in UTC with milliseconds, as recorded times are.
pub fn format_recorded(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Whether an event id is valid: 1 to 64 printable ASCII characters (contract §3).
pub fn is_event_id(id: &str) -> bool {
    (1..=EVENT_ID_MAX).contains(&id.len()) && id.bytes().all(|b| (0x20..=0x7e).contains(&b))
}

/// An entry whose envelope could be read; the payload is still text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    pub sequence: Sequence,
    pub id: &'a str,
    pub r#type: &'a str,
    pub time: DateTime<Utc>,
    pub actor: Option<&'a str>,
    pub data: Option<&'a str>,
}

/// The field of an envelope that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("its id is missing or not 1 to 64 printable ASCII characters")]
    Id,
    #[error("its type is missing")]
    Type,
    #[error("its sequence is missing or not a whole number from 1")]
    Sequence,
    #[error("its time is missing or not RFC 3339")]
    Time,
}

/// An event to append. The log assigns its sequence and its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEvent {
    pub id: String,
    pub r#type: String,
    /// RFC 3339, UTC. It is written unchanged.
    pub time: String,
    pub actor: Option<String>,
    pub idempotencykey: Option<String>,
    pub correlationid: Option<String>,
    pub causationid: Option<String>,
    /// JSON.
    pub data: String,
    /// Fields outside the contract (a producer's own CloudEvents extensions), written unchanged.
    pub extra: Vec<(String, String)>,
}

impl NewEvent {
    /// The fields to write, with the sequence that the log assigned.
    pub fn into_fields(self, sequence: Sequence) -> Fields {
        let known = [
            (Known::Id, Some(self.id)),
            (Known::Type, Some(self.r#type)),
            (Known::Sequence, Some(sequence.to_string())),
            (Known::Time, Some(self.time)),
            (Known::Actor, self.actor),
            (Known::IdempotencyKey, self.idempotencykey),
            (Known::CorrelationId, self.correlationid),
            (Known::CausationId, self.causationid),
            (Known::Data, Some(self.data)),
        ];
        let known = known.iter();
        let mut fields = Fields::of(known.filter_map(|(field, value)| Some((*field, value.as_deref()?))));
        fields.extra = self.extra;
        fields
    }
}
