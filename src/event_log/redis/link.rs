//! One shared connection to a Redis server, opened on first use and again after a loss, with a limit on every wait. The
//! connection manager of redis-rs is not used. It keeps a connection that no longer answers, and does not report a
//! reconnect, after which the partitions and the function library have to be checked again.

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

/// Maximum time for a server to accept a connection and to answer the greeting.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(2);
/// Maximum time for one command. The half second of redis-rs is too short for a busy machine.
pub(super) const RESPONSE_MAX: Duration = Duration::from_secs(5);
/// Maximum time for an operation with all its attempts.
pub(super) const OPERATION_MAX: Duration = Duration::from_secs(8);
/// Pauses between the attempts of one operation. Together they last longer than the restart of a small server.
pub(super) const PAUSES: [Duration; 3] = [
    Duration::from_millis(10),
    Duration::from_millis(250),
    Duration::from_secs(1),
];
/// Maximum number of commands of concurrent callers that wait to be written. They share round trips.
const PIPELINE: usize = 1_024;

/// An open connection, and what was read when it was opened.
#[derive(Clone)]
pub(super) struct Session {
    pub connection: MultiplexedConnection,
    pub partitions: u32,
    /// Set after the function library was found or loaded.
    pub library: Arc<OnceCell<()>>,
    /// The number of the connection in this link, so that only the connection that failed is dropped.
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
    /// The connection can't be used any more. Commands sent over it may have been executed.
    Lost(Fault),
    /// The server did not execute the command, but it, or the server behind a new connection, may do so soon.
    NotNow(Fault),
    /// The server did not execute the command, and would not the next time either.
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
            // Either the server is not Redis, or the reply has another shape. The connection may be out of step.
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Lost(Fault::Damaged(
                "its reply is not a valid Redis reply to the command".into(),
            )),
            ErrorKind::Server(ServerErrorKind::BusyLoading) => {
                Self::NotNow(unavailable("it is still loading its data"))
            }
            ErrorKind::Server(ServerErrorKind::TryAgain) => Self::NotNow(unavailable("its cluster is not ready")),
            ErrorKind::Server(ServerErrorKind::ClusterDown) => Self::NotNow(unavailable("its cluster is down")),
            ErrorKind::Server(ServerErrorKind::MasterDown) => {
                Self::NotNow(unavailable("it is a replica that has no connection to its master"))
            }
            // After a failover a new connection may lead to the new master.
            ErrorKind::Server(ServerErrorKind::ReadOnly) => {
                Self::NotNow(unavailable("it is a replica and does not accept writes"))
            }
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => Self::NotNow(unavailable(
                "it is a node of a Redis Cluster, which this version can't use",
            )),
            _ => Self::Refused(refused(&error)),
        }
    }
}

fn lost_reason(error: &RedisError) -> String {
    if error.is_connection_refusal() {
        "the connection was refused".into()
    } else if error.is_timeout() {
        "no answer in time".into()
    } else if error.is_connection_dropped() {
        "the connection was lost".into()
    } else if error.to_string().contains("certificate") {
        // The full error names the host, so it is only logged.
        tracing::warn!(%error, "a store's TLS certificate is not accepted");
        "its TLS certificate is not accepted".into()
    } else {
        // A message of the operating system. It contains no address.
        error.to_string()
    }
}

/// The server's refusal, without the addresses that some refusals contain.
fn refused(error: &RedisError) -> Fault {
    // The error of a pipeline contains the errors of its commands. The first one is used.
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
        (_, "OOM") => unavailable("its memory is full"),
        (_, "NOPERM") => unavailable(not_permitted(detail)),
        (_, "WRONGTYPE") => Fault::Damaged("a key of the log has the wrong type".into()),
        (ErrorKind::Extension | ErrorKind::Server(_), _) => unavailable(format!("it answered '{code} {detail}'")),
        _ => unavailable(error.category()),
    }
}

/// The permission that the user of the URL does not have. Redis names a command as in 'xinfo|stream'.
fn not_permitted(detail: &str) -> String {
    match detail.split('\'').nth(1) {
        Some(command) => format!(
            "its user has no permission to run {}",
            command.replace('|', " ").to_uppercase()
        ),
        None if detail.contains("one of the keys") => "its user has no permission for a key of the log".into(),
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

    /// Another link to the same store, for work that would block other callers.
    pub(super) fn another(&self) -> Self {
        Self::new(self.domain, self.client.clone())
    }

    pub(super) fn connection_info(&self) -> &ConnectionInfo {
        self.client.get_connection_info()
    }

    /// The shared connection. Callers that wait while another caller connects share its outcome, so that none of them
    /// waits longer than one attempt.
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

    /// Makes the next call reconnect, unless another caller has reconnected already.
    pub(super) async fn forget(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.session.as_ref().is_some_and(|session| session.number == number) {
            state.session = None;
        }
    }

    /// A connection for a single caller, whose commands may take up to `response_max`.
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
            // A timeout is not retried, because all callers would wait longer for the same outcome.
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

    /// Runs an operation that can be repeated. Retries it unless the server refuses it.
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
                                if matches!(trouble, Trouble::Lost(_) | Trouble::NotNow(_)) {
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

/// The number of partitions of the store; 1 if it is not set.
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
