//! The search over all kinds: rows from the read model, and events with an id, which are read from their streams.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use tokio::task::spawn_blocking;

use super::{Ledger, LedgerError};
use crate::{
    domain::ids::{Domain, Position},
    event_log::{READ_MAX, ReadError},
    read_model::{
        ReadModelError, Stores,
        lists::{Search, wallet_named_by},
        search::{self, Reach, SearchText, holders},
        whole_ids::{Holder, carries},
    },
    views::{
        lists::Count,
        search::{Carrier, HITS_MAX, HITS_SHOWN, Hit, Hits, IdKind, Matched, SearchKind, SearchView},
    },
};

/// Maximum number of entries that the search of a page reads to find the events with an id.
const ENTRIES_MAX: usize = 40_000;

/// Minimum number of candidate streams that the search of a page reads, so that the newest events can be shown.
const LOOKED_THROUGH: usize = 20;

/// Ids that events carry, with the kinds of hits. A payment is a row of the read model and not in this list.
const CARRIED: [(IdKind, SearchKind); 3] = [
    (IdKind::Reference, SearchKind::Reference),
    (IdKind::Event, SearchKind::Event),
    (IdKind::Correlation, SearchKind::Correlation),
];

/// The rows that the read model finds, and the entities whose events may carry the text as an id.
pub struct FoundRows {
    pub view: SearchView,
    holders: Vec<(Holder, Option<String>)>,
}

/// Searches the rows of the requested kinds. Cases are searched elsewhere.
pub fn find_rows(
    connection: &Connection,
    text: &SearchText,
    wants: impl Fn(SearchKind) -> bool,
    reach: &Reach,
) -> rusqlite::Result<FoundRows> {
    let mut view = SearchView {
        now: reach.moment.now,
        ..SearchView::default()
    };
    if wants(SearchKind::Wallet) {
        view.wallets = search::find(connection, text, reach)?;
    }
    if wants(SearchKind::Order) {
        view.orders = search::find(connection, text, reach)?;
    }
    if wants(SearchKind::Refund) {
        view.refunds = search::find(connection, text, reach)?;
    }
    if wants(SearchKind::Hold) {
        view.holds = search::find(connection, text, reach)?;
    }
    if wants(SearchKind::Customer) {
        view.customers = search::find(connection, text, reach)?;
    }
    if wants(SearchKind::Payment) {
        view.payments = search::payments(connection, text, reach)?;
    }
    let mut carrying = Vec::new();
    for (kind, of) in CARRIED {
        if !wants(of) {
            continue;
        }
        for holder in holders(connection, text, kind, reach)? {
            let wallet = if kind == IdKind::Reference {
                wallet_named_by(connection, holder.id.as_str())?
            } else {
                None
            };
            carrying.push((holder, wallet));
        }
    }
    Ok(FoundRows {
        view,
        holders: carrying,
    })
}

impl FoundRows {
    /// Completes the view: reads the streams that may have the text as an id.
    pub async fn with_events(
        self,
        stores: &Stores,
        text: &SearchText,
        reach: &Reach,
    ) -> Result<SearchView, LedgerError> {
        let Self { mut view, holders } = self;
        let mut entries_left = if reach.is_bounded { ENTRIES_MAX } else { usize::MAX };
        for (kind, _) in CARRIED {
            let of_kind: Vec<_> = holders.iter().filter(|(holder, _)| holder.kind == kind).collect();
            let looked_through = reach.counted.min(reach.shown.max(LOOKED_THROUGH));
            let not_read = of_kind.len().saturating_sub(looked_through);
            let mut hits = Vec::new();
            for (holder, wallet) in of_kind.into_iter().take(looked_through) {
                let carrier = match carrier(stores, holder, text.id(), &mut entries_left).await {
                    Err(LedgerError::Store { domain, .. }) if reach.is_bounded => {
                        let sentence = format!("The {domain} store does not answer, so its events are not searched.");
                        if !view.unsearched.contains(&sentence) {
                            view.unsearched.push(sentence);
                        }
                        Some(unread(holder, text.id()))
                    }
                    carrier => carrier?,
                };
                hits.extend(carrier.map(|carrier| Hit {
                    row: Carrier {
                        wallet: wallet.clone(),
                        ..carrier
                    },
                    matched: Matched::Id,
                    exact: true,
                }));
            }
            let total = hits.len() + not_read;
            let counted = total.min(reach.counted) as u64;
            let more = total > reach.counted;
            hits.sort_by(|a, b| newness(&b.row).cmp(&newness(&a.row)));
            hits.truncate(reach.shown);
            let found = Hits {
                hits,
                count: if more {
                    Count::AtLeast(counted)
                } else {
                    Count::Exactly(counted)
                },
                stopped: false,
            };
            match kind {
                IdKind::Reference => view.references = found,
                IdKind::Event => view.events = found,
                IdKind::Correlation => view.correlations = found,
                IdKind::Payment => {}
            }
        }
        Ok(view)
    }
}

impl Ledger {
    /// Searches for a text in one kind, or in all kinds but cases. At most 8 hits of each kind, or 100 if one kind is
    /// requested.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn search(
        &self,
        text: &SearchText,
        kind: Option<SearchKind>,
        search: Search,
    ) -> Result<SearchView, LedgerError> {
        let shown = if kind.is_some() { HITS_MAX } else { HITS_SHOWN };
        let reach = Reach::page(shown, search, self.model.moment());
        let (model, asked) = (Arc::clone(&self.model), text.clone());
        let filled = Domain::ALL.map(|domain| self.model.is_filled(domain));
        let wants = move |one: SearchKind| {
            let [wallet, order] = filled;
            let is_there = match one {
                SearchKind::Wallet | SearchKind::Hold => wallet,
                SearchKind::Order | SearchKind::Refund | SearchKind::Payment | SearchKind::Reference => order,
                SearchKind::Customer => wallet && order,
                SearchKind::Event | SearchKind::Correlation => wallet || order,
                SearchKind::Case => false,
            };
            is_there && kind.is_none_or(|kind| kind == one)
        };
        let work = move || {
            model.read(|connection| {
                let found = find_rows(connection, &asked, wants, &reach)?;
                Ok((found, search::is_complete(connection)?))
            })
        };
        let done = spawn_blocking(work).await;
        let (mut found, complete) = done.map_err(|_| ReadModelError::Stopped)??;
        for (domain, _) in Domain::ALL.iter().zip(filled).filter(|(_, filled)| !filled) {
            found.view.unsearched.push(format!(
                "The {domain} store is still being read, so matches may be missing."
            ));
        }
        if !complete {
            found
                .view
                .unsearched
                .push("The search index is still being built, so matches may be missing.".to_owned());
        }
        found.with_events(self.model.stores(), text, &reach).await
    }
}

/// The sort key of carriers, newest first: the time, then the entity.
fn newness(carrier: &Carrier) -> (Option<DateTime<Utc>>, &str, Domain) {
    (carrier.time, carrier.subject.as_str(), carrier.domain)
}

/// Finds the event with the id in a holder's stream. `None` if the whole stream was read and no event has the id. If
/// the stream can't be read to its end, the carrier is returned without an event.
async fn carrier(
    stores: &Stores,
    holder: &Holder,
    id: &str,
    entries_left: &mut usize,
) -> Result<Option<Carrier>, LedgerError> {
    let (kind, domain) = (holder.kind, holder.domain);
    let log = &stores.of(domain).log;
    let mut after = Position::START;
    while *entries_left > 0 {
        let entries = match log.read(&holder.id, after, READ_MAX).await {
            Ok(entries) => entries,
            Err(ReadError::Damaged { reason, .. }) => {
                tracing::warn!(%domain, id = %holder.id, reason, "a stream can't be read");
                break;
            }
            Err(source) => return Err(LedgerError::Store { domain, source }),
        };
        *entries_left = entries_left.saturating_sub(entries.len());
        if let Some(event) = entries.iter().find(|entry| carries(domain, entry, kind, id)) {
            return Ok(Some(Carrier {
                position: Some(event.position),
                event_type: event.fields.r#type().map(str::to_owned),
                time: event.time(),
                ..unread(holder, id)
            }));
        }
        let Some(last) = entries.last().filter(|_| entries.len() >= READ_MAX) else {
            return Ok(None);
        };
        after = last.position;
    }
    Ok(Some(unread(holder, id)))
}

/// An entity that may have the id, without the event.
fn unread(holder: &Holder, id: &str) -> Carrier {
    Carrier {
        kind: holder.kind,
        id: id.to_owned(),
        domain: holder.domain,
        subject: holder.id.clone(),
        position: None,
        event_type: None,
        time: None,
        wallet: None,
    }
}
