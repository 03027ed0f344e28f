//! The HTTP security policy: response headers, CSRF protection and the check of the host name. It is apart from the
//! router so that the policy can be read on one screen. Permissions are in `permissions`.

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

/// Content security policy of everything that is not a page: files, answers of server functions, refusals.
const NO_DOCUMENT: HeaderValue =
    HeaderValue::from_static("default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'");

/// `Cache-Control` of answers: they go out of date as the ledger changes, and caches would show them to others.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// `Strict-Transport-Security` where the public URL is `https`: browsers use only TLS for a year.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Headers of every response, unless the handler has set them.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    // Only static files are cached; they set a header of their own.
    (CACHE_CONTROL, NO_STORE),
    (CONTENT_SECURITY_POLICY, NO_DOCUMENT),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // URLs contain ids of wallets and people, which other sites must not see.
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

/// The content security policy of a page. A script runs only if it has this response's nonce, or was loaded by a script
/// that has it. `wasm-unsafe-eval` allows WebAssembly to be compiled. Styles come from files of this server only.
pub fn page_policy(nonce: &str) -> Option<HeaderValue> {
    let policy = format!(
        "default-src 'none'; \
         script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; \
         style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    );
    HeaderValue::from_str(&policy).ok()
}

/// Applies the security policy to every route of `router`. `public` is the server's URL behind a proxy, if there is
/// one.
pub fn guard(router: Router, public: Option<&PublicUrl>) -> Router {
    let host: Option<Arc<str>> = public.map(|url| Arc::from(url.host()));
    let guarded = router
        // Server functions are plain endpoints: a form on another site could post to them.
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

/// The CSRF check. It trusts the public URL as an origin, because a proxy may send its own address in `Host` while a
/// browser's `Origin` is the public URL.
fn csrf(public: Option<&PublicUrl>) -> CsrfLayer {
    let known = public.and_then(|url| CsrfLayer::new().add_trusted_origin(url.origin()).ok());
    known.unwrap_or_default()
}

/// Refuses requests for other host names with 421. This prevents DNS rebinding: a foreign site can resolve its own name
/// to this server's address, and then its scripts read answers as those of their own origin.
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
        let message = "Unknown host name. Use 127.0.0.1, [::1], localhost or the server's --public-url.\n";
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
    fn only_loopback_names_are_this_machine() {
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
