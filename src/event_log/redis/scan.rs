//! Finds the ids of streams by SCAN.

use std::sync::Arc;

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use redis::RedisResult;

use super::{
    keys,
    link::{Link, Session},
};
use crate::{domain::ids::EntityId, event_log::ReadError};

/// Number of keys that one step of a scan looks at.
const SCAN: usize = 1_000;

/// The position of a scan of the keys.
#[derive(Clone, Copy)]
enum Scan {
    At {
        cursor: u64,
        /// The connection that the cursor belongs to. A restarted server orders its keys differently.
        session: u64,
    },
    Done,
}

/// The ids of streams.
pub(super) fn streams(link: Arc<Link>) -> BoxStream<'static, Result<Vec<EntityId>, ReadError>> {
    scan(link, Some("stream"))
}

/// The ids of all keys that are named like a stream, whatever their type.
pub(super) fn names(link: Arc<Link>) -> BoxStream<'static, Result<Vec<EntityId>, ReadError>> {
    scan(link, None)
}

fn scan(link: Arc<Link>, kind: Option<&'static str>) -> BoxStream<'static, Result<Vec<EntityId>, ReadError>> {
    let start = Scan::At { cursor: 0, session: 0 };
    stream::try_unfold(start, move |mut scan| {
        let link = Arc::clone(&link);
        async move {
            while let Scan::At { .. } = scan {
                let (ids, rest) = link
                    .read(|session| step(&link, session, scan, kind))
                    .await
                    .map_err(|fault| fault.into_read(link.domain))?;
                scan = rest;
                if !ids.is_empty() {
                    return Ok(Some((ids, scan)));
                }
            }
            Ok(None)
        }
    })
    .boxed()
}

async fn step(link: &Link, mut session: Session, scan: Scan, kind: Option<&str>) -> RedisResult<(Vec<EntityId>, Scan)> {
    let cursor = match scan {
        Scan::At { cursor, session: of } if of == session.number => cursor,
        _ => 0,
    };
    let mut ask = redis::cmd("SCAN");
    ask.arg(cursor).arg("MATCH").arg(keys::entity_glob(link.domain));
    ask.arg("COUNT").arg(SCAN);
    if let Some(kind) = kind {
        ask.arg("TYPE").arg(kind);
    }
    let (cursor, found): (u64, Vec<Vec<u8>>) = ask.query_async(&mut session.connection).await?;
    let ids = found
        .iter()
        .filter_map(|key| std::str::from_utf8(key).ok())
        .filter_map(|key| keys::entity_of(key, link.domain, session.partitions))
        .collect();
    let rest = match cursor {
        0 => Scan::Done,
        cursor => Scan::At {
            cursor,
            session: session.number,
        },
    };
    Ok((ids, rest))
}
