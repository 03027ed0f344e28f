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

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;

    use super::*;

    const CSS: &str = "ledgerscope.0123456789abcdef.css";

    fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
        let site = tempfile::tempdir().unwrap();
        fs::create_dir(site.path().join("pkg")).unwrap();
        for (name, content) in files {
            fs::write(site.path().join(name), content).unwrap();
        }
        site
    }

    fn bundled() -> tempfile::TempDir {
        let css = format!("pkg/{CSS}");
        site(&[
            (
                "assets.json",
                &format!(r#"{{"css":"{CSS}","js":"a.js","wasm":"a.wasm"}}"#),
            ),
            (&css, "main { color: blue }"),
            (&format!("{css}.br"), "smaller"),
            ("favicon.svg", "<svg/>"),
        ])
    }

    async fn get(site: &tempfile::TempDir, path: &str) -> (u16, Option<String>, Option<String>) {
        let routes = Assets::find(site.path()).unwrap().routes(async || "a page");
        let request = Request::get(path).header("accept-encoding", "br").body(Body::empty());
        let response = routes.oneshot(request.unwrap()).await.unwrap();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let (cache, encoding) = (header("cache-control"), header("content-encoding"));
        (response.status().as_u16(), cache, encoding)
    }

    #[tokio::test]
    async fn what_has_a_hash_in_its_name_is_kept_for_good() {
        let site = bundled();
        let (status, cache, encoding) = get(&site, &format!("/pkg/{CSS}")).await;
        assert_eq!((status, encoding.as_deref()), (200, Some("br")));
        assert!(cache.unwrap().contains("immutable"));
        let (status, cache, _) = get(&site, "/pkg/none.js").await;
        assert_eq!((status, cache), (404, None));
    }

    #[tokio::test]
    async fn what_keeps_its_name_is_asked_for_again() {
        let (status, cache, _) = get(&bundled(), "/favicon.svg").await;
        assert_eq!((status, cache.as_deref()), (200, Some("no-cache")));
        let by_cargo_leptos = site(&[("pkg/ledgerscope.js", "")]);
        let (status, cache, _) = get(&by_cargo_leptos, "/pkg/ledgerscope.js").await;
        assert_eq!((status, cache.as_deref()), (200, Some("no-cache")));
    }

    #[tokio::test]
    async fn what_is_no_file_is_a_page() {
        for path in ["/", "/wallets/W-1", "/../Cargo.toml", "/%2e%2e/Cargo.toml"] {
            let (status, _, encoding) = get(&bundled(), path).await;
            assert_eq!((status, encoding), (200, None), "{path}");
        }
    }

    #[test]
    fn pages_link_to_what_the_manifest_names() {
        let urls = Assets::find(bundled().path()).unwrap().urls;
        assert_eq!(urls.css, format!("/pkg/{CSS}"));
        assert_eq!(urls.program.unwrap().wasm, "/pkg/a.wasm");
        let empty = Assets::find(Path::new("no such directory")).unwrap().urls;
        assert_eq!(empty.program, None);
    }

    #[test]
    fn a_broken_manifest_is_said_and_not_served() {
        let broken = site(&[("assets.json", "{}")]);
        let message = Assets::find(broken.path()).unwrap_err().to_string();
        assert!(message.contains("cargo xtask bundle"), "{message}");
    }
}
