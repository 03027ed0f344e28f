//! The page of a correction. The first form is a GET form for the amount and the reason. The page then shows a preview,
//! and a second form that issues or proposes exactly the previewed events. Only the second form appends events.

mod ask;
mod confirm;
mod preview;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::{Redirect, ServerRedirectFunction};

use self::{
    ask::ask_form,
    confirm::confirm,
    preview::{foreseen, news, rejected, would_append},
};
use super::{
    address::search,
    region::region,
    sent::{SendProblem, failure},
    session::Session,
};
use crate::{
    api::{IssueCompensation, get_compensation_form},
    components::{
        command::{command_effect, command_title},
        id::{EntityLink, RefundLink},
        notice::Ignored,
    },
    domain::{
        compensation::{
            command::{CommandName, pins_text},
            draft::Draft,
        },
        form::Field,
        ids::Domain,
    },
    views::{
        compensations::{FormOutcome, FormView},
        href,
        operators::Me,
        query::{FormQuery, Parsed, form_href, form_query},
    },
};

/// The query of the address, the signed-in operator, and the form.
type Answer = (FormQuery, Option<Me>, FormView);

#[component]
pub fn CompensatePage() -> impl IntoView {
    let session = Session::current();
    let Parsed { query, ignored } = form_query(&search());
    let head = head(&query.draft);
    let title = query.draft.name().map_or("Correction", command_title);
    let answer = async move {
        let form = get_compensation_form(query.draft.clone(), query.seen.clone()).await?;
        Ok((query, session.me(), form))
    };
    view! {
        <Title text=title />
        {head}
        <Ignored notes=ignored />
        {region(answer, "form", show)}
    }
    .into_any()
}

/// The page's head: the command and its subject, if the address names them.
fn head(draft: &Draft) -> AnyView {
    let name = draft.name().ok();
    let about = name.map(|name| crumbs(name, draft));
    let effect = name.map(|name| view! { <p class="page-lead">{command_effect(name)}</p> });
    view! {
        <header class="page-head">
            {about}
            <h1>{name.map_or("Correction", command_title)}</h1>
            {effect}
        </header>
    }
    .into_any()
}

fn crumbs(name: CommandName, draft: &Draft) -> AnyView {
    let domain = name.domain();
    let (list, word) = match domain {
        Domain::Wallet => (href::WALLETS, "Wallets"),
        Domain::Order => (href::ORDERS, "Orders"),
    };
    let refund = (domain == Domain::Order && !draft.item.is_empty()).then(|| {
        let (refund, order) = (draft.item.clone(), draft.subject.clone());
        view! {
            <li>
                <RefundLink refund order />
            </li>
        }
    });
    view! {
        <nav class="crumbs" aria-label="Breadcrumb">
            <ol>
                <li>
                    <a href=list>{word}</a>
                </li>
                <li>
                    <EntityLink domain id=draft.subject.clone() />
                </li>
                {refund}
            </ol>
        </nav>
    }
    .into_any()
}

fn show((query, me, form): Answer) -> AnyView {
    let failure = failure::<IssueCompensation>();
    let is_ready = matches!(form.outcome, FormOutcome::Ready(_));
    let currency = form.currency;
    let asked = ask_form(&query.draft, &form, failure.as_ref());
    let since = news(form.news.clone());
    let (beside, below) = match form.outcome {
        FormOutcome::Ready(preview) => {
            let place = query
                .seen
                .is_empty()
                .then(|| keep_place(&query, &pins_text(&preview.pins)));
            let figures = foreseen(preview.before.clone(), Some(preview.after.clone()), currency);
            let events = would_append(preview.steps.clone());
            let confirmation = confirm(&query.draft, &preview, me, failure.as_ref());
            (view! { {place} {figures} {events} }.into_any(), confirmation)
        }
        FormOutcome::Rejected(rejection) => (foreseen(form.figures, None, currency), rejected(&rejection)),
        FormOutcome::Untouched | FormOutcome::Mistake(_) => (foreseen(form.figures, None, currency), ().into_any()),
    };
    view! {
        <div class="stack">
            <SendProblem failure nothing="Nothing was issued" field_id=field_id />
            {since}
            <div class="two-steps" class:is-ready=is_ready>
                {asked}
                <div class="stack">{beside}</div>
            </div>
            {below}
        </div>
    }
    .into_any()
}

/// Redirects to the same address with `seen`, the previewed positions. If the second form is not accepted, the browser
/// returns to this address, and the page then shows what was appended since the preview.
fn keep_place(query: &FormQuery, seen: &str) -> AnyView {
    if use_context::<ServerRedirectFunction>().is_none() {
        return ().into_any();
    }
    let path = form_href(&FormQuery {
        seen: seen.to_owned(),
        ..query.clone()
    });
    view! { <Redirect path /> }.into_any()
}

/// The HTML id of a field on this page.
fn field_id(field: Field) -> Option<&'static str> {
    match field {
        Field::Amount => Some("amount"),
        Field::Reason => Some("reason"),
        Field::Note => Some("note"),
        Field::AmountAgain => Some("amount-again"),
        Field::Password => Some("password"),
        Field::Code => Some("code"),
        Field::Command | Field::Subject | Field::Item | Field::Name | Field::Order | Field::Currency | Field::Day => {
            None
        }
    }
}
