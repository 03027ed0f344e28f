//! Appends by one call of the Redis Function `ledgerscope_append`, which checks everything before it writes anything.
//! Loads the library if it is missing or old. Repeats a call whose answer was lost only if the repeat changes nothing;
//! otherwise the outcome is reported as unknown. If a call fails after its first write, the event ids show what it wrote.

use redis::{Cmd, RedisError, RedisResult};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    entry::Entries,
    keys,
    link::{Link, OPERATION_MAX, PAUSES, Session, Trouble, unavailable},
};
use crate::{
    domain::{
        event::{Entry, NewEvent},
        ids::{EntityId, Sequence},
    },
    event_log::{AppendError, Appended, Expected, codec, fault::Fault},
};

/// The library that the server runs. Its `VERSION` equals [`VERSION`].
const LIBRARY: &str = include_str!("ledgerscope.lua");
/// The version of the library. Later versions answer in the same way (contract §2).
const VERSION: u64 = 2;

/// Entries of others after an append that are looked at to find out what it wrote.
const OTHERS_MAX: usize = 100;

/// One requested append.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub id: &'a EntityId,
    pub expected: Expected,
    pub events: &'a [NewEvent],
}

/// Why an attempt did not append.
enum Failed {
    /// The call was not sent.
    Unsent(Trouble),
    /// The call was sent, but no answer of the function was received.
    Sent(Trouble),
    /// The function refused.
    Answered(AppendError),
    /// The function failed after it had written a part.
    PartlyWritten(Fault),
}

/// The function's answer: `appended` or `repeated`, the first and the last sequence, and the entry id of the first
/// event.
type Answer = (String, Sequence, Sequence, String);

pub(super) async fn append(link: &Link, request: Request<'_>) -> Result<Appended, AppendError> {
    let repeatable = request.is_repeatable();
    let deadline = Instant::now() + OPERATION_MAX;
    let mut pauses = PAUSES.into_iter();
    // Whether a call was sent whose answer was lost.
    let mut is_unknown = false;
    loop {
        let trouble = match attempt(link, request, deadline).await {
            Ok(appended) => return Ok(appended),
            Err(Failed::Answered(error)) => return Err(error),
            Err(Failed::PartlyWritten(fault)) => return find_out(link, request, fault).await,
            Err(Failed::Unsent(trouble)) => trouble,
            Err(Failed::Sent(trouble)) => {
                is_unknown |= matches!(trouble, Trouble::Lost(_));
                trouble
            }
        };
        let again = !matches!(trouble, Trouble::Refused(_)) && (repeatable || !is_unknown) && Instant::now() < deadline;
        match pauses.next().filter(|_| again) {
            Some(pause) => sleep(pause).await,
            None if is_unknown => return Err(trouble.into_fault().into_unknown(link.domain)),
            None => return Err(trouble.into_fault().into_append(link.domain)),
        }
    }
}

/// Finds out by the event ids what an append has written that failed after its first write. If the stream has all events,
/// they are appended: what is missing is in the feed or among the idempotency keys.
async fn find_out(link: &Link, request: Request<'_>, fault: Fault) -> Result<Appended, AppendError> {
    tracing::error!(domain = %link.domain, id = %request.id, ?fault, "an append was written in part");
    let newest = link.read(|session| newest_entries(link, session, request)).await;
    let Ok(newest) = newest else {
        return Err(fault.into_unknown(link.domain));
    };
    let known: Vec<_> = newest
        .iter()
        .rev()
        .map(|entry| (entry.fields.id(), entry.sequence()))
        .collect();
    let asked: Vec<_> = request.events.iter().map(|event| Some(event.id.as_str())).collect();
    let found = known
        .windows(asked.len())
        .find(|window| window.iter().map(|(id, _)| *id).eq(asked.iter().copied()));
    match found.map(|window| (window.first(), window.last())) {
        Some((Some((_, Some(first))), Some((_, Some(last))))) => Ok(Appended {
            first: *first,
            last: *last,
            repeated: false,
        }),
        // A part of the events, or so many later ones that they are not among the newest.
        _ => Err(fault.into_unknown(link.domain)),
    }
}

/// The last entries of a stream, the newest first: as many as the events, and those that others appended since.
async fn newest_entries(link: &Link, mut session: Session, request: Request<'_>) -> RedisResult<Vec<Entry>> {
    let partition = keys::partition(request.id, session.partitions);
    let Entries { entries, .. } = redis::cmd("XREVRANGE")
        .arg(keys::entity(link.domain, partition, request.id))
        .arg("+")
        .arg("-")
        .arg("COUNT")
        .arg(request.events.len() + OTHERS_MAX)
        .query_async(&mut session.connection)
        .await?;
    Ok(entries)
}

async fn attempt(link: &Link, request: Request<'_>, deadline: Instant) -> Result<Appended, Failed> {
    let mut session = in_time(deadline, link.session()).await.map_err(Failed::Unsent)?;
    let sent = call(link, &mut session, request, deadline).await;
    let stale = matches!(
        sent,
        Err(Failed::Unsent(Trouble::Lost(_) | Trouble::NotNow(_)) | Failed::Sent(Trouble::Lost(_) | Trouble::NotNow(_)))
    );
    if stale {
        link.forget(session.number).await;
    }
    let (how, first, last, _) = sent?;
    Ok(Appended {
        first,
        last,
        repeated: how == "repeated",
    })
}

async fn call(link: &Link, session: &mut Session, request: Request<'_>, deadline: Instant) -> Result<Answer, Failed> {
    in_time(deadline, prepare(session, request))
        .await
        .map_err(Failed::Unsent)?;
    let call = request.call(link, session.partitions);
    let answer = async {
        let answer = call.query_async(&mut session.connection).await;
        Ok(answer.map_err(|error| request.read_refusal(&error)))
    };
    in_time(deadline, answer)
        .await
        .unwrap_or_else(|trouble| Err(Failed::Sent(trouble)))
}

async fn in_time<T>(deadline: Instant, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    timeout_at(deadline, work)
        .await
        .unwrap_or_else(|_| Err(Trouble::Lost(unavailable("no answer in time"))))
}

/// Prepares a call: makes sure that the library is loaded and, if the call can't be repeated, that the connection is
/// alive.
async fn prepare(session: &mut Session, request: Request<'_>) -> Result<(), Trouble> {
    let mut connection = session.connection.clone();
    if !request.is_repeatable() {
        redis::cmd("PING").exec_async(&mut connection).await?;
    }
    session
        .library
        .get_or_try_init(|| async {
            if library_version(&mut connection).await? < Some(VERSION) {
                load_library(&mut connection).await?;
            }
            Ok::<_, RedisError>(())
        })
        .await?;
    Ok(())
}

/// The version of the server's library; `None` if it has none.
async fn library_version(connection: &mut redis::aio::MultiplexedConnection) -> RedisResult<Option<u64>> {
    let asked = redis::cmd("FCALL_RO")
        .arg("ledgerscope_version")
        .arg(0)
        .query_async(connection)
        .await;
    match asked {
        Err(error) if is_function_missing(&error) => Ok(None),
        asked => asked.map(Some),
    }
}

async fn load_library(connection: &mut redis::aio::MultiplexedConnection) -> RedisResult<()> {
    redis::cmd("FUNCTION")
        .arg("LOAD")
        .arg("REPLACE")
        .arg(LIBRARY)
        .exec_async(connection)
        .await
}

fn is_function_missing(error: &RedisError) -> bool {
    error
        .detail()
        .is_some_and(|detail| detail.starts_with("Function not found"))
}

impl Request<'_> {
    /// Repeating the call changes nothing if every event has an idempotency key.
    fn is_repeatable(self) -> bool {
        self.events.iter().all(|event| event.idempotencykey.is_some())
    }

    /// The call of contract §2: three keys, the expected sequence, the number of events, and for each event the number
    /// of its fields and the fields.
    fn call(self, link: &Link, partitions: u32) -> Cmd {
        let partition = keys::partition(self.id, partitions);
        let entity = keys::entity(link.domain, partition, self.id);
        let mut call = redis::cmd("FCALL");
        call.arg("ledgerscope_append").arg(3);
        call.arg(&entity)
            .arg(keys::feed(link.domain, partition))
            .arg(keys::idempotency(&entity));
        match self.expected {
            Expected::Any => call.arg("any"),
            Expected::Exactly(sequence) => call.arg(sequence),
        };
        call.arg(self.events.len());
        for event in self.events {
            call.arg(codec::named(event).count());
            for (name, value) in codec::named(event) {
                call.arg(name).arg(value);
            }
        }
        call
    }

    /// Interprets an error of the call: a code of the function, or an error that any command can have.
    fn read_refusal(self, error: &RedisError) -> Failed {
        let detail = error.detail().unwrap_or_default();
        let number = detail.split(' ').next().and_then(|word| word.parse().ok());
        match (error.code(), number, self.expected) {
            (Some("CONFLICT"), Some(actual), Expected::Exactly(expected)) => {
                Failed::Answered(AppendError::Conflict { expected, actual })
            }
            (Some("KEYREUSED"), Some(event), _) => {
                let key = usize::try_from(event)
                    .ok()
                    .and_then(|event| self.events.get(event.checked_sub(1)?))
                    .and_then(|event| event.idempotencykey.clone());
                Failed::Answered(AppendError::KeyReused(key.unwrap_or_default()))
            }
            (Some("INVALID"), ..) => Failed::Answered(AppendError::Invalid(detail.to_owned())),
            (Some("UNKNOWN"), ..) => Failed::PartlyWritten(unavailable(detail)),
            // The library was removed from the server. The next connection loads it again.
            _ if is_function_missing(error) => {
                Failed::Sent(Trouble::NotNow(unavailable("its function library was removed")))
            }
            _ => Failed::Sent(Trouble::from(error.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_has_the_expected_version() {
        assert!(LIBRARY.starts_with("#!lua name=ledgerscope\n"));
        assert!(LIBRARY.contains(&format!("\nlocal VERSION = {VERSION}\n")));
    }

    #[test]
    fn the_library_has_the_limits_of_the_port() {
        use crate::event_log::{APPEND_MAX, EVENT_BYTES_MAX, EXTRA_FIELDS_MAX};
        for (name, value) in [
            ("EVENTS_MAX", APPEND_MAX),
            ("BYTES_MAX", EVENT_BYTES_MAX),
            ("EXTRA_MAX", EXTRA_FIELDS_MAX),
        ] {
            assert!(LIBRARY.contains(&format!("\nlocal {name} = {value}\n")), "{name}");
        }
    }
}
