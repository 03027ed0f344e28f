//! One case with its whole story: what was asked, by whom and why, what it would do or did, and what can be done with it
//! now. After something was issued this page is the answer, so it never says that nothing happened where that is not known.

mod asked;
mod decide;
mod story;
mod verdict;

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use self::{
    asked::asked,
    decide::decisions,
    story::story,
    verdict::{foreign_news, places, since, verdict},
};
use super::{
    region::region,
    sent::{SendProblem, failure, sent},
    session::Session,
    title::title,
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

/// How often a case that is being issued is looked at again.
const AGAIN: Duration = Duration::from_secs(2);

/// A case and who asked for it.
type Answer = (Option<Me>, CaseView);

/// What a reader can send from here.
#[derive(Clone, Copy)]
struct Sends {
    approve: ServerAction<ApproveCompensation>,
    decline: ServerAction<DeclineCompensation>,
    withdraw: ServerAction<WithdrawCompensation>,
}

impl Sends {
    fn failures(self) -> [Signal<Option<ApiError>>; 3] {
        [failure(self.approve), failure(self.decline), failure(self.withdraw)]
    }
}

#[component]
pub fn CasePage() -> impl IntoView {
    let session = Session::current();
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("case").unwrap_or_default()));
    let sends = Sends {
        approve: sent(),
        decline: sent(),
        withdraw: sent(),
    };
    let answer = Resource::new(
        move || id.get(),
        move |id| async move {
            let me = session.me();
            let id = EntityId::new(id.as_str()).map_err(|_| ApiError::NotFound {
                what: "such a case".to_owned(),
                filtered: false,
            })?;
            Ok((me, get_compensation(id).await?))
        },
    );
    view! {
        {title(move || Some(format!("Case {}", id.try_get()?)))}
        <header class="page-head">
            <nav class="crumbs" aria-label="Where this is">
                <ol>
                    <li>
                        <a href=href::CASES>"Cases"</a>
                    </li>
                </ol>
            </nav>
            <h1>"Case " <span class="id">{id}</span></h1>
        </header>
        {region(
            answer,
            "case",
            move |answer| show(answer, sends),
        )}
    }
    .into_any()
}

fn show((me, case): Answer, sends: Sends) -> AnyView {
    let [approve, decline, withdraw] = sends.failures();
    let Some(proposal) = case.state.proposal.clone() else {
        return view! {
            <div class="stack">
                <Notice tone=Tone::Danger title="The case can't be read">
                    <p>"Its first event is not the proposal. What was written stands below."</p>
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
        <div class="stack" id="case" data-again=again>
            <SendProblem failure=approve nothing="It was not approved" />
            <SendProblem failure=decline nothing="It was not declined" />
            <SendProblem failure=withdraw nothing="It was not withdrawn" />
            {verdict(&case)}
            {since(news, &case)}
            <div class="case">
                <div class="stack">
                    {asked(&case, &proposal)}
                    {events(proposal.steps.clone(), places, &case)}
                </div>
                <div class="stack">
                    {decisions(me, &case, sends)}
                    <section class="panel" aria-labelledby="figures">
                        <div class="panel-head">
                            <h2 id="figures">"Before and after, as previewed"</h2>
                        </div>
                        <BeforeAfter
                            before=proposal.before.clone()
                            after=Some(proposal.after.clone())
                            currency=Some(currency)
                            caption="The figures that were previewed"
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
