//! Facts about streams and the server without reading events: `XINFO STREAM` and `INFO`. For a user without permission
//! for XINFO, `XLEN` and `XREVRANGE` are used instead, which report no deletions.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use redis::{FromRedisValue, ParsingError, RedisError, RedisResult, Value};

use super::{
    entry::{self, RawEntry},
    keys,
    link::{self, Link, Session, Trouble},
    read::{STREAMS, not_a_stream},
};
use crate::{
    domain::ids::{EntityId, LogName, Position},
    event_log::{Identity, StreamEnd, fault::Fault},
};

/// Number of pipelines of one call that run at once.
const AT_ONCE: usize = 4;
/// The reported type of a key that is not a stream, if the user has no permission for TYPE.
const NO_STREAM: &str = "not a stream";

/// The ends of these streams, in the same order.
pub(super) async fn ends(link: &Link, ids: &[EntityId]) -> Result<Vec<StreamEnd>, Fault> {
    let some = ids.chunks(STREAMS).map(|some| {
        link.read(async |mut session| {
            let key = |id| keys::entity(link.domain, keys::partition(id, session.partitions), id);
            let keys: Vec<String> = some.iter().map(key).collect();
            ends_of(&mut session, &keys).await
        })
    });
    // Collected first, because a lazy iterator of futures that borrow does not satisfy the port's `Send` bound.
    let some: Vec<_> = some.collect();
    stream::iter(some).buffered(AT_ONCE).try_concat().await
}

/// The last position and the length of each partition's feed.
pub(super) async fn feeds(link: &Link) -> Result<Vec<(Position, u64)>, Fault> {
    let ends = link.read(async |mut session| {
        let keys: Vec<String> = (0..session.partitions)
            .map(|partition| keys::feed(link.domain, partition))
            .collect();
        ends_of(&mut session, &keys).await
    });
    let feeds = (0..).zip(ends.await?).map(|(partition, end)| match end {
        StreamEnd::Absent => Ok((Position::START, 0)),
        StreamEnd::Present { last, length, .. } => Ok((last.unwrap_or(Position::START), length)),
        StreamEnd::WrongType(_) => Err(Fault::Damaged(not_a_stream(&keys::feed(link.domain, partition)))),
    });
    feeds.collect()
}

async fn ends_of(session: &mut Session, keys: &[String]) -> RedisResult<Vec<StreamEnd>> {
    let mut ask = redis::pipe();
    ask.ignore_errors();
    for key in keys {
        ask.cmd("XINFO").arg("STREAM").arg(key);
    }
    let replies: Vec<RedisResult<Info>> = ask.query_async(&mut session.connection).await?;
    let (mut ends, mut refused, mut refusal) = (Vec::with_capacity(keys.len()), Vec::new(), None);
    for (reply, key) in replies.into_iter().zip(keys) {
        ends.push(match reply {
            Ok(Info(end)) => end,
            Err(error) if is_missing(&error) => StreamEnd::Absent,
            Err(error) => match error.code() {
                Some("WRONGTYPE") => StreamEnd::WrongType(type_of(session, key).await?),
                Some("NOPERM") => {
                    refused.push((ends.len(), key));
                    refusal = Some(error);
                    StreamEnd::Absent
                }
                _ => return Err(error),
            },
        });
    }
    if let Some(refusal) = refusal {
        let (places, keys): (Vec<usize>, Vec<&String>) = refused.into_iter().unzip();
        for (place, end) in places.into_iter().zip(without_xinfo(session, &keys, &refusal).await?) {
            ends[place] = end;
        }
    }
    Ok(ends)
}

fn is_missing(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.starts_with("no such key"))
}

fn is_refused<T>(reply: &RedisResult<T>) -> bool {
    reply.as_ref().is_err_and(|error| error.code() == Some("NOPERM"))
}

async fn type_of(session: &mut Session, key: &str) -> RedisResult<String> {
    let reply: RedisResult<String> = redis::cmd("TYPE").arg(key).query_async(&mut session.connection).await;
    match reply {
        // The key was replaced after the previous command.
        Ok(name) if name == "stream" || name == "none" => Ok(NO_STREAM.into()),
        reply if is_refused(&reply) => Ok(NO_STREAM.into()),
        reply => reply,
    }
}

/// The ends of streams for a user without permission for XINFO. `refusal` is the error if the other commands are
/// refused as well.
async fn without_xinfo(session: &mut Session, keys: &[&String], refusal: &RedisError) -> RedisResult<Vec<StreamEnd>> {
    let mut ask = redis::pipe();
    ask.ignore_errors();
    for key in keys {
        ask.cmd("XLEN").arg(key);
        ask.cmd("XREVRANGE").arg(key).arg("+").arg("-").arg("COUNT").arg(1);
        ask.cmd("TYPE").arg(key);
    }
    let replies: Vec<RedisResult<Value>> = ask.query_async(&mut session.connection).await?;
    let mut replies = replies.into_iter();
    let mut ends = Vec::new();
    while let (Some(length), Some(last), Some(kind)) = (replies.next(), replies.next(), replies.next()) {
        if is_refused(&length) || is_refused(&last) {
            return Err(refusal.clone());
        }
        let kind = if is_refused(&kind) { None } else { Some(read(kind)?) };
        ends.push(end_of(length, last, kind)?);
    }
    Ok(ends)
}

fn end_of(length: RedisResult<Value>, last: RedisResult<Value>, kind: Option<String>) -> RedisResult<StreamEnd> {
    let is_wrong_type =
        |reply: &RedisResult<Value>| reply.as_ref().is_err_and(|error| error.code() == Some("WRONGTYPE"));
    if is_wrong_type(&length) || is_wrong_type(&last) {
        return Ok(StreamEnd::WrongType(kind.unwrap_or_else(|| NO_STREAM.into())));
    }
    let last: Vec<RawEntry> = read(last)?;
    let last = last.first().map(|entry| entry.position);
    // Without the type, an empty stream can't be distinguished from a missing one.
    if last.is_none() && kind.as_deref() != Some("stream") {
        return Ok(StreamEnd::Absent);
    }
    Ok(StreamEnd::Present {
        last,
        length: read(length)?,
        added: None,
        max_deleted: None,
    })
}

fn read<T: FromRedisValue>(reply: RedisResult<Value>) -> RedisResult<T> {
    Ok(T::from_redis_value(reply?)?)
}

/// The reply of XINFO STREAM.
struct Info(StreamEnd);

impl FromRedisValue for Info {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let pairs: Vec<(Value, Value)> = match value {
            Value::Map(pairs) => pairs,
            Value::Array(values) => {
                let mut values = values.into_iter();
                std::iter::from_fn(|| Some((values.next()?, values.next()?))).collect()
            }
            _ => return Err("not a map".into()),
        };
        let (mut length, mut last, mut added, mut max_deleted) = (None, None, None, None);
        for (name, value) in pairs {
            match entry::bytes(name)?.as_slice() {
                b"length" => length = Some(u64::from_redis_value(value)?),
                b"entries-added" => added = Some(u64::from_redis_value(value)?),
                b"last-entry" if value == Value::Nil => {}
                b"last-entry" => last = Some(entry::parts(value)?.0),
                b"max-deleted-entry-id" => {
                    let position = entry::text(entry::bytes(value)?).parse();
                    let position: Position = position.map_err(|_| ParsingError::from("no position"))?;
                    max_deleted = Some(position).filter(|position| *position != Position::START);
                }
                _ => {}
            }
        }
        let length = length.ok_or_else(|| ParsingError::from("a stream without a length"))?;
        Ok(Self(StreamEnd::Present {
            last,
            length,
            added,
            max_deleted,
        }))
    }
}

/// Facts about the server. If its number of partitions differs from the session's, the next call reconnects.
pub(super) async fn identity(link: &Link) -> Result<Identity, Fault> {
    link.read(async |mut session| {
        let identity = identity_of(&mut session, link.domain).await?;
        if identity.partitions != Some(session.partitions) {
            link.forget(session.number).await;
        }
        Ok::<_, Trouble>(identity)
    })
    .await
}

async fn identity_of(session: &mut Session, domain: LogName) -> Result<Identity, Trouble> {
    let mut ask = redis::pipe();
    ask.ignore_errors();
    ask.cmd("INFO").arg("server");
    ask.cmd("INFO").arg("replication");
    let replies: (RedisResult<String>, RedisResult<String>) = ask.query_async(&mut session.connection).await?;
    let partitions = link::partitions(&mut session.connection, domain).await?;
    Ok(Identity {
        partitions: Some(partitions),
        ..facts(&reply_text(replies.0)?, &reply_text(replies.1)?)
    })
}

/// The text of a reply; empty if the user has no permission for the command.
fn reply_text(reply: RedisResult<String>) -> RedisResult<String> {
    if is_refused(&reply) { Ok(String::new()) } else { reply }
}

fn facts(server: &str, replication: &str) -> Identity {
    let fact = |text: &str, name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let found = lines
            .find(|(of, _)| *of == name)
            .map(|(_, value)| value.trim().to_owned());
        found.filter(|value| !value.is_empty())
    };
    let number = |name: &str| fact(replication, name)?.parse::<u64>().ok();
    // Redis reports forty zeros and -1 if there is no previous history.
    let previous = fact(replication, "master_replid2").filter(|id| id.bytes().any(|digit| digit != b'0'));
    Identity {
        run: fact(server, "run_id"),
        history: fact(replication, "master_replid"),
        previous_history: previous.zip(number("second_repl_offset")),
        offset: number("master_repl_offset"),
        partitions: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_taken_from_lines_and_missing_ones_are_none() {
        let replication = "# Replication\r\nrole:master\r\nmaster_replid:aa\r\nmaster_replid2:0000\r\n\
                           master_repl_offset:14\r\nsecond_repl_offset:-1\r\n";
        let known = facts("# Server\r\nrun_id:ff\r\n", replication);
        let expected = Identity {
            run: Some("ff".into()),
            history: Some("aa".into()),
            previous_history: None,
            offset: Some(14),
            partitions: None,
        };
        assert_eq!(known, expected);
        let after = replication.replace("0000", "bb").replace("-1", "9");
        assert_eq!(facts("", &after).previous_history, Some(("bb".into(), 9)));
        assert_eq!(facts("", "nonsense"), Identity::default());
    }

    #[test]
    fn both_shapes_of_an_answer_are_read() {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let entry = Value::Array(vec![bulk("7-1"), Value::Array(vec![bulk("a"), bulk("b")])]);
        let pairs = vec![
            (bulk("length"), Value::Int(2)),
            (bulk("last-generated-id"), bulk("9-9")),
            (bulk("max-deleted-entry-id"), bulk("0-0")),
            (bulk("entries-added"), Value::Int(3)),
            (bulk("last-entry"), entry),
        ];
        let flat = pairs.iter().cloned().flat_map(|(name, value)| [name, value]).collect();
        let expected = StreamEnd::Present {
            last: Some(Position::new(7, 1)),
            length: 2,
            added: Some(3),
            max_deleted: None,
        };
        assert_eq!(Info::from_redis_value(Value::Map(pairs)).unwrap().0, expected);
        assert_eq!(Info::from_redis_value(Value::Array(flat)).unwrap().0, expected);
        assert!(Info::from_redis_value(Value::Array(vec![])).is_err());
    }
}
