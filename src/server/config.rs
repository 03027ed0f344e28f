//! How the server is asked to run. Parsed by clap from flags and environment, so that `--help` lists all of it; what
//! can't be right is refused here, before anything is opened.

use std::{env, net::SocketAddr, path::PathBuf, time::Duration};

/// The longest request body in bytes. The largest form is a compensation with a note; a page of events is read, not sent.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The longest that a reader waits for a page. Stores give up within seconds, so this is the last resort.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long requests in flight may take to finish once the server was told to stop.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// Flags of `ledgerscope serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerConfig {
    /// Where to listen; only an address of this machine itself, as long as there are no logins
    #[arg(
        long,
        env = "LEDGERSCOPE_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:3000"
    )]
    pub listen: SocketAddr,

    /// Directory of the built style sheet and browser part
    #[arg(long, env = "LEDGERSCOPE_SITE", value_name = "DIR", default_value_os_t = default_site())]
    pub site: PathBuf,
}

/// Where `cargo xtask bundle` puts it, or where cargo-leptos says that it did.
fn default_site() -> PathBuf {
    env::var_os("LEPTOS_SITE_ROOT").map_or_else(|| PathBuf::from("target/site"), PathBuf::from)
}

/// What can't be asked for.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "refusing to listen on {0}: without logins anybody who reaches it could read the ledger; use 127.0.0.1 or [::1]"
    )]
    NotLoopback(SocketAddr),
}

impl ServerConfig {
    /// Checks what the types can't.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.listen.ip().is_loopback() {
            Ok(())
        } else {
            Err(ConfigError::NotLoopback(self.listen))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening_on(listen: &str) -> Result<(), ConfigError> {
        ServerConfig {
            listen: listen.parse().unwrap(),
            site: PathBuf::new(),
        }
        .check()
    }

    #[test]
    fn listens_only_on_this_machine() {
        for own in ["127.0.0.1:3000", "127.1.2.3:1", "[::1]:0"] {
            assert!(listening_on(own).is_ok(), "{own}");
        }
        for open in ["0.0.0.0:3000", "[::]:3000", "192.168.1.7:3000"] {
            assert!(listening_on(open).is_err(), "{open}");
        }
    }
}
