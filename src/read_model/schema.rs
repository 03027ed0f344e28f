//! The tables of the read model and their indexes. Amounts, times and positions are stored as the byte strings of
//! [`columns`](super::columns); a missing value is an empty string, which sorts first. States are stored as their number in the
//! domain's order. The indexes of a domain are created after its first filling, which is two to three times faster than updating
//! them meanwhile.

use rusqlite::Connection;

use super::{
    customers,
    search_index::{self, Texts},
    whole_ids,
};
use crate::domain::ids::Domain;

/// Names the format of the file and the folds that filled it. A program uses only read models of its own format.
pub const FORMAT: &str = concat!("6 ", env!("CARGO_PKG_VERSION"));
/// "LDGR": the `application_id` of a read model.
pub const APPLICATION: i64 = 0x4C44_4752;

/// Tables that do not belong to one domain.
const COMMON: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE source (
        domain TEXT PRIMARY KEY,
        feed TEXT NOT NULL,         -- JSON: how far the feed was read; it is written with the rows that it stands for
        filled INTEGER NOT NULL,    -- 1 once every stream was read to its end
        unfed INTEGER NOT NULL,     -- 1 if entries were found that no feed entry names
        searchable INTEGER NOT NULL,-- 1 once the search index has every row
        events INTEGER NOT NULL,    -- entries of all streams
        updated_at BLOB NOT NULL,
        identity TEXT NOT NULL,     -- JSON: what the store said of itself
        checked_to INTEGER NOT NULL,-- rows up to this number were compared with the store in the pass under way
        checked_at BLOB NOT NULL    -- when the last pass went through
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE stale (            -- streams that have moved and could not be read
        domain TEXT NOT NULL, id TEXT NOT NULL, reason TEXT NOT NULL, since BLOB NOT NULL,
        PRIMARY KEY (domain, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE loss (             -- what rows stood for that the store does not have any more; never changed
        domain TEXT NOT NULL, id TEXT NOT NULL, position BLOB NOT NULL, entries INTEGER NOT NULL, digest BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        figures TEXT NOT NULL,      -- JSON
        found_at BLOB NOT NULL,
        PRIMARY KEY (domain, id, position, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE recent (           -- the entries recorded last
        recorded BLOB NOT NULL, domain INTEGER NOT NULL, subject TEXT NOT NULL, position BLOB NOT NULL, entry TEXT NOT NULL,
        PRIMARY KEY (recorded, domain, subject, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE total (            -- rows and sums in minor units by list, state and currency
        list INTEGER NOT NULL, state INTEGER NOT NULL, currency TEXT NOT NULL, rows INTEGER NOT NULL,
        sum_1 BLOB NOT NULL, sum_2 BLOB NOT NULL, sum_3 BLOB NOT NULL, sum_4 BLOB NOT NULL,
        PRIMARY KEY (list, state, currency)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE age (              -- pending refunds by clock, state, currency and day, hour or minute: rows and sums
        clock INTEGER NOT NULL, state INTEGER NOT NULL, currency TEXT NOT NULL, unit INTEGER NOT NULL, slot INTEGER NOT NULL,
        rows INTEGER NOT NULL, sum BLOB NOT NULL,
        PRIMARY KEY (clock, state, currency, unit, slot)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE finding (
        n INTEGER PRIMARY KEY,
        key TEXT NOT NULL,          -- stays the same while the finding lasts
        evidence BLOB NOT NULL,     -- digest of what it says
        scope INTEGER NOT NULL,     -- refund, order, hold or wallet: what it was found by looking at
        subject TEXT NOT NULL,
        kind INTEGER NOT NULL, severity INTEGER NOT NULL,
        refund TEXT, ord TEXT, wallet TEXT,
        amount BLOB NOT NULL, currency TEXT NOT NULL, since BLOB NOT NULL,
        risk BLOB NOT NULL,         -- the amount without its sign
        holds_from BLOB NOT NULL,   -- it holds once the time is later than this; empty: always
        due INTEGER,                -- the minute of that time
        explanation TEXT NOT NULL
    ) STRICT;
    CREATE INDEX finding_subject ON finding (scope, subject);
    CREATE INDEX finding_kind ON finding (kind, currency, since, key);
    CREATE INDEX finding_amount ON finding (kind, currency, risk, key, since, holds_from);
    CREATE INDEX finding_refund ON finding (refund) WHERE refund IS NOT NULL;
    CREATE INDEX finding_order ON finding (ord) WHERE ord IS NOT NULL;
    CREATE INDEX finding_wallet ON finding (wallet) WHERE wallet IS NOT NULL;
    CREATE INDEX finding_due ON finding (holds_from, kind) WHERE holds_from <> x'';
    CREATE TABLE finding_count (
        kind INTEGER NOT NULL, currency TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (kind, currency)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER finding_added AFTER INSERT ON finding BEGIN
        INSERT INTO finding_count VALUES (new.kind, new.currency, 1) ON CONFLICT DO UPDATE SET rows = rows + 1;
    END;
    CREATE TABLE due_count (        -- findings that begin to hold, by day, hour or minute
        unit INTEGER NOT NULL, slot INTEGER NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (unit, slot)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER finding_due_added AFTER INSERT ON finding WHEN new.due IS NOT NULL BEGIN
        INSERT INTO due_count VALUES (0, new.due / 1440, 1), (1, new.due / 60, 1), (2, new.due, 1)
            ON CONFLICT DO UPDATE SET rows = rows + 1;
    END;
    CREATE TRIGGER finding_due_removed AFTER DELETE ON finding WHEN old.due IS NOT NULL BEGIN
        UPDATE due_count SET rows = rows - 1
            WHERE (unit, slot) IN (VALUES (0, old.due / 1440), (1, old.due / 60), (2, old.due));
        DELETE FROM due_count
            WHERE (unit, slot) IN (VALUES (0, old.due / 1440), (1, old.due / 60), (2, old.due)) AND rows = 0;
    END;
    CREATE TRIGGER finding_removed AFTER DELETE ON finding BEGIN
        UPDATE finding_count SET rows = rows - 1 WHERE kind = old.kind AND currency = old.currency;
    END;
";

/// Snapshots of long wallets.
const SNAPSHOTS: &str = "
    CREATE TABLE long_wallet (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        chart BLOB, chart_number INTEGER  -- the chart up to the snapshot of this number
    ) STRICT;
    CREATE TABLE snapshot (         -- the state of a long wallet at the end of a segment
        wallet INTEGER NOT NULL,
        number INTEGER NOT NULL,
        major INTEGER NOT NULL, minor INTEGER NOT NULL,
        latest_time INTEGER NOT NULL, latest_recorded INTEGER NOT NULL,
        place INTEGER NOT NULL,
        late INTEGER NOT NULL,
        first_time INTEGER NOT NULL, first_recorded INTEGER NOT NULL,
        gap_first INTEGER, gap_last INTEGER,
        opens INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        body BLOB NOT NULL,         -- JSON
        PRIMARY KEY (wallet, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX snapshot_late ON snapshot (wallet, number, first_time, first_recorded) WHERE late;
    CREATE INDEX snapshot_opens ON snapshot (wallet, number) WHERE opens;
    CREATE INDEX snapshot_gap ON snapshot (wallet, number, gap_first, gap_last) WHERE gap_first IS NOT NULL;
    CREATE INDEX snapshot_place ON snapshot (wallet, major, minor);
    CREATE TABLE snapshot_part (    -- a posting or hold as a segment left it
        wallet INTEGER NOT NULL,
        hold INTEGER NOT NULL,
        name TEXT NOT NULL,
        number INTEGER NOT NULL,
        refund TEXT,
        ord TEXT,
        checksum INTEGER NOT NULL,
        body BLOB NOT NULL,         -- JSON
        PRIMARY KEY (wallet, hold, name, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX snapshot_part_refund ON snapshot_part (wallet, refund) WHERE refund IS NOT NULL;
    CREATE INDEX snapshot_part_order ON snapshot_part (wallet, ord) WHERE ord IS NOT NULL;
";

const CASES: &str = "
    CREATE TABLE cases (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        position BLOB NOT NULL, entries INTEGER NOT NULL,
        command TEXT NOT NULL,
        domain TEXT NOT NULL, subject TEXT NOT NULL, refund TEXT,
        subjects TEXT NOT NULL,     -- JSON: the streams that it appends to, such as [\"wallet W-1\"]
        amount BLOB NOT NULL, currency TEXT NOT NULL,
        status INTEGER NOT NULL, status_since BLOB NOT NULL,
        waits INTEGER NOT NULL,     -- 1 while it waits for an approval
        expires_at BLOB NOT NULL,   -- while it waits
        proposer TEXT NOT NULL, proposed_at BLOB NOT NULL,
        decided_by TEXT             -- who approved or declined
    ) STRICT;
    CREATE INDEX cases_status_time ON cases (status, currency, proposed_at, id);
    CREATE INDEX cases_status_amount ON cases (status, currency, amount, id);
    CREATE INDEX cases_waits ON cases (waits, proposer);
    CREATE INDEX cases_proposer ON cases (proposer);
    CREATE INDEX cases_decided ON cases (decided_by) WHERE decided_by IS NOT NULL;
    CREATE TABLE case_count (
        status INTEGER NOT NULL, currency TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (status, currency)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER case_added AFTER INSERT ON cases BEGIN
        INSERT INTO case_count VALUES (new.status, new.currency, 1) ON CONFLICT DO UPDATE SET rows = rows + 1;
    END;
    CREATE TRIGGER case_removed AFTER DELETE ON cases BEGIN
        UPDATE case_count SET rows = rows - 1 WHERE status = old.status AND currency = old.currency;
        DELETE FROM case_text WHERE rowid = old.n;
        DELETE FROM case_subject WHERE n = old.n AND subject IN (SELECT value FROM json_each(old.subjects));
    END;
    CREATE TRIGGER case_changed AFTER UPDATE ON cases BEGIN
        UPDATE case_count SET rows = rows - 1 WHERE status = old.status AND currency = old.currency;
        INSERT INTO case_count VALUES (new.status, new.currency, 1) ON CONFLICT DO UPDATE SET rows = rows + 1;
    END;
    CREATE TABLE case_subject (     -- the streams that a case appends to, such as 'wallet W-1'
        subject TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (subject, n)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE case_source (      -- one row: the store that the cases are of, once every one was read
        store TEXT NOT NULL,
        feed TEXT NOT NULL          -- JSON: how far its feed was read
    ) STRICT;
";

const WALLET: &str = "
    CREATE TABLE wallet (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        position BLOB NOT NULL, digest BLOB NOT NULL, entries INTEGER NOT NULL, sequence INTEGER NOT NULL,
        status INTEGER NOT NULL, currency TEXT NOT NULL,
        posted BLOB NOT NULL, held BLOB NOT NULL, available BLOB NOT NULL,
        owner TEXT, owner_name TEXT,
        last_time BLOB NOT NULL, negative_since BLOB NOT NULL,
        complete INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE hold (
        n INTEGER PRIMARY KEY,
        wallet TEXT NOT NULL, hold TEXT NOT NULL, state INTEGER NOT NULL,
        amount BLOB NOT NULL, currency TEXT NOT NULL, ord TEXT, since BLOB NOT NULL, expires_at BLOB NOT NULL
    ) STRICT;
    CREATE TABLE credit (           -- credits of kind refund
        wallet INTEGER NOT NULL, event TEXT NOT NULL, refund TEXT, ord TEXT,
        amount BLOB NOT NULL, currency TEXT NOT NULL, time BLOB NOT NULL,
        reversed INTEGER NOT NULL,  -- 1 if it was wholly reversed
        PRIMARY KEY (wallet, event)
    ) STRICT, WITHOUT ROWID;
";

const WALLET_INDEXES: &str = "
    CREATE UNIQUE INDEX IF NOT EXISTS wallet_id ON wallet (id);
    CREATE INDEX IF NOT EXISTS wallet_status_time ON wallet (status, currency, last_time, id);
    CREATE INDEX IF NOT EXISTS wallet_status_amount ON wallet (status, currency, available, id);
    CREATE INDEX IF NOT EXISTS wallet_owner ON wallet (owner) WHERE owner IS NOT NULL;
    CREATE UNIQUE INDEX IF NOT EXISTS hold_wallet ON hold (wallet, hold);
    CREATE INDEX IF NOT EXISTS hold_state_time ON hold (state, currency, since, hold, wallet);
    CREATE INDEX IF NOT EXISTS hold_state_amount ON hold (state, currency, amount, hold, wallet);
    CREATE INDEX IF NOT EXISTS wallet_entries ON wallet (entries) WHERE entries > 256;
    CREATE INDEX IF NOT EXISTS hold_id ON hold (hold, wallet);
    CREATE INDEX IF NOT EXISTS credit_refund ON credit (refund) WHERE refund IS NOT NULL;
    CREATE INDEX IF NOT EXISTS credit_amount ON credit (currency, amount, time);
";

const WALLET_DROPPED: &str = "
    DROP TABLE IF EXISTS wallet; DROP TABLE IF EXISTS hold; DROP TABLE IF EXISTS credit;
";

const ORDER: &str = "
    CREATE TABLE orders (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        position BLOB NOT NULL, digest BLOB NOT NULL, entries INTEGER NOT NULL, sequence INTEGER NOT NULL,
        status INTEGER NOT NULL, currency TEXT NOT NULL,
        total BLOB NOT NULL, paid BLOB NOT NULL, refunded BLOB NOT NULL, pending BLOB NOT NULL,
        pending_refunds INTEGER NOT NULL, refunds INTEGER NOT NULL,
        wallet TEXT, customer TEXT, customer_name TEXT,
        placed_at BLOB NOT NULL, last_time BLOB NOT NULL,
        complete INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE refund (
        n INTEGER PRIMARY KEY,
        refund TEXT NOT NULL, ord TEXT NOT NULL,
        state INTEGER NOT NULL, currency TEXT NOT NULL, amount BLOB NOT NULL,
        destination TEXT NOT NULL, reason TEXT NOT NULL,
        requested_at BLOB NOT NULL, state_since BLOB NOT NULL,
        approved INTEGER NOT NULL   -- 1 if it was ever approved
    ) STRICT;
    CREATE TABLE refund_transition (-- the states that a refund entered, from the request on
        refund INTEGER NOT NULL, place INTEGER NOT NULL, state INTEGER NOT NULL, at BLOB NOT NULL,
        PRIMARY KEY (refund, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE payment (          -- every order.paid
        ord INTEGER NOT NULL, position BLOB NOT NULL, payment TEXT NOT NULL,
        amount BLOB NOT NULL, currency TEXT NOT NULL, time BLOB NOT NULL,
        PRIMARY KEY (ord, position)
    ) STRICT, WITHOUT ROWID;
";

const ORDER_INDEXES: &str = "
    CREATE UNIQUE INDEX IF NOT EXISTS orders_id ON orders (id);
    CREATE INDEX IF NOT EXISTS orders_status_time ON orders (status, currency, last_time, id);
    CREATE INDEX IF NOT EXISTS orders_status_amount ON orders (status, currency, total, id);
    CREATE INDEX IF NOT EXISTS orders_wallet ON orders (wallet, last_time, id) WHERE wallet IS NOT NULL;
    CREATE INDEX IF NOT EXISTS orders_customer ON orders (customer) WHERE customer IS NOT NULL;
    CREATE UNIQUE INDEX IF NOT EXISTS refund_order ON refund (ord, refund);
    CREATE INDEX IF NOT EXISTS refund_id ON refund (refund, ord);
    CREATE INDEX IF NOT EXISTS refund_requested ON refund (state, currency, requested_at, refund, ord, amount);
    CREATE INDEX IF NOT EXISTS refund_since ON refund (state, currency, state_since, refund, ord, amount, requested_at);
    CREATE INDEX IF NOT EXISTS refund_amount ON refund (state, currency, amount, refund, ord);
    CREATE INDEX IF NOT EXISTS payment_amount ON payment (currency, amount, time);
";

const ORDER_DROPPED: &str = "
    DROP TABLE IF EXISTS orders; DROP TABLE IF EXISTS refund; DROP TABLE IF EXISTS refund_transition;
    DROP TABLE IF EXISTS payment;
";

/// Creates every table, empty. The indexes of the domains' tables are created after the first filling.
pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(COMMON)?;
    connection.execute_batch(WALLET)?;
    connection.execute_batch(ORDER)?;
    connection.execute_batch(SNAPSHOTS)?;
    connection.execute_batch(CASES)?;
    search_index::create(connection, Texts::Case)?;
    customers::create(connection)?;
    connection.execute_batch(whole_ids::TABLES)?;
    search_index::create(connection, Texts::Finding)?;
    for domain in Domain::ALL {
        search_index::create_of(connection, domain)?;
        connection.execute(
            "INSERT INTO source VALUES (?1, '[]', 0, 0, 0, 0, x'', '{}', 0, x'')",
            [domain.as_str()],
        )?;
    }
    connection.execute("INSERT INTO meta VALUES ('format', ?1)", [FORMAT])?;
    connection.pragma_update(None, "application_id", APPLICATION)
}

/// Creates the indexes of a domain after its rows were written.
pub fn create_indexes(connection: &Connection, domain: Domain) -> rusqlite::Result<()> {
    connection.execute_batch(match domain {
        Domain::Wallet => WALLET_INDEXES,
        Domain::Order => ORDER_INDEXES,
    })
}

/// Removes all rows of a domain, before it is filled anew.
pub fn reset(connection: &Connection, domain: Domain) -> rusqlite::Result<()> {
    // Findings about refunds need both domains. They are evaluated again once both are filled.
    let (dropped, tables, lists, scopes) = match domain {
        Domain::Wallet => (WALLET_DROPPED, WALLET, "list IN (0, 3)", "scope IN (0, 2, 3)"),
        Domain::Order => (ORDER_DROPPED, ORDER, "list IN (1, 2)", "scope IN (0, 1)"),
    };
    connection.execute_batch(dropped)?;
    connection.execute_batch(tables)?;
    search_index::create_of(connection, domain)?;
    connection.execute(&format!("DELETE FROM total WHERE {lists}"), [])?;
    if domain == Domain::Order {
        connection.execute("DELETE FROM age", [])?;
    }
    connection.execute("DELETE FROM stale WHERE domain = ?1", [domain.as_str()])?;
    connection.execute("DELETE FROM recent WHERE domain = ?1", [domain as i64])?;
    connection.execute(&format!("DELETE FROM finding WHERE {scopes}"), [])?;
    whole_ids::reset(connection, domain)?;
    customers::reset(connection, domain)?;
    if domain == Domain::Wallet {
        connection.execute_batch("DELETE FROM snapshot; DELETE FROM snapshot_part; DELETE FROM long_wallet;")?;
    }
    connection.execute(
        "UPDATE source SET feed = '[]', filled = 0, unfed = 0, searchable = 0, events = 0, updated_at = x'', checked_to = 0, checked_at = x''
         WHERE domain = ?1",
        [domain.as_str()],
    )?;
    Ok(())
}
