//! Everything that does not fit together across wallets and orders, worst first, with links to what it is about.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use super::{
    live::follow_all,
    region::{as_of, region},
    session::Session,
};
use crate::{
    api::list_findings,
    components::{
        findings::FindingItems,
        notice::{Empty, Ignored},
        pagination::Pagination,
        words::{counted, sentence},
    },
    domain::{
        access::Act,
        findings::{Finding, FindingKind},
    },
    views::{
        lists::Page,
        query::{findings_csv_href, findings_href, findings_query},
    },
};

#[component]
pub fn FindingsPage() -> impl IntoView {
    let search = use_location().search;
    let parsed = Memo::new(move |_| search.with(|search| findings_query(search)));
    let answer = Resource::new(
        move || parsed.with(|parsed| parsed.query),
        |(kind, page)| list_findings(kind, page),
    );
    let session = Session::current();
    let ignored = move || view! { <Ignored notes=parsed.get().ignored /> };
    let kind = move || parsed.with(|parsed| parsed.query.0);
    let file = session.if_may(Act::Export, move || {
        view! {
            <a class="button is-small" href=move || findings_csv_href(kind()) rel="external" download="">
                "Download CSV"
            </a>
        }
        .into_any()
    });
    view! {
        <Title text="Findings" />
        {follow_all()}
        <header class="page-head">
            <h1>"Findings"</h1>
            {as_of(answer, |answer| answer.now)}
            {file}
        </header>
        <div class="stack">
            <nav class="kinds" aria-label="Kinds of findings">
                {move || kinds(kind())}
            </nav>
            {ignored}
            <div class="panel">
                {region(answer, "findings", move |answer| show(answer, parsed.with_untracked(|parsed| parsed.query.0)))}
            </div>
        </div>
    }
    .into_any()
}

/// Links to the findings of one kind each.
fn kinds(chosen: Option<FindingKind>) -> AnyView {
    let choices = std::iter::once(None).chain(FindingKind::ALL.iter().copied().map(Some));
    let links = choices
        .map(|kind| {
            let word = kind.map_or_else(|| "All".to_owned(), |kind| sentence(kind.as_str()));
            let current = (kind == chosen).then_some("page");
            view! {
                <li>
                    <a class="pill" href=findings_href(kind, 1) aria-current=current>
                        {word}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! { <ul>{links}</ul> }.into_any()
}

fn show(answer: Page<Finding>, kind: Option<FindingKind>) -> AnyView {
    if answer.rows.is_empty() {
        let title = if kind.is_some() {
            "Nothing of this kind"
        } else {
            "Everything fits"
        };
        return view! {
            <Empty title>
                <p>"In this, wallets and orders tell the same story."</p>
            </Empty>
        }
        .into_any();
    }
    view! {
        <div class="totals">
            <p>
                <strong>{counted(answer.total, "finding")}</strong>
            </p>
        </div>
        <div class="findings">
            <FindingItems findings=answer.rows />
        </div>
        <Pagination
            label="Findings"
            page=answer.page
            pages=answer.pages
            href=move |page| findings_href(kind, page)
        />
    }
    .into_any()
}
