//! Answers to those who ask for a page and don't get it: the way to sign in, and plain words where no page can be made.

use axum::{
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_TYPE, LOCATION, RETRY_AFTER},
        request::Parts,
    },
    response::{Html, IntoResponse, Response},
};

use crate::{api::ApiError, components::href, server::functions::retry_after};

/// Leads to the page to sign in, and from there back here.
///
/// A link on another site (a mail, a chat) comes without the cookie, which is `SameSite=Strict`. Whether somebody is signed
/// in is known only when the browser asks again on this site's own behalf, so it is told to; nothing was done until then.
pub fn sign_in_first(request: &Parts) -> Response {
    let here = request.uri.path_and_query().map_or("/", |here| here.as_str());
    if has(&request.headers, "sec-fetch-site", "cross-site") && has(&request.headers, "sec-fetch-dest", "document") {
        return Html(format!(
            "<!DOCTYPE html><html lang=\"en\"><meta http-equiv=\"refresh\" content=\"0;url={0}\"><title>Ledgerscope</title>\
             <p><a href=\"{0}\">Go on</a></p></html>",
            escaped(here)
        ))
        .into_response();
    }
    (StatusCode::SEE_OTHER, [(LOCATION, href::sign_in(here))]).into_response()
}

/// Gives a page that says that the role may not see it the status for that.
pub fn forbidden(mut page: Response) -> Response {
    if page.status().is_success() {
        *page.status_mut() = StatusCode::FORBIDDEN;
    }
    page
}

pub fn too_many(error: &ApiError) -> Response {
    let plain = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    let mut response = (StatusCode::TOO_MANY_REQUESTS, plain, format!("{error}\n")).into_response();
    if let Some(seconds) = retry_after(error) {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

pub fn unavailable() -> impl IntoResponse {
    let words = "The store that knows who is signed in does not answer, so nothing can be shown. Try again in a moment.\n";
    (StatusCode::SERVICE_UNAVAILABLE, words)
}

fn has(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers.get(name).is_some_and(|given| given == value)
}

/// For an attribute of HTML.
fn escaped(address: &str) -> String {
    address
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};

    use super::*;

    fn asked(path: &str, site: &str) -> Response {
        let request = Request::get(path)
            .header("sec-fetch-site", site)
            .header("sec-fetch-dest", "document")
            .body(Body::empty());
        sign_in_first(&request.unwrap().into_parts().0)
    }

    #[test]
    fn the_way_back_is_kept() {
        let response = asked("/wallets/W-1?at=x&known=y", "none");
        assert_eq!(response.status(), 303);
        assert_eq!(
            response.headers()[LOCATION],
            "/sign-in?next=%2Fwallets%2FW-1%3Fat%3Dx%26known%3Dy"
        );
    }

    #[tokio::test]
    async fn a_link_from_elsewhere_is_asked_for_once_more() {
        let response = asked("/search?q=%22&x='<b>", "cross-site");
        assert_eq!(response.status(), 200);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("content=\"0;url=/search?q=%22&amp;x='&lt;b&gt;\""), "{text}");
    }
}
