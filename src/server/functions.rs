//! Server functions as HTTP endpoints: what status their refusals have. The library itself answers every error with 500 and,
//! to a form that was sent without JavaScript, with a way back to its page; the former is corrected here, the latter kept.

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

/// An error is a code and a sentence; what is longer was not made here.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// Gives an answer that is an error the status of its [`ApiError`].
pub async fn tell_status(request: Request<Body>, next: Next) -> Response {
    let response = next.run(request).await;
    let untold = response.status() == StatusCode::INTERNAL_SERVER_ERROR;
    if !untold || !response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
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

/// Refuses a call before its function is asked, in the same way in which the function would.
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

/// When to come again, where that is known.
pub fn retry_after(error: &ApiError) -> Option<HeaderValue> {
    match error {
        ApiError::TooMany { seconds } => Some(HeaderValue::from(*seconds)),
        _ => None,
    }
}
