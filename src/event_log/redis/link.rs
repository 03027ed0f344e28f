//! One shared connection to a Redis server, made on first use and made again after it was lost, with a bound on every wait.
//! redis-rs has a connection manager; this is not it, because a manager keeps a connection that has gone silent and tells
//! nobody that it connected anew, when the partitions and the function library have to be looked at again.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, RedisError, RedisResult, ServerError, ServerErrorKind,
    aio::MultiplexedConnection,
};
use tokio::{
    sync::{Mutex, OnceCell},
    time::{sleep, timeout},
};

use super::keys::{self, PARTITIONS_MAX};
use crate::{domain::ids::LogName, event_log::fault::Fault};

/// How long a server may take to accept a connection and to greet.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How long a server may take for one command. redis-rs's own half second is too little for a busy machine.
pub(super) const RESPONSE_MAX: Duration = Duration::from_secs(5);
/// How long an operation may take with all its tries.
pub(super) const OPERATION_MAX: Duration = Duration::from_secs(8);
/// Pauses between the tries of one operation; together they outlast the restart of a small server.
pub(super) const PAUSES: [Duration; 3] = [
    Duration::from_millis(10),
    Duration::from_millis(250),
    Duration::from_secs(1),
];
/// Commands of concurrent callers that may wait to be written; they share round trips.
const PIPELINE: usize = 1_024;

/// A live connection and what was learnt when it was made.
#[derive(Clone)]
pub(super) struct Session {
    pub connection: MultiplexedConnection,
    pub partitions: u32,
    /// Set once the function library was seen or loaded.
    pub library: Arc<OnceCell<()>>,
    /// Counts the connections of this link, so that only the one that failed is forgotten.
    pub number: u64,
}

pub(super) struct Link {
    pub domain: LogName,
    client: Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Session>,
    made: u64,
    failed: Option<(Instant, Trouble)>,
}

/// What a failed command means for the caller.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The connection is of no use any more. What was sent over it may have been carried out.
    Lost(Fault),
    /// The server did nothing now, and may do it in a moment.
    NotNow(Fault),
    /// The server did nothing, and would not the next time.
    Refused(Fault),
}

impl Trouble {
    pub(super) fn into_fault(self) -> Fault {
        match self {
            Self::Lost(fault) | Self::NotNow(fault) | Self::Refused(fault) => fault,
        }
    }
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        tracing::debug!(%error, "a redis command failed");
        match error.kind() {
            ErrorKind::Io => Self::Lost(unavailable(lost_reason(&error))),
            // Whether it was no Redis or only another shape: the connection may be out of step.
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Lost(Fault::Damaged(
                "its reply is not one that Redis gives to this command".into(),
            )),
            ErrorKind::Server(ServerErrorKind::BusyLoading) => {
                Self::NotNow(unavailable("it is still loading its data"))
            }
            ErrorKind::Server(
                ServerErrorKind::TryAgain | ServerErrorKind::ClusterDown | ServerErrorKind::MasterDown,
            ) => Self::NotNow(unavailable("its cluster is not ready")),
            _ => Self::Refused(refused(&error)),
        }
    }
}

fn lost_reason(error: &RedisError) -> String {
    if error.is_connection_refusal() {
        "nobody listens at its address".into()
    } else if error.is_timeout() {
        "no answer in time".into()
    } else if error.is_connection_dropped() {
        "the connection was lost".into()
    } else if error.to_string().contains("certificate") {
        // The whole story names the host.
        tracing::warn!(%error, "a store's TLS certificate is not accepted");
        "its TLS certificate is not accepted".into()
    } else {
        // Words of the operating system; they name no address.
        error.to_string()
    }
}

/// What a server says when it refuses, without the addresses that some refusals hold.
fn refused(error: &RedisError) -> Fault {
    // A pipeline keeps the words of its first error apart.
    let first = error.clone().into_server_errors();
    let first = first.as_deref().and_then(<[_]>::first).map(|(_, error)| error);
    let code = first
        .map_or(error.code(), |first| Some(first.code()))
        .unwrap_or_default();
    let detail = first.map_or(error.detail(), ServerError::details).unwrap_or_default();
    match (error.kind(), code) {
        (ErrorKind::AuthenticationFailed, _) | (_, "NOAUTH" | "WRONGPASS") => {
            unavailable("it does not accept the user and password of its URL")
        }
        (ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask), _) => {
            unavailable("it is a node of a Redis Cluster, which this version can't use")
        }
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => unavailable("it is a replica that takes no writes"),
        (_, "OOM") => unavailable("its memory is full"),
        (_, "NOPERM") => unavailable(not_permitted(detail)),
        (_, "WRONGTYPE") => Fault::Damaged("a key of the log is not what it has to be".into()),
        (ErrorKind::Extension | ErrorKind::Server(_), _) => unavailable(format!("it answered '{code} {detail}'")),
        _ => unavailable(error.category()),
    }
}

/// What the user of the URL has no permission for. Redis names the command as in 'xinfo|stream'.
fn not_permitted(detail: &str) -> String {
    match detail.split('\'').nth(1) {
        Some(command) => format!("its user may not run {}", command.replace('|', " ").to_uppercase()),
        None if detail.contains("one of the keys") => "its user may not use a key of the log".into(),
        None => format!("it answered 'NOPERM {detail}'"),
    }
}

pub(super) fn unavailable(reason: impl Into<String>) -> Fault {
    Fault::Unavailable(reason.into())
}

impl Link {
    pub(super) fn new(domain: LogName, client: Client) -> Self {
        Self {
            domain,
            client,
            state: Mutex::default(),
        }
    }

    /// A link of its own to the same store, for what would hold up others.
    pub(super) fn another(&self) -> Self {
        Self::new(self.domain, self.client.clone())
    }

    pub(super) fn connection_info(&self) -> &ConnectionInfo {
        self.client.get_connection_info()
    }

    /// The shared connection. Callers that wait while somebody connects share the outcome, good or bad: none of them
    /// waits longer than one attempt takes.
    pub(super) async fn session(&self) -> Result<Session, Trouble> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(session) = &state.session {
            return Ok(session.clone());
        }
        if let Some((when, trouble)) = &state.failed
            && *when > asked
        {
            return Err(trouble.clone());
        }
        state.made += 1;
        match self.connect(state.made, RESPONSE_MAX).await {
            Ok(session) => Ok(state.session.insert(session).clone()),
            Err(trouble) => {
                state.failed = Some((Instant::now(), trouble.clone()));
                Err(trouble)
            }
        }
    }

    /// Makes the next call connect anew, unless somebody has already.
    pub(super) async fn forget(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.session.as_ref().is_some_and(|session| session.number == number) {
            state.session = None;
        }
    }

    /// A connection for one caller alone, whose commands may take up to `response_max`.
    pub(super) async fn own(&self, response_max: Duration) -> Result<Session, Trouble> {
        self.connect(0, response_max).await
    }

    async fn connect(&self, number: u64, response_max: Duration) -> Result<Session, Trouble> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(response_max))
            .set_pipeline_buffer_size(PIPELINE);
        let dialled = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = dialled.map_err(|error| match Trouble::from(error.clone()) {
            // Silence has had its time; trying again would only make everybody wait longer for the same.
            Trouble::Lost(fault) if error.is_timeout() => Trouble::Refused(fault),
            trouble => trouble,
        })?;
        let partitions = partitions(&mut connection, self.domain).await?;
        Ok(Session {
            connection,
            partitions,
            library: Arc::default(),
            number,
        })
    }

    /// Does something that may be done twice, again if the connection was lost under it.
    pub(super) async fn read<T, E, F>(&self, operation: impl Fn(Session) -> F + Send + Sync) -> Result<T, Fault>
    where
        E: Into<Trouble>,
        F: Future<Output = Result<T, E>> + Send,
    {
        let tries = async {
            let mut pauses = PAUSES.into_iter();
            loop {
                let trouble = match self.session().await {
                    Ok(session) => {
                        let number = session.number;
                        match operation(session).await.map_err(E::into) {
                            Ok(answer) => return Ok(answer),
                            Err(trouble) => {
                                if matches!(trouble, Trouble::Lost(_)) {
                                    self.forget(number).await;
                                }
                                trouble
                            }
                        }
                    }
                    Err(trouble) => trouble,
                };
                match (trouble, pauses.next()) {
                    (Trouble::Refused(fault), _) => return Err(fault),
                    (trouble, None) => return Err(trouble.into_fault()),
                    (_, Some(pause)) => sleep(pause).await,
                }
            }
        };
        timeout(OPERATION_MAX, tries)
            .await
            .unwrap_or_else(|_| Err(unavailable("no answer in time")))
    }
}

/// How many partitions the store has: 1 where it does not say.
pub(super) async fn partitions(connection: &mut MultiplexedConnection, domain: LogName) -> Result<u32, Trouble> {
    let asked: RedisResult<Option<Vec<u8>>> = redis::cmd("HGET")
        .arg(keys::meta(domain))
        .arg("partitions")
        .query_async(connection)
        .await;
    let Some(written) = asked? else { return Ok(1) };
    std::str::from_utf8(&written)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|partitions| (1..=PARTITIONS_MAX).contains(partitions))
        .ok_or_else(|| {
            Trouble::Refused(Fault::Damaged(format!(
                "'{}' has a number of partitions that is not 1 to {PARTITIONS_MAX}",
                keys::meta(domain)
            )))
        })
}
