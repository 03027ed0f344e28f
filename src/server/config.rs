//! The server's configuration: flags and environment variables, which clap parses and `--help` lists. Invalid
//! combinations are refused here, before any store is opened.

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

/// The longest request body in bytes. The largest request is a compensation form with a note.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The timeout of a page and of a server function that only reads. It is a last resort: calls of stores have shorter
/// timeouts.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The timeout of a server function that writes. An append with an unknown outcome is retried for a while, and a
/// compensation may append to several streams.
pub const WRITE_TIMEOUT: Duration = Duration::from_mins(2);

/// The limit of concurrent requests. Requests above it are answered with 503 at once instead of being queued.
pub const REQUESTS_AT_ONCE: usize = 512;

/// How long requests in flight may take to finish after the stop signal.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// Flags of `ledgerscope serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerConfig {
    /// Address to listen on; other than loopback only with TLS in front (--public-url https://…)
    #[arg(
        long,
        env = "LEDGERSCOPE_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:3000"
    )]
    pub listen: SocketAddr,

    /// The URL of this server behind a proxy, as in `https://ledger.example.org`
    #[arg(long, env = "LEDGERSCOPE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,

    /// Addresses of trusted proxies; only their X-Forwarded-For is used as the client's address
    #[arg(
        long,
        env = "LEDGERSCOPE_TRUSTED_PROXY",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub trusted_proxy: Vec<IpAddr>,

    /// The header in which trusted proxies name the signed-in operator, such as X-Remote-User. They must remove it from
    /// requests of clients. Compensations still need a password
    #[arg(
        long,
        env = "LEDGERSCOPE_TRUSTED_HEADER",
        value_name = "HEADER",
        requires = "trusted_proxy"
    )]
    pub trusted_header: Option<HeaderName>,

    #[command(flatten)]
    pub rates: Rates,

    /// Address of the Prometheus metrics, loopback only; by default there are none
    #[arg(long, env = "LEDGERSCOPE_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,

    /// Directory of the built style sheet and browser part
    #[arg(long, env = "LEDGERSCOPE_SITE", value_name = "DIR", default_value_os_t = default_site())]
    pub site: PathBuf,
}

/// The rate limits of requests, per minute.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Rates {
    /// Maximum number of read requests per operator and minute
    #[arg(
        long,
        env = "LEDGERSCOPE_READS_A_MINUTE",
        value_name = "N",
        default_value_t = Rates::default().reads_a_minute
    )]
    pub reads_a_minute: NonZeroU32,

    /// Maximum number of submitted forms per operator and minute
    #[arg(
        long,
        env = "LEDGERSCOPE_WRITES_A_MINUTE",
        value_name = "N",
        default_value_t = Rates::default().writes_a_minute
    )]
    pub writes_a_minute: NonZeroU32,

    /// Maximum number of requests without a session per address and minute
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

/// The output directory of `cargo xtask bundle`, or that of cargo-leptos, which sets `LEPTOS_SITE_ROOT`.
fn default_site() -> PathBuf {
    env::var_os("LEPTOS_SITE_ROOT").map_or_else(|| PathBuf::from("target/site"), PathBuf::from)
}

/// A configuration that the server refuses.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "refusing to listen on {0}: without TLS, passwords and sessions can be intercepted; put a TLS proxy in front and \
         give its URL with --public-url https://…, or use 127.0.0.1 or [::1]"
    )]
    NotLoopback(SocketAddr),
    #[error("refusing to serve metrics on {0}: that listener has no authentication; use 127.0.0.1 or [::1]")]
    OpenFigures(SocketAddr),
    #[error(
        "refusing to listen on {0} while there are enabled demo operators: their passwords were printed; disable them: \
         ledgerscope operator disable NAME"
    )]
    DemoOperators(SocketAddr),
}

impl ServerConfig {
    /// Checks that metrics are only served on a loopback address, and that the server listens beyond loopback only if
    /// the public URL is `https`.
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

    /// Whether demo operators may sign in: only if the server listens on a loopback address and has no public URL.
    pub fn allows_demo(&self) -> bool {
        self.listen.ip().is_loopback() && self.public_url.is_none()
    }

    /// The settings of `auth`: whether demo operators may sign in, and whether cookies are for TLS.
    pub fn rules(&self) -> Rules {
        Rules {
            by_tls: self.public_url.as_ref().is_some_and(PublicUrl::is_https),
            allows_demo: self.allows_demo(),
        }
    }

    /// Refuses to listen beyond loopback while there are demo operators, because their passwords were printed.
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
