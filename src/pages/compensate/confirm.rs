//! The form of the second step: the warnings, whether an approval is needed, the password fields, and the button. The
//! form sends the hash and the positions of the preview, so that only the previewed events are issued.

use leptos::{prelude::*, server_fn::ServerFn as _};

use crate::{
    api::{ApiError, IssueCompensation},
    components::{
        badge::{Badge, Tone},
        input::{Control, Hidden, Input},
        money::format_amount,
        notice::Notice,
        time::{Fineness, format_moment},
        words::sentence,
    },
    domain::{
        compensation::{
            command::pins_text,
            decide::Warning,
            draft::{AMOUNT_MAX, Draft},
        },
        form::Field,
    },
    pages::{
        address::here,
        proof::{Proof, proof},
        sent::mistake,
    },
    views::{
        compensations::{Preview, Route},
        href,
        operators::Me,
    },
};

pub(super) fn confirm(draft: &Draft, preview: &Preview, me: Option<Me>, failure: Option<&ApiError>) -> AnyView {
    let issues = preview.route.is_issue();
    let title = if issues { "Issue it" } else { "Propose it" };
    let warnings = warnings(&preview.warnings);
    let route = route(preview);
    let form = match me {
        Some(me) => form(draft, preview, me, failure),
        None => view! {
            <p>
                <a class="button is-main" href=href::sign_in(&here()) rel="external">
                    "Sign in"
                </a>
            </p>
        }
        .into_any(),
    };
    view! {
        <section class="panel confirm" aria-labelledby="confirm">
            <div class="panel-head">
                <h2 id="confirm">{title}</h2>
            </div>
            <div class="panel-body">
                {warnings}
                {route}
                {form}
            </div>
        </section>
    }
    .into_any()
}

fn warnings(warnings: &[Warning]) -> AnyView {
    if warnings.is_empty() {
        return ().into_any();
    }
    let lines = warnings
        .iter()
        .map(|warning| view! { <li>{sentence(&warning.to_string())} "."</li> })
        .collect_view();
    view! {
        <Notice tone=Tone::Caution title="Check these warnings first">
            <ul>{lines}</ul>
        </Notice>
    }
    .into_any()
}

/// Says whether the command is issued at once or needs an approval, and until when it can be approved.
fn route(preview: &Preview) -> AnyView {
    let (tone, word) = if preview.route.is_issue() {
        (Tone::Good, "Issued at once")
    } else {
        (Tone::Caution, "Needs an approval")
    };
    let until = (!preview.route.is_issue()).then(|| {
        format!(
            " It can be approved until {}, if nothing else is appended to the same streams.",
            format_moment(preview.expires_at, Fineness::Minute)
        )
    });
    view! {
        <p class="route">
            <Badge tone word />
            <span>{route_words(&preview.route)} {until}</span>
        </p>
    }
    .into_any()
}

fn route_words(route: &Route) -> String {
    let reason = route.to_string();
    format!("{}.", sentence(&reason))
}

fn form(draft: &Draft, preview: &Preview, me: Me, failure: Option<&ApiError>) -> AnyView {
    let issues = preview.route.is_issue();
    let again = preview.retype.then(|| {
        let (amount, currency) = (preview.amount.amount(), preview.amount.currency());
        view! {
            <Input
                id="amount-again"
                name="form[amount_again]"
                label="The amount again"
                control=Control::Amount
                hint=format!("Type {} {currency} again. Do not paste it.", format_amount(amount, Some(currency), false))
                mistake=mistake(failure, Field::AmountAgain)
                max_length=Some(AMOUNT_MAX)
                unit=currency.to_string()
                required=true
            />
        }
    });
    let asked = Proof {
        password: preview.password_needed,
        code: preview.code_needed,
        ..Proof::default()
    };
    let proof = proof(asked, failure);
    let hidden = hidden(draft, preview, me)
        .map(|(name, value)| view! { <Hidden name=format!("form[{name}]") value /> })
        .into_iter()
        .collect_view();
    let (word, pending) = if issues {
        ("Issue", "Issuing …")
    } else {
        ("Propose", "Proposing …")
    };
    view! {
        <form method="post" action=IssueCompensation::url() class="form">
            {hidden}
            {again}
            {proof}
            <button class="button is-main" type="submit" data-pending=pending>
                {word}
            </button>
        </form>
    }
    .into_any()
}

/// The hidden fields: the command, the hash and positions of the preview, and the form token of the session.
fn hidden(draft: &Draft, preview: &Preview, me: Me) -> [(&'static str, String); 10] {
    [
        ("command", draft.command.clone()),
        ("subject", draft.subject.clone()),
        ("item", draft.item.clone()),
        ("amount", draft.amount.clone()),
        ("reason", draft.reason.clone()),
        ("note", draft.note.clone()),
        ("case", preview.case.to_string()),
        ("command_hash", preview.command_hash.clone()),
        ("seen", pins_text(&preview.pins)),
        ("form_token", me.form_token),
    ]
}
