//! The form fields that confirm the password, and a code if the operator has an authenticator. A form asks for them if
//! the last confirmation is too old for its action.

use leptos::prelude::*;

use super::sent::mistake;
use crate::{
    api::ApiError,
    components::input::{Control, Input},
    domain::form::Field,
};

/// The most characters of a password field.
pub const PASSWORD_MAX: usize = 256;
/// The most characters of a code field. A code has six digits; the rest is for spaces.
pub const CODE_MAX: usize = 16;

/// Which fields a form asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proof {
    pub password: bool,
    pub code: bool,
    /// The fields can stay empty, because the page does not know whether they are needed.
    pub is_optional: bool,
    /// The prefix of the ids of the fields. Forms on the same page need different prefixes.
    pub prefix: &'static str,
}

/// The fields `form[password]` and `form[code]`. `failure` is why the form was not accepted.
pub fn proof(asked: Proof, failure: Option<&ApiError>) -> AnyView {
    let Proof {
        password,
        code,
        is_optional,
        prefix,
    } = asked;
    let (hint, code_hint) = if is_optional {
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
                name="form[password]"
                label="Your password"
                control=Control::Password
                autocomplete="current-password"
                hint=hint
                mistake=mistake(failure, Field::Password)
                max_length=Some(PASSWORD_MAX)
                required=!is_optional
            />
        }
    });
    let code = code.then(|| {
        view! {
            <Input
                id=format!("{prefix}code")
                name="form[code]"
                label="Code of your authenticator"
                control=Control::Code
                autocomplete="one-time-code"
                hint=code_hint
                mistake=mistake(failure, Field::Code)
                max_length=Some(CODE_MAX)
                required=!is_optional
            />
        }
    });
    view! {
        {password}
        {code}
    }
    .into_any()
}
