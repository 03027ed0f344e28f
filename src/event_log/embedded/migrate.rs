//! The conversion of an embedded store from version 1 to version 2, in one transaction. A process that is killed during
//! it leaves version 1. If several processes open the file at once, one of them converts it and the others find it
//! converted.

use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{
    Fault,
    schema::{self, BUSY},
};

/// How long to wait for a conversion by another process. A million events of 300 bytes take about five seconds.
const CONVERTED_WITHIN: Duration = Duration::from_mins(1);

/// Converts a file of version 1. Does nothing if another process has converted it meanwhile.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    connection.busy_timeout(CONVERTED_WITHIN)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if schema::version(&transaction)? == 1 {
        convert(&transaction)?;
    }
    transaction.commit()?;
    connection.busy_timeout(BUSY)?;
    // Truncates the write-ahead log, which otherwise stays as large as this transaction. If another process is reading,
    // it is truncated later.
    let cut = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
    if let Err(error) = cut {
        tracing::debug!(%error, "the write-ahead log is not cut yet");
    }
    Ok(())
}

/// Version 1 has the primary key (stream, sequence), no checksums and no id. The events are copied unchanged.
fn convert(transaction: &Transaction<'_>) -> Result<(), Fault> {
    let domain: String = transaction.query_row("SELECT domain FROM store", [], |row| row.get(0))?;
    let last: i64 = transaction.query_row("SELECT coalesce(max(position), 0) FROM events", [], |row| row.get(0))?;
    tracing::info!(domain, events = last, "an embedded store is converted from version 1");
    transaction.execute_batch(
        "DROP INDEX events_feed;
         DROP INDEX events_key;
         DROP TABLE store;
         ALTER TABLE events RENAME TO events_1;",
    )?;
    let checksums_from = last.saturating_add(1);
    schema::make_tables(transaction, &domain, checksums_from)?;
    // This is also the order of the new key, because sequence and position grow together in a stream.
    transaction.execute_batch(
        "INSERT INTO events (stream, position, sequence, recorded, id, type, time, actor, idempotencykey, correlationid,
                 causationid, data, extra)
             SELECT stream, position, sequence, recorded, id, type, time, actor, idempotencykey, correlationid,
                 causationid, data, extra
             FROM events_1 ORDER BY stream, sequence;
         DROP TABLE events_1;",
    )?;
    schema::make_indexes(transaction)?;
    schema::set_version(transaction)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc, thread};

    use futures::StreamExt as _;
    use rusqlite::params;

    use super::*;
    use crate::{
        domain::{
            event::NewEvent,
            ids::{EntityId, LogName, Position},
        },
        event_log::{
            AppendError, Appended, EventLog, Expected, FeedPosition, StreamEnd,
            embedded::{
                StoreLocation,
                connection::{self, FILE},
            },
            open,
        },
    };

    /// The tables as version 1 made them.
    const VERSION_1: &str = "
        PRAGMA journal_mode = WAL;
        CREATE TABLE store (domain TEXT NOT NULL) STRICT;
        CREATE TABLE events (
            stream TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            position INTEGER NOT NULL,
            recorded INTEGER NOT NULL, -- milliseconds since 1970, UTC
            id TEXT NOT NULL,
            type TEXT NOT NULL,
            time TEXT NOT NULL,
            actor TEXT,
            idempotencykey TEXT,
            correlationid TEXT,
            causationid TEXT,
            data TEXT NOT NULL,
            extra TEXT, -- JSON: [[name, value], …]
            PRIMARY KEY (stream, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX events_feed ON events (position);
        CREATE UNIQUE INDEX events_key ON events (stream, idempotencykey) WHERE idempotencykey IS NOT NULL;
        INSERT INTO store VALUES ('wallet');
        PRAGMA application_id = 0x4C444752;
        PRAGMA user_version = 1;
    ";

    const STREAMS: usize = 3;
    const EVENTS: usize = 3_000;

    fn as_i64(number: usize) -> i64 {
        number.try_into().unwrap()
    }

    fn stream(number: usize) -> EntityId {
        EntityId::new(format!("W-{}", number % STREAMS)).unwrap()
    }

    fn event(number: usize) -> NewEvent {
        NewEvent {
            id: format!("e-{number}"),
            r#type: "wallet.credited".into(),
            time: "2026-01-01T00:00:00Z".into(),
            actor: Some("ada".into()),
            idempotencykey: Some(format!("k-{number}")).filter(|_| number.is_multiple_of(2)),
            correlationid: None,
            causationid: Some("é".into()),
            data: format!(r#"{{"number":{number}}}"#),
            extra: vec![("own".into(), number.to_string())],
        }
    }

    /// A file as a program of version 1 leaves it, with events of three streams in turn.
    fn version_1(dir: &Path) -> Connection {
        let connection = Connection::open(dir.join(FILE)).unwrap();
        connection.execute_batch(VERSION_1).unwrap();
        connection.execute_batch("BEGIN").unwrap();
        for number in 0..EVENTS {
            insert_1(&connection, number).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        connection
    }

    fn insert_1(connection: &Connection, number: usize) -> rusqlite::Result<usize> {
        let event = event(number);
        connection
            .prepare_cached(
                "INSERT INTO events (stream, sequence, position, recorded, id, type, time, actor, idempotencykey,
                     correlationid, causationid, data, extra)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                stream(number).as_str(),
                as_i64(number / STREAMS + 1),
                as_i64(number + 1),
                1_700_000_000_000 + as_i64(number),
                event.id,
                event.r#type,
                event.time,
                event.actor,
                event.idempotencykey,
                event.correlationid,
                event.causationid,
                event.data,
                serde_json::to_string(&event.extra).unwrap(),
            ])
    }

    fn log(dir: &Path) -> Arc<dyn EventLog> {
        open(LogName::Wallet, &format!("embedded:{}", dir.display())).unwrap()
    }

    fn connect(dir: &Path) -> Connection {
        connection::connect(&StoreLocation {
            domain: LogName::Wallet,
            dir: dir.to_owned(),
            create: true,
        })
        .unwrap()
    }

    /// Asserts that the events of the fixture are there, whatever was appended to them.
    async fn assert_all_there(log: &dyn EventLog) {
        for of in 0..STREAMS {
            let entries = log.read_all(&stream(of), Position::START).await.unwrap();
            assert!(entries.len() >= EVENTS / STREAMS);
            for (index, entry) in entries.iter().take(EVENTS / STREAMS).enumerate() {
                let number = index * STREAMS + of;
                assert_eq!(entry.position, Position::new(number as u64 + 1, 0));
                assert_eq!(entry.recorded.timestamp_millis(), 1_700_000_000_000 + as_i64(number));
                assert_eq!(entry.fields, event(number).into_fields(index as u64 + 1));
            }
        }
        let mut feed = log.follow(FeedPosition::default());
        let mut fed = Vec::new();
        while fed.len() < EVENTS {
            fed.extend(feed.next().await.unwrap().unwrap());
        }
        for (number, entry) in fed.iter().take(EVENTS).enumerate() {
            assert_eq!(entry.position, Position::new(number as u64 + 1, 0));
            assert_eq!(entry.subject, stream(number));
            assert_eq!(entry.sequence, Some((number / STREAMS) as u64 + 1));
        }
    }

    #[tokio::test]
    async fn a_store_of_version_1_keeps_its_events_and_accepts_appends() {
        let dir = tempfile::tempdir().unwrap();
        let old = version_1(dir.path());
        let log = log(dir.path());
        assert_all_there(&*log).await;
        // Repeats are recognised, used keys are refused, and sequences and positions continue.
        let append = async |number, event: NewEvent| log.append(&stream(number), Expected::Any, &[event]).await;
        let repeated = Appended {
            first: 5,
            last: 5,
            repeated: true,
        };
        assert_eq!(append(12, event(12)).await, Ok(repeated));
        let reused = NewEvent {
            data: "{}".into(),
            ..event(12)
        };
        assert_eq!(append(12, reused).await, Err(AppendError::KeyReused("k-12".into())));
        assert_eq!(append(EVENTS, event(EVENTS)).await.unwrap().first, 1_001);
        let end = StreamEnd::Present {
            last: Some(Position::new(EVENTS as u64 + 1, 0)),
            length: 1_001,
            added: None,
            max_deleted: None,
        };
        assert_eq!(log.ends(&[stream(0)]).await.unwrap(), [end]);
        assert_all_there(&*self::log(dir.path())).await;
        // A program of version 1 that has the file open can still read it, but can't write, because its rows have no
        // checksum.
        let count: i64 = old
            .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, as_i64(EVENTS + 1));
        assert!(insert_1(&old, EVENTS + 1).unwrap_err().to_string().contains("CHECK"));
    }

    #[test]
    fn a_converted_store_has_the_tables_of_a_new_one_and_an_id() {
        let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        version_1(old.path());
        let [old, new] = [old.path(), new.path()].map(connect);
        let read = |connection: &Connection| -> (String, Vec<String>) {
            let mut statement = connection
                .prepare("SELECT replace(sql, 'position < 3001', 'position < 0') FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
                .unwrap();
            let sql = statement.query_map([], |row| row.get(0)).unwrap();
            let id = connection
                .query_row("SELECT id FROM store", [], |row| row.get(0))
                .unwrap();
            (id, sql.collect::<Result<_, _>>().unwrap())
        };
        let ((old_id, old_tables), (new_id, new_tables)) = (read(&old), read(&new));
        assert_eq!(old_tables, new_tables);
        assert_ne!(old_id, new_id);
        let from: i64 = old
            .query_row("SELECT checksums_from FROM store", [], |row| row.get(0))
            .unwrap();
        assert_eq!(from, 3_001);
    }

    #[tokio::test]
    async fn a_conversion_that_is_cut_off_leaves_version_1() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = version_1(dir.path());
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .unwrap();
        convert(&transaction).unwrap();
        assert_eq!(schema::version(&transaction).unwrap(), 2);
        drop(transaction);
        assert_eq!(schema::version(&connection).unwrap(), 1);
        // The file is still usable as version 1, and the next process that opens it converts it.
        let count: i64 = connection
            .query_row("SELECT max(sequence) FROM events WHERE stream = 'W-0'", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(count, as_i64(EVENTS / STREAMS));
        drop(connection);
        assert_all_there(&*log(dir.path())).await;
    }

    #[tokio::test]
    async fn concurrent_opens_convert_a_store_of_version_1_once() {
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            drop(version_1(dir.path()));
            let ids: Vec<String> = thread::scope(|scope| {
                let open = |_| {
                    scope.spawn(|| -> String {
                        let connection = connect(dir.path());
                        connection
                            .query_row("SELECT id FROM store", [], |row| row.get(0))
                            .unwrap()
                    })
                };
                let threads: Vec<_> = (0..4).map(open).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(ids.iter().all(|id| *id == ids[0]));
            assert_all_there(&*log(dir.path())).await;
        }
    }

    #[test]
    fn a_file_that_is_no_store_of_this_domain_is_not_converted() {
        let dir = tempfile::tempdir().unwrap();
        let connection = version_1(dir.path());
        connection.execute("UPDATE store SET domain = 'order'", []).unwrap();
        let location = StoreLocation {
            domain: LogName::Wallet,
            dir: dir.path().to_owned(),
            create: true,
        };
        assert!(matches!(connection::connect(&location), Err(Fault::Damaged(_))));
        connection.execute("UPDATE store SET domain = 'wallet'", []).unwrap();
        connection.pragma_update(None, "application_id", 7).unwrap();
        assert!(matches!(connection::connect(&location), Err(Fault::Damaged(_))));
        assert_eq!(schema::version(&connection).unwrap(), 1);
    }
}
