//! The page of the operators: their roles and limits, and the forms that change them. A new password is shown only once,
//! by a script. The buttons that create one are disabled without scripts.

mod change;

use leptos::prelude::*;
use leptos_meta::Title;

use self::change::{add_form, change_form};
use super::{
    address::search,
    region::region,
    sent::{SendProblem, failure},
    session::Session,
};
use crate::{
    api::{ApiError, ChangeOperator, list_operators},
    components::{
        badge::{Badge, Nothing, Tone},
        icon::Icon,
        money::Money,
        notice::Empty,
        table::Table,
        words::{counted, sentence},
    },
    domain::access::{Limit, OperatorRow},
    views::{
        href,
        operators::Me,
        query::{operator_href, value_of},
    },
};

/// The signed-in operator, and all operators.
type Answer = (Option<Me>, Vec<OperatorRow>);

#[component]
pub fn OperatorsPage() -> impl IntoView {
    let session = Session::current();
    let chosen = value_of(&search(), "name");
    let failure = failure::<ChangeOperator>();
    let answer = async move { Ok((session.me(), list_operators().await?)) };
    view! {
        <Title text="Operators" />
        <header class="page-head">
            <h1>"Operators"</h1>
            <p class="page-lead">"Operators, their roles, and their limits for issuing without an approval."</p>
        </header>
        <div class="stack">
            <SendProblem failure=failure.clone() nothing="Nothing was changed" />
            <div id="answer"></div>
            <Done />
            {region(answer, "operators", move |answer| show(answer, chosen.as_deref(), failure.as_ref()))}
        </div>
    }
    .into_any()
}

/// The template of the notice after a change. `public/page.js` fills it from the answer to the form, because no page
/// contains a new password.
#[component]
fn Done() -> impl IntoView {
    let name = || view! { <span data-fill="name"></span> };
    view! {
        <template id="operator-answer">
            <div class="notice tone-good" role="alert" data-with="password">
                {Icon::Check.view()}
                <div class="notice-text">
                    <p class="notice-title">"The new password of " {name()}</p>
                    <p>
                        <code class="new-password" data-fill="password"></code>
                    </p>
                    <p>"The password is shown only once. Give it to the operator over a private channel."</p>
                </div>
            </div>
            <div class="notice tone-good" role="alert" data-without="password">
                {Icon::Check.view()}
                <div class="notice-text">
                    <p class="notice-title">{name()} " was changed"</p>
                    <p>"The change applies to their sessions at once."</p>
                </div>
            </div>
        </template>
    }
    .into_any()
}

fn show((me, operators): Answer, chosen: Option<&str>, failure: Option<&ApiError>) -> AnyView {
    let token = me.map(|me| me.form_token).unwrap_or_default();
    let count = counted(operators.len().try_into().unwrap_or(u64::MAX), "operator");
    let table = if operators.is_empty() {
        view! { <Empty title="There are no operators" /> }.into_any()
    } else {
        let rows = operators.iter().map(|row| operator(row, chosen)).collect_view();
        view! {
            <Table caption="Operators" class="cards-when-narrow operators">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"Authenticator"</th>
                        <th scope="col">"Limits without an approval"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Change"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        }
        .into_any()
    };
    let change = operators
        .iter()
        .find(|row| Some(row.name.as_str()) == chosen)
        .map(|row| change_form(row, &token, failure));
    view! {
        <div class="with-form">
            <section class="panel" aria-labelledby="operators">
                <div class="panel-head">
                    <h2 id="operators">"All of them"</h2>
                    <p class="aside">{count}</p>
                </div>
                {table}
            </section>
            <div class="stack">
                {change}
                {add_form(&token, failure)}
            </div>
        </div>
    }
    .into_any()
}

fn operator(row: &OperatorRow, chosen: Option<&str>) -> AnyView {
    let name = row.name.to_string();
    let title = row
        .title
        .clone()
        .map(|title| view! { <span class="operator-title">{title}</span> });
    let state = if row.disabled {
        view! { <Badge tone=Tone::Neutral word="Disabled" settled=true /> }
    } else {
        view! { <Badge tone=Tone::Good word="Enabled" /> }
    };
    let demo = row
        .demo
        .then(|| view! { " " <Badge tone=Tone::Caution word="Demo" settled=true /> });
    let authenticator = if row.totp { "Yes" } else { "No" };
    let here = (chosen == Some(name.as_str())).then_some("true");
    view! {
        <tr>
            <th scope="row" class="card-head">
                <span>
                    <code class="id">{name.clone()}</code>
                    {title}
                </span>
            </th>
            <td data-label="State">
                <span>{state} {demo}</span>
            </td>
            <td data-label="Role">{sentence(row.role.as_str())}</td>
            <td data-label="Authenticator">{authenticator}</td>
            <td data-label="Limits without an approval">{limits(&row.limits)}</td>
            <td class="operator-change">
                <a class="button is-small" href=operator_href(&name) aria-current=here data-noscroll="">
                    "Change"
                    <span class="visually-hidden">{format!(" {name}")}</span>
                </a>
            </td>
        </tr>
    }
    .into_any()
}

fn limits(limits: &[Limit]) -> AnyView {
    if limits.is_empty() {
        return view! { <Nothing /> }.into_any();
    }
    let lines = limits
        .iter()
        .map(|limit| {
            let currency = limit.currency();
            view! {
                <li>
                    <Money amount=limit.single.amount() currency />
                    <span class="limit-daily">
                        <Money amount=limit.daily.amount() currency bare=true />
                        " a day"
                    </span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="limits">{lines}</ul> }.into_any()
}

/// The address of the page without a form for one operator.
const fn closed() -> &'static str {
    href::OPERATORS
}
