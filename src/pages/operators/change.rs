//! The forms of the page of operators: one adds an operator, one changes an operator. Each button of the second form
//! sends its own act. All buttons share the fields for the administrator's password and code.

use leptos::{prelude::*, server_fn::ServerFn as _};

use super::closed;
use crate::{
    api::{ApiError, ChangeOperator},
    components::{
        input::{Control, Hidden, Input},
        words::sentence,
    },
    domain::access::{Limit, OperatorName, OperatorRow, Role},
    pages::proof::{Proof, proof},
};

/// The most characters of a person's name.
const TITLE_MAX: usize = 80;
/// The most characters of the limits, which have one line per currency.
const LIMITS_MAX: usize = 1_000;

const LIMITS_HINT: &str = "One line per currency, as in EUR 500.00 2000.00: for one correction and for one day. A \
    currency without a limit always needs an approval.";

/// Both fields, which can stay empty: the page does not know how old the administrator's last confirmation is.
const EVERY: Proof = Proof {
    password: true,
    code: true,
    is_optional: true,
    prefix: "",
};

pub(super) fn add_form(token: &str, failure: Option<&ApiError>) -> AnyView {
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
                    {proof(Proof { prefix: "add-", ..EVERY }, failure)}
                    <button class="button is-main" type="submit" disabled data-scripted="">
                        "Add"
                    </button>
                </form>
            </div>
        </section>
    }
    .into_any()
}

pub(super) fn change_form(row: &OperatorRow, token: &str, failure: Option<&ApiError>) -> AnyView {
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
                    {proof(Proof { prefix: "change-", ..EVERY }, failure)}
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

/// The note for browsers without scripts. Only a script can show the new password, which is in the answer to the form.
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

/// The limits as text of the form field: a line `CURRENCY SINGLE DAILY` per currency, in major units.
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
    fn limits_text_has_one_line_per_currency() {
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
