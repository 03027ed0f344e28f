//! The server's public URL, for a server behind a proxy. The server accepts requests for its host, and its scheme says
//! whether browsers connect by TLS.

use std::str::FromStr;

use axum::http::uri::{Authority, Scheme, Uri};

/// `https://host` or `http://host`, with an optional port. There is no path and no user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    https: bool,
    authority: Authority,
}

impl PublicUrl {
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The origin as a browser sends it in `Origin`: the host in lower case, the port only where it is not the scheme's
    /// default.
    pub fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        let own = if self.https { 443 } else { 80 };
        let host = self.host().to_ascii_lowercase();
        match self.authority.port_u16().filter(|port| *port != own) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("'{text}' is not a URL without a path, such as https://ledger.example.org");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let parts = uri.into_parts();
        let https = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTPS => true,
            Some(scheme) if scheme == Scheme::HTTP => false,
            _ => return Err(wrong()),
        };
        let authority = parts
            .authority
            .filter(|authority| !authority.as_str().contains('@') && !authority.host().is_empty())
            .ok_or_else(wrong)?;
        let nothing_more = parts.path_and_query.is_none_or(|path| path == "/");
        nothing_more.then_some(Self { https, authority }).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_has_the_form_that_browsers_send() {
        for (text, origin) in [
            ("https://Ledger.example.org/", "https://ledger.example.org"),
            ("https://ledger.example.org:443", "https://ledger.example.org"),
            ("https://ledger.example.org:8443", "https://ledger.example.org:8443"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().origin(), origin);
        }
        for bad in [
            "",
            "ledger.example.org",
            "ftp://ledger.example.org",
            "https://ledger.example.org/app",
            "https://ledger.example.org/?x",
            "https://me@ledger.example.org",
            "https://",
        ] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }
}
