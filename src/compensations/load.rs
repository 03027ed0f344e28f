//! Loads the state on which a command is decided, and cases. Writes nothing. Whole streams are loaded. Long wallets are
//! loaded partially: the state, plus the postings and holds that the command names.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{CompensationError, Compensations};
use crate::{
    domain::{
        compensation::{
            case::{Case, is_case_id},
            command::{Action, Command, CommandName, Pin},
            decide::{CommandState, Loaded},
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

/// How long, and at which interval, a request waits for the end of a case that another request is issuing.
const END_WAIT: Duration = Duration::from_secs(10);
const END_PAUSE: Duration = Duration::from_millis(50);
/// The most new events that are shown per stream; later ones are left out.
const NEWS_MAX: usize = 50;

/// Entries with their place in the stream, in sequence order.
type Placed = Vec<(Sequence, Entry)>;

/// The state on which a command is decided, and the entries from which it was folded.
pub(super) struct LoadedState {
    pub state: CommandState,
    streams: Vec<Stream>,
}

/// A stream as it was loaded.
struct Stream {
    domain: Domain,
    id: EntityId,
    /// The place of the last entry that was not loaded; 0 for a whole stream.
    from: Sequence,
    placed: Placed,
    /// The sought entry, if it is among those that were not loaded.
    found: Option<Entry>,
}

impl LoadedState {
    /// The entry with this event id. In a partially loaded wallet, only the newest entries and the sought one are
    /// found.
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

impl Compensations {
    /// Loads the state for a command of this name on this subject. Streams that do not exist are absent. `item` is the
    /// id of the refund, entry or hold that the command names.
    pub(super) async fn load(
        &self,
        name: CommandName,
        subject: &EntityId,
        item: Option<&str>,
    ) -> Result<LoadedState, CompensationError> {
        self.read(name, subject, item, None).await
    }

    async fn read(
        &self,
        name: CommandName,
        subject: &EntityId,
        item: Option<&str>,
        sought: Option<(&str, &str)>,
    ) -> Result<LoadedState, CompensationError> {
        let refund = item.filter(|_| name == CommandName::SettleRefund);
        let mut loaded = LoadedState {
            state: CommandState::default(),
            streams: Vec::new(),
        };
        let wallet = match name.domain() {
            Domain::Wallet => Some(subject.clone()),
            Domain::Order => {
                self.read_order(&mut loaded, subject).await?;
                // Only settling a refund needs the order's wallet.
                let order = loaded.state.order.as_ref();
                let named = order.and_then(|order| order.fold.state.wallet.clone());
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
            self.read_wallet(&mut loaded, wallet, &wanted).await?;
        }
        if let Some(refund) = refund {
            loaded.state.credits = self.credits.of_refund(refund).await;
        }
        Ok(loaded)
    }

    pub(super) async fn load_for(&self, command: &Command) -> Result<LoadedState, CompensationError> {
        self.load_with(command, None).await
    }

    /// Like [`Self::load_for`], and also finds an entry in a long wallet: `sought` is the event id of a posting, and
    /// that of an entry that refers to it.
    pub(super) async fn load_with(
        &self,
        command: &Command,
        sought: Option<(&str, &str)>,
    ) -> Result<LoadedState, CompensationError> {
        let action = &command.action;
        self.read(action.name(), action.subject().1, item(action), sought).await
    }

    async fn read_wallet(
        &self,
        loaded: &mut LoadedState,
        id: EntityId,
        wanted: &Wanted<'_>,
    ) -> Result<(), CompensationError> {
        let partial = match &self.histories {
            Some(histories) => histories.load_partially(&id, wanted).await,
            None => Ok(None),
        };
        let stream = if let Some(partial) = partial.map_err(CompensationError::read(LogName::Wallet))? {
            loaded.state.wallet = Some(Loaded {
                id: id.clone(),
                fold: partial.fold,
            });
            Stream {
                domain: Domain::Wallet,
                id,
                from: partial.from,
                placed: partial.tail,
                found: partial.found,
            }
        } else {
            let placed = self.read_stream(Domain::Wallet, &id).await?;
            loaded.state.wallet = fold_stream::<WalletState>(&id, &placed);
            Stream::whole(Domain::Wallet, id, placed)
        };
        loaded.streams.push(stream);
        Ok(())
    }

    async fn read_order(&self, loaded: &mut LoadedState, id: &EntityId) -> Result<(), CompensationError> {
        let placed = self.read_stream(Domain::Order, id).await?;
        loaded.state.order = fold_stream::<OrderState>(id, &placed);
        loaded.streams.push(Stream::whole(Domain::Order, id.clone(), placed));
        Ok(())
    }

    async fn read_stream(&self, domain: Domain, id: &EntityId) -> Result<Placed, CompensationError> {
        let entries = self.stores.of(domain).read_all(id, Position::START).await;
        Ok(in_sequence_order(
            entries.map_err(CompensationError::read(domain.into()))?,
        ))
    }

    /// The events after these positions, read from the stores.
    pub(super) async fn read_news(&self, seen: impl Iterator<Item = &Pin>) -> Result<Vec<Recent>, CompensationError> {
        let mut news = Vec::new();
        for pin in seen {
            news.extend(self.read_after(pin).await?);
        }
        Ok(news)
    }

    /// The events after these positions in the loaded streams.
    pub(super) async fn news(&self, loaded: &LoadedState, seen: &[Pin]) -> Result<Vec<Recent>, CompensationError> {
        let mut news = Vec::new();
        for pin in seen {
            let mut streams = loaded.streams.iter();
            match streams.find(|stream| (stream.domain, &stream.id) == (pin.domain, &pin.id)) {
                Some(stream) if pin.sequence >= stream.from => news.extend(after(pin, &stream.placed)),
                Some(_) => news.extend(self.read_after(pin).await?),
                None => {}
            }
        }
        Ok(news)
    }

    async fn read_after(&self, pin: &Pin) -> Result<Vec<Recent>, CompensationError> {
        let known = match &self.histories {
            Some(histories) if pin.domain == Domain::Wallet => {
                let entries = histories.entries_after(&pin.id, pin.sequence, NEWS_MAX).await;
                entries.map_err(CompensationError::read(LogName::Wallet))?
            }
            _ => None,
        };
        let placed = match known {
            Some(placed) => placed,
            None => self.read_stream(pin.domain, &pin.id).await?,
        };
        Ok(after(pin, &placed).collect())
    }

    /// Reads a case. A case that does not exist is empty. Other streams of the compensation store are treated as such.
    pub(super) async fn read_case(&self, id: &EntityId) -> Result<Case, CompensationError> {
        if !is_case_id(id) {
            return Ok(Case::fold(id, Vec::new()));
        }
        let log = &self.stores.compensation;
        let entries = log.read_all(id, Position::START).await;
        Ok(Case::fold(id, entries.map_err(CompensationError::read(log.name()))?))
    }

    /// Waits at most [`END_WAIT`] for the end of a case that another request is issuing. Returns the current case.
    pub(super) async fn wait_for_end(&self, mut case: Case) -> Result<Case, CompensationError> {
        let deadline = Instant::now() + END_WAIT;
        while case.state.is_to_be_issued() && Instant::now() < deadline {
            sleep(END_PAUSE).await;
            case = self.read_case(&case.id).await?;
        }
        Ok(case)
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

/// The id of the entry, hold or refund that a command names.
fn item(action: &Action) -> Option<&str> {
    match action {
        Action::ReverseEntry { event, .. } => Some(event),
        Action::ReleaseHold { hold, .. } => Some(hold),
        _ => action.refund(),
    }
}

fn fold_stream<S: State>(id: &EntityId, placed: &[(Sequence, Entry)]) -> Option<Loaded<S>> {
    let mut fold = Fold::new();
    for (_, entry) in placed {
        fold.push(entry, |_| {});
    }
    (fold.events > 0).then(|| Loaded { id: id.clone(), fold })
}
