//! The first step: a GET form for the amount, the reason and the note. The address has all that it asks for.

use leptos::prelude::*;

use super::field_id;
use crate::{
    api::ApiError,
    components::{
        id::{Code, EntityLink, RefundLink},
        input::{Control, FormProblem, Hidden, Input},
        money::{Money, format_amount},
        words::sentence,
    },
    domain::{
        compensation::{
            command::{CommandName, NOTE_MAX},
            draft::{AMOUNT_MAX, Draft},
        },
        form::{Field, FieldError},
        ids::Domain,
        refund::Reason,
    },
    pages::{form::AskForm, sent::mistake},
    views::{
        compensations::{FormOutcome, FormView},
        href,
        query::{FormQuery, form_href, form_query},
    },
};

pub(super) fn ask_form(draft: &Draft, form: &FormView, failure: Option<&ApiError>) -> AnyView {
    let wrong = match &form.outcome {
        FormOutcome::Mistake(error) => Some(error.clone()),
        _ => None,
    };
    let problem_text = wrong.as_ref().map(problem);
    let at = |field: Field| {
        let own = wrong
            .as_ref()
            .filter(|error| error.field == field)
            .map(|error| sentence(&error.message));
        own.or_else(|| mistake(failure, field))
    };
    let (wrong_amount, wrong_reason, wrong_note) = (at(Field::Amount), at(Field::Reason), at(Field::Note));
    let (amount_text, reason, note) = (draft.amount.clone(), draft.reason.clone(), draft.note.clone());
    let about = about(form);
    let amount = form.name.takes_amount().map(|required| {
        let hint = amount_hint(form);
        let label = if required { "Amount" } else { "Amount (empty: all)" };
        let unit = form.currency.map(String::from).unwrap_or_default();
        view! {
            <Input
                id="amount"
                name="amount"
                label=label
                control=Control::Amount
                value=amount_text
                hint=hint
                mistake=wrong_amount
                max_length=Some(AMOUNT_MAX)
                unit=unit
            />
        }
    });
    // A new preview has new positions.
    let address = |search: &str| {
        form_href(&FormQuery {
            seen: String::new(),
            ..form_query(search).query
        })
    };
    // With a preview, the main button is the one of the second form.
    let (button, class) = if matches!(form.outcome, FormOutcome::Ready(_)) {
        ("Preview again", "button")
    } else {
        ("Preview", "button is-main")
    };
    let hidden = [
        ("command", draft.command.clone()),
        ("subject", draft.subject.clone()),
        ("item", draft.item.clone()),
    ]
    .map(|(name, value)| view! { <Hidden name value /> })
    .into_iter()
    .collect_view();
    view! {
        <section class="panel" aria-labelledby="asked">
            <div class="panel-head">
                <h2 id="asked">"Correction"</h2>
            </div>
            <div class="panel-body">
                {problem_text}
                {about}
                <AskForm action=href::COMPENSATE class="form" address=address>
                    {hidden}
                    {amount}
                    <Input
                        id="reason"
                        name="reason"
                        label="Reason"
                        control=Control::Choice(reasons())
                        value=reason
                        mistake=wrong_reason
                    />
                    <Input
                        id="note"
                        name="note"
                        label="Note"
                        control=Control::Lines { rows: 3 }
                        value=note
                        hint=format!(
                            "For later readers of the case; at most {NOTE_MAX} characters. It can't be deleted: write \
                             no names, addresses or card numbers.",
                        )
                        mistake=wrong_note
                        max_length=Some(NOTE_MAX)
                    />
                    <button class=class type="submit">
                        {button}
                    </button>
                </AskForm>
            </div>
        </section>
    }
    .into_any()
}

/// The error of a field, shown above the form, with a link to the field.
fn problem(error: &FieldError) -> AnyView {
    let text = format!("{}.", sentence(&error.message));
    let text = match field_id(error.field) {
        Some(id) => view! { <a href=format!("#{id}") rel="external">{text}</a> }.into_any(),
        None => text.into_any(),
    };
    view! { <FormProblem title="There is no preview yet"><p>{text}</p></FormProblem> }.into_any()
}

/// What the correction is about: the wallet or order, and its event, hold or refund.
fn about(form: &FormView) -> AnyView {
    let word = match form.domain {
        Domain::Wallet => "Wallet",
        Domain::Order => "Order",
    };
    let (domain, id) = (form.domain, form.subject.to_string());
    let item = form.item.clone().map(|item| {
        let (word, shown) = match form.name {
            CommandName::ReleaseHold => ("Hold", view! { <Code text=item /> }.into_any()),
            CommandName::ReverseEntry => ("Event", view! { <Code text=item /> }.into_any()),
            _ => {
                let order = form.subject.to_string();
                ("Refund", view! { <RefundLink refund=item order /> }.into_any())
            }
        };
        view! {
            <div>
                <dt>{word}</dt>
                <dd>{shown}</dd>
            </div>
        }
    });
    let amount = form.item_amount.map(|amount| {
        let word = if form.name == CommandName::ReverseEntry {
            "Not reversed yet"
        } else {
            "Amount"
        };
        view! {
            <div>
                <dt>{word}</dt>
                <dd>
                    <Money amount currency=form.currency />
                </dd>
            </div>
        }
    });
    view! {
        <dl class="details asked-about">
            <div>
                <dt>{word}</dt>
                <dd>
                    <EntityLink domain id />
                </dd>
            </div>
            {item}
            {amount}
        </dl>
    }
    .into_any()
}

/// A hint on the largest amount. Empty for commands that need none.
fn amount_hint(form: &FormView) -> String {
    let shown = |amount| format_amount(amount, form.currency, false);
    let unit = form.currency.map(|currency| format!(" {currency}")).unwrap_or_default();
    match form.name {
        CommandName::DebitWallet => form
            .figures
            .wallet
            .map(|wallet| format!("At most the available {}{unit}.", shown(wallet.available)))
            .unwrap_or_default(),
        CommandName::ReverseEntry => form
            .item_amount
            .map(|left| format!("Leave it empty to reverse all of the remaining {}{unit}.", shown(left)))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

fn reasons() -> Vec<(String, String)> {
    let choose = (String::new(), "Choose …".to_owned());
    let known = Reason::KNOWN
        .iter()
        .map(|reason| (reason.as_str().to_owned(), sentence(reason.as_str())));
    std::iter::once(choose).chain(known).collect()
}
