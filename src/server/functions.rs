//! The HTTP status of errors of server functions. `server_fn` answers every error with 500; this module sets the status
//! of the [`ApiError`]. A form that was sent without JavaScript is redirected back to its page, which `server_fn` does
//! as well.

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{
        HeaderValue, StatusCode,
        header::{ACCEPT, CONTENT_TYPE, LOCATION, REFERER, RETRY_AFTER},
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use leptos::server_fn::error::{FromServerFnError, SERVER_FN_ERROR_HEADER, ServerFnUrlError};

use crate::api::ApiError;

/// The longest error body in bytes. An [`ApiError`] is a code and a sentence, so a longer body is not one.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// Middleware: sets the status and `Retry-After` of an error response from its [`ApiError`].
pub async fn set_error_status(request: Request<Body>, next: Next) -> Response {
    let response = next.run(request).await;
    let is_unset = response.status() == StatusCode::INTERNAL_SERVER_ERROR;
    if !is_unset || !response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, ERROR_BYTES_MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let error = ApiError::de(bytes.clone());
    parts.status = status(&error);
    if let Some(seconds) = retry_after(&error) {
        parts.headers.insert(RETRY_AFTER, seconds);
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// The response to a call that is refused before its function runs. It has the form that an error of the function has:
/// a redirect to the referring page for a plain form, JSON otherwise.
pub fn refuse(call: &Parts, error: &ApiError) -> Response {
    let text = |name| {
        call.headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let by_form = text(ACCEPT).is_some_and(|accept| accept.contains("text/html"));
    let back = text(REFERER).filter(|_| by_form).and_then(|page| {
        let url = ServerFnUrlError::new(call.uri.path(), error.clone())
            .to_url(page)
            .ok()?;
        HeaderValue::from_str(url.as_str()).ok()
    });
    let mut response = if let Some(back) = back {
        (StatusCode::FOUND, [(LOCATION, back)]).into_response()
    } else {
        let json = HeaderValue::from_static("application/json");
        (status(error), [(CONTENT_TYPE, json)], error.ser()).into_response()
    };
    if let Some(seconds) = retry_after(error) {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

pub fn status(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The value of `Retry-After` in seconds, for errors that have one.
pub fn retry_after(error: &ApiError) -> Option<HeaderValue> {
    match error {
        ApiError::TooMany { seconds } => Some(HeaderValue::from(*seconds)),
        _ => None,
    }
}
