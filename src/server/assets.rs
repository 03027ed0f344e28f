//! Static files for browsers: reads their names from the manifest and serves them with their cache headers.
//! `cargo xtask bundle` makes the files. The server serves every page without them, too.

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

/// The manifest that the bundler writes: the current name of each file.
const MANIFEST: &str = "assets.json";
/// `Cache-Control` of files with a content hash in their name: the content of such a name never changes.
const HASHED: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// `Cache-Control` of files without a hash: their content changes with builds, so browsers revalidate them on each use.
const UNHASHED: HeaderValue = HeaderValue::from_static("no-cache");

/// The site directory and the URLs of its files.
#[derive(Clone, Debug)]
pub struct Assets {
    site: PathBuf,
    hashed: bool,
    /// The URLs that pages link to.
    pub urls: AssetUrls,
}

/// The manifest exists, but can't be read or parsed.
#[derive(Debug, thiserror::Error)]
#[error("{path} can't be read ({reason}); build it again with `cargo xtask bundle`")]
pub struct AssetsError {
    path: String,
    reason: String,
}

/// The contents of the manifest: file names within `pkg`.
#[derive(Deserialize)]
struct Manifest {
    css: String,
    js: String,
    wasm: String,
}

impl Assets {
    /// Reads the manifest in `site`. Without a manifest, the file names are those of cargo-leptos.
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

    /// Serves `/pkg`, and other files (such as icons) from the top level of the site directory. `page` answers every
    /// other path.
    pub fn routes<H, T>(&self, page: H) -> Router
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        let fresh = if self.hashed { HASHED } else { UNHASHED };
        // Only successful responses are cached: a missing file may exist after the next build.
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

/// Serves the files of a directory. Sends the bundler's `.br` or `.gz` file where the browser accepts that encoding.
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
    async fn files_with_a_hash_are_cached_as_immutable() {
        let site = bundled();
        let (status, cache, encoding) = get(&site, &format!("/pkg/{CSS}")).await;
        assert_eq!((status, encoding.as_deref()), (200, Some("br")));
        assert!(cache.unwrap().contains("immutable"));
        let (status, cache, _) = get(&site, "/pkg/none.js").await;
        assert_eq!((status, cache), (404, None));
    }

    #[tokio::test]
    async fn files_without_a_hash_are_revalidated() {
        let (status, cache, _) = get(&bundled(), "/favicon.svg").await;
        assert_eq!((status, cache.as_deref()), (200, Some("no-cache")));
        let by_cargo_leptos = site(&[("pkg/ledgerscope.js", "")]);
        let (status, cache, _) = get(&by_cargo_leptos, "/pkg/ledgerscope.js").await;
        assert_eq!((status, cache.as_deref()), (200, Some("no-cache")));
    }

    #[tokio::test]
    async fn paths_without_a_file_are_answered_by_the_page() {
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
    fn a_broken_manifest_is_an_error() {
        let broken = site(&[("assets.json", "{}")]);
        let message = Assets::find(broken.path()).unwrap_err().to_string();
        assert!(message.contains("cargo xtask bundle"), "{message}");
    }
}
