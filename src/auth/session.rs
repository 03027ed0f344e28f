//! Sessions: the operator, the start, the last use and the last proof of the password. The rules are functions of a
//! record and a time. Records are stored under the digest of their token, so the store's contents do not allow anyone
//! to sign in. The crate tower-sessions is not used, because its store holds the tokens and it uses the system clock.

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    operators::{Operator, Operators},
    records::Records,
    secrets,
};
use crate::{domain::access::OperatorName, event_log::Unavailable};

/// A session ends when it was not used for this long.
pub const IDLE_MAX: TimeDelta = TimeDelta::minutes(15);
/// A session ends at this age, even if it is used.
pub const AGE_MAX: TimeDelta = TimeDelta::hours(12);
/// The use of a session is stored at most this often.
pub const TOUCH_EVERY: TimeDelta = TimeDelta::seconds(60);
/// How long a proof of the password is valid for acts that need one.
pub const PROOF_MAX: TimeDelta = TimeDelta::minutes(5);
/// Random bytes of a session token, and of a form token.
const TOKEN_BYTES: usize = 32;
const FORM_TOKEN_BYTES: usize = 16;
/// How often a change is retried after another request changed the record.
const TRIES: usize = 16;

/// The stored record of a session. It does not contain the session token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    pub operator: OperatorName,
    /// The operator's epoch when the session began.
    pub epoch: u64,
    pub opened_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    /// When the password was last verified; 1970 if it never was.
    pub proved_at: DateTime<Utc>,
    /// The token in every form of the session, against forged requests.
    pub form_token: String,
    /// The client's address when the session began.
    pub from: IpAddr,
    /// Whether a proxy opened the session instead of a password. Such a session is valid only while the proxy names the
    /// operator.
    #[serde(default)]
    pub vouched: bool,
    /// A random id of the session for the audit trail. It gives no access.
    pub mark: String,
}

impl SessionRecord {
    pub fn is_alive(&self, now: DateTime<Utc>) -> bool {
        now - self.seen_at < IDLE_MAX && now - self.opened_at < AGE_MAX
    }

    /// Whether the session is the operator's, has the current epoch, and the operator is not disabled.
    pub fn is_of(&self, operator: &Operator) -> bool {
        operator.name == self.operator && operator.epoch == self.epoch && !operator.disabled
    }

    pub fn wants_touch(&self, now: DateTime<Utc>) -> bool {
        now - self.seen_at >= TOUCH_EVERY
    }

    /// Whether the password was verified less than [`PROOF_MAX`] ago.
    pub fn is_proven(&self, now: DateTime<Utc>) -> bool {
        now - self.proved_at < PROOF_MAX
    }

    /// The record's time to live: until the session ends if it is not used again.
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

    /// Opens a session with a new token, for an operator whose password was just verified.
    pub async fn open(
        &self,
        operator: &Operator,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<(String, SessionRecord), Unavailable> {
        self.begin(operator, from, now, false).await
    }

    /// Opens a session for an operator that a proxy named. The password was not verified, so acts that need a proof ask
    /// for it.
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

    /// The valid session of a token and its operator. Stores the use of the session. Deletes a session that is not
    /// valid any more. `None` gives no reason, so that it tells nothing about the token.
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
            // Nothing is stored if another request changed the record, which stored the use as well, or ended the
            // session.
            self.records
                .replace(&key(token), &written, &record.write()?, record.ttl())
                .await?;
        }
        Ok(Some((record, operator)))
    }

    /// Like [`Self::resume`], but changes nothing: the session is neither extended nor deleted.
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

    /// Whether a token has a valid session. Changes nothing.
    pub async fn lives(&self, token: &str, now: DateTime<Utc>) -> Result<bool, Unavailable> {
        Ok(self.look(token, now).await?.is_some())
    }

    /// Stores that the password was verified again. `None` if the session has ended in the meantime.
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

    /// Gives the session a new session token and a new form token. The old ones become invalid.
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

    /// Ends the session of a token. An unknown token is not an error.
    pub async fn close(&self, token: &str) -> Result<(), Unavailable> {
        self.records.delete(&key(token)).await
    }

    /// The record of a token and its stored bytes. A record that can't be parsed is treated as absent.
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
