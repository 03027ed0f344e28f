//! The list of cases, with links to the cases that wait for an approval and to the reader's own. Former addresses of the
//! list, `/approvals` and `/compensations`, redirect to it.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_router::components::Redirect;

use super::{
    address::search,
    list::{Column, ListRow, list_page},
    session::Session,
    status::set_page_status,
};
use crate::{
    api::{ApiError, list_cases},
    components::{
        badge::Nothing,
        case::{CaseLink, CaseStatusBadge},
        command::command_title,
        id::{Code, EntityLink, RefundLink},
        money::Money,
        time::{Fineness, Since, Time},
    },
    domain::{access::Act, compensation::case::CaseStatus, ids::Domain},
    views::{
        compensations::CaseRow,
        lists::{ListName, ListQuery, Page, PageAt, Sort},
        operators::Me,
        query::{list_href, value_of},
    },
};

#[component]
pub fn CasesPage() -> impl IntoView {
    let session = Session::current();
    list_page::<CaseRow>(|query| session.show(|me| tabs(&me, query)))
}

/// Redirects `/approvals`, whose default `list` was `for_me`.
#[component]
pub fn ApprovalsPage() -> impl IntoView {
    lead_to_cases("for_me")
}

/// Redirects `/compensations`, whose default `list` was `all`.
#[component]
pub fn CompensationsPage() -> impl IntoView {
    lead_to_cases("all")
}

fn lead_to_cases(default: &str) -> AnyView {
    // The list itself says that the role does not allow it.
    if !Session::current().can(Act::Read) {
        return list_page::<CaseRow>(|_| ().into_any());
    }
    let list = value_of(&search(), "list");
    let me = Session::current().me();
    let query = query_of_old(list.as_deref().unwrap_or(default), me.as_ref());
    let lead = view! { <Redirect path=list_href(ListName::Cases, &query) /> }.into_any();
    // `Redirect` sets a status only if the request accepts HTML. This sets one for every request.
    set_page_status(307);
    lead
}

/// The query for a former `list`: `for_me`, `mine`, `open` or `all`. Other values mean `all`.
fn query_of_old(list: &str, me: Option<&Me>) -> ListQuery {
    match list {
        "for_me" | "open" => waiting(),
        "mine" => me.map(of).unwrap_or_default(),
        _ => ListQuery::default(),
    }
}

/// The cases that wait for an approval.
pub fn waiting() -> ListQuery {
    ListQuery {
        states: vec![CaseStatus::Proposed.as_str().to_owned()],
        ..ListQuery::default()
    }
}

/// The cases that an operator proposed or decided on.
fn of(me: &Me) -> ListQuery {
    ListQuery {
        operator: Some(me.name.to_string()),
        ..ListQuery::default()
    }
}

/// Links to the lists that are useful for the reader's role.
fn tabs(me: &Me, query: &ListQuery) -> AnyView {
    let shown = ListQuery {
        sort: None,
        limit: None,
        ..query.page(PageAt::First)
    };
    let mine = (me.role.can(Act::Propose) || me.role.can(Act::Approve)).then(|| ("Mine", of(me)));
    let links = std::iter::once(("Waiting for approval", waiting()))
        .chain(mine)
        .chain([("All", ListQuery::default())])
        .map(|(word, query)| {
            let current = (query == shown).then_some("page");
            view! {
                <li>
                    <a class="pill" href=list_href(ListName::Cases, &query) aria-current=current>
                        {word}
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

impl ListRow for CaseRow {
    const LIST: ListName = ListName::Cases;
    const DOMAINS: &'static [Domain] = &[];
    const SEARCHED: &'static str = "Case, operator, wallet or order";
    const COLUMNS: &'static [Column] = &[
        Column::new("Case"),
        Column::new("State"),
        Column::new("What"),
        Column::new("Of"),
        Column::new("Proposed by"),
        Column::new("Proposed (UTC)").sorting(&[Sort::Newest, Sort::Oldest]),
        Column::new("Decided by"),
        Column::new("Lapses"),
        Column::figures("Amount").sorting(&[Sort::AmountDown]),
    ];
    const NONE: (&'static str, &'static str) = (
        "There are no cases yet",
        "Each correction that an operator proposes or issues becomes a case.",
    );

    async fn ask(query: ListQuery) -> Result<Page<Self>, ApiError> {
        list_cases(query).await
    }

    fn row(self, now: DateTime<Utc>) -> AnyView {
        let Self {
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
            decided_by,
            ..
        } = self;
        let being_issued = is_being_issued(status, expires_at);
        let subject = subject.to_string();
        let refund = refund.map(|refund| {
            let order = subject.clone();
            view! { <RefundLink refund order /> " of " }
        });
        let decided = match decided_by {
            Some(text) => view! { <Code text /> }.into_any(),
            None => view! { <Nothing /> }.into_any(),
        };
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
                <td data-label="State">
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
                <td data-label="Decided by">{decided}</td>
                <td data-label="Lapses">{lapses}</td>
                <td class="figures not-in-card">
                    <Money amount currency />
                </td>
            </tr>
        }
        .into_any()
    }
}

/// Whether the case is approved, or within the proposer's own limit (no `expires_at`), and has not ended.
fn is_being_issued(status: CaseStatus, expires_at: Option<DateTime<Utc>>) -> bool {
    status == CaseStatus::Approved || (status == CaseStatus::Proposed && expires_at.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn former_lists_have_equivalent_queries() {
        let address = |list: &str| list_href(ListName::Cases, &query_of_old(list, None));
        assert_eq!(address("for_me"), "/cases?state=proposed");
        assert_eq!(address("open"), "/cases?state=proposed");
        assert_eq!(address("all"), "/cases");
        assert_eq!(address("?"), "/cases");
    }

    #[test]
    fn a_case_that_needs_no_more_approval_is_being_issued() {
        let later = Some(DateTime::UNIX_EPOCH);
        assert!(is_being_issued(CaseStatus::Approved, None));
        assert!(is_being_issued(CaseStatus::Proposed, None));
        assert!(!is_being_issued(CaseStatus::Proposed, later));
        assert!(!is_being_issued(CaseStatus::Issued, None));
    }
}
