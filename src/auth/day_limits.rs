//! Daily limits: how much an operator has issued alone, in one stream of the access log per operator and UTC day, such
//! as `DAY-NAME-20260131`. An amount is reserved before it is issued, and released if it was not issued. A reservation
//! is appended at the sequence at which the day was summed up, so two concurrent ones can't both take the rest.

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
/// How long a reservation is retried after conflicts.
const PATIENCE: Duration = Duration::from_secs(10);
/// The upper bound of the back-off, in milliseconds. A pause is random, below a bound that doubles up to this one.
const PAUSE_MAX: u64 = 64;
/// The most days in the cache.
const KNOWN_MAX: usize = 1_000;

/// Why an amount can't be reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReserveError {
    /// The daily limit would be exceeded. `used` does not include `amount`.
    #[error("{used} of the daily limit of {daily} are used; {amount} more would exceed it")]
    Exceeded { used: Decimal, amount: Money, daily: Money },
    /// The case has another amount reserved.
    #[error("the case {0} has another amount reserved")]
    Other(EntityId),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The data of both event types.
#[derive(Serialize, Deserialize)]
struct Data {
    case: EntityId,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
}

/// The folded state of a day's stream.
#[derive(Default)]
struct Day {
    /// By case: the number of reservations, and the amount that is reserved now.
    cases: HashMap<EntityId, (u32, Option<Money>)>,
    sequence: Sequence,
    /// The position of the last event.
    position: Position,
}

pub struct DayLimits {
    log: Arc<dyn EventLog>,
    /// A cache of days. Only later events are read.
    known: Mutex<HashMap<EntityId, Day>>,
}

impl DayLimits {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            known: Mutex::default(),
        }
    }

    /// Reserves `amount` for a case on the day of `now`, if the sum stays within `daily` (of the same currency). Does
    /// nothing if the case has the amount reserved already. A retry passes the time of the first try; otherwise the
    /// amount counts on two days.
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

    /// Releases the reservation of a case. `reserved` is the time that was passed to [`Self::reserve`].
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
            // The decision above returns neither of these errors.
            Err(error @ (ReserveError::Exceeded { .. } | ReserveError::Other(_))) => {
                Err(Unavailable(error.to_string()))
            }
        }
    }

    /// The sum of reserved amounts in a currency on the day of `now`.
    pub async fn used(
        &self,
        operator: &OperatorName,
        currency: Currency,
        now: DateTime<Utc>,
    ) -> Result<Decimal, Unavailable> {
        self.ask(&stream(operator, now)?, |day| day.used(currency)).await?
    }

    /// Brings the cached day up to date and evaluates `question` on it.
    async fn ask<T>(&self, stream: &EntityId, question: impl Fn(&Day) -> T + Send + Sync) -> Result<T, Unavailable> {
        loop {
            let after = self.known().get(stream).map_or(Position::START, |day| day.position);
            let entries = short_streams::after(&self.log, stream, after).await?;
            let mut known = self.known();
            if !known.contains_key(stream) {
                // Any day can be evicted: it is read again when needed.
                if let Some(other) = known.keys().next().filter(|_| known.len() >= KNOWN_MAX).cloned() {
                    known.remove(&other);
                }
                known.insert(stream.clone(), Day::default());
            }
            let Some(day) = known.get_mut(stream).filter(|day| day.position >= after) else {
                // The day was evicted in the meantime, with the events before these entries.
                continue;
            };
            for entry in entries {
                // Another task may have folded this entry already.
                if entry.position <= day.position {
                    continue;
                }
                // An unreadable event is an error, because it might be a reservation.
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

    /// Appends the event that `decide` returns for the current day. Reads again and retries after a conflict.
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
                // The append may be a repeat of one by another process: the key contains the case and the number of
                // reservations.
                Ok(_) => return Ok(()),
                Err(AppendError::Conflict { .. } | AppendError::KeyReused(_)) if Instant::now() < deadline => {
                    // The day is read from its start again, in case the store was replaced.
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

/// Applies an event to the day. Returns `None` and changes nothing if the event can't be read.
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
