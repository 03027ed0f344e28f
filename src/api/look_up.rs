//! The look-up of a customer by the whole name and one more fact, for roles that may not read names.

use leptos::prelude::*;

use super::ApiError;
use crate::views::look_up::LookUpQuestion;

/// Answers with the customer's id and redirects to the customer's page. An operator has 20 tries an hour. Every try is
/// recorded in the audit trail before it is answered. An invalid form does not count as a try.
#[server(endpoint = "customer-look-up")]
pub async fn look_up_customer(form: LookUpQuestion) -> Result<String, ApiError> {
    let caller = super::context::authorise(super::context::Act::LookUp).await?;
    caller.check_form(&form.form_token).await?;
    let asked = super::look_up_form::Asked::read(&form)?;
    let customer = asked.answer(&caller).await?;
    leptos_axum::redirect(&crate::views::href::customer(&customer));
    Ok(customer)
}
