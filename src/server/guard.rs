//! Authentication middleware: finds the principal of a request by its session cookie or by its proxy, before a page or
//! a function runs. Pages redirect visitors without a session to the sign-in page. Server functions authorise by
//! themselves.

mod refusals;

use std::sync::Arc;

use super::{
    config::ServerConfig,
    functions,
    limits::{Asker, RateLimits},
    permissions::{self, Gate},
};
use crate::{
    api::ApiError,
    audit::Audit,
    auth::{
        Auth, Principal, Visitor,
        client::{Proxies, Vouched},
        session::SessionRecord,
    },
    domain::{
        access::{OperatorName, Secret},
        audit::{AuditOutcome, NewEntry},
    },
    event_log::Unavailable,
};
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, StatusCode, header::SET_COOKIE, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// The header that `public/page.js` sends with automatic requests, such as the refresh after a change. These requests
/// do not extend the session, so an open page does not keep its session from going idle.
const UNASKED: &str = "x-unasked";

/// Authentication and rate limits. All requests share one.
pub struct Guard {
    auth: Arc<Auth>,
    audit: Arc<Audit>,
    proxies: Proxies,
    limits: RateLimits,
}

/// A visitor, and the cookie to set in the response, if any.
struct Recognised {
    visitor: Visitor,
    cookie: Option<HeaderValue>,
}

impl Guard {
    pub fn new(auth: Arc<Auth>, audit: Arc<Audit>, config: &ServerConfig) -> Self {
        Self {
            auth,
            audit,
            proxies: Proxies::new(&config.trusted_proxy, config.trusted_header.clone()),
            limits: RateLimits::new(config.rates),
        }
    }

    /// The request id from a trusted proxy.
    pub fn given_id<'a>(&self, request: &'a Request<Body>) -> Option<&'a HeaderValue> {
        let believed = self.proxies.believes(request.extensions());
        believed.then(|| request.headers().get("x-request-id")).flatten()
    }

    async fn recognise(&self, request: &Parts) -> Result<Recognised, Unavailable> {
        let client = self.proxies.client(request);
        let token = self.auth.cookie().read(&request.headers);
        let session = match &token {
            Some(token) if request.headers.contains_key(UNASKED) => {
                self.auth.sessions().look(&token.0, self.auth.now()).await?
            }
            Some(token) => self.auth.sessions().resume(&token.0, self.auth.now()).await?,
            None => None,
        };
        let kept =
            session.filter(|(record, operator)| self.auth.admits(operator) && is_vouched(record, &client.vouched));
        let mut recognised = Recognised {
            visitor: Visitor {
                client,
                principal: None,
            },
            cookie: None,
        };
        match (token, kept) {
            (Some(token), Some((session, operator))) => {
                recognised.visitor.principal = Some(Principal {
                    operator,
                    session,
                    token,
                    from: recognised.visitor.from(),
                });
            }
            (Some(token), None) => {
                // The session is not valid any more. It is deleted, so that it stays invalid if the proxy names its
                // operator again.
                self.auth.sessions().close(&token.0).await?;
                recognised.cookie = self.auth.cookie().clear();
                self.admit_vouched(&mut recognised).await?;
            }
            (None, _) => self.admit_vouched(&mut recognised).await?,
        }
        Ok(recognised)
    }

    /// Opens a session for the operator that a trusted proxy names, if this operator may sign in.
    async fn admit_vouched(&self, recognised: &mut Recognised) -> Result<(), Unavailable> {
        let Vouched::Operator(name) = &recognised.visitor.client.vouched else {
            return Ok(());
        };
        let from = recognised.visitor.from();
        let found = match name.parse::<OperatorName>() {
            Ok(name) => self.auth.operators().find(&name).await?,
            Err(_) => None,
        };
        let entry =
            |actor: &str, outcome, detail: &str| NewEntry::new(actor, "sign_in", outcome).from(from).detail(detail);
        let Some(operator) = found.filter(|operator| self.auth.admits(operator)) else {
            let why = "named by the proxy, but not an operator who can sign in";
            let refused = entry(name, AuditOutcome::Refused, why);
            return self.audit.record_once(refused).await.map_err(|error| error.0);
        };
        let done = entry(operator.name.as_str(), AuditOutcome::Done, "named by the proxy");
        self.audit.record(done).await.map_err(|error| error.0)?;
        let (token, session) = self
            .auth
            .sessions()
            .open_vouched(&operator, from, self.auth.now())
            .await?;
        let token = Secret(token);
        recognised.cookie = self.auth.cookie().set(&token);
        recognised.visitor.principal = Some(Principal {
            operator,
            session,
            token,
            from,
        });
        Ok(())
    }

    /// Counts the request against the rate limits. Refusals of operators are recorded in the audit trail. Refusals of
    /// strangers only go to the log, because strangers could otherwise fill the audit trail.
    async fn count(&self, visitor: &Visitor, writes: bool) -> Result<(), ApiError> {
        let asker = match &visitor.principal {
            Some(principal) => Asker::Operator(principal.operator.name.as_str()),
            None => Asker::Stranger(visitor.client.address),
        };
        let Err(seconds) = self.limits.count(&asker, writes) else {
            return Ok(());
        };
        if let Some(principal) = &visitor.principal {
            let refused = principal.entry("rate_limit", AuditOutcome::Refused);
            self.audit
                .record_once(refused)
                .await
                .map_err(|_| ApiError::Unrecorded)?;
        } else {
            tracing::warn!(from = %visitor.from(), "too many requests from one address");
        }
        Err(ApiError::TooMany { seconds })
    }
}

/// Whether the proxy's header permits the session. A session that a proxy opened is valid only if each request names
/// the same operator. A session that a password opened needs no header, but a header must not name another operator.
fn is_vouched(session: &SessionRecord, vouched: &Vouched) -> bool {
    match vouched {
        Vouched::Operator(name) => session.operator.as_str() == name,
        Vouched::NotAsked | Vouched::Nobody => !session.vouched,
    }
}

/// Middleware of pages and downloads. Redirects visitors without a session to the sign-in page, unless the page is
/// public. A page that the role does not allow gets status 403, and the refusal is recorded.
pub async fn guard_page(State(guard): State<Arc<Guard>>, request: Request<Body>, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let recognised = match guard.recognise(&parts).await {
        Ok(recognised) => recognised,
        Err(error) => return unavailable(&error),
    };
    let Recognised { visitor, cookie } = recognised;
    if let Err(error) = guard.count(&visitor, false).await {
        return refusals::plain_text(&error);
    }
    let route = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let gate = route.map_or(Gate::SignedIn, permissions::page);
    let mut response = match &visitor.principal {
        None if gate != Gate::Public => refusals::sign_in_first(&parts),
        Some(principal) if !gate.lets(principal.operator.role) => {
            let refused = principal.entry("page", AuditOutcome::Refused).about(parts.uri.path());
            if let Err(error) = guard.audit.record_once(refused).await {
                return unavailable(&error.0);
            }
            // The page is rendered and shows the refusal itself: the server functions that it calls refuse as well.
            parts.extensions.insert(visitor.clone());
            refusals::forbidden(next.run(Request::from_parts(parts, body)).await)
        }
        _ => {
            parts.extensions.insert(visitor.clone());
            next.run(Request::from_parts(parts, body)).await
        }
    };
    give(cookie, &mut response);
    response
}

/// Middleware of server functions: adds the visitor to the request. The function itself checks the permission, so that
/// the same check applies when a page calls the function during rendering.
pub async fn guard_function(State(guard): State<Arc<Guard>>, request: Request<Body>, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let recognised = match guard.recognise(&parts).await {
        Ok(recognised) => recognised,
        Err(error) => {
            tracing::error!(%error, "the session of a request can't be verified");
            return functions::refuse(&parts, &ApiError::Unrecorded);
        }
    };
    let Recognised { visitor, cookie } = recognised;
    let writes = permissions::function(parts.uri.path()).is_none_or(|function| function.writes);
    if let Err(error) = guard.count(&visitor, writes).await {
        return functions::refuse(&parts, &error);
    }
    parts.extensions.insert(visitor);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    // The cookie of a function that signs in or out takes precedence.
    if !response.headers().contains_key(SET_COOKIE) {
        give(cookie, &mut response);
    }
    response
}

/// Middleware of the live stream. Refuses with a bare 401 or 403, because a stream can't redirect to a page.
pub async fn guard_live(State(guard): State<Arc<Guard>>, request: Request<Body>, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let recognised = match guard.recognise(&parts).await {
        Ok(recognised) => recognised,
        Err(error) => return unavailable(&error),
    };
    let Recognised { visitor, cookie } = recognised;
    if let Err(error) = guard.count(&visitor, false).await {
        return refusals::plain_text(&error);
    }
    let mut response = match visitor.principal {
        None => StatusCode::UNAUTHORIZED.into_response(),
        Some(principal) if !permissions::LIVE.lets(principal.operator.role) => {
            let refused = principal.entry("live", AuditOutcome::Refused);
            match guard.audit.record_once(refused).await {
                Ok(()) => StatusCode::FORBIDDEN.into_response(),
                Err(error) => unavailable(&error.0),
            }
        }
        Some(principal) => {
            parts.extensions.insert(principal);
            next.run(Request::from_parts(parts, body)).await
        }
    };
    give(cookie, &mut response);
    response
}

fn give(cookie: Option<HeaderValue>, response: &mut Response) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

fn unavailable(error: &Unavailable) -> Response {
    tracing::error!(%error, "the session of a request can't be verified");
    refusals::unavailable().into_response()
}
