//! The page of one case: what was proposed, the events that it appends, its outcome, its own events, and the forms to
//! approve, decline or withdraw it. Issuing leads to this page. While the outcome is unknown, the page says so.

mod asked;
mod decide;
mod story;
mod verdict;

use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;

use self::{
    asked::asked,
    decide::decisions,
    story::story,
    verdict::{foreign_news, places, since, verdict},
};
use super::{
    address::param,
    region::region,
    sent::{SendProblem, failure},
    session::Session,
};
use crate::{
    api::{ApiError, ApproveCompensation, DeclineCompensation, WithdrawCompensation, get_compensation},
    components::{badge::Tone, before_after::BeforeAfter, notice::Notice, steps::EventSteps},
    domain::{
        compensation::{case::CaseStatus, decide::Step},
        ids::EntityId,
    },
    views::{compensations::CaseView, href, operators::Me},
};

/// How often the page of a case that is being issued is fetched again.
const AGAIN: Duration = Duration::from_secs(2);

/// The signed-in operator, and the case.
type Answer = (Option<Me>, CaseView);

/// Why each form of this page was not accepted. `None` if it was accepted, or not sent.
struct Failures {
    approve: Option<ApiError>,
    decline: Option<ApiError>,
    withdraw: Option<ApiError>,
}

#[component]
pub fn CasePage() -> impl IntoView {
    let session = Session::current();
    let id = param("case");
    let parsed = EntityId::new(id.as_str()).map_err(|_| ApiError::NotFound {
        what: "such a case".to_owned(),
        filtered: false,
    });
    let answer = async move { Ok((session.me(), get_compensation(parsed?).await?)) };
    view! {
        <Title text=format!("Case {id}") />
        <header class="page-head">
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>
                    <li>
                        <a href=href::CASES>"Cases"</a>
                    </li>
                </ol>
            </nav>
            <h1>"Case " <span class="id">{id}</span></h1>
        </header>
        {region(answer, "case", show)}
    }
    .into_any()
}

fn show((me, case): Answer) -> AnyView {
    let failures = Failures {
        approve: failure::<ApproveCompensation>(),
        decline: failure::<DeclineCompensation>(),
        withdraw: failure::<WithdrawCompensation>(),
    };
    let Some(proposal) = case.state.proposal.clone() else {
        return view! {
            <div class="stack">
                <Notice tone=Tone::Danger title="The case can't be read">
                    <p>"Its first event is not a proposal. Its events are shown below."</p>
                </Notice>
                {story(case.story, case.now)}
            </div>
        }
        .into_any();
    };
    let currency = proposal.amount.currency();
    let places = places(&proposal.steps, &case.state.events, &case.news);
    let news = foreign_news(case.news.clone(), &case.state.events);
    let again = case.state.is_to_be_issued().then(|| AGAIN.as_secs().to_string());
    view! {
        <div class="stack" id="case" data-refresh-seconds=again>
            <SendProblem failure=failures.approve.clone() nothing="The case was not approved" />
            <SendProblem failure=failures.decline.clone() nothing="The case was not declined" />
            <SendProblem failure=failures.withdraw.clone() nothing="The case was not withdrawn" />
            {verdict(&case)}
            {since(news, &case)}
            <div class="case">
                <div class="stack">
                    {asked(&case, &proposal)}
                    {events(proposal.steps.clone(), places, &case)}
                </div>
                <div class="stack">
                    {decisions(me, &case, &failures)}
                    <section class="panel" aria-labelledby="figures">
                        <div class="panel-head">
                            <h2 id="figures">"Before and after, as previewed"</h2>
                        </div>
                        <BeforeAfter
                            before=proposal.before.clone()
                            after=Some(proposal.after.clone())
                            currency=Some(currency)
                            caption="The previewed figures"
                        />
                    </section>
                    {story(case.story, case.now)}
                </div>
            </div>
        </div>
    }
    .into_any()
}

fn events(steps: Vec<Step>, places: Vec<Option<String>>, case: &CaseView) -> AnyView {
    let title = match case.row.status {
        CaseStatus::Issued => "What was appended",
        CaseStatus::Proposed | CaseStatus::Approved => "What would be appended",
        _ => "What would have been appended",
    };
    view! {
        <section class="panel" aria-labelledby="events">
            <div class="panel-head">
                <h2 id="events">{title}</h2>
            </div>
            <div class="panel-body">
                <EventSteps steps places />
            </div>
        </section>
    }
    .into_any()
}
