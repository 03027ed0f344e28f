//! The HTTP server: the router for pages, server functions and files, with its limits and its security policy.
//! The contents of pages are in `pages` and `app`.

pub mod assets;
pub mod config;
mod export;
mod functions;
pub mod guard;
mod limits;
mod live;
pub mod operations;
pub mod permissions;
mod readers;
pub mod security;

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use axum::{
    BoxError, Router,
    body::Body,
    error_handling::HandleErrorLayer,
    extract::Request,
    handler::Handler,
    http::{HeaderValue, StatusCode, header, request::Parts},
    middleware::{from_fn, from_fn_with_state},
    routing::{MethodFilter, any, get, on},
};
use leptos::{nonce::use_nonce, prelude::*, server_fn::axum::server_fn_paths};
use leptos_axum::{ResponseOptions, generate_route_list};
use tokio::{net::TcpListener, signal::unix, sync::oneshot, time};
use tower::{ServiceBuilder, limit::GlobalConcurrencyLimitLayer, load_shed::LoadShedLayer};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer,
    trace::TraceLayer,
};

use self::{
    assets::{Assets, AssetsError},
    config::{
        BODY_BYTES_MAX, ConfigError, PublicUrl, REQUEST_TIMEOUT, REQUESTS_AT_ONCE, STOP_GRACE, ServerConfig,
        WRITE_TIMEOUT,
    },
    guard::{Guard, guard_function, guard_page},
    operations::{Operations, RequestId, observe},
};
use crate::{
    app::{App, LiveFrom, shell},
    app_state::{AppState, me},
    auth::Visitor,
    pages::{session::SignedIn, status::PageStatus},
};

/// Why the server can't start, or has stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Assets(#[from] AssetsError),
    #[error("can't listen on {address}: {source}; choose another address with --listen")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("the server stopped: {0}")]
    Stopped(#[from] io::Error),
}

impl ServeError {
    /// The exit code of the process (contract §10): 2 for wrong usage, 1 for the other errors.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::Assets(_) | Self::Listen { .. } | Self::Stopped(_) => 1,
        }
    }
}

/// Serves until SIGINT or SIGTERM. Prints the server's URL on a line of its own when the server accepts connections.
/// The caller runs [`ServerConfig::check`] first, before it opens any store.
pub async fn serve(config: &ServerConfig, state: AppState) -> Result<(), ServeError> {
    let assets = Assets::find(&config.site)?;
    if assets.urls.program.is_none() {
        tracing::warn!(
            "no browser part in {}: pages work, but without scripts; run `cargo xtask bundle`",
            config.site.display()
        );
    }
    let operations = Operations::new();
    let figures = operations::figures(&state, &operations);
    let guard = Guard::new(Arc::clone(&state.auth), Arc::clone(&state.audit), config);
    let router = router_with(state, guard, &assets, config.public_url.as_ref(), &operations);
    let (listener, address) = listen(config.listen).await?;
    let stop = stop_signal()?;
    if let Some(own) = config.metrics_listen {
        let (listener, address) = listen(own).await?;
        tracing::info!(%address, "metrics are at /metrics");
        // Not stopped at shutdown: metrics stay readable until the process ends.
        tokio::spawn(async move { axum::serve(listener, figures).await });
    }
    println!("http://{address}");
    run(listener, router, stop, &operations).await?;
    Ok(())
}

async fn listen(asked: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let error = |source| ServeError::Listen { address: asked, source };
    let listener = TcpListener::bind(asked).await.map_err(error)?;
    let address = listener.local_addr().map_err(error)?;
    Ok((listener, address))
}

/// The route path of every page, such as `/wallets/{id}`. Computed once per process: while `generate_route_list` runs,
/// leptos loads no resources in any thread, so a page with resources that is rendered at the same time would never
/// finish.
pub fn page_paths() -> &'static [String] {
    static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let routes = generate_route_list(App);
        routes.iter().map(|route| route.path().to_owned()).collect()
    });
    &PATHS
}

/// The router of the whole server, with all limits. HTTP tests use this one.
pub fn router(state: AppState, guard: Guard, assets: &Assets, public: Option<&PublicUrl>) -> Router {
    router_with(state, guard, assets, public, &Operations::new())
}

/// Like [`router`], with metrics and readiness in `operations`, which the caller also uses.
pub fn router_with(
    state: AppState,
    guard: Guard,
    assets: &Assets,
    public: Option<&PublicUrl>,
    operations: &Arc<Operations>,
) -> Router {
    let guard = Arc::new(guard);
    let probes = operations::probes(&state, operations);
    let live = live::routes(&state, &guard, operations);
    let observed = (Arc::clone(operations), Arc::clone(&guard));
    let urls = assets.urls.clone();
    let exports = export::routes(&state, &guard);
    let context = move || provide_request_context(&state);
    let functions = server_functions(context.clone(), &guard);
    // Pages are not streamed: they work without JavaScript, and the status is known before the first byte.
    let page = leptos_axum::render_app_async_with_context(context, move || shell(urls.clone()));
    let page = page.layer(from_fn_with_state(guard, guard_page));
    let routes = page_paths()
        .iter()
        .fold(Router::new(), |router, path| router.route(path, get(page.clone())))
        .merge(exports)
        .merge(assets.routes(page))
        .layer(timeout(REQUEST_TIMEOUT))
        .merge(functions)
        .layer(CompressionLayer::new())
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
        .layer(CatchPanicLayer::new())
        .layer(
            ServiceBuilder::new()
                .layer(HandleErrorLayer::new(overloaded))
                .layer(LoadShedLayer::new())
                .layer(GlobalConcurrencyLimitLayer::new(REQUESTS_AT_ONCE)),
        );
    security::guard(routes.merge(live), public)
        .layer(TraceLayer::new_for_http().make_span_with(span))
        // Probes are not traced: otherwise every "not ready" answer (503) would be logged as a failure.
        .merge(probes)
        .layer(from_fn_with_state(observed, observe))
}

/// A route for each server function. Every other path under `/api` answers 404 without a page.
fn server_functions(context: impl Fn() + Clone + Send + Sync + 'static, guard: &Arc<Guard>) -> Router {
    let handler = move |request: Request<Body>| leptos_axum::handle_server_fns_with_context(context.clone(), request);
    server_fn_paths()
        .fold(Router::new(), |router, (path, method)| {
            let method = MethodFilter::try_from(method).unwrap_or(MethodFilter::POST);
            let writes = permissions::function(path).is_some_and(|function| function.writes);
            let patience = if writes { WRITE_TIMEOUT } else { REQUEST_TIMEOUT };
            router.route(path, on(method, handler.clone()).layer(timeout(patience)))
        })
        .layer(from_fn(functions::set_error_status))
        .layer(from_fn_with_state(Arc::clone(guard), guard_function))
        .route("/api/{*path}", any(StatusCode::NOT_FOUND))
}

fn timeout(patience: time::Duration) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, patience)
}

/// The answer to a request above [`REQUESTS_AT_ONCE`]: 503 with `Retry-After: 1`.
async fn overloaded(_: BoxError) -> (StatusCode, [(header::HeaderName, HeaderValue); 1], &'static str) {
    let soon = (header::RETRY_AFTER, HeaderValue::from_static("1"));
    let words = "Too many requests at once. Try again in a moment.\n";
    (StatusCode::SERVICE_UNAVAILABLE, [soon], words)
}

/// The log span of a request: id, method and path. The query is left out because it contains search texts and the notes
/// of forms.
fn span(request: &Request<Body>) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().map_or("", |id| &id.0);
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

/// Provides the leptos context of a request: state, visitor, live cursor and page status. Also sets the response's
/// cache and content security headers.
fn provide_request_context(state: &AppState) {
    // Pages are not hydrated from serialized resources, so the page does not embed the answers of server functions.
    if let Some(shared) = Owner::current_shared_context() {
        shared.set_is_hydrating(false);
    }
    provide_context(state.clone());
    let (_, place) = state.ledger.changes().subscribe(None).read(0);
    provide_context(LiveFrom(place.to_string()));
    // The guards insert the visitor. Without it the request is not authenticated.
    if let Some(visitor) = use_context::<Parts>().and_then(|request| request.extensions.get::<Visitor>().cloned()) {
        provide_context(SignedIn(visitor.principal.as_ref().map(me)));
        provide_context(visitor);
    }
    let response = expect_context::<ResponseOptions>();
    response.insert_header(header::CACHE_CONTROL, security::NO_STORE);
    if let Some(policy) = use_nonce().and_then(|nonce| security::page_policy(&nonce)) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    provide_context(PageStatus::new(move |code| {
        if let Ok(code) = StatusCode::from_u16(code) {
            response.set_status(code);
        }
    }));
}

/// Serves until `stop`, then lets requests in flight finish for [`STOP_GRACE`].
async fn run(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
    operations: &Operations,
) -> io::Result<()> {
    let (stop_now, stopped) = oneshot::channel::<()>();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async {
        // An error means that the sender was dropped, which is a reason to stop as well.
        let _ = stopped.await;
    });
    let out_of_time = async {
        stop.await;
        tracing::info!("stopping");
        // Ends the live streams: otherwise graceful shutdown would wait for them until the grace period is over.
        operations.stop();
        let _ = stop_now.send(());
        time::sleep(STOP_GRACE).await;
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = out_of_time => Ok(()),
    }
}

/// A future that ends with the first SIGINT (Ctrl-C) or SIGTERM. The handlers are registered by this call, before the
/// address is printed, so that no signal is missed.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = unix::signal(unix::SignalKind::interrupt())?;
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
