//! Finds the events that carry an id: their own, a correlation, a payment or the reference of a refund.

use super::{Ledger, LedgerError};
use crate::{
    domain::{
        event::Entry,
        ids::{Domain, Position},
    },
    event_log::{READ_MAX, ReadError},
    read_model::whole_ids::{Holder, carries, holders, is_complete},
    views::search::{CARRIERS_SHOWN, Carrier, Carriers},
};

/// After so many entries no further one is looked through for an id.
const ENTRIES_MAX: usize = 40_000;

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
        let (mut found, mut entries_left) = (Vec::new(), ENTRIES_MAX);
        for holder in holders {
            found.extend(self.carrier(holder, id, &mut entries_left).await?);
        }
        let filled = Domain::ALL.into_iter().all(|domain| self.model.is_filled(domain));
        Ok(Carriers {
            found,
            complete: complete && filled,
        })
    }

    /// `None` where the whole stream was looked through and no event carries the id. A stream that can't be read is named without
    /// the event.
    async fn carrier(
        &self,
        holder: Holder,
        id: &str,
        entries_left: &mut usize,
    ) -> Result<Option<Carrier>, LedgerError> {
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
        let mut after = Position::START;
        while *entries_left > 0 {
            let entries = match log.read(&subject, after, READ_MAX).await {
                Ok(entries) => entries,
                Err(ReadError::Damaged { reason, .. }) => {
                    tracing::warn!(%domain, id = %subject, reason, "a stream can't be read");
                    break;
                }
                Err(source) => return Err(LedgerError::Store { domain, source }),
            };
            *entries_left = entries_left.saturating_sub(entries.len());
            if let Some(event) = entries.iter().find(|entry| carries(domain, entry, kind, id)) {
                return Ok(Some(carrier(Some(event))));
            }
            let Some(last) = entries.last().filter(|_| entries.len() >= READ_MAX) else {
                return Ok(None);
            };
            after = last.position;
        }
        Ok(Some(carrier(None)))
    }
}
