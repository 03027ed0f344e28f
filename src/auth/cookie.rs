//! The cookie that carries a session's token: its name and attributes, in both directions. Whether the token is any good is
//! not known here.

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};

use crate::domain::access::Secret;

/// Where the server is reached by TLS. The prefix makes browsers hold to it: with `Secure`, for the whole host, and from
/// this host alone.
const BY_TLS: &str = "__Host-ledgerscope";
/// On this machine without TLS, where browsers take no such prefix.
const PLAIN: &str = "ledgerscope";
/// Bytes of a value that are looked at; a token is shorter.
const VALUE_MAX: usize = 256;

/// How the cookie is called and set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    by_tls: bool,
}

impl SessionCookie {
    pub const fn new(by_tls: bool) -> Self {
        Self { by_tls }
    }

    pub const fn name(self) -> &'static str {
        if self.by_tls { BY_TLS } else { PLAIN }
    }

    /// The token that a request brings. Cookies do not tell ports apart, so another program of this machine may have set one
    /// of the same name: of two different ones neither is taken.
    pub fn read(self, headers: &HeaderMap) -> Option<Secret> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut values = cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .filter(|(name, value)| *name == self.name() && value.len() <= VALUE_MAX)
            .map(|(_, value)| value);
        let first = values.next()?;
        values.all(|other| other == first).then(|| Secret(first.to_owned()))
    }

    /// Gives a browser a token. It has no age: the session's own rules say when it ends.
    pub fn set(self, token: &Secret) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.line(&token.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Takes it away.
    pub fn clear(self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("{}; Max-Age=0", self.line(""))).ok()
    }

    fn line(self, value: &str) -> String {
        let secure = if self.by_tls { "Secure; " } else { "" };
        format!("{}={value}; {secure}HttpOnly; SameSite=Strict; Path=/", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cookie: SessionCookie, lines: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        cookie.read(&headers).map(|token| token.0)
    }

    #[test]
    fn it_is_as_strict_as_its_road_allows() {
        let token = Secret("abc".to_owned());
        assert_eq!(
            SessionCookie::new(true).set(&token).unwrap(),
            "__Host-ledgerscope=abc; Secure; HttpOnly; SameSite=Strict; Path=/"
        );
        assert_eq!(
            SessionCookie::new(false).clear().unwrap(),
            "ledgerscope=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"
        );
    }

    #[test]
    fn only_its_own_name_counts_and_only_once() {
        let (tls, plain) = (SessionCookie::new(true), SessionCookie::new(false));
        let both = ["ledgerscope=plain; __Host-ledgerscope=tls"];
        assert_eq!(read(tls, &both).as_deref(), Some("tls"));
        assert_eq!(read(plain, &both).as_deref(), Some("plain"));
        assert_eq!(read(plain, &["xledgerscope=1", "theme=dark"]), None);
        assert_eq!(read(plain, &["ledgerscope=a", "ledgerscope=b"]), None);
        assert_eq!(read(plain, &["ledgerscope=a; ledgerscope=a"]).as_deref(), Some("a"));
    }
}
