//! HTTP: from a request to a page, a server function or a file. It puts the limits and the security policy around all
//! of them; what a page shows is none of its business.

pub mod assets;
pub mod config;
mod export;
mod functions;
pub mod guard;
mod limits;
mod live;
pub mod operations;
pub mod permissions;
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

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Assets(#[from] AssetsError),
    #[error("can't listen on {address}: {source}; choose another with --listen")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("the server stopped: {0}")]
    Stopped(#[from] io::Error),
}

impl ServeError {
    /// Contract §10.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::Assets(_) | Self::Listen { .. } | Self::Stopped(_) => 1,
        }
    }
}

/// Serves until the process is told to stop (SIGINT or SIGTERM). Prints its address, alone on a line, when it is ready.
/// [`ServerConfig::check`] comes before anything is opened for it.
pub async fn serve(config: &ServerConfig, state: AppState) -> Result<(), ServeError> {
    let assets = Assets::find(&config.site)?;
    if assets.urls.program.is_none() {
        tracing::warn!(
            "no browser part in {}: pages work, but nothing moves; run `cargo xtask bundle`",
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
        tracing::info!(%address, "figures are at /metrics");
        // Ends with the program: whoever reads them may watch it stop.
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

/// The path of every page, as routes name them. Found out once in a process: meanwhile leptos loads no resource in any thread,
/// so a page that was being rendered beside it would wait for ever.
pub fn page_paths() -> &'static [String] {
    static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let routes = generate_route_list(App);
        routes.iter().map(|route| route.path().to_owned()).collect()
    });
    &PATHS
}

/// Every route with its limits; also what HTTP tests talk to.
pub fn router(state: AppState, guard: Guard, assets: &Assets, public: Option<&PublicUrl>) -> Router {
    router_with(state, guard, assets, public, &Operations::new())
}

/// The same, with what is known of its operation from outside.
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
    // Always the whole page in one piece: it reads without JavaScript, and its status is known before its first byte.
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
        // Not traced: that it is not ready yet is an answer, and no failure to be logged with every probe.
        .merge(probes)
        .layer(from_fn_with_state(observed, observe))
}

/// A route for each server function; any other address under `/api` is nothing, not even a page.
fn server_functions(context: impl Fn() + Clone + Send + Sync + 'static, guard: &Arc<Guard>) -> Router {
    let handler = move |request: Request<Body>| leptos_axum::handle_server_fns_with_context(context.clone(), request);
    server_fn_paths()
        .fold(Router::new(), |router, (path, method)| {
            let method = MethodFilter::try_from(method).unwrap_or(MethodFilter::POST);
            let writes = permissions::function(path).is_some_and(|function| function.writes);
            let patience = if writes { WRITE_TIMEOUT } else { REQUEST_TIMEOUT };
            router.route(path, on(method, handler.clone()).layer(timeout(patience)))
        })
        .layer(from_fn(functions::tell_status))
        .layer(from_fn_with_state(Arc::clone(guard), guard_function))
        .route("/api/{*path}", any(StatusCode::NOT_FOUND))
}

fn timeout(patience: time::Duration) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, patience)
}

/// More requests than the server works on at a time.
async fn overloaded(_: BoxError) -> (StatusCode, [(header::HeaderName, HeaderValue); 1], &'static str) {
    let soon = (header::RETRY_AFTER, HeaderValue::from_static("1"));
    let words = "Too many requests are being worked on; try again in a moment.\n";
    (StatusCode::SERVICE_UNAVAILABLE, [soon], words)
}

/// What the log says of a request: never the query, which holds what people search for and the notes of forms.
fn span(request: &Request<Body>) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().map_or("", |id| &id.0);
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

/// What pages and server functions find in their context.
fn provide_request_context(state: &AppState) {
    // The browser takes over nothing of a page, so answers need not be in it a second time.
    if let Some(shared) = Owner::current_shared_context() {
        shared.set_is_hydrating(false);
    }
    provide_context(state.clone());
    let (_, place) = state.ledger.changes().subscribe(None).read(0);
    provide_context(LiveFrom(place.to_string()));
    // The guards put it there. Without it the request is not authenticated.
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
        // Told, or the teller is gone: both mean stop.
        let _ = stopped.await;
    });
    let out_of_time = async {
        stop.await;
        tracing::info!("stopping");
        // Those who only listen would keep the server waiting for nothing.
        operations.stop();
        let _ = stop_now.send(());
        time::sleep(STOP_GRACE).await;
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = out_of_time => Ok(()),
    }
}

/// Ends with the first SIGINT (Ctrl-C) or SIGTERM. Registered before the address is printed, so that none is missed.
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
