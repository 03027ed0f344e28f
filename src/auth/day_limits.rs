//! How much an operator has issued on their own in a day, kept where all processes see it: a stream an operator and UTC day,
//! `DAY-NAME-20260131`. An amount is reserved before it is issued and released if it was not; a reservation is appended
//! where the stream was added up, so two at once can't both take what is left.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, MutexGuard};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::{
    domain::{
        access::OperatorName,
        event::Entry,
        ids::{EntityId, Position, Sequence},
        money::{Currency, Money, add_exact},
    },
    event_log::{AppendError, EventLog, Expected, Unavailable, short_streams},
};

const RESERVED: &str = "limit.reserved";
const RELEASED: &str = "limit.released";
/// How long a reservation is tried while others get in between.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pauses between tries, in milliseconds: a random number below one that doubles up to this.
const PAUSE_MAX: u64 = 64;
/// Days that are kept added up.
const KNOWN_MAX: usize = 1_000;

/// Why an amount is not reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReserveError {
    /// `used` without this amount.
    #[error("{used} of the {daily} of this day are used; {amount} more would exceed it")]
    Exceeded { used: Decimal, amount: Money, daily: Money },
    /// The case has another amount reserved.
    #[error("the case {0} has another amount reserved")]
    Other(EntityId),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The data of both events.
#[derive(Serialize, Deserialize)]
struct Data {
    case: EntityId,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
}

/// What a day's stream adds up to.
#[derive(Default)]
struct Day {
    /// By case: how often it was reserved, and what of it still is.
    cases: HashMap<EntityId, (u32, Option<Money>)>,
    sequence: Sequence,
    /// Of the last event.
    position: Position,
}

pub struct DayLimits {
    log: Arc<dyn EventLog>,
    /// Days as far as they were read: only what came since is read again.
    known: Mutex<HashMap<EntityId, Day>>,
}

impl DayLimits {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            known: Mutex::default(),
        }
    }

    /// Sets `amount` aside for a case, if the day of `now` has that much left of `daily` (of the same currency). A case that
    /// has it already keeps it; who finishes a case later gives the time of the first try, or it counts in two days.
    pub async fn reserve(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        amount: Money,
        daily: Money,
        now: DateTime<Utc>,
    ) -> Result<(), ReserveError> {
        let stream = stream(operator, now)?;
        self.append(
            &stream,
            operator,
            now,
            |day| {
                let (times, reserved) = day.of(case);
                match reserved {
                    Some(reserved) if reserved == amount => return Ok(None),
                    Some(_) => return Err(ReserveError::Other(case.clone())),
                    None => {}
                }
                let used = day.used(amount.currency())?;
                let total = add_exact(used, amount.amount());
                if daily.currency() != amount.currency() || total.is_none_or(|total| total > daily.amount()) {
                    return Err(ReserveError::Exceeded { used, amount, daily });
                }
                Ok(Some((RESERVED, times + 1, Some(amount))))
            },
            case,
        )
        .await
    }

    /// Gives back what was set aside for a case on the day of `reserved`, the time that was given then.
    pub async fn release(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        reserved: DateTime<Utc>,
    ) -> Result<(), Unavailable> {
        let stream = stream(operator, reserved)?;
        let released = self.append(
            &stream,
            operator,
            reserved,
            |day| {
                let (times, reserved) = day.of(case);
                Ok(reserved.map(|_| (RELEASED, times, None)))
            },
            case,
        );
        match released.await {
            Ok(()) => Ok(()),
            Err(ReserveError::Unavailable(error)) => Err(error),
            // It decides on neither.
            Err(error @ (ReserveError::Exceeded { .. } | ReserveError::Other(_))) => {
                Err(Unavailable(error.to_string()))
            }
        }
    }

    /// What is set aside in a currency on the day of `now`.
    pub async fn used(
        &self,
        operator: &OperatorName,
        currency: Currency,
        now: DateTime<Utc>,
    ) -> Result<Decimal, Unavailable> {
        self.ask(&stream(operator, now)?, |day| day.used(currency)).await?
    }

    /// Asks a day as it adds up to by now.
    async fn ask<T>(&self, stream: &EntityId, question: impl Fn(&Day) -> T + Send + Sync) -> Result<T, Unavailable> {
        loop {
            let after = self.known().get(stream).map_or(Position::START, |day| day.position);
            let entries = short_streams::after(&self.log, stream, after).await?;
            let mut known = self.known();
            if !known.contains_key(stream) {
                // Days pass; which one goes does not matter.
                if let Some(other) = known.keys().next().filter(|_| known.len() >= KNOWN_MAX).cloned() {
                    known.remove(&other);
                }
                known.insert(stream.clone(), Day::default());
            }
            let Some(day) = known.get_mut(stream).filter(|day| day.position >= after) else {
                // It was thrown away meanwhile, with what came before these entries.
                continue;
            };
            for entry in entries {
                // Another task may have been quicker.
                if entry.position <= day.position {
                    continue;
                }
                // What can't be read might be a reservation, so it is not passed over.
                let evolved = evolve(day, &entry);
                evolved
                    .ok_or_else(|| Unavailable("an event of this day's limits can't be read by this program".into()))?;
            }
            return Ok(question(day));
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<EntityId, Day>> {
        self.known.lock()
    }

    /// Appends what `decide` says to the day that it was told of, or looks again where somebody else was faster.
    async fn append(
        &self,
        stream: &EntityId,
        operator: &OperatorName,
        now: DateTime<Utc>,
        decide: impl Fn(&Day) -> Result<Option<(&'static str, u32, Option<Money>)>, ReserveError> + Send + Sync,
        case: &EntityId,
    ) -> Result<(), ReserveError> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = 2;
        loop {
            let (sequence, decided) = self.ask(stream, |day| (day.sequence, decide(day))).await?;
            let Some((kind, times, amount)) = decided? else {
                return Ok(());
            };
            let data = Data {
                case: case.clone(),
                amount,
            };
            let key = format!("{kind}:{case}:{times}");
            let event = short_streams::event(kind, operator.as_str(), &key, now, &data)?;
            match self.log.append(stream, Expected::Exactly(sequence), &[event]).await {
                // Whoever appended it: the same case was reserved as often.
                Ok(_) => return Ok(()),
                Err(AppendError::Conflict { .. } | AppendError::KeyReused(_)) if Instant::now() < deadline => {
                    // It is read from its beginning again: the store may be another by now.
                    self.known().remove(stream);
                }
                Err(error) => return Err(Unavailable::from(error).into()),
            }
            sleep(Duration::from_millis(rand::random_range(0..pause))).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

impl Day {
    fn of(&self, case: &EntityId) -> (u32, Option<Money>) {
        self.cases.get(case).copied().unwrap_or_default()
    }

    fn used(&self, currency: Currency) -> Result<Decimal, Unavailable> {
        self.cases
            .values()
            .filter_map(|(_, reserved)| *reserved)
            .filter(|money| money.currency() == currency)
            .try_fold(currency.zero(), |sum, money| add_exact(sum, money.amount()))
            .ok_or_else(|| Unavailable("the amounts of this day can't be added up".into()))
    }
}

/// Changes nothing where the entry can't be read.
fn evolve(day: &mut Day, entry: &Entry) -> Option<()> {
    let sequence = entry.sequence()?;
    let data: Data = serde_json::from_str(entry.fields.data()?).ok()?;
    match entry.fields.r#type()? {
        RESERVED => {
            let amount = data.amount?;
            let (times, reserved) = day.cases.entry(data.case).or_default();
            *times += 1;
            *reserved = Some(amount);
        }
        RELEASED => day.cases.get_mut(&data.case)?.1 = None,
        _ => return None,
    }
    (day.sequence, day.position) = (sequence, entry.position);
    Some(())
}

fn stream(operator: &OperatorName, day: DateTime<Utc>) -> Result<EntityId, Unavailable> {
    short_streams::stream(format!("DAY-{operator}-{}", day.format("%Y%m%d")))
}
