//! Answers to those who ask for a page and don't get it: the way to sign in, and plain words where no page can be made.

use axum::{
    http::{
        StatusCode,
        header::{CONTENT_TYPE, LOCATION, RETRY_AFTER},
        request::Parts,
    },
    response::{IntoResponse, Response},
};

use crate::{
    api::ApiError,
    server::functions::{self, retry_after},
    views::href,
};

/// Leads to the page to sign in, and from there back here.
pub fn sign_in_first(request: &Parts) -> Response {
    let here = request.uri.path_and_query().map_or("/", |here| here.as_str());
    (StatusCode::SEE_OTHER, [(LOCATION, href::sign_in(here))]).into_response()
}

/// Gives a page that says that the role may not see it the status for that.
pub fn forbidden(mut page: Response) -> Response {
    if page.status().is_success() {
        *page.status_mut() = StatusCode::FORBIDDEN;
    }
    page
}

/// Says in plain words why there is no page.
pub fn plain_text(error: &ApiError) -> Response {
    let plain = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    let mut response = (functions::status(error), plain, format!("{error}\n")).into_response();
    if let Some(seconds) = retry_after(error) {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

pub fn unavailable() -> impl IntoResponse {
    let words =
        "The store that knows who is signed in does not answer, so nothing can be shown. Try again in a moment.\n";
    (StatusCode::SERVICE_UNAVAILABLE, words)
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};

    use super::*;

    #[test]
    fn the_way_back_is_kept() {
        let request = Request::get("/wallets/W-1?at=x&known=y").body(Body::empty()).unwrap();
        let response = sign_in_first(&request.into_parts().0);
        assert_eq!(response.status(), 303);
        assert_eq!(
            response.headers()[LOCATION],
            "/sign-in?next=%2Fwallets%2FW-1%3Fat%3Dx%26known%3Dy"
        );
    }
}
