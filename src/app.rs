//! The HTML document around every page, and the routes. Everything is rendered on the server; `public/page.js`
//! navigates between pages.

mod frame;

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    components::{Route, Router, Routes},
    path,
};

use self::frame::{DemoBanner, Footer, Header, Health};
use crate::{
    components::input::FormProblem,
    pages::{
        audit::AuditPage,
        case::CasePage,
        cases::{ApprovalsPage, CasesPage, CompensationsPage},
        compensate::CompensatePage,
        customer::CustomerPage,
        customers::CustomersPage,
        event::EventPage,
        findings::FindingsPage,
        holds::HoldsPage,
        live::{LiveBanner, LiveSaid},
        look_up::LookUpPage,
        not_found::NotFound,
        operators::OperatorsPage,
        order::OrderPage,
        orders::OrdersPage,
        overview::OverviewPage,
        refund::RefundPage,
        refunds::RefundsPage,
        search::SearchPage,
        session::Session,
        sign_in::SignInPage,
        wallet::WalletPage,
        wallets::WalletsPage,
    },
};

/// The URLs of the built files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetUrls {
    /// The style sheet.
    pub css: String,
    /// The browser part. It is optional: pages and forms work without it.
    pub program: Option<ProgramUrls>,
}

/// The cursor of the live stream when the page was rendered. The browser starts there, so that it misses no change.
#[derive(Clone, Debug)]
pub struct LiveFrom(pub String);

/// The URLs of the browser part: the JavaScript glue and the WebAssembly module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramUrls {
    pub js: String,
    pub wasm: String,
}

/// The document around [`App`].
pub fn shell(assets: AssetUrls) -> impl IntoView {
    let from = use_context::<LiveFrom>().map(|from| view! { <meta name="live-from" content=from.0 /> });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="manifest" href="/manifest.webmanifest" />
                <link rel="stylesheet" href=assets.css />
                {from}
                {assets.program.map(|program| view! { <Scripts program /> })}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The scripts that other scripts import. The page preloads them, so that browsers request all of them at once.
const IMPORTED: [&str; 4] = ["/morph.js", "/live_connection.js", "/live_refresh.js", "/live_view.js"];

/// The scripts of a page. `page.js` loads the browser part only on pages that use it.
#[component]
fn Scripts(program: ProgramUrls) -> impl IntoView {
    let ProgramUrls { js, wasm } = program;
    let imported = IMPORTED
        .map(|script| view! { <link rel="modulepreload" href=script nonce=use_nonce() /> })
        .collect_view();
    view! {
        <meta name="program" content=format!("{js} {wasm}") />
        {imported}
        <script type="module" src="/page.js" nonce=use_nonce()></script>
        <script type="module" src="/live.js" nonce=use_nonce()></script>
    }
}

/// The template of the error message of `page.js`.
#[component]
fn Trouble() -> impl IntoView {
    view! {
        <template id="page-trouble-form">
            <FormProblem title="">
                <p></p>
            </FormProblem>
        </template>
    }
}

/// The router of all pages, with the frame around them.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Session::provide();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Ledgerscope".to_owned() } else { format!("{title} · Ledgerscope") } />
        <Router>
            <a class="skip-link" href="#main" rel="external">
                "Skip to the content"
            </a>
            <DemoBanner />
            <Header />
            <Health />
            <LiveBanner />
            <LiveSaid />
            <main id="main" tabindex="-1">
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=OverviewPage />
                    <Route path=path!("/refunds") view=RefundsPage />
                    <Route path=path!("/refunds/:refund") view=RefundPage />
                    <Route path=path!("/wallets") view=WalletsPage />
                    <Route path=path!("/wallets/:id") view=WalletPage />
                    <Route path=path!("/orders") view=OrdersPage />
                    <Route path=path!("/orders/:id") view=OrderPage />
                    <Route path=path!("/events/:domain/:subject/:position") view=EventPage />
                    <Route path=path!("/findings") view=FindingsPage />
                    <Route path=path!("/holds") view=HoldsPage />
                    <Route path=path!("/customers") view=CustomersPage />
                    <Route path=path!("/customers/:id") view=CustomerPage />
                    <Route path=path!("/look-up") view=LookUpPage />
                    <Route path=path!("/cases") view=CasesPage />
                    <Route path=path!("/search") view=SearchPage />
                    <Route path=path!("/compensate") view=CompensatePage />
                    <Route path=path!("/approvals") view=ApprovalsPage />
                    <Route path=path!("/compensations") view=CompensationsPage />
                    <Route path=path!("/compensations/:case") view=CasePage />
                    <Route path=path!("/operators") view=OperatorsPage />
                    <Route path=path!("/audit") view=AuditPage />
                    <Route path=path!("/sign-in") view=SignInPage />
                </Routes>
            </main>
            <Footer />
            <Trouble />
        </Router>
    }
}
