//! Reading: the streams that a command is decided on, folded whole, and a case with the place it is at. Nothing here writes.

use super::{Desk, DeskError};
use crate::{
    domain::{
        compensation::{
            case::CaseState,
            command::{Command, CommandName, Pin},
            decide::{Book, Books},
        },
        event::Entry,
        fold::{Fold, State},
        ids::{Domain, EntityId, Position, Sequence},
        listing::Recent,
        order::OrderState,
        replay::in_sequence_order,
        wallet::WalletState,
    },
    event_log::{EventLog, READ_MAX, ReadError},
};

/// Events that are shown of what was appended meanwhile; of each stream the first ones.
const NEWS_MAX: usize = 50;

/// Entries with their places, in sequence order.
type Placed = Vec<(Sequence, Entry)>;

/// What a command is decided on, and the entries that it was folded from.
pub(super) struct Reading {
    pub books: Books,
    streams: Vec<(Domain, EntityId, Placed)>,
}

impl Reading {
    /// What was appended after these positions, as far as their streams were read.
    pub fn news(&self, seen: &[Pin]) -> Vec<Recent> {
        let mut news = Vec::new();
        for pin in seen {
            let stream = self
                .streams
                .iter()
                .find(|(domain, id, _)| (*domain, id) == (pin.domain, &pin.id));
            let placed = stream.map_or(&[][..], |(.., placed)| placed.as_slice());
            news.extend(after(pin, placed));
        }
        news
    }

    /// The entry with this event id.
    pub fn entry(&self, domain: Domain, event: &str) -> Option<&Entry> {
        self.streams
            .iter()
            .filter(|(of, ..)| *of == domain)
            .flat_map(|(.., placed)| placed)
            .map(|(_, entry)| entry)
            .find(|entry| entry.fields.id.as_deref() == Some(event))
    }
}

fn after<'a>(pin: &'a Pin, placed: &'a [(Sequence, Entry)]) -> impl Iterator<Item = Recent> + 'a {
    placed
        .iter()
        .filter(|(place, _)| *place > pin.sequence)
        .take(NEWS_MAX)
        .map(|(_, entry)| Recent {
            domain: pin.domain,
            subject: pin.id.clone(),
            entry: entry.clone(),
        })
}

/// A case as its stream has it now.
pub(super) struct Case {
    pub id: EntityId,
    pub state: CaseState,
    /// Of its last event: where the next one is expected.
    pub sequence: Sequence,
    /// The id of the event that allows it to be issued.
    pub allowed_by: Option<String>,
    pub entries: Vec<Entry>,
}

impl Desk {
    /// The books of a command of this name on this subject; what does not exist is not in them.
    pub(super) async fn read_books(
        &self,
        name: CommandName,
        subject: &EntityId,
        refund: Option<&str>,
    ) -> Result<Reading, DeskError> {
        let mut reading = Reading {
            books: Books::default(),
            streams: Vec::new(),
        };
        let wallet = match name.domain() {
            Domain::Wallet => Some(subject.clone()),
            Domain::Order => {
                self.read_order(&mut reading, subject).await?;
                // Only settling concerns the wallet that the order names.
                let order = reading.books.order.as_ref();
                let named = order.and_then(|book| book.fold.state.wallet.clone());
                named
                    .filter(|_| name == CommandName::SettleRefund)
                    .and_then(|id| EntityId::new(id).ok())
            }
        };
        if let Some(wallet) = wallet {
            let placed = self.read_stream(Domain::Wallet, &wallet).await?;
            reading.books.wallet = book::<WalletState>(&wallet, &placed);
            reading.streams.push((Domain::Wallet, wallet, placed));
        }
        if let Some(refund) = refund.filter(|_| name == CommandName::SettleRefund) {
            reading.books.credited_elsewhere = (self.credited_for)(refund);
        }
        Ok(reading)
    }

    pub(super) async fn read_books_of(&self, command: &Command) -> Result<Reading, DeskError> {
        let action = &command.action;
        self.read_books(action.name(), action.subject().1, action.refund())
            .await
    }

    async fn read_order(&self, reading: &mut Reading, id: &EntityId) -> Result<(), DeskError> {
        let placed = self.read_stream(Domain::Order, id).await?;
        reading.books.order = book::<OrderState>(id, &placed);
        reading.streams.push((Domain::Order, id.clone(), placed));
        Ok(())
    }

    async fn read_stream(&self, domain: Domain, id: &EntityId) -> Result<Placed, DeskError> {
        let entries = read_all(self.stores.of(domain), id)
            .await
            .map_err(DeskError::read(domain.into()))?;
        Ok(in_sequence_order(entries))
    }

    /// What was appended after these positions.
    pub(super) async fn read_news(&self, seen: impl Iterator<Item = &Pin>) -> Result<Vec<Recent>, DeskError> {
        let mut news = Vec::new();
        for pin in seen {
            let placed = self.read_stream(pin.domain, &pin.id).await?;
            news.extend(after(pin, &placed));
        }
        Ok(news)
    }

    /// A case; nothing but its id where it does not exist.
    pub(super) async fn read_case(&self, id: &EntityId) -> Result<Case, DeskError> {
        let log = &self.stores.compensation;
        let entries = read_all(&**log, id).await.map_err(DeskError::read(log.name()))?;
        Ok(Case::fold(id, entries))
    }
}

impl Case {
    pub fn fold(id: &EntityId, entries: Vec<Entry>) -> Self {
        let placed = in_sequence_order(entries);
        let mut fold = Fold::<CaseState>::new();
        let mut allowed_by = None;
        for (_, entry) in &placed {
            let allows = matches!(
                entry.fields.r#type.as_deref(),
                Some("compensation.proposed" | "compensation.approved")
            );
            if fold.push(entry, |_| {}) && allows {
                allowed_by.clone_from(&entry.fields.id);
            }
        }
        Self {
            id: id.clone(),
            sequence: fold.sequence,
            state: fold.state,
            allowed_by,
            entries: placed.into_iter().map(|(_, entry)| entry).collect(),
        }
    }

    pub fn exists(&self) -> bool {
        self.sequence > 0
    }
}

fn book<S: State>(id: &EntityId, placed: &[(Sequence, Entry)]) -> Option<Book<S>> {
    let mut fold = Fold::new();
    for (_, entry) in placed {
        fold.push(entry, |_| {});
    }
    (fold.events > 0).then(|| Book { id: id.clone(), fold })
}

/// Every entry of a stream, in the stream's order.
pub(super) async fn read_all(log: &dyn EventLog, id: &EntityId) -> Result<Vec<Entry>, ReadError> {
    let mut all = Vec::new();
    let mut after = Position::START;
    loop {
        let page = log.read(id, after, READ_MAX).await?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after = last.position;
        all.extend(page);
    }
}
