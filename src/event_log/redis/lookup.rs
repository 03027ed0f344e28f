//! Finds the event of a feed entry. The function of this program gives both the same entry id. Other producers may not,
//! so the event is then searched by its sequence, nearest to the feed entry first. No writes.

use redis::RedisResult;

use super::{entry::RawEntry, keys, link::Session};
use crate::{domain::ids::LogName, event_log::FeedEntry};

/// Entries in one step of a search.
const PAGE: usize = 500;

/// The events of some entries of one feed, in their order; `None` if an event does not exist (yet).
pub(super) async fn events(
    session: &mut Session,
    domain: LogName,
    fed: &[Option<FeedEntry>],
) -> RedisResult<Vec<Option<RawEntry>>> {
    let mut ask = redis::pipe();
    for entry in fed.iter().flatten() {
        let place = entry.position.to_string();
        ask.cmd("XRANGE").arg(key(domain, entry)).arg(&place).arg(&place);
    }
    let exact: Vec<Vec<RawEntry>> = if ask.is_empty() {
        Vec::new()
    } else {
        ask.query_async(&mut session.connection).await?
    };
    let mut exact = exact.into_iter().map(|mut found| found.pop());
    let mut events = Vec::with_capacity(fed.len());
    for entry in fed {
        let event = match entry {
            None => None,
            Some(entry) => match exact.next().flatten() {
                Some(event) if event.sequence() == entry.sequence => Some(event),
                _ => search(session, domain, entry).await?,
            },
        };
        events.push(event);
    }
    Ok(events)
}

/// Searches for an event by its sequence: backwards from the feed entry, which most producers write after the event,
/// then forwards.
pub(super) async fn search(session: &mut Session, domain: LogName, fed: &FeedEntry) -> RedisResult<Option<RawEntry>> {
    let Some(sequence) = fed.sequence else {
        return Ok(None);
    };
    let key = key(domain, fed);
    for (command, end) in [("XREVRANGE", "-"), ("XRANGE", "+")] {
        let mut from = fed.position.to_string();
        loop {
            let page: Vec<RawEntry> = redis::cmd(command)
                .arg(&key)
                .arg(&from)
                .arg(end)
                .arg("COUNT")
                .arg(PAGE)
                .query_async(&mut session.connection)
                .await?;
            let ended = page.len() < PAGE;
            from = page.last().map_or(from, |last| format!("({}", last.position));
            if let Some(event) = page.into_iter().find(|event| event.sequence() == Some(sequence)) {
                return Ok(Some(event));
            }
            if ended {
                break;
            }
        }
    }
    Ok(None)
}

fn key(domain: LogName, entry: &FeedEntry) -> String {
    keys::entity(domain, entry.partition, &entry.subject)
}
