//! Lists of cases: what waits for the reader, what the reader asked for, what is not over, and all there ever were.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use super::{
    list::{found, no_rows_here},
    region::{as_of, region},
    session::Session,
};
use crate::{
    api::list_compensations,
    components::{
        badge::Nothing,
        case::{CaseLink, CaseStatusBadge},
        command::command_title,
        id::{Code, EntityLink, RefundLink},
        money::Money,
        notice::{Empty, Ignored},
        page_links::{PageInfo, PageLinks},
        table::Table,
        time::{Fineness, Since, Time},
    },
    domain::{
        access::{Act, Role},
        compensation::case::CaseStatus,
    },
    views::{
        compensations::{CaseList, CaseRow, CasesQuery},
        href,
        lists::{Page, PageAt},
        query::{CASE_LISTS, cases_href, cases_query},
    },
};

/// `/approvals`: first of all what waits for the reader.
#[component]
pub fn ApprovalsPage() -> impl IntoView {
    list_page("Approvals", CaseList::ForMe)
}

/// `/compensations`: every case.
#[component]
pub fn CompensationsPage() -> impl IntoView {
    list_page("Compensations", CaseList::All)
}

fn list_page(title: &'static str, own: CaseList) -> AnyView {
    let session = Session::current();
    let search = use_location().search;
    let parsed = Memo::new(move |_| search.with(|search| cases_query(search, own)));
    let query = Memo::new(move |_| parsed.with(|parsed| parsed.query.clone()));
    let answer = Resource::new(
        move || query.get(),
        |query| async move { list_compensations(query.clone()).await.map(|page| (query, page)) },
    );
    view! {
        <Title text=title />
        <header class="page-head">
            <h1>{title}</h1>
            {as_of(answer, |(_, page)| page.now)}
        </header>
        <div class="stack">
            {session.show(move |me| tabs(me.role, query))}
            {move || view! { <Ignored notes=parsed.with(|parsed| parsed.ignored.clone()) /> }}
            <div class="panel">{region(answer, "cases", |(query, page)| show(page, &query))}</div>
        </div>
    }
    .into_any()
}

/// The lists that a role has a use for.
fn tabs(role: Role, query: Memo<CasesQuery>) -> AnyView {
    let links = CASE_LISTS
        .into_iter()
        .map(|(_, list)| list)
        .filter(|list| is_for(*list, role))
        .map(|list| {
            let current = move || (query.with(|query| query.list) == list).then_some("page");
            view! {
                <li>
                    <a class="pill" href=page_href(list, PageAt::First) aria-current=current>
                        {list_word(list)}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <nav class="kinds" aria-label="Lists of cases">
            <ul>{links}</ul>
        </nav>
    }
    .into_any()
}

const fn is_for(list: CaseList, role: Role) -> bool {
    match list {
        CaseList::ForMe => role.may(Act::Approve),
        CaseList::Mine => role.may(Act::Propose),
        CaseList::Open | CaseList::All => true,
    }
}

const fn list_word(list: CaseList) -> &'static str {
    match list {
        CaseList::ForMe => "For me",
        CaseList::Mine => "Mine",
        CaseList::Open => "Open",
        CaseList::All => "All",
    }
}

/// The address of a page of a list.
fn page_href(list: CaseList, at: PageAt) -> String {
    cases_href(&CasesQuery { list, at })
}

fn show(answer: Page<CaseRow>, query: &CasesQuery) -> AnyView {
    let list = query.list;
    let info = PageInfo::of(query.at.clone(), &answer);
    let href_of = move |at| page_href(list, at);
    if answer.rows.is_empty() {
        return no_rows_here("case", &info, &[], href_of).unwrap_or_else(|| nothing(list));
    }
    let now = answer.now;
    let rows = answer.rows.into_iter().map(|case| row(case, now)).collect_view();
    view! {
        <div class="totals">
            <p>
                <strong>{found(answer.total, "case", &[])}</strong>
            </p>
        </div>
        <Table caption="Cases, newest first" class="folds cases">
            <thead>
                <tr>
                    <th scope="col">"Case"</th>
                    <th scope="col">"Status"</th>
                    <th scope="col">"What"</th>
                    <th scope="col">"Of"</th>
                    <th scope="col">"Proposed by"</th>
                    <th scope="col">"Proposed (UTC)"</th>
                    <th scope="col">"Lapses"</th>
                    <th scope="col" class="figures">
                        "Amount"
                    </th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
        <PageLinks label="Cases" info href=href_of />
    }
    .into_any()
}

fn row(case: CaseRow, now: DateTime<Utc>) -> AnyView {
    let CaseRow {
        id,
        name,
        domain,
        subject,
        refund,
        amount,
        status,
        proposer,
        proposed_at,
        expires_at,
        ..
    } = case;
    let being_issued = is_being_issued(status, expires_at);
    let subject = subject.to_string();
    let refund = refund.map(|refund| {
        let order = subject.clone();
        view! { <RefundLink refund order /> " of " }
    });
    let lapses = match expires_at {
        Some(at) => view! { <Since at now /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let (amount, currency) = (amount.amount(), amount.currency());
    view! {
        <tr data-key=id.to_string()>
            <th scope="row" class="card-head">
                <CaseLink id=id.to_string() />
                <span class="card-aside">
                    <Money amount currency />
                </span>
            </th>
            <td data-label="Status">
                <CaseStatusBadge status being_issued />
            </td>
            <td data-label="What">{command_title(name)}</td>
            <td data-label="Of">
                <span>{refund} <EntityLink domain id=subject /></span>
            </td>
            <td data-label="Proposed by">
                <Code text=proposer />
            </td>
            <td data-label="Proposed">
                <Time at=proposed_at fineness=Fineness::Minute />
            </td>
            <td data-label="Lapses">{lapses}</td>
            <td class="figures not-in-card">
                <Money amount currency />
            </td>
        </tr>
    }
    .into_any()
}

/// Agreed to, or within its proposer's own limit, and nothing says yet how it ended.
pub fn is_being_issued(status: CaseStatus, expires_at: Option<DateTime<Utc>>) -> bool {
    status == CaseStatus::Approved || (status == CaseStatus::Proposed && expires_at.is_none())
}

fn nothing(list: CaseList) -> AnyView {
    let (title, text) = match list {
        CaseList::ForMe => (
            "Nothing waits for you",
            "What others propose shows here until somebody decides it, or it lapses.",
        ),
        CaseList::Mine => (
            "You have proposed nothing",
            "A compensation is proposed or issued from the page of a wallet, an order, a refund or an event.",
        ),
        CaseList::Open => ("No case is open", "Everything that was proposed has been decided."),
        CaseList::All => (
            "There are no cases yet",
            "A case is opened by the first compensation that somebody proposes or issues.",
        ),
    };
    let all = (list != CaseList::All).then(|| view! { <a class="button" href=href::COMPENSATIONS>"All cases"</a> });
    view! {
        <Empty title>
            <p>{text}</p>
            {all}
        </Empty>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_sees_the_lists_that_it_can_fill() {
        let lists = |role| {
            CASE_LISTS
                .into_iter()
                .filter(|(_, list)| is_for(*list, role))
                .map(|(word, _)| word)
                .collect::<Vec<_>>()
        };
        assert_eq!(lists(Role::Viewer), ["open", "all"]);
        assert_eq!(lists(Role::Support), ["mine", "open", "all"]);
        assert_eq!(lists(Role::Finance), ["for_me", "mine", "open", "all"]);
    }

    #[test]
    fn what_waits_for_nobody_is_being_issued() {
        let later = Some(DateTime::UNIX_EPOCH);
        assert!(is_being_issued(CaseStatus::Approved, None));
        assert!(is_being_issued(CaseStatus::Proposed, None));
        assert!(!is_being_issued(CaseStatus::Proposed, later));
        assert!(!is_being_issued(CaseStatus::Issued, None));
    }
}
