//! How the server is asked to run. Parsed by clap from flags and environment, so that `--help` lists all of it; what
//! can't be right is refused here, before anything is opened.

mod public_url;

use std::{
    env,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use axum::http::HeaderName;

pub use public_url::PublicUrl;

use crate::auth::Rules;

/// The longest request body in bytes. The largest form is a compensation with a note; a page of events is read, not sent.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The longest that a reader waits for a page. Stores give up within seconds, so this is the last resort.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest that a form may take: an append whose outcome is not known is sent again for a while, for
/// each of the streams that a compensation touches.
pub const WRITE_TIMEOUT: Duration = Duration::from_mins(2);

/// Requests that are worked on at a time; more are told to come again at once instead of queueing up behind them.
pub const REQUESTS_AT_ONCE: usize = 512;

/// How long requests in flight may take to finish once the server was told to stop.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// Flags of `ledgerscope serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerConfig {
    /// Where to listen; beyond this machine only behind TLS, which --public-url says
    #[arg(
        long,
        env = "LEDGERSCOPE_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:3000"
    )]
    pub listen: SocketAddr,

    /// What people type to come here, where it is not the address above, as in `https://ledger.example.org`
    #[arg(long, env = "LEDGERSCOPE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,

    /// Addresses of the proxies in front of this server, whose word on the client's address (X-Forwarded-For) counts
    #[arg(
        long,
        env = "LEDGERSCOPE_TRUSTED_PROXY",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub trusted_proxy: Vec<IpAddr>,

    /// The header in which these proxies name the operator that they have signed in, such as X-Remote-User. They must
    /// remove it from what clients send. Passwords are still asked for before money moves
    #[arg(
        long,
        env = "LEDGERSCOPE_TRUSTED_HEADER",
        value_name = "HEADER",
        requires = "trusted_proxy"
    )]
    pub trusted_header: Option<HeaderName>,

    #[command(flatten)]
    pub rates: Rates,

    /// Where figures for Prometheus are served, on a listener of its own on this machine; without, nowhere
    #[arg(long, env = "LEDGERSCOPE_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,

    /// Directory of the built style sheet and browser part
    #[arg(long, env = "LEDGERSCOPE_SITE", value_name = "DIR", default_value_os_t = default_site())]
    pub site: PathBuf,
}

/// How often one may ask, within a minute.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Rates {
    /// Pages and questions of one operator in a minute
    #[arg(
        long,
        env = "LEDGERSCOPE_READS_A_MINUTE",
        value_name = "N",
        default_value_t = Rates::default().reads_a_minute
    )]
    pub reads_a_minute: NonZeroU32,

    /// Forms that one operator sends in a minute
    #[arg(
        long,
        env = "LEDGERSCOPE_WRITES_A_MINUTE",
        value_name = "N",
        default_value_t = Rates::default().writes_a_minute
    )]
    pub writes_a_minute: NonZeroU32,

    /// Requests from one address in a minute while nobody is signed in
    #[arg(
        long,
        env = "LEDGERSCOPE_STRANGERS_A_MINUTE",
        value_name = "N",
        default_value_t = Rates::default().strangers_a_minute
    )]
    pub strangers_a_minute: NonZeroU32,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            reads_a_minute: rate(600),
            writes_a_minute: rate(20),
            strangers_a_minute: rate(60),
        }
    }
}

/// Where `cargo xtask bundle` puts it, or where cargo-leptos says that it did.
fn default_site() -> PathBuf {
    env::var_os("LEPTOS_SITE_ROOT").map_or_else(|| PathBuf::from("target/site"), PathBuf::from)
}

/// What can't be asked for.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "refusing to listen on {0}: without TLS anybody on the way could read logins and sessions; put a proxy with TLS in \
         front and name it with --public-url https://…, or use 127.0.0.1 or [::1]"
    )]
    NotLoopback(SocketAddr),
    #[error("refusing to show figures on {0}: nobody is asked who they are there; use 127.0.0.1 or [::1]")]
    OpenFigures(SocketAddr),
    #[error(
        "refusing to listen on {0} while there are demo operators, whose passwords were printed for all to see; disable them: \
         ledgerscope operator disable NAME"
    )]
    DemoOperators(SocketAddr),
}

impl ServerConfig {
    /// Checks what the types can't.
    pub fn check(&self) -> Result<(), ConfigError> {
        if let Some(open) = self.metrics_listen.filter(|listen| !listen.ip().is_loopback()) {
            return Err(ConfigError::OpenFigures(open));
        }
        let by_tls = self.public_url.as_ref().is_some_and(PublicUrl::is_https);
        if self.listen.ip().is_loopback() || by_tls {
            Ok(())
        } else {
            Err(ConfigError::NotLoopback(self.listen))
        }
    }

    /// Whether operators that `make serve` made up may sign in: only where nobody but this machine's user can come.
    pub fn allows_demo(&self) -> bool {
        self.listen.ip().is_loopback() && self.public_url.is_none()
    }

    /// Who may sign in, and how browsers keep the session.
    pub fn rules(&self) -> Rules {
        Rules {
            by_tls: self.public_url.as_ref().is_some_and(PublicUrl::is_https),
            allows_demo: self.allows_demo(),
        }
    }

    /// Refuses to be reached by others while there are operators whose passwords stand in somebody's terminal.
    pub fn check_demo(&self, demo_operators: bool) -> Result<(), ConfigError> {
        if demo_operators && !self.listen.ip().is_loopback() {
            Err(ConfigError::DemoOperators(self.listen))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        config: ServerConfig,
    }

    fn asked(flags: &[&str]) -> Result<ServerConfig, clap::Error> {
        Program::try_parse_from(std::iter::once(&"serve").chain(flags)).map(|program| program.config)
    }

    #[test]
    fn listens_beyond_this_machine_only_behind_tls() {
        for own in ["127.0.0.1:3000", "127.1.2.3:1", "[::1]:0"] {
            assert!(asked(&["--listen", own]).unwrap().check().is_ok(), "{own}");
        }
        for open in ["0.0.0.0:3000", "[::]:3000", "192.168.1.7:3000"] {
            let listen = ["--listen", open];
            assert!(asked(&listen).unwrap().check().is_err(), "{open}");
            let plain = asked(&["--listen", open, "--public-url", "http://l.example"]).unwrap();
            assert!(plain.check().is_err(), "{open}");
            let tls = asked(&["--listen", open, "--public-url", "https://l.example"]).unwrap();
            assert!(tls.check().is_ok(), "{open}");
            assert!(tls.check_demo(true).is_err() && tls.check_demo(false).is_ok(), "{open}");
        }
    }

    #[test]
    fn demo_operators_are_for_this_machine_alone() {
        assert!(asked(&[]).unwrap().allows_demo());
        assert!(!asked(&["--public-url", "https://l.example"]).unwrap().allows_demo());
        assert!(!asked(&["--listen", "0.0.0.0:1"]).unwrap().allows_demo());
    }

    #[test]
    fn a_header_is_trusted_from_named_proxies_only() {
        assert!(asked(&["--trusted-header", "X-Remote-User"]).is_err());
        let both = [
            "--trusted-header",
            "X-Remote-User",
            "--trusted-proxy",
            "10.0.0.7,fd00::7",
        ];
        let config = asked(&both).unwrap();
        assert_eq!(config.trusted_proxy.len(), 2);
        assert!(asked(&["--trusted-proxy", "10.0.0.0/8"]).is_err());
        assert!(asked(&["--reads-a-minute", "0"]).is_err());
    }
}
