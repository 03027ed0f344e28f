//! The page to sign in. It never shows a message from the address, because anybody can send somebody a link to this page
//! with a message of their own.

use leptos::{prelude::*, server_fn::ServerFn as _};
use leptos_meta::Title;

use super::{
    address::search,
    proof::{CODE_MAX, PASSWORD_MAX},
    sent::failure,
    session::Session,
};
use crate::{
    api::{ApiError, SignIn},
    components::{
        badge::Tone,
        input::{Control, FormProblem, Hidden, Input},
        notice::Notice,
        words::sentence,
    },
    domain::{access::OperatorName, form::Field},
    views::{href, operators::Me, query::value_of},
};

#[component]
pub fn SignInPage() -> impl IntoView {
    let session = Session::current();
    let next = value_of(&search(), "next");
    let returns = next.as_ref().is_some_and(|next| next != href::OVERVIEW);
    let why = returns.then(|| {
        view! {
            <p class="sign-in-why">
                "You are not signed in, or your session has ended. Sign in, and you come back to where you were."
            </p>
        }
    });
    let problem = failure::<SignIn>().map(|error| {
        let (title, text) = error_text(&error);
        view! { <FormProblem title><p>{text}</p></FormProblem> }
    });
    view! {
        <Title text="Sign in" />
        <div class="sign-in">
            <div class="panel sign-in-panel">
                <h1>"Sign in"</h1>
                {why}
                {session.show(|me| signed_in(&me))}
                {problem}
                <form method="post" action=SignIn::url() class="form">
                    <Hidden name="form[next]" value=next.unwrap_or_default() />
                    <Input
                        id="name"
                        name="form[name]"
                        label="Name"
                        autocomplete="username"
                        max_length=Some(OperatorName::MAX_LENGTH)
                        required=true
                    />
                    <Input
                        id="password"
                        name="form[password]"
                        label="Password"
                        control=Control::Password
                        autocomplete="current-password"
                        max_length=Some(PASSWORD_MAX)
                        required=true
                    />
                    <Input
                        id="code"
                        name="form[code]"
                        label="Code of your authenticator, if you have one"
                        control=Control::Code
                        autocomplete="one-time-code"
                        max_length=Some(CODE_MAX)
                    />
                    <button class="button is-main is-wide" type="submit" data-pending="Signing in …">
                        "Sign in"
                    </button>
                </form>
            </div>
        </div>
    }
    .into_any()
}

/// The notice for somebody who is signed in already.
fn signed_in(me: &Me) -> AnyView {
    let title = format!("You are signed in as {}", me.name);
    view! {
        <Notice tone=Tone::Info title>
            <p>
                <a href=href::OVERVIEW>"Continue to the overview"</a>
                ", or sign in as another operator."
            </p>
        </Notice>
    }
    .into_any()
}

fn error_text(error: &ApiError) -> (&'static str, String) {
    const NOT: &str = "You are not signed in";
    match error {
        ApiError::Field { error } if error.field == Field::Code => (
            NOT,
            "The code is missing, wrong or already used. Enter the code that your authenticator shows now.".to_owned(),
        ),
        ApiError::Field { .. } | ApiError::Refused { .. } | ApiError::Forbidden => (
            NOT,
            "The name, the password or the code is wrong, or the account is disabled.".to_owned(),
        ),
        ApiError::TooMany { seconds } => (NOT, format!("Too many tries. Wait {seconds} s and try again.")),
        ApiError::Unrecorded | ApiError::Internal => (NOT, format!("{}.", sentence(&error.to_string()))),
        _ => (NOT, "The form was not accepted. Try again.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::form::FieldError;

    #[test]
    fn messages_from_the_address_are_not_shown() {
        let planted = "call this number".to_owned();
        for error in [
            ApiError::Field {
                error: FieldError::new(Field::Password, planted.clone()),
            },
            ApiError::Field {
                error: FieldError::new(Field::Code, planted.clone()),
            },
            ApiError::Invalid {
                message: planted.clone(),
            },
            ApiError::Refused {
                message: planted.clone(),
            },
            ApiError::NotFound {
                what: planted.clone(),
                filtered: false,
            },
        ] {
            assert!(!error_text(&error).1.contains(&planted), "{error:?}");
        }
    }
}
