//! The files that the build made for browsers: finds out what they are called and serves them with the right cache
//! headers. It never makes them (that is `cargo xtask bundle`), and a server without them still serves every page.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use axum::{
    Router,
    handler::Handler,
    http::{HeaderValue, Response, header::CACHE_CONTROL},
};
use serde::Deserialize;
use tower::ServiceBuilder;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

use crate::app::{AssetUrls, ProgramUrls};

/// Written by the bundler: what each is called today.
const MANIFEST: &str = "assets.json";
/// A name that carries its content's hash never changes its content.
const HASHED: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// A name that stays may change with every build: ask each time, and mostly hear 'not modified'.
const UNHASHED: HeaderValue = HeaderValue::from_static("no-cache");

/// What the site directory holds.
#[derive(Clone, Debug)]
pub struct Assets {
    site: PathBuf,
    hashed: bool,
    /// What pages link to.
    pub urls: AssetUrls,
}

/// The site directory is there, but broken.
#[derive(Debug, thiserror::Error)]
#[error("{path} can't be read ({reason}); build it again with `cargo xtask bundle`")]
pub struct AssetsError {
    path: String,
    reason: String,
}

/// The manifest as the bundler writes it: file names within `pkg`.
#[derive(Deserialize)]
struct Manifest {
    css: String,
    js: String,
    wasm: String,
}

impl Assets {
    /// Reads the manifest in `site`. Without one the names are those that cargo-leptos gives its files.
    pub fn find(site: &Path) -> Result<Self, AssetsError> {
        let path = site.join(MANIFEST);
        let broken = |reason: String| AssetsError {
            path: path.display().to_string(),
            reason,
        };
        let manifest = match fs::read(&path) {
            Ok(bytes) => Some(serde_json::from_slice::<Manifest>(&bytes).map_err(|error| broken(error.to_string()))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(broken(error.to_string())),
        };
        let url = |name: &str| format!("/pkg/{name}");
        Ok(Self {
            site: site.to_path_buf(),
            hashed: manifest.is_some(),
            urls: match manifest {
                Some(names) => AssetUrls {
                    css: url(&names.css),
                    program: Some(ProgramUrls {
                        js: url(&names.js),
                        wasm: url(&names.wasm),
                    }),
                },
                None => AssetUrls {
                    css: url("ledgerscope.css"),
                    program: site.join("pkg/ledgerscope.js").exists().then(|| ProgramUrls {
                        js: url("ledgerscope.js"),
                        wasm: url("ledgerscope.wasm"),
                    }),
                },
            },
        })
    }

    /// Serves the files: everything under `/pkg`, and icons and such from the site's top level. What is not a file is
    /// answered by `page`.
    pub fn routes<H, T>(&self, page: H) -> Router
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        let fresh = if self.hashed { HASHED } else { UNHASHED };
        // A missing file may be there after the next build, so only what is there is kept.
        let kept = move |response: &Response<_>| response.status().is_success().then(|| fresh.clone());
        let package = ServiceBuilder::new()
            .layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, kept))
            .service(directory(&self.site.join("pkg")));
        let top_level = ServiceBuilder::new()
            .layer(SetResponseHeaderLayer::if_not_present(CACHE_CONTROL, UNHASHED))
            .service(directory(&self.site).fallback(page.with_state(())));
        Router::new().nest_service("/pkg", package).fallback_service(top_level)
    }
}

/// Files as they are, and in the smaller form that the bundler put beside them where the reader's browser takes it.
fn directory(path: &Path) -> ServeDir {
    ServeDir::new(path)
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip()
}
