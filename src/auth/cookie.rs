//! The session cookie: reads the session token from requests and sets it in responses. It does not validate the token.

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};

use crate::domain::access::Secret;

/// The cookie's name with TLS. Browsers accept the prefix `__Host-` only with `Secure`, `Path=/` and without `Domain`,
/// so no other host can set the cookie.
const BY_TLS: &str = "__Host-ledgerscope";
/// The cookie's name without TLS, where browsers refuse the prefix.
const PLAIN: &str = "ledgerscope";
/// Longer values, in bytes, are ignored. A token is shorter.
const VALUE_MAX: usize = 256;

/// The name and the attributes of the cookie.
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

    /// The token of a request. Cookies are shared by all ports of a host, so another program may have set a cookie of
    /// the same name. Two different values are therefore treated as no token.
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

    /// The `Set-Cookie` header for a token. It has no `Max-Age`: the server ends the session.
    pub fn set(self, token: &Secret) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.line(&token.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The `Set-Cookie` header that deletes the cookie.
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
    fn the_cookie_has_strict_attributes() {
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
    fn only_one_value_under_the_exact_name_is_read() {
        let (tls, plain) = (SessionCookie::new(true), SessionCookie::new(false));
        let both = ["ledgerscope=plain; __Host-ledgerscope=tls"];
        assert_eq!(read(tls, &both).as_deref(), Some("tls"));
        assert_eq!(read(plain, &both).as_deref(), Some("plain"));
        assert_eq!(read(plain, &["xledgerscope=1", "theme=dark"]), None);
        assert_eq!(read(plain, &["ledgerscope=a", "ledgerscope=b"]), None);
        assert_eq!(read(plain, &["ledgerscope=a; ledgerscope=a"]).as_deref(), Some("a"));
    }
}
