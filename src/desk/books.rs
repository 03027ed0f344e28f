//! Reading: the streams that a command is decided on, and a case with the place it is at. Streams are folded whole, but for
//! long wallets, of which there is all that a command may ask for. Nothing here writes.

use super::{Desk, DeskError};
use crate::{
    domain::{
        compensation::{
            case::{Case, is_case_id},
            command::{Action, Command, CommandName, Pin},
            decide::{Book, Books},
        },
        event::Entry,
        fold::{Fold, State},
        ids::{Domain, EntityId, LogName, Position, Sequence},
        order::OrderState,
        replay::in_sequence_order,
        wallet::{Part, WalletState},
    },
    read_model::snapshots::Wanted,
    views::{events::Recent, truncate},
};

/// Events that are shown of what was appended meanwhile; of each stream the first ones.
const NEWS_MAX: usize = 50;

/// Entries with their places, in sequence order.
type Placed = Vec<(Sequence, Entry)>;

/// What a command is decided on, and the entries that it was folded from.
pub(super) struct Reading {
    pub books: Books,
    streams: Vec<Stream>,
}

/// A stream as it was read.
struct Stream {
    domain: Domain,
    id: EntityId,
    /// The place of the last entry that was left out; 0 where it was read whole.
    from: Sequence,
    placed: Placed,
    /// An entry among those left out that was sought.
    found: Option<Entry>,
}

impl Reading {
    /// The entry with this event id. Of a long wallet, among its newest entries and what was sought.
    pub fn entry(&self, domain: Domain, event: &str) -> Option<&Entry> {
        let streams = self.streams.iter().filter(|stream| stream.domain == domain);
        streams
            .flat_map(|stream| stream.found.iter().chain(stream.placed.iter().map(|(_, entry)| entry)))
            .find(|entry| entry.fields.id() == Some(event))
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
            entry: truncate::row(entry),
        })
}

impl Desk {
    /// The books of a command of this name on this subject; what does not exist is not in them. `item` is what it names: a
    /// refund, an entry or a hold.
    pub(super) async fn read_books(
        &self,
        name: CommandName,
        subject: &EntityId,
        item: Option<&str>,
    ) -> Result<Reading, DeskError> {
        self.read(name, subject, item, None).await
    }

    async fn read(
        &self,
        name: CommandName,
        subject: &EntityId,
        item: Option<&str>,
        sought: Option<(&str, &str)>,
    ) -> Result<Reading, DeskError> {
        let refund = item.filter(|_| name == CommandName::SettleRefund);
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
            let item = item.map(str::to_owned);
            let mut parts: Vec<_> = match name {
                CommandName::ReverseEntry => item.map(Part::Posting).into_iter().collect(),
                CommandName::ReleaseHold => item.map(Part::Hold).into_iter().collect(),
                _ => Vec::new(),
            };
            parts.extend(sought.map(|(posting, _)| Part::Posting(posting.to_owned())));
            let wanted = Wanted { parts, refund, sought };
            self.read_wallet(&mut reading, wallet, &wanted).await?;
        }
        if let Some(refund) = refund {
            let credited = (self.credited_for)(refund);
            // Without it a refund could be paid twice.
            reading.books.credited_elsewhere = credited.map_err(|reason| DeskError::store(LogName::Wallet, reason))?;
        }
        Ok(reading)
    }

    pub(super) async fn read_books_of(&self, command: &Command) -> Result<Reading, DeskError> {
        self.read_books_with(command, None).await
    }

    /// The books of a command with one more entry that is sought: the event id of a posting, and that of what touched it.
    pub(super) async fn read_books_with(
        &self,
        command: &Command,
        sought: Option<(&str, &str)>,
    ) -> Result<Reading, DeskError> {
        let action = &command.action;
        self.read(action.name(), action.subject().1, item(action), sought).await
    }

    async fn read_wallet(&self, reading: &mut Reading, id: EntityId, wanted: &Wanted<'_>) -> Result<(), DeskError> {
        let brief = match &self.histories {
            Some(histories) => histories.brief(&id, wanted).await,
            None => Ok(None),
        };
        let stream = if let Some(brief) = brief.map_err(DeskError::read(LogName::Wallet))? {
            reading.books.wallet = Some(Book {
                id: id.clone(),
                fold: brief.fold,
            });
            Stream {
                domain: Domain::Wallet,
                id,
                from: brief.from,
                placed: brief.tail,
                found: brief.found,
            }
        } else {
            let placed = self.read_stream(Domain::Wallet, &id).await?;
            reading.books.wallet = book::<WalletState>(&id, &placed);
            Stream::whole(Domain::Wallet, id, placed)
        };
        reading.streams.push(stream);
        Ok(())
    }

    async fn read_order(&self, reading: &mut Reading, id: &EntityId) -> Result<(), DeskError> {
        let placed = self.read_stream(Domain::Order, id).await?;
        reading.books.order = book::<OrderState>(id, &placed);
        reading.streams.push(Stream::whole(Domain::Order, id.clone(), placed));
        Ok(())
    }

    async fn read_stream(&self, domain: Domain, id: &EntityId) -> Result<Placed, DeskError> {
        let entries = self.stores.of(domain).read_all(id, Position::START).await;
        Ok(in_sequence_order(entries.map_err(DeskError::read(domain.into()))?))
    }

    /// What was appended after these positions.
    pub(super) async fn read_news(&self, seen: impl Iterator<Item = &Pin>) -> Result<Vec<Recent>, DeskError> {
        let mut news = Vec::new();
        for pin in seen {
            news.extend(self.read_after(pin).await?);
        }
        Ok(news)
    }

    /// What was appended after these positions to the streams that were read.
    pub(super) async fn news(&self, reading: &Reading, seen: &[Pin]) -> Result<Vec<Recent>, DeskError> {
        let mut news = Vec::new();
        for pin in seen {
            let mut streams = reading.streams.iter();
            match streams.find(|stream| (stream.domain, &stream.id) == (pin.domain, &pin.id)) {
                Some(stream) if pin.sequence >= stream.from => news.extend(after(pin, &stream.placed)),
                Some(_) => news.extend(self.read_after(pin).await?),
                None => {}
            }
        }
        Ok(news)
    }

    async fn read_after(&self, pin: &Pin) -> Result<Vec<Recent>, DeskError> {
        let known = match &self.histories {
            Some(histories) if pin.domain == Domain::Wallet => {
                let entries = histories.entries_after(&pin.id, pin.sequence, NEWS_MAX).await;
                entries.map_err(DeskError::read(LogName::Wallet))?
            }
            _ => None,
        };
        let placed = match known {
            Some(placed) => placed,
            None => self.read_stream(pin.domain, &pin.id).await?,
        };
        Ok(after(pin, &placed).collect())
    }

    /// A case; nothing but its id where it does not exist. Other streams of the compensation store are no cases.
    pub(super) async fn read_case(&self, id: &EntityId) -> Result<Case, DeskError> {
        if !is_case_id(id) {
            return Ok(Case::fold(id, Vec::new()));
        }
        let log = &self.stores.compensation;
        let entries = log.read_all(id, Position::START).await;
        Ok(Case::fold(id, entries.map_err(DeskError::read(log.name()))?))
    }
}

impl Stream {
    const fn whole(domain: Domain, id: EntityId, placed: Placed) -> Self {
        Self {
            domain,
            id,
            from: 0,
            placed,
            found: None,
        }
    }
}

/// What a command names besides its subject.
fn item(action: &Action) -> Option<&str> {
    match action {
        Action::ReverseEntry { event, .. } => Some(event),
        Action::ReleaseHold { hold, .. } => Some(hold),
        _ => action.refund(),
    }
}

fn book<S: State>(id: &EntityId, placed: &[(Sequence, Entry)]) -> Option<Book<S>> {
    let mut fold = Fold::new();
    for (_, entry) in placed {
        fold.push(entry, |_| {});
    }
    (fold.events > 0).then(|| Book { id: id.clone(), fold })
}
