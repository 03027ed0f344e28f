//! Recognises who a request is from by its session's cookie or its proxy, before any page or function is asked. Pages lead visitors
//! without a session to the sign-in; functions refuse by themselves.

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

/// What `public/page.js` sends with a question that nobody asked, such as that after a change: an open page does not keep its
/// session from going idle.
const UNASKED: &str = "x-unasked";

/// Recognises people. One for all requests.
pub struct Guard {
    auth: Arc<Auth>,
    audit: Arc<Audit>,
    proxies: Proxies,
    limits: RateLimits,
}

/// A visitor, and the cookie that their browser is to have from now on.
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

    /// The id that a believed proxy gave a request.
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
                // It is no longer anybody's, and must not become so again when the proxy changes its mind.
                self.auth.sessions().close(&token.0).await?;
                recognised.cookie = self.auth.cookie().clear();
                self.admit_vouched(&mut recognised).await?;
            }
            (None, _) => self.admit_vouched(&mut recognised).await?,
        }
        Ok(recognised)
    }

    /// Begins a session for whom the proxy names, if there is such an operator.
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
            let why = "named by the proxy, and no operator who may sign in";
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

    /// Counts what is asked for. That it is too much is recorded of operators; of strangers only the program's own log
    /// says so, or they could fill the trail.
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

/// Whether a session still has behind it what it was begun with: one that a proxy began lives as long as that proxy names
/// the same operator with every request; one that a password began needs no proxy, but none may name somebody else.
fn is_vouched(session: &SessionRecord, vouched: &Vouched) -> bool {
    match vouched {
        Vouched::Operator(name) => session.operator.as_str() == name,
        Vouched::NotAsked | Vouched::Nobody => !session.vouched,
    }
}

/// Lets those see a page who are signed in, and sends the others to sign in.
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
            // The page itself says so in its own frame: what it would show asks the server, and is refused there, too.
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

/// Tells a server function who calls it. Whether they may is the function's to say, so that the same holds when a page asks
/// it while it is being made.
pub async fn guard_function(State(guard): State<Arc<Guard>>, request: Request<Body>, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let recognised = match guard.recognise(&parts).await {
        Ok(recognised) => recognised,
        Err(error) => {
            tracing::error!(%error, "nobody can be recognised");
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
    // A function that signs in or out has the last word.
    if !response.headers().contains_key(SET_COOKIE) {
        give(cookie, &mut response);
    }
    response
}

/// Lets those hear what changes who may read it. There is no page here that could lead elsewhere, so refusals are bare.
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
    tracing::error!(%error, "nobody can be recognised");
    refusals::unavailable().into_response()
}
