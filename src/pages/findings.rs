//! Everything that does not fit together across wallets and orders, worst first, with links to what it is about.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use super::{
    list::{Answered, answered, found, no_rows_here, not_read},
    live::follow_all,
    region::{as_of, list_region},
    session::Session,
};
use crate::{
    api::list_findings,
    components::{
        findings::FindingItems,
        notice::{Empty, Ignored},
        page_links::{PageInfo, PageLinks, SearchOn},
        words::sentence,
    },
    domain::{
        access::Act,
        findings::{Finding, FindingKind},
        ids::Domain,
    },
    views::{
        lists::{FindingsQuery, Page, PageAt},
        query::{findings_csv_href, findings_href, findings_query},
    },
};

type Answer = Answered<FindingsQuery, Page<Finding>>;

#[component]
pub fn FindingsPage() -> impl IntoView {
    let search = use_location().search;
    let parsed = Memo::new(move |_| search.with(|search| findings_query(search)));
    let query = Memo::new(move |_| parsed.with(|parsed| parsed.query.clone()));
    let answer = Resource::new(
        move || query.get(),
        |query| answered(query, &[Domain::Wallet, Domain::Order], list_findings),
    );
    let first = move || {
        let query = query.get_untracked();
        (query.at != PageAt::First).then(|| page_href(query.kind, PageAt::First))
    };
    let session = Session::current();
    let ignored = move || view! { <Ignored notes=parsed.get().ignored /> };
    let file = session.if_may(Act::Export, move || {
        view! {
            <a class="button is-small" href=move || query.with(findings_csv_href) rel="external" download="">
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
            {as_of(answer, |answer| answer.page.now)}
            {file}
        </header>
        <div class="stack">
            <nav class="kinds" aria-label="Kinds of findings">
                {move || kinds(query.with(|query| query.kind))}
            </nav>
            {ignored}
            <div class="panel">
                {list_region(answer, "findings", first, show)}
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
                    <a class="pill" href=page_href(kind, PageAt::First) aria-current=current>
                        {word}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! { <ul>{links}</ul> }.into_any()
}

/// The address of a page of findings.
fn page_href(kind: Option<FindingKind>, at: PageAt) -> String {
    findings_href(&FindingsQuery { kind, at })
}

fn show(Answered { query, page, unread }: Answer) -> AnyView {
    let kind = query.kind;
    let info = PageInfo::of(query.at, &page);
    let href_of = move |at| page_href(kind, at);
    if page.rows.is_empty() {
        return no_rows_here("finding", &info, &unread, href_of).unwrap_or_else(|| nothing(kind));
    }
    view! {
        <div class="totals">
            <p>
                <strong>{found(page.total, "finding", &unread)}</strong>
            </p>
            {not_read(&unread)}
        </div>
        <div class="findings">
            <FindingItems findings=page.rows />
        </div>
        <SearchOn info=info.clone() href=href_of />
        <PageLinks label="Findings" info href=href_of />
    }
    .into_any()
}

/// Nothing is wrong, or nothing of one kind.
fn nothing(kind: Option<FindingKind>) -> AnyView {
    let title = if kind.is_some() {
        "Nothing of this kind"
    } else {
        "Everything fits"
    };
    view! {
        <Empty title>
            <p>"In this, wallets and orders tell the same story."</p>
        </Empty>
    }
    .into_any()
}
