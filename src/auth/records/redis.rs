//! The Redis adapter of records: keys `access:{records}:KEY` in the server of the access log (contract §2). One shared
//! connection is made on first use and again after it is lost. Every wait has a timeout. Scripts make read-and-write
//! steps atomic.

use std::time::Duration;

use async_trait::async_trait;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, aio::MultiplexedConnection,
};
use tokio::{sync::Mutex, time::timeout};

use super::{Count, Records, check, milliseconds, unavailable};
use crate::event_log::{OpenError, Unavailable};

/// The timeout of connecting, including the handshake.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// The timeout of one command.
const RESPONSE_MAX: Duration = Duration::from_secs(4);
/// The timeout of a call, including a retry.
const CALL_MAX: Duration = Duration::from_secs(8);
/// The capacity of the connection's queue of commands.
const PIPELINE: usize = 1_024;

const REPLACE: &str = "
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1";
const INCREMENT: &str = "
    local count = redis.call('INCR', KEYS[1])
    if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
    return {count, redis.call('PTTL', KEYS[1])}";
const DECREMENT: &str = "
    local count = tonumber(redis.call('GET', KEYS[1]) or '0')
    if count > 0 then redis.call('DECR', KEYS[1]) end
    return 0";

pub(super) struct Redis {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// Whether a command may be sent again after its answer was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    /// The answer of the second call could differ from that of the first.
    No,
}

impl Redis {
    /// Parses the URL. The error does not contain the URL, because it may contain a password.
    pub(super) fn open(url: &str) -> Result<Self, OpenError> {
        // An error means that a provider is installed already; that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::open(url)
            .map_err(|_| OpenError::Invalid("a Redis URL is 'redis://USER:PASSWORD@HOST:PORT/DATABASE'".into()))?;
        Ok(Self {
            client,
            connection: Mutex::default(),
        })
    }

    async fn run<T: FromRedisValue>(&self, again: Again, command: &Cmd) -> Result<T, Unavailable> {
        let tries = async {
            match self.once(command).await {
                Err((true, _)) if again == Again::Yes => self.once(command).await,
                first => first,
            }
        };
        if let Ok(answer) = timeout(CALL_MAX, tries).await {
            return answer.map_err(|(_, error)| reason(&error));
        }
        *self.connection.lock().await = None;
        Err(unavailable("no answer in time"))
    }

    /// Sends a command once. The `bool` in the error is whether an open connection was lost. A lost connection is not
    /// used again.
    async fn once<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, (bool, RedisError)> {
        let mut connection = self.connection().await.map_err(|error| (false, error))?;
        let answer: RedisResult<T> = command.query_async(&mut connection).await;
        if let Err(error) = &answer
            && matches!(error.kind(), ErrorKind::Io | ErrorKind::Parse)
        {
            *self.connection.lock().await = None;
        }
        answer.map_err(|error| (error.kind() == ErrorKind::Io && !error.is_timeout(), error))
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut shared = self.connection.lock().await;
        if let Some(connection) = &*shared {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(RESPONSE_MAX))
            .set_pipeline_buffer_size(PIPELINE);
        let fresh = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        Ok(shared.insert(fresh).clone())
    }
}

fn reason(error: &RedisError) -> Unavailable {
    tracing::debug!(%error, "a command for the records of the access store failed");
    if error.is_timeout() {
        unavailable("no answer in time")
    } else if error.is_connection_refusal() {
        unavailable("the connection was refused")
    } else if error.kind() == ErrorKind::Io {
        unavailable("the connection was lost")
    } else {
        unavailable(format!(
            "it answered '{}'",
            error.code().unwrap_or_else(|| error.category())
        ))
    }
}

fn name(key: &str) -> String {
    format!("access:{{records}}:{key}")
}

fn script(text: &str, key: &str) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(text).arg(1).arg(name(key));
    command
}

#[async_trait]
impl Records for Redis {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        check(key, &[])?;
        self.run(Again::Yes, redis::cmd("GET").arg(name(key))).await
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), Unavailable> {
        check(key, value)?;
        let mut command = redis::cmd("SET");
        command.arg(name(key)).arg(value).arg("PX").arg(milliseconds(ttl));
        self.run(Again::Yes, &command).await
    }

    async fn put_new(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, Unavailable> {
        check(key, value)?;
        let mut command = redis::cmd("SET");
        command
            .arg(name(key))
            .arg(value)
            .arg("PX")
            .arg(milliseconds(ttl))
            .arg("NX");
        let put: Option<String> = self.run(Again::No, &command).await?;
        Ok(put.is_some())
    }

    async fn replace(&self, key: &str, old: &[u8], new: &[u8], ttl: Duration) -> Result<bool, Unavailable> {
        check(key, new)?;
        let mut command = script(REPLACE, key);
        command.arg(old).arg(new).arg(milliseconds(ttl));
        self.run(Again::No, &command).await
    }

    async fn delete(&self, key: &str) -> Result<(), Unavailable> {
        check(key, &[])?;
        self.run(Again::Yes, redis::cmd("DEL").arg(name(key))).await
    }

    async fn increment(&self, key: &str, ttl: Duration) -> Result<Count, Unavailable> {
        check(key, &[])?;
        let mut command = script(INCREMENT, key);
        command.arg(milliseconds(ttl));
        // A repeated increment may count twice. That is safe: the counters limit tries, and a higher count only refuses
        // earlier.
        let (count, left): (u64, i64) = self.run(Again::Yes, &command).await?;
        Ok(Count {
            count,
            expires_in: Duration::from_millis(u64::try_from(left).unwrap_or(0)),
        })
    }

    async fn decrement(&self, key: &str) -> Result<(), Unavailable> {
        check(key, &[])?;
        self.run(Again::No, &script(DECREMENT, key)).await
    }
}
