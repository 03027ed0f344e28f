//! Reads the audit trail: a search (newest first, a bounded number of entries) and the export (oldest first, all
//! entries). Both read day by day.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use futures::{
    StreamExt as _, TryStreamExt as _, future,
    stream::{self, BoxStream},
};

use super::{
    Audit,
    chain::{self, Link},
};
use crate::{
    domain::ids::Position,
    event_log::{EventLog, Unavailable, short_streams},
    views::{
        audit::{AuditEntry, AuditQuery},
        lists::{NumberedPage, PAGE_ROWS},
    },
};

/// Entries per read of the log.
const PAGE: usize = 1_000;
/// A search stops after the day in which it has read this many entries. Older entries are found by a search with their
/// dates.
pub const SEARCHED_MAX: u64 = 200_000;

impl Audit {
    /// One page of the entries that match, newest first.
    pub async fn search(&self, query: &AuditQuery) -> Result<NumberedPage<AuditEntry>, Unavailable> {
        let page = query.page.max(1);
        let skip = u64::from(page - 1) * u64::from(PAGE_ROWS);
        let text = query.text.trim().to_lowercase();
        let (mut total, mut looked_at, mut rows) = (0_u64, 0_u64, Vec::new());
        for link in days(&self.log).await?.into_iter().rev() {
            if !can_hold(link, query) || looked_at >= SEARCHED_MAX {
                continue;
            }
            let mut of_day = Vec::new();
            let mut entries = entries(Arc::clone(&self.log), link);
            while let Some(entry) = entries.try_next().await? {
                looked_at += 1;
                if matches(&entry, query, &text) {
                    of_day.push(entry);
                }
            }
            for entry in of_day.into_iter().rev() {
                if total >= skip && rows.len() < PAGE_ROWS as usize {
                    rows.push(entry);
                }
                total += 1;
            }
        }
        Ok(NumberedPage {
            rows,
            page,
            pages: u32::try_from(total.div_ceil(u64::from(PAGE_ROWS)))
                .unwrap_or(u32::MAX)
                .max(1),
            total,
            now: (self.clock)(),
        })
    }

    /// A stream of all entries, oldest first, read on demand.
    pub fn export(&self) -> BoxStream<'static, Result<AuditEntry, Unavailable>> {
        let log = Arc::clone(&self.log);
        let listed = {
            let log = Arc::clone(&log);
            async move { days(&log).await }
        };
        stream::once(listed)
            .map_ok(move |days| {
                let log = Arc::clone(&log);
                stream::iter(days).flat_map(move |link| entries(Arc::clone(&log), link))
            })
            .try_flatten()
            .boxed()
    }
}

impl Audit {
    /// A stream of all entries that match, oldest first, read on demand.
    pub fn export_matching(&self, query: AuditQuery) -> BoxStream<'static, Result<AuditEntry, Unavailable>> {
        let text = query.text.trim().to_lowercase();
        self.export()
            .try_filter(move |entry| future::ready(matches(entry, &query, &text)))
            .boxed()
    }
}

/// The days that have entries, oldest first.
pub(super) async fn days(log: &Arc<dyn EventLog>) -> Result<Vec<Link>, Unavailable> {
    let ids = short_streams::ids(log, chain::PREFIX).await?;
    let mut days: Vec<_> = ids.iter().filter_map(|id| Link::parse(id.as_str())).collect();
    days.sort_unstable();
    Ok(days)
}

/// The entries of a day, oldest first.
fn entries(log: Arc<dyn EventLog>, link: Link) -> BoxStream<'static, Result<AuditEntry, Unavailable>> {
    stream::try_unfold(Some(Position::START), move |after| {
        let log = Arc::clone(&log);
        async move {
            let Some(after) = after else {
                return Ok::<_, Unavailable>(None);
            };
            let page = log.read(&link.stream()?, after, PAGE).await?;
            let next = page.last().filter(|_| page.len() == PAGE).map(|last| last.position);
            let shown: Vec<_> = page
                .iter()
                .filter_map(|entry| chain::shown(link, entry))
                .map(Ok)
                .collect();
            Ok(Some((stream::iter(shown), next)))
        }
    })
    .try_flatten()
    .boxed()
}

/// Whether a day's stream can contain entries of the dates in the query. An entry that was recorded around midnight may
/// be in the stream of the next day.
fn can_hold(link: Link, query: &AuditQuery) -> bool {
    let Some(day) = link.0 else { return false };
    let late = query.to.and_then(|to| to.succ_opt());
    query.from.is_none_or(|from| day >= from) && late.is_none_or(|late| day <= late)
}

fn matches(entry: &AuditEntry, query: &AuditQuery, text: &str) -> bool {
    query.outcome.is_none_or(|outcome| entry.outcome == outcome)
        && is_between(entry.time, query.from, query.to)
        && (text.is_empty() || says(entry, text))
}

fn is_between(time: DateTime<Utc>, from: Option<NaiveDate>, to: Option<NaiveDate>) -> bool {
    let day = time.date_naive();
    from.is_none_or(|from| day >= from) && to.is_none_or(|to| day <= to)
}

fn says(entry: &AuditEntry, text: &str) -> bool {
    [
        Some(&entry.act),
        Some(&entry.actor),
        entry.subject.as_ref(),
        entry.case.as_ref(),
        entry.detail.as_ref(),
    ]
    .into_iter()
    .flatten()
    .any(|field| field.to_lowercase().contains(text))
}
