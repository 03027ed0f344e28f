//! The forms of the operators' page: one for somebody new, one for all that can be changed about somebody. Each button
//! says which act it is; the password of the administrator stands once beside them.

use leptos::{prelude::*, server_fn::ServerFn as _};

use super::closed;
use crate::{
    api::{ApiError, ChangeOperator},
    components::{
        input::{Control, Hidden, Input},
        words::sentence,
    },
    domain::access::{Limit, OperatorName, OperatorRow, Role},
    pages::proof::Proof,
};

/// Characters of what a person is called at most.
const TITLE_MAX: usize = 80;
/// Characters of the limits at most: one line a currency.
const LIMITS_MAX: usize = 1_000;

const LIMITS_HINT: &str = "One line per currency, as in EUR 500.00 2000.00: for one correction and for one day. A \
    currency without a limit always needs an approval.";

pub(super) fn add_form(token: &str, failure: Option<ApiError>) -> AnyView {
    let token = token.to_owned();
    view! {
        <section class="panel" aria-labelledby="add">
            <div class="panel-head">
                <h2 id="add">"Add an operator"</h2>
            </div>
            <div class="panel-body">
                {without_script("ledgerscope operator add")}
                <form method="post" action=ChangeOperator::url() class="form" data-answer="operator-answer">
                    <Hidden name="form[act]" value="add" />
                    <Hidden name="form[form_token]" value=token />
                    <Input
                        id="add-name"
                        name="form[name]"
                        label="Name to sign in with"
                        hint="Lower case letters, digits, dots, hyphens. A name is never reused."
                        max_length=Some(OperatorName::MAX_LENGTH)
                        required=true
                    />
                    <Input
                        id="add-title"
                        name="form[title]"
                        label="Person's name (optional)"
                        max_length=Some(TITLE_MAX)
                    />
                    <Input
                        id="add-role"
                        name="form[role]"
                        label="Role"
                        control=Control::Choice(roles())
                        value=Role::Viewer.as_str()
                    />
                    <Input
                        id="add-limits"
                        name="form[limits]"
                        label="Limits without an approval"
                        control=Control::Lines { rows: 2 }
                        hint=LIMITS_HINT
                        max_length=Some(LIMITS_MAX)
                    />
                    <Proof of_form="form" password=true code=true failure prefix="add-" perhaps=true />
                    <button class="button is-main" type="submit" disabled data-scripted="">
                        "Add"
                    </button>
                </form>
            </div>
        </section>
    }
    .into_any()
}

pub(super) fn change_form(row: &OperatorRow, token: &str, failure: Option<ApiError>) -> AnyView {
    let (name, role, limits, token) = (
        row.name.to_string(),
        row.role.as_str(),
        limits_text(&row.limits),
        token.to_owned(),
    );
    let (toggle, toggle_word) = if row.disabled {
        ("enable", "Enable")
    } else {
        ("disable", "Disable")
    };
    view! {
        <section class="panel" aria-labelledby="change">
            <div class="panel-head">
                <h2 id="change">"Change " <code class="id">{name.clone()}</code></h2>
                <a class="aside" href=closed() data-noscroll="">
                    "Close"
                </a>
            </div>
            <div class="panel-body">
                <form method="post" action=ChangeOperator::url() class="form" data-answer="operator-answer">
                    <Hidden name="form[name]" value=name />
                    <Hidden name="form[form_token]" value=token />
                    <Proof of_form="form" password=true code=true failure prefix="change-" perhaps=true />
                    <Input
                        id="change-role"
                        name="form[role]"
                        label="Role"
                        control=Control::Choice(roles())
                        value=role
                    />
                    <button class="button" type="submit" name="form[act]" value="role">
                        "Set the role"
                    </button>
                    <Input
                        id="change-limits"
                        name="form[limits]"
                        label="Limits without an approval"
                        control=Control::Lines { rows: 2 }
                        value=limits
                        hint=LIMITS_HINT
                        max_length=Some(LIMITS_MAX)
                    />
                    <button class="button" type="submit" name="form[act]" value="limits">
                        "Set the limits"
                    </button>
                    <fieldset class="form-rest">
                        <legend class="field-label">"The account"</legend>
                        <button class="button" type="submit" name="form[act]" value=toggle>
                            {toggle_word}
                        </button>
                        <button class="button" type="submit" name="form[act]" value="reset" disabled data-scripted="">
                            "New password"
                        </button>
                        <p class="field-hint">"Disabling the account or a new password ends all of their sessions."</p>
                        {without_script("ledgerscope operator reset")}
                    </fieldset>
                </form>
            </div>
        </section>
    }
    .into_any()
}

/// A password can be shown only where a script takes the answer; elsewhere it would be lost.
fn without_script(command: &'static str) -> AnyView {
    view! {
        <noscript>
            <p class="field-hint">
                "A new password can be shown only with scripts. Use the command line instead: " <code>{command}</code>
            </p>
        </noscript>
    }
    .into_any()
}

fn roles() -> Vec<(String, String)> {
    let description = |role: Role| match role {
        Role::Viewer => "reads",
        Role::Support => "reads with personal data masked, proposes",
        Role::Finance => "issues up to the limits, approves",
        Role::Admin => "manages operators, reads the audit trail",
    };
    Role::ALL
        .iter()
        .map(|&role| {
            let word = format!("{}: {}", sentence(role.as_str()), description(role));
            (role.as_str().to_owned(), word)
        })
        .collect()
}

/// Limits as the form takes them.
fn limits_text(limits: &[Limit]) -> String {
    let lines: Vec<_> = limits
        .iter()
        .map(|limit| {
            format!(
                "{} {} {}",
                limit.currency(),
                limit.single.amount(),
                limit.daily.amount()
            )
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Money;

    #[test]
    fn limits_are_written_as_they_are_read() {
        let limit = |single: &str, daily: &str, code: &str| {
            let currency = code.parse().unwrap();
            Limit {
                single: Money::parse(single, currency).unwrap(),
                daily: Money::parse(daily, currency).unwrap(),
            }
        };
        let limits = [limit("500", "2000", "EUR"), limit("10000", "50000", "JPY")];
        assert_eq!(limits_text(&limits), "EUR 500.00 2000.00\nJPY 10000 50000");
        assert_eq!(limits_text(&[]), "");
    }
}
