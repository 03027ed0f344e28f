//! Sign-in and sign-out.

use leptos::prelude::*;

use super::ApiError;
use crate::views::operators::SignInForm;

/// Signs in and redirects to `form.next`. Wrong input is an error of the field `password` or `code`.
#[server(endpoint = "sign-in")]
pub async fn sign_in(form: SignInForm) -> Result<(), ApiError> {
    let (visitor, state) = super::context::visitor()?;
    let (operator, token) = super::proof::sign_in(&visitor, (&state.auth, &state.audit), &form).await?;
    super::context::give_cookie(state.auth.cookie().set(&token))?;
    leptos_axum::redirect(&crate::views::destination::destination(&form.next, operator.role));
    Ok(())
}

/// Ends the session and redirects to the sign-in page.
#[server(endpoint = "sign-out")]
pub async fn sign_out(form_token: String) -> Result<(), ApiError> {
    let caller = super::context::signed_in()?;
    caller.check_form(&form_token).await?;
    super::proof::sign_out(&caller).await?;
    super::context::give_cookie(caller.auth().cookie().clear())?;
    leptos_axum::redirect(crate::views::href::SIGN_IN);
    Ok(())
}
