//! The page of the audit trail: a search, the matching entries, and a link to download them as CSV.

use leptos::prelude::*;
use leptos_meta::Title;
use maud::html;

use super::{
    address::search,
    form::AskForm,
    region::{as_of, region, shared},
};
use crate::{
    api::search_audit,
    components::{
        badge::{Badge, Nothing, Tone},
        case::{CaseLink, with_case_links},
        field::{SelectField, TextField},
        id::Code,
        markup::written,
        notice::{Empty, Ignored},
        pagination::Pagination,
        table::Table,
        time::Time,
        words::{counted, sentence},
    },
    domain::audit::AuditOutcome,
    views::{
        audit::{AuditEntry, AuditQuery},
        href,
        lists::{NumberedPage, SEARCH_MAX},
        query::{Parsed, audit_href, audit_query},
    },
};

#[component]
pub fn AuditPage() -> impl IntoView {
    let Parsed { query, ignored } = audit_query(&search());
    let answer = shared(search_audit(query.clone()));
    view! {
        <Title text="Audit" />
        <header class="page-head">
            <h1>"Audit"</h1>
            {as_of(answer.clone(), |answer| answer.now)}
        </header>
        <div class="stack">
            <search class="panel">
                {filters(query.clone())}
            </search>
            <Ignored notes=ignored />
            <div class="panel">{region(answer, "audit trail", move |answer| show(answer, query))}</div>
        </div>
    }
    .into_any()
}

fn filters(query: AuditQuery) -> AnyView {
    let AuditQuery {
        text,
        outcome,
        from,
        to,
        ..
    } = query;
    let outcome = outcome.map_or("", AuditOutcome::as_str);
    let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let any = (String::new(), "Any outcome".to_owned());
    let known = AuditOutcome::ALL
        .iter()
        .map(|outcome| (outcome.as_str().to_owned(), sentence(outcome.as_str())));
    let outcomes: Vec<_> = std::iter::once(any).chain(known).collect();
    view! {
        <AskForm
            action=href::AUDIT
            class="filters"
            at_once=true
            address=|search| audit_href(href::AUDIT, &audit_query(search).query)
        >
            <TextField
                name="q"
                label="Search"
                kind="search"
                value=text
                placeholder="Act, operator, subject, case or detail"
                max_length=Some(SEARCH_MAX)
                wide=true
            />
            <SelectField name="outcome" label="Outcome" value=outcome options=outcomes />
            <TextField name="from" label="From (UTC day)" kind="date" value=day(from) />
            <TextField name="to" label="To (UTC day)" kind="date" value=day(to) />
            <div class="form-end">
                <button class="button is-main" type="submit">
                    "Apply"
                </button>
                <a href=href::AUDIT>"Clear"</a>
            </div>
        </AskForm>
    }
    .into_any()
}

fn show(answer: NumberedPage<AuditEntry>, query: AuditQuery) -> AnyView {
    if answer.rows.is_empty() {
        return nothing(&query, &answer);
    }
    let rows = answer.rows.into_iter().map(row).collect_view();
    let csv = audit_href(
        href::AUDIT_CSV,
        &AuditQuery {
            page: 1,
            ..query.clone()
        },
    );
    view! {
        <div class="totals">
            <p>
                <strong>{counted(answer.total, "line")}</strong>
            </p>
            <a class="button is-small" href=csv rel="external" download="">
                "Download CSV"
            </a>
        </div>
        <Table caption="The audit trail, newest first" class="cards-when-narrow audit">
            <thead>
                <tr>
                    <th scope="col">"When (UTC)"</th>
                    <th scope="col">"Outcome"</th>
                    <th scope="col">"Act"</th>
                    <th scope="col">"Who"</th>
                    <th scope="col">"Subject"</th>
                    <th scope="col">"From"</th>
                    <th scope="col">"Position and hash"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
        <Pagination
            label="Audit trail"
            page=answer.page
            pages=answer.pages
            href=move |page| audit_href(href::AUDIT, &AuditQuery { page, ..query.clone() })
        />
    }
    .into_any()
}

fn row(entry: AuditEntry) -> AnyView {
    let AuditEntry {
        place,
        time,
        actor,
        act,
        outcome,
        subject,
        case,
        from,
        session,
        detail,
        hash,
    } = entry;
    let tone = match outcome {
        AuditOutcome::Asked => Tone::Neutral,
        AuditOutcome::Done => Tone::Good,
        AuditOutcome::Refused => Tone::Caution,
        AuditOutcome::Failed => Tone::Danger,
    };
    let about_nothing = subject.is_none() && case.is_none() && detail.is_none();
    let case = case.map(|id| view! { " " <CaseLink id /> });
    let detail = detail.map(|detail| written(html! { p.audit-detail { (with_case_links(&detail)) } }));
    let session = session.map(|session| view! { <span class="audit-session">"session " <code>{session}</code></span> });
    let from = match from {
        Some(from) => view! { <code>{from}</code> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="card-head">
                <Time at=time />
            </th>
            <td data-label="Outcome">
                <Badge tone word=sentence(outcome.as_str()) settled=true />
            </td>
            <td data-label="Act">
                <code>{act}</code>
            </td>
            <td data-label="Who">
                <Code text=actor />
            </td>
            <td data-label="Subject">
                <div class="audit-about">
                    {subject} {case} {detail} {about_nothing.then(|| view! { <Nothing /> })}
                </div>
            </td>
            <td data-label="From">
                <span>{from} {session}</span>
            </td>
            <td data-label="Position and hash">
                <span>
                    <code>{place}</code>
                    " "
                    <code class="audit-hash" title=hash.clone()>
                        {hash.clone()}
                    </code>
                </span>
            </td>
        </tr>
    }
    .into_any()
}

fn nothing(query: &AuditQuery, answer: &NumberedPage<AuditEntry>) -> AnyView {
    if answer.total > 0 {
        let last = audit_href(
            href::AUDIT,
            &AuditQuery {
                page: answer.pages.max(1),
                ..query.clone()
            },
        );
        return view! {
            <Empty title="The trail ends before this page">
                <a class="button" href=last>
                    "To its last page"
                </a>
            </Empty>
        }
        .into_any();
    }
    view! {
        <Empty title="No entry matches">
            <p>"The search finds a part of the act, the operator, the subject, the case or the detail."</p>
            <a class="button" href=href::AUDIT>
                "Show the whole trail"
            </a>
        </Empty>
    }
    .into_any()
}
