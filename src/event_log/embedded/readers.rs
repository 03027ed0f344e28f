//! Connections for reading. SQLite is synchronous, so each read runs on a thread that may block. A few connections
//! serve any number of callers. They never write.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{Fault, StoreLocation, connection};
use crate::event_log::ReadError;

/// Maximum number of reads at once. Further reads wait.
const READERS_MAX: usize = 4;

pub(super) struct Readers {
    location: StoreLocation,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(location: StoreLocation) -> Self {
        Self {
            location,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }

    /// Runs `work` with a connection, on a thread that may block.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, ReadError> {
        let done = async {
            let closing = || Fault::Unavailable("the program is shutting down".into());
            let permits = Arc::clone(&self.permits);
            let permit = permits.acquire_owned().await.map_err(|_| closing())?;
            let this = Arc::clone(self);
            let task = spawn_blocking(move || {
                let answer = this.on_connection(work);
                drop(permit);
                answer
            });
            task.await.map_err(|_| closing())?
        };
        done.await.map_err(|fault: Fault| fault.into_read(self.location.domain))
    }

    /// A connection that failed is dropped and not reused.
    fn on_connection<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let answer = work(&connection)?;
        self.idle().push(connection);
        Ok(answer)
    }

    fn connect(&self) -> Result<Connection, Fault> {
        let connection = connection::connect(&self.location)?;
        connection.execute_batch("PRAGMA query_only = ON;")?;
        Ok(connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock()
    }
}
