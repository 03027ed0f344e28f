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
    live::every,
    region::region,
    sent::{SendProblem, failure, sent},
    session::Session,
    title::title,
};
use crate::{
    api::{ApiError, ApproveCompensation, DeclineCompensation, WithdrawCompensation, get_compensation},
    components::{badge::Tone, before_after::BeforeAfter, href, notice::Notice, steps::EventSteps},
    domain::{
        access::Me,
        compensation::{case::CaseStatus, decide::Step, view::CaseView},
        ids::EntityId,
    },
};

/// How often a case that is being issued is looked at again.
const INTERVAL: Duration = Duration::from_secs(2);

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
    /// Calls `ask` when something was sent that may have changed the case. A mistake in a field has not, and what was
    /// typed beside it is to stay.
    fn then(self, ask: impl Fn() + 'static) {
        let (approve, decline, withdraw) = (self.approve.value(), self.decline.value(), self.withdraw.value());
        Effect::new(move |before: Option<()>| {
            let sent = [
                approve.with(|value| changes(value.as_ref())),
                decline.with(|value| changes(value.as_ref())),
                withdraw.with(|value| changes(value.as_ref())),
            ];
            // What the address came back with was there before the page was.
            if before.is_some() && sent.contains(&true) {
                ask();
            }
        });
    }

    fn failures(self) -> [Signal<Option<ApiError>>; 3] {
        [failure(self.approve), failure(self.decline), failure(self.withdraw)]
    }
}

fn changes(value: Option<&Result<(), ApiError>>) -> bool {
    value.is_some_and(|value| !matches!(value, Err(ApiError::Field { .. } | ApiError::Unreachable)))
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
            let me = session.me().await;
            let id = EntityId::new(id.as_str()).map_err(|_| ApiError::NotFound {
                what: "such a case".to_owned(),
                filtered: false,
            })?;
            Ok((me, get_compensation(id).await?))
        },
    );
    sends.then(move || answer.refetch());
    let unfinished = RwSignal::new(false);
    every(INTERVAL, move || {
        if unfinished.get_untracked() {
            answer.refetch();
        }
    });
    view! {
        {title(move || Some(format!("Case {}", id.try_get()?)))}
        <header class="page-head">
            <nav class="crumbs" aria-label="Where this is">
                <ol>
                    <li>
                        <a href=href::COMPENSATIONS>"Compensations"</a>
                    </li>
                </ol>
            </nav>
            <h1>"Case " <span class="id">{id}</span></h1>
        </header>
        {region(
            answer,
            "case",
            move |answer| {
                unfinished.set(answer.1.state.is_to_be_issued());
                show(answer, sends)
            },
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
    view! {
        <div class="stack">
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
