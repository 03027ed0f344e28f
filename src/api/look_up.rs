//! The look-up of a customer by the whole name and one more fact, for roles that read the ledger without names.

use leptos::prelude::*;

use super::ApiError;
use crate::views::look_up::LookUpQuestion;

/// Answers with the customer's id and leads to their page. An operator has 20 tries an hour, and every try is in the audit
/// trail before it is answered. A question with a mistake in it asks nothing and is no try.
#[server(endpoint = "customer-look-up")]
pub async fn look_up_customer(form: LookUpQuestion) -> Result<String, ApiError> {
    let caller = super::context::authorise(super::context::Act::LookUp).await?;
    caller.check_form(&form.form_token).await?;
    let asked = super::look_up_form::Asked::read(&form)?;
    let customer = asked.answer(&caller).await?;
    leptos_axum::redirect(&crate::views::href::customer(&customer));
    Ok(customer)
}
