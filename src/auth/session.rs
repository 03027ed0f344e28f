//! Sessions: who is signed in, since when, and when they last proved it. The rules are functions of a record and a time; the
//! store holds records under the digest of their token, so that who reads it can sign in as nobody. It is no tower-sessions,
//! whose store holds the tokens themselves and whose clock is the machine's.

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    operators::{Operator, Operators},
    records::Records,
    secrets,
};
use crate::{domain::access::OperatorName, event_log::Unavailable};

/// A session that was not used for so long has ended.
pub const IDLE_MAX: TimeDelta = TimeDelta::minutes(15);
/// A session ends after so long, however it was used.
pub const AGE_MAX: TimeDelta = TimeDelta::hours(12);
/// A session's use is written down at most this often.
pub const TOUCH_EVERY: TimeDelta = TimeDelta::seconds(60);
/// How long a proof of the password is good for what needs one.
pub const PROOF_MAX: TimeDelta = TimeDelta::minutes(5);
/// Bytes of a token, and of the token of its forms.
const TOKEN_BYTES: usize = 32;
const FORM_TOKEN_BYTES: usize = 16;
/// How often a change tries again because another request of the session changed it.
const TRIES: usize = 16;

/// What is known of a session. Its token is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    pub operator: OperatorName,
    /// The operator's when the session began.
    pub epoch: u64,
    pub opened_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    /// When the password was last given.
    pub proved_at: DateTime<Utc>,
    /// Travels with every form of the session, and with nothing else.
    pub form_token: String,
    /// Where it began.
    pub from: IpAddr,
    /// Begun on the word of a proxy, not by a password: good only while the proxy says so.
    #[serde(default)]
    pub vouched: bool,
    /// Tells sessions apart in the audit trail; nothing can be done with it.
    pub mark: String,
}

impl SessionRecord {
    pub fn is_alive(&self, now: DateTime<Utc>) -> bool {
        now - self.seen_at < IDLE_MAX && now - self.opened_at < AGE_MAX
    }

    /// Whether it is this operator's as they are now.
    pub fn is_of(&self, operator: &Operator) -> bool {
        operator.name == self.operator && operator.epoch == self.epoch && !operator.disabled
    }

    pub fn wants_touch(&self, now: DateTime<Utc>) -> bool {
        now - self.seen_at >= TOUCH_EVERY
    }

    /// Whether the password was given so recently that it need not be given again.
    pub fn is_proven(&self, now: DateTime<Utc>) -> bool {
        now - self.proved_at < PROOF_MAX
    }

    /// How long the store must keep it: until it would end if it were not used again.
    fn ttl(&self) -> Duration {
        let until = (self.seen_at + IDLE_MAX).min(self.opened_at + AGE_MAX);
        (until - self.seen_at).to_std().unwrap_or_default()
    }

    fn write(&self) -> Result<Vec<u8>, Unavailable> {
        serde_json::to_vec(self).map_err(|error| Unavailable(format!("a session can't be written: {error}")))
    }
}

pub struct Sessions {
    operators: Arc<Operators>,
    records: Arc<dyn Records>,
}

impl Sessions {
    pub(super) fn new(operators: Arc<Operators>, records: Arc<dyn Records>) -> Self {
        Self { operators, records }
    }

    /// A new session under a new token, for somebody who has just proved who they are.
    pub async fn open(
        &self,
        operator: &Operator,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<(String, SessionRecord), Unavailable> {
        self.begin(operator, from, now, false).await
    }

    /// The same for somebody whom a proxy has named. They have proved nothing here, so what needs their password needs it.
    pub async fn open_vouched(
        &self,
        operator: &Operator,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<(String, SessionRecord), Unavailable> {
        self.begin(operator, from, now, true).await
    }

    async fn begin(
        &self,
        operator: &Operator,
        from: IpAddr,
        now: DateTime<Utc>,
        vouched: bool,
    ) -> Result<(String, SessionRecord), Unavailable> {
        let token = secrets::random_hex::<TOKEN_BYTES>();
        let record = SessionRecord {
            operator: operator.name.clone(),
            epoch: operator.epoch,
            opened_at: now,
            seen_at: now,
            proved_at: if vouched { DateTime::UNIX_EPOCH } else { now },
            form_token: secrets::random_hex::<FORM_TOKEN_BYTES>(),
            from,
            vouched,
            mark: secrets::random_hex::<6>(),
        };
        self.records.put(&key(&token), &record.write()?, record.ttl()).await?;
        Ok((token, record))
    }

    /// The session of a token and its operator, by all the rules; writes down that it was used. `None` has no reason: to
    /// whoever holds the token it is simply not one.
    pub async fn resume(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<(SessionRecord, Operator)>, Unavailable> {
        let Some((mut record, written)) = self.find(token).await? else {
            return Ok(None);
        };
        let operator = self.operators.find(&record.operator).await?;
        let alive = operator.filter(|operator| record.is_alive(now) && record.is_of(operator));
        let Some(operator) = alive else {
            self.close(token).await?;
            return Ok(None);
        };
        if record.wants_touch(now) {
            record.seen_at = now;
            // Where another request was faster, it has written down as much; where the session was ended, it stays so.
            self.records
                .replace(&key(token), &written, &record.write()?, record.ttl())
                .await?;
        }
        Ok(Some((record, operator)))
    }

    /// The same by the same rules. To look is not to use: nothing is written down.
    pub async fn look(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<(SessionRecord, Operator)>, Unavailable> {
        let Some((record, _)) = self.find(token).await? else {
            return Ok(None);
        };
        let operator = self.operators.find(&record.operator).await?;
        let alive = operator.filter(|operator| record.is_alive(now) && record.is_of(operator));
        Ok(alive.map(|operator| (record, operator)))
    }

    /// Whether a token is still somebody's; looks only.
    pub async fn lives(&self, token: &str, now: DateTime<Utc>) -> Result<bool, Unavailable> {
        Ok(self.look(token, now).await?.is_some())
    }

    /// Writes down that the password was given again. `None` where the session has ended in the meantime.
    pub async fn prove(&self, token: &str, now: DateTime<Utc>) -> Result<Option<SessionRecord>, Unavailable> {
        for _ in 0..TRIES {
            let Some((mut record, written)) = self.find(token).await? else {
                return Ok(None);
            };
            if !record.is_alive(now) {
                return Ok(None);
            }
            (record.seen_at, record.proved_at) = (now, now);
            let bytes = record.write()?;
            if self
                .records
                .replace(&key(token), &written, &bytes, record.ttl())
                .await?
            {
                return Ok(Some(record));
            }
        }
        Err(Unavailable("too many requests of one session at once".into()))
    }

    /// The same session under a new token and with a new token for its forms; the old ones are good for nothing.
    pub async fn rotate(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<(String, SessionRecord)>, Unavailable> {
        let Some((mut record, _)) = self.find(token).await? else {
            return Ok(None);
        };
        if !record.is_alive(now) {
            return Ok(None);
        }
        let fresh = secrets::random_hex::<TOKEN_BYTES>();
        record.seen_at = now;
        record.form_token = secrets::random_hex::<FORM_TOKEN_BYTES>();
        self.close(token).await?;
        self.records.put(&key(&fresh), &record.write()?, record.ttl()).await?;
        Ok(Some((fresh, record)))
    }

    /// Ends it. A token that is none is as good as ended.
    pub async fn close(&self, token: &str) -> Result<(), Unavailable> {
        self.records.delete(&key(token)).await
    }

    /// With the bytes as they stand in the store. What can't be read is no session.
    async fn find(&self, token: &str) -> Result<Option<(SessionRecord, Vec<u8>)>, Unavailable> {
        if !is_token(token) {
            return Ok(None);
        }
        let written = self.records.get(&key(token)).await?;
        Ok(written.and_then(|written| Some((serde_json::from_slice(&written).ok()?, written))))
    }
}

fn is_token(text: &str) -> bool {
    text.len() == 2 * TOKEN_BYTES && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn key(token: &str) -> String {
    format!("session:{}", secrets::sha256(token.as_bytes()))
}
