//! Signing in and out, and who is signed in.

use leptos::prelude::*;
use leptos::server_fn::codec::Json;

use super::ApiError;
use crate::domain::access::{Me, SignInForm};

/// Who is signed in; `None` where nobody is. The one question that needs no session.
#[server(endpoint = "me", input = Json)]
pub async fn get_me() -> Result<Option<Me>, ApiError> {
    Err(ApiError::Internal)
}

/// Signs in and leads to `form.next`. What is wrong comes back as an error of the field `password` or `code`.
#[server(endpoint = "sign-in")]
pub async fn sign_in(form: SignInForm) -> Result<(), ApiError> {
    let _ = form;
    Err(ApiError::Internal)
}

/// Ends the session and leads to the page to sign in.
#[server(endpoint = "sign-out")]
pub async fn sign_out(form_token: String) -> Result<(), ApiError> {
    let _ = form_token;
    Err(ApiError::Internal)
}
