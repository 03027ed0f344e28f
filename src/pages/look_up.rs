//! The look-up of a customer, for roles that read the ledger without names. The whole name and one more fact lead to the
//! customer's page. The form is a component, because the search page offers it, too.

use leptos::{prelude::*, server_fn::ServerFn as _};
use leptos_meta::Title;

use super::{
    sent::{SendProblem, failure, mistake},
    session::Session,
};
use crate::{
    api::{ApiError, LookUpCustomer},
    components::{
        input::{Control, Hidden, Input},
        notice::Problem,
    },
    domain::{access::Act, form::Field},
    views::{
        href,
        look_up::{AMOUNT_MAX, AskedFact, CURRENCY_MAX, NAME_MAX, ORDER_MAX},
    },
};

#[component]
pub fn LookUpPage() -> impl IntoView {
    let is_allowed = Session::current().can(Act::LookUp);
    let content = if is_allowed {
        view! {
            <section class="panel" aria-label="Look-up">
                <div class="panel-body">
                    <LookUpForm />
                </div>
            </section>
        }
        .into_any()
    } else {
        view! {
            <Problem title="Your role does not show this">
                <p>"The look-up is for roles that can't read names. Roles that can read names use the search."</p>
            </Problem>
        }
        .into_any()
    };
    let lead = is_allowed.then(|| {
        view! {
            <p class="page-lead">
                "Names are hidden from your role. With a customer's whole name and one more fact you find the customer."
            </p>
        }
    });
    view! {
        <Title text="Look a customer up" />
        <header class="page-head">
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>
                    <li>
                        <a href=href::CUSTOMERS>"Customers"</a>
                    </li>
                </ol>
            </nav>
            <h1>"Look a customer up"</h1>
            {lead}
        </header>
        {content}
    }
    .into_any()
}

/// The form. Empty for a role that can't look customers up. `name` fills the field of the name.
#[component]
pub fn LookUpForm(#[prop(optional, into)] name: String) -> impl IntoView {
    let Some(me) = Session::current().me().filter(|me| me.role.can(Act::LookUp)) else {
        return ().into_any();
    };
    let failure = failure::<LookUpCustomer>();
    let name_mistake = mistake(failure.as_ref(), Field::Name);
    let facts = facts(failure.as_ref());
    let mut name = name;
    if let Some((end, _)) = name.char_indices().nth(NAME_MAX) {
        name.truncate(end);
    }
    view! {
        <SendProblem failure nothing="No customer was looked up" field_id />
        <form method="post" action=LookUpCustomer::url() class="form">
            <Hidden name="form[form_token]" value=me.form_token />
            <Input
                id="look-up-name"
                name="form[name]"
                label="Whole name"
                value=name
                hint="First and last name, as the customer gives it. Case and accents do not matter."
                mistake=name_mistake
                max_length=Some(NAME_MAX)
                required=true
            />
            {facts}
            <p class="field-hint">"You have 20 tries per hour. The audit trail records each try, without the name."</p>
            <button class="button is-main" type="submit" data-pending="Looking up …">
                "Look up"
            </button>
        </form>
    }
    .into_any()
}

/// The fields of the other fact. After a try without a match they keep what was typed.
fn facts(failure: Option<&ApiError>) -> AnyView {
    let AskedFact {
        order,
        amount,
        currency,
        day,
    } = match failure {
        Some(ApiError::NoMatch { asked }) => asked.clone(),
        _ => AskedFact::default(),
    };
    view! {
        <Input
            id="look-up-order"
            name="form[order]"
            label="Order of the customer"
            value=order
            hint="The order's id. Or leave it empty and fill in the next three fields."
            mistake=mistake(failure, Field::Order)
            max_length=Some(ORDER_MAX)
        />
        <fieldset class="form-row">
            <legend class="field-label">"Or an amount, and the day (UTC) on which its order was placed or last changed, or its refund was requested"</legend>
            <Input
                id="look-up-amount"
                name="form[amount]"
                label="Amount"
                control=Control::Amount
                value=amount
                mistake=mistake(failure, Field::Amount)
                max_length=Some(AMOUNT_MAX)
            />
            <Input
                id="look-up-currency"
                name="form[currency]"
                label="Currency, as EUR"
                value=currency
                mistake=mistake(failure, Field::Currency)
                max_length=Some(CURRENCY_MAX)
            />
            <Input
                id="look-up-day"
                name="form[day]"
                label="Day"
                control=Control::Day
                value=day
                mistake=mistake(failure, Field::Day)
            />
        </fieldset>
    }
    .into_any()
}

/// The HTML id of a field of the form.
const fn field_id(field: Field) -> Option<&'static str> {
    match field {
        Field::Name => Some("look-up-name"),
        Field::Order => Some("look-up-order"),
        Field::Amount => Some("look-up-amount"),
        Field::Currency => Some("look-up-currency"),
        Field::Day => Some("look-up-day"),
        _ => None,
    }
}
