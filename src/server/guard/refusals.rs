//! Responses to refused page requests: a redirect to the sign-in page, or plain text where no page can be rendered.

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

/// Redirects to the sign-in page, with the requested path and query in `next`.
pub fn sign_in_first(request: &Parts) -> Response {
    let here = request.uri.path_and_query().map_or("/", |here| here.as_str());
    (StatusCode::SEE_OTHER, [(LOCATION, href::sign_in(here))]).into_response()
}

/// Sets status 403 on a page that shows that the role does not allow it.
pub fn forbidden(mut page: Response) -> Response {
    if page.status().is_success() {
        *page.status_mut() = StatusCode::FORBIDDEN;
    }
    page
}

/// A plain-text response with the text and the status of the error.
pub fn plain_text(error: &ApiError) -> Response {
    let plain = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    let mut response = (functions::status(error), plain, format!("{error}\n")).into_response();
    if let Some(seconds) = retry_after(error) {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

pub fn unavailable() -> impl IntoResponse {
    let words = "The store of the sessions does not answer. Try again in a moment.\n";
    (StatusCode::SERVICE_UNAVAILABLE, words)
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};

    use super::*;

    #[test]
    fn the_sign_in_redirect_keeps_path_and_query() {
        let request = Request::get("/wallets/W-1?at=x&known=y").body(Body::empty()).unwrap();
        let response = sign_in_first(&request.into_parts().0);
        assert_eq!(response.status(), 303);
        assert_eq!(
            response.headers()[LOCATION],
            "/sign-in?next=%2Fwallets%2FW-1%3Fat%3Dx%26known%3Dy"
        );
    }
}
