//! The password again, and a code where the account has one: asked for where the last proof is too old for what is done.

use leptos::prelude::*;

use super::sent::mistake;
use crate::{
    api::ApiError,
    components::input::{Control, Input},
    domain::form::Field,
};

/// Characters of a password that are sent at most.
pub const PASSWORD_MAX: usize = 256;
/// Characters of a code: six digits, and some room for spaces.
pub const CODE_MAX: usize = 16;

/// The fields `password` and `code` of a form, those that are needed.
#[component]
pub fn Proof(
    /// The name of the argument that they are fields of.
    of_form: &'static str,
    password: bool,
    code: bool,
    failure: Option<ApiError>,
    /// Before the ids of the fields, where a page has several.
    #[prop(optional)]
    prefix: &'static str,
    /// The fields may stay empty: whether they are needed is not known here.
    #[prop(optional)]
    perhaps: bool,
) -> impl IntoView {
    let (hint, code_hint) = if perhaps {
        (
            "Needed if you entered it more than 5 minutes ago.",
            "Needed with the password, if you have an authenticator.",
        )
    } else {
        ("You entered it more than 5 minutes ago.", "")
    };
    let password = password.then(|| {
        view! {
            <Input
                id=format!("{prefix}password")
                name=format!("{of_form}[password]")
                label="Your password"
                control=Control::Password
                autocomplete="current-password"
                hint=hint
                mistake=mistake(failure.as_ref(), Field::Password)
                max_length=Some(PASSWORD_MAX)
                required=!perhaps
            />
        }
    });
    let code = code.then(|| {
        view! {
            <Input
                id=format!("{prefix}code")
                name=format!("{of_form}[code]")
                label="Code of your authenticator"
                control=Control::Code
                autocomplete="one-time-code"
                hint=code_hint
                mistake=mistake(failure.as_ref(), Field::Code)
                max_length=Some(CODE_MAX)
                required=!perhaps
            />
        }
    });
    view! {
        {password}
        {code}
    }
    .into_any()
}
