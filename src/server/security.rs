//! What the server tells browsers to refuse, and what it refuses itself. Apart from the router so that the whole
//! policy can be read on one screen; it decides nothing about who may see what (that is `auth`).

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
            X_CONTENT_TYPE_OPTIONS,
        },
        uri::Authority,
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::{csrf::CsrfLayer, set_header::SetResponseHeaderLayer};

use super::config::PublicUrl;

/// For everything that is not a page: files, answers of server functions, refusals.
const NO_DOCUMENT: HeaderValue =
    HeaderValue::from_static("default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'");

/// A ledger changes under the reader, and nobody else may see it from a cache.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Where the server is reached by TLS, a browser never again asks it any other way: for a year.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// On every response, unless its handler said something stricter.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    // Files say what may be kept of them; nothing else may.
    (CACHE_CONTROL, NO_STORE),
    (CONTENT_SECURITY_POLICY, NO_DOCUMENT),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Addresses hold ids of wallets and people; no other site needs them.
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// The policy of a page. Scripts run only where they carry this response's nonce, or were loaded by one that does;
/// `wasm-unsafe-eval` is what compiling WebAssembly is called. Styles come from files only.
pub fn page_policy(nonce: &str) -> Option<HeaderValue> {
    let policy = format!(
        "default-src 'none'; \
         script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; \
         style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    );
    HeaderValue::from_str(&policy).ok()
}

/// Puts the policy around every route of `router`. `public` is the address that people type, where it is another than
/// this machine's own.
pub fn guard(router: Router, public: Option<&PublicUrl>) -> Router {
    let host: Option<Arc<str>> = public.map(|url| Arc::from(url.host()));
    let guarded = router
        // Server functions are plain endpoints: a form on another site could send to them.
        .layer(csrf(public))
        .layer(middleware::from_fn_with_state(host, refuse_other_hosts));
    let guarded = HEADERS.into_iter().fold(guarded, |router, (name, value)| {
        router.layer(SetResponseHeaderLayer::if_not_present(name, value))
    });
    if public.is_some_and(PublicUrl::is_https) {
        guarded.layer(SetResponseHeaderLayer::overriding(STRICT_TRANSPORT_SECURITY, TLS_ONLY))
    } else {
        guarded
    }
}

/// A proxy may name its own address in `Host`; then a browser's `Origin` is still that of the public one.
fn csrf(public: Option<&PublicUrl>) -> CsrfLayer {
    let known = public.and_then(|url| CsrfLayer::new().add_trusted_origin(url.origin()).ok());
    known.unwrap_or_default()
}

/// Refuses requests for another host name. Any site that a reader visits can point a name of its own at this server's
/// address and then read answers as if they were its own (DNS rebinding).
async fn refuse_other_hosts(State(public): State<Option<Arc<str>>>, request: Request<Body>, next: Next) -> Response {
    let host = request
        .uri()
        .authority()
        .cloned()
        .or_else(|| request.headers().get(HOST)?.to_str().ok()?.parse().ok());
    let is_public = |host: &Authority| public.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(host.host()));
    if host.is_some_and(|host| is_this_machine(&host) || is_public(&host)) {
        next.run(request).await
    } else {
        let message = "This server answers only to its own names: 127.0.0.1, [::1], localhost, or its --public-url.\n";
        (StatusCode::MISDIRECTED_REQUEST, message).into_response()
    }
}

fn is_this_machine(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_names() {
        for own in [
            "localhost",
            "LOCALHOST:3000",
            "127.0.0.1:3000",
            "[::1]:3000",
            "127.0.0.1",
        ] {
            assert!(is_this_machine(&own.parse().unwrap()), "{own}");
        }
        for other in [
            "example.org",
            "127.0.0.1.example.org",
            "localhost.example.org:3000",
            "10.0.0.1",
        ] {
            assert!(!is_this_machine(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn a_page_runs_only_scripts_with_its_nonce() {
        let policy = page_policy("abc").unwrap();
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("script-src 'nonce-abc' 'strict-dynamic' 'wasm-unsafe-eval';"));
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
    }
}
