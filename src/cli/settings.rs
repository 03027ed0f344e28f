//! Settings that every subcommand takes, by flag or by environment variable: the URLs of the stores and queues, the
//! limits of pending refunds, the read model and the log. The values are checked here. No connection is made before a
//! command asks for a log.

use std::{path::PathBuf, sync::Arc};

use chrono::TimeDelta;
use clap::Args;

use super::CliError;
use crate::{
    app_state::AccessStore,
    auth::Rules,
    compensations,
    domain::{
        ids::{Domain, LogName},
        refund::Limits,
    },
    event_log::{self, EventLog, OpenError, system_clock},
    read_model::{self, Store, Stores},
};

/// Opens a log.
type Open = fn(LogName, &str) -> Result<Arc<dyn EventLog>, OpenError>;

/// The longest duration in days. A longer one is probably a typing error.
const LIMIT_DAYS_MAX: i64 = 3_650;

// URLs may contain passwords, so `--help` shows the names of the variables, not their values.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Store of the wallets: embedded:DIR, redis://… or rediss://…
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LEDGERSCOPE_WALLET_STORE",
        hide_env_values = true,
        default_value = "embedded:./data/wallet"
    )]
    wallet_store: String,

    /// Store of the orders
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LEDGERSCOPE_ORDER_STORE",
        hide_env_values = true,
        default_value = "embedded:./data/order"
    )]
    order_store: String,

    /// Store of the compensation cases
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LEDGERSCOPE_COMPENSATION_STORE",
        hide_env_values = true,
        default_value = "embedded:./data/compensation"
    )]
    compensation_store: String,

    /// Store of operators, sessions and the audit trail
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LEDGERSCOPE_ACCESS_STORE",
        hide_env_values = true,
        default_value = "embedded:./data/access"
    )]
    access_store: String,

    /// Queue for the wallets' events, if there is one: redis://… or rediss://…
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LEDGERSCOPE_WALLET_QUEUE",
        hide_env_values = true
    )]
    wallet_queue: Option<String>,

    /// Queue for the orders' events, if there is one
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LEDGERSCOPE_ORDER_QUEUE",
        hide_env_values = true
    )]
    order_queue: Option<String>,

    /// How long a requested refund may wait for finance, as in 90m, 48h or 2d
    #[arg(long, global = true, value_name = "TIME", env = "LEDGERSCOPE_OVERDUE_REQUESTED", default_value = "48h", value_parser = duration)]
    overdue_requested: TimeDelta,

    /// How long an approved refund may wait for the system
    #[arg(long, global = true, value_name = "TIME", env = "LEDGERSCOPE_OVERDUE_APPROVED", default_value = "4h", value_parser = duration)]
    overdue_approved: TimeDelta,

    /// How long a refund in processing may wait for the provider
    #[arg(long, global = true, value_name = "TIME", env = "LEDGERSCOPE_OVERDUE_PROCESSING", default_value = "120h", value_parser = duration)]
    overdue_processing: TimeDelta,

    /// How long a failed refund may wait for support
    #[arg(long, global = true, value_name = "TIME", env = "LEDGERSCOPE_OVERDUE_FAILED", default_value = "24h", value_parser = duration)]
    overdue_failed: TimeDelta,

    /// How long a proposed case waits for its approval before it lapses
    #[arg(long, global = true, value_name = "TIME", env = "LEDGERSCOPE_APPROVAL_TIME", default_value = "72h", value_parser = duration)]
    approval_time: TimeDelta,

    /// Time after which another process finishes a case whose process died while issuing it
    #[arg(long, global = true, value_name = "TIME", env = "LEDGERSCOPE_TAKEOVER", default_value = "30s", value_parser = duration)]
    takeover: TimeDelta,

    /// Directory of the read model, for one process at a time; it can be deleted at any time; 'none': a temporary one
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "LEDGERSCOPE_READ_MODEL",
        default_value = "./data/read-model"
    )]
    read_model: PathBuf,

    /// Percentage of the time that the program may spend on comparing the read model with the stores
    #[arg(long, global = true, value_name = "PERCENT", env = "LEDGERSCOPE_CHECK_SHARE", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub check_share: u32,

    /// Filter of the program's log, as in info or ledgerscope=debug
    #[arg(long, global = true, value_name = "FILTER", env = "LEDGERSCOPE_LOG")]
    pub log: Option<String>,

    /// Format of the program's log: text, or one JSON object a line
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "LEDGERSCOPE_LOG_FORMAT",
        value_enum,
        default_value_t
    )]
    pub log_format: LogFormat,
}

/// How the program's log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl Settings {
    /// The URL of a log's store.
    pub fn store(&self, log: impl Into<LogName>) -> &str {
        match log.into() {
            LogName::Wallet => &self.wallet_store,
            LogName::Order => &self.order_store,
            LogName::Compensation => &self.compensation_store,
            LogName::Access => &self.access_store,
        }
    }

    /// The URL of a domain's queue, if it has one.
    pub fn queue(&self, domain: Domain) -> Option<&str> {
        match domain {
            Domain::Wallet => self.wallet_queue.as_deref(),
            Domain::Order => self.order_queue.as_deref(),
        }
    }

    /// Opens a log. No connection is made yet.
    pub fn log_of(&self, log: impl Into<LogName>) -> Result<Arc<dyn EventLog>, CliError> {
        let name = log.into();
        event_log::open(name, self.store(name)).map_err(|error| unusable(name, &error))
    }

    /// Opens a log for reading. A missing embedded store is an error and is not created. No connection is made yet.
    pub fn existing_log_of(&self, log: impl Into<LogName>) -> Result<Arc<dyn EventLog>, CliError> {
        let name = log.into();
        self.check_exists(name)?;
        event_log::open_existing(name, self.store(name)).map_err(|error| unusable(name, &error))
    }

    /// Whether a log may exist: false for a missing embedded store.
    pub fn exists(&self, log: impl Into<LogName>) -> bool {
        event_log::missing_dir(self.store(log)).is_none()
    }

    fn check_exists(&self, name: LogName) -> Result<(), CliError> {
        match event_log::missing_dir(self.store(name)) {
            None => Ok(()),
            Some(dir) => Err(CliError::Store(format!(
                "the {name} store does not exist: {} is missing or empty; check --{name}-store",
                dir.display()
            ))),
        }
    }

    /// The stores of a read model, for a command that reads those `needed`. The others may be missing. No connection is
    /// made yet.
    pub fn existing_stores(&self, needed: &[Domain]) -> Result<Stores, CliError> {
        for domain in needed {
            self.check_exists((*domain).into())?;
        }
        self.stores_by(event_log::open_existing)
    }

    /// The stores of a server's read model. No connection is made yet.
    pub fn stores(&self) -> Result<Stores, CliError> {
        self.stores_by(event_log::open)
    }

    fn stores_by(&self, open: Open) -> Result<Stores, CliError> {
        Ok(Stores {
            wallet: self.open_store(LogName::Wallet, open)?,
            order: self.open_store(LogName::Order, open)?,
        })
    }

    /// The compensation store, for a server. No connection is made yet.
    pub fn compensation_store(&self) -> Result<Store, CliError> {
        self.open_store(LogName::Compensation, event_log::open)
    }

    fn open_store(&self, name: LogName, open: Open) -> Result<Store, CliError> {
        let url = self.store(name);
        let opened = || {
            Ok(Store {
                log: open(name, url)?,
                adapter: if url.starts_with("embedded:") {
                    "embedded"
                } else {
                    "redis"
                },
                url: event_log::store_name(url)?,
            })
        };
        opened().map_err(|error| unusable(name, &error))
    }

    /// Operators and the audit trail, for a command that only reads. A missing embedded store is an error and is not
    /// created.
    pub fn existing_access(&self) -> Result<AccessStore, CliError> {
        self.check_exists(LogName::Access)?;
        self.access(Rules::default())
    }

    /// Operators and the audit trail. No connection is made yet.
    pub fn access(&self, rules: Rules) -> Result<AccessStore, CliError> {
        let name = LogName::Access;
        AccessStore::open(self.store(name), system_clock(), rules).map_err(|error| unusable(name, &error))
    }

    /// The settings of issuing and recovering compensations.
    pub fn compensations(&self) -> compensations::Settings {
        compensations::Settings {
            approval_time: self.approval_time,
            grace: self.takeover,
            ..compensations::Settings::default()
        }
    }

    /// The settings of the read model.
    pub fn of_read_model(&self) -> read_model::Settings {
        read_model::Settings {
            limits: self.limits(),
            dir: self.read_model(),
            check_share: self.check_share,
            ..read_model::Settings::default()
        }
    }

    /// The directory of the read model. `None` means a temporary one.
    pub fn read_model(&self) -> Option<PathBuf> {
        (self.read_model.as_os_str() != "none").then(|| self.read_model.clone())
    }

    pub const fn limits(&self) -> Limits {
        Limits {
            requested: self.overdue_requested,
            approved: self.overdue_approved,
            processing: self.overdue_processing,
            failed: self.overdue_failed,
        }
    }
}

fn unusable(name: LogName, error: &OpenError) -> CliError {
    CliError::Usage(format!("the URL of the {name} store can't be used: {error}"))
}

/// Parses a whole number of seconds, minutes, hours or days, as in `90m`.
fn duration(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("'{text}' is not a duration such as 30s, 90m, 48h or 2d");
    let (number, unit) = text
        .char_indices()
        .next_back()
        .map(|(at, unit)| (&text[..at], unit))
        .ok_or_else(wrong)?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let long = match unit {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        _ => return Err(wrong()),
    };
    long.filter(|long| *long <= TimeDelta::days(LIMIT_DAYS_MAX))
        .ok_or_else(|| format!("'{text}' is more than {LIMIT_DAYS_MAX} days"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(duration("48h"), Ok(TimeDelta::hours(48)));
        assert_eq!(duration("2d"), duration("48h"));
        assert_eq!(duration("90m"), Ok(TimeDelta::minutes(90)));
        assert_eq!(duration("0s"), Ok(TimeDelta::zero()));
        for bad in [
            "",
            "h",
            "48",
            "-1h",
            "1.5h",
            "1 h",
            "+1h",
            "4w",
            "1é",
            "9999999999999999999d",
            "4000d",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
