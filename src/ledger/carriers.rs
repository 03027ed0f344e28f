//! Finds the events that carry an id: their own, a correlation, a payment or the reference of a refund.

use super::{Ledger, LedgerError};
use crate::{
    domain::{
        event::Entry,
        ids::{Domain, Position},
    },
    event_log::READ_MAX,
    read_model::whole_ids::{Holder, carries, holders, is_complete},
    views::search::{CARRIERS_SHOWN, Carrier, Carriers},
};

/// Entries of one stream that are looked through for an id at most.
const ENTRIES_MAX: usize = 20_000;

impl Ledger {
    /// The first event of each entity that carries this id.
    pub async fn carriers(&self, id: &str) -> Result<Carriers, LedgerError> {
        let id = id.trim();
        if id.is_empty() {
            return Ok(Carriers::default());
        }
        let (holders, complete) = self.model.read(|connection| {
            let holders = holders(connection, id, CARRIERS_SHOWN)?;
            Ok((holders, is_complete(connection)?))
        })?;
        let mut found = Vec::new();
        for holder in holders {
            found.extend(self.carrier(holder, id).await?);
        }
        let filled = Domain::ALL.into_iter().all(|domain| self.model.is_filled(domain));
        Ok(Carriers {
            found,
            complete: complete && filled,
        })
    }

    /// `None` where the whole stream was looked through and no event carries the id.
    async fn carrier(&self, holder: Holder, id: &str) -> Result<Option<Carrier>, LedgerError> {
        let Holder {
            kind,
            domain,
            id: subject,
        } = holder;
        let log = &self.model.stores().of(domain).log;
        let carrier = |event: Option<&Entry>| Carrier {
            kind,
            domain,
            subject: subject.clone(),
            position: event.map(|event| event.position),
            event_type: event.and_then(|event| event.fields.r#type()).map(str::to_owned),
        };
        let (mut after, mut looked_at) = (Position::START, 0);
        while looked_at < ENTRIES_MAX {
            let entries = log.read(&subject, after, READ_MAX).await;
            let entries = entries.map_err(|source| LedgerError::Store { domain, source })?;
            if let Some(event) = entries.iter().find(|entry| carries(domain, entry, kind, id)) {
                return Ok(Some(carrier(Some(event))));
            }
            let Some(last) = entries.last().filter(|_| entries.len() >= READ_MAX) else {
                return Ok(None);
            };
            after = last.position;
            looked_at += entries.len();
        }
        Ok(Some(carrier(None)))
    }
}
