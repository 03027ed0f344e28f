//! One case with its whole story: what was asked, by whom and why, what it would do or did, and what can be done with it
//! now. After something was issued this page is the answer, so it never says that nothing happened where that is not known.

mod decide;
mod story;

use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use self::{decide::decisions, story::story};
use super::{
    live::every,
    query::timeline_href,
    region::region,
    sent::{SendProblem, failure, sent},
    session::Session,
};
use crate::{
    api::{ApiError, ApproveCompensation, DeclineCompensation, WithdrawCompensation, get_compensation},
    components::{
        badge::{Nothing, Tone},
        before_after::BeforeAfter,
        case::CaseStatusBadge,
        command::command_title,
        href,
        id::{Code, EntityLink, RefundLink},
        money::Money,
        news::News,
        notice::Notice,
        reason::ReasonLabel,
        steps::EventSteps,
        time::{Fineness, Since, Time},
        words::sentence,
    },
    domain::{
        access::Me,
        compensation::{
            case::{CaseStatus, IssuedEvent, Proposal},
            decide::Step,
            view::CaseView,
        },
        ids::EntityId,
        listing::{Recent, TimelineQuery},
        replay::Filter,
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
        <Title text=move || format!("Case {}", id.get()) />
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

/// How it stands, in one sentence that can be acted on.
fn verdict(case: &CaseView) -> AnyView {
    let state = &case.state;
    if state.is_to_be_issued() {
        let here = href::compensation(case.row.id.as_str());
        return view! {
            <Notice tone=Tone::Info title="It is being issued">
                <p>
                    "Nothing says yet how it ended. Do not repeat it: it will be finished or refused, and this page then says so. "
                    <a href=here rel="external">
                        "Look again"
                    </a>
                </p>
            </Notice>
        }
        .into_any();
    }
    let why = state.why.clone().map(|why| format!("{}.", sentence(&why)));
    let (tone, title) = match case.row.status {
        CaseStatus::Issued => (Tone::Good, "Issued"),
        CaseStatus::Refused => (Tone::Danger, "Refused: it was not issued"),
        CaseStatus::Declined => (Tone::Neutral, "Declined: it was not issued"),
        CaseStatus::Withdrawn => (Tone::Neutral, "Withdrawn: it was not issued"),
        CaseStatus::Lapsed => (Tone::Neutral, "Lapsed: it was not issued"),
        CaseStatus::Proposed | CaseStatus::Approved => return ().into_any(),
    };
    let text = match case.row.status {
        CaseStatus::Issued => Some("The events below stand in their streams.".to_owned()),
        CaseStatus::Refused if !state.events.is_empty() => {
            let undone = "What had been appended was undone by a further event.";
            Some(why.map_or_else(|| undone.to_owned(), |why| format!("{why} {undone}")))
        }
        CaseStatus::Declined => state.judge.clone().map(|judge| format!("By {judge}.")),
        _ => why,
    };
    view! {
        <Notice tone title>
            {text.map(|text| view! { <p>{text}</p> })}
        </Notice>
    }
    .into_any()
}

/// What others appended to its streams; an approval is refused then.
fn since(news: Vec<Recent>, case: &CaseView) -> AnyView {
    if news.is_empty() {
        return ().into_any();
    }
    let open = case.state.awaits_approval();
    let (tone, title, text) = if open {
        (
            Tone::Caution,
            "Something was appended since it was proposed",
            "An approval would be refused: it binds to what was looked at. Propose it again on what is there now.",
        )
    } else {
        (
            Tone::Neutral,
            "Appended there since",
            "By others, after what this case looked at.",
        )
    };
    view! {
        <Notice tone title>
            <p>{text}</p>
            <News news />
        </Notice>
    }
    .into_any()
}

fn asked(case: &CaseView, proposal: &Proposal) -> AnyView {
    let row = &case.row;
    let (amount, currency) = (row.amount.amount(), row.amount.currency());
    let domain = row.domain;
    let subject = row.subject.to_string();
    let refund = row.refund.clone().map(|refund| {
        let order = subject.clone();
        view! {
            <div>
                <dt>"Refund"</dt>
                <dd>
                    <RefundLink refund order />
                </dd>
            </div>
        }
    });
    let expires = match row.expires_at {
        Some(at) => view! { <Since at now=case.now /> ", at " <Time at fineness=Fineness::Minute /> " UTC" }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let judge = case.state.judge.clone().map(|judge| {
        let word = if row.status == CaseStatus::Declined {
            "Declined by"
        } else {
            "Approved by"
        };
        view! {
            <div>
                <dt>{word}</dt>
                <dd>
                    <Code text=judge />
                </dd>
            </div>
        }
    });
    let warnings = warnings(proposal);
    view! {
        <section class="panel" aria-labelledby="asked">
            <div class="panel-head">
                <h2 id="asked">{command_title(row.name)}</h2>
                <CaseStatusBadge status=row.status being_issued=case.state.is_to_be_issued() />
            </div>
            <div class="panel-body">
                <p class="case-amount">
                    <Money amount currency />
                </p>
                <dl class="details">
                    <div>
                        <dt>{sentence(domain.as_str())}</dt>
                        <dd>
                            <EntityLink domain id=subject.clone() />
                        </dd>
                    </div>
                    {refund}
                    <div>
                        <dt>"Reason"</dt>
                        <dd>
                            <ReasonLabel reason=proposal.reason.clone() />
                        </dd>
                    </div>
                    <div>
                        <dt>"Asked for by"</dt>
                        <dd>
                            <Code text=row.proposer.clone() />
                        </dd>
                    </div>
                    <div>
                        <dt>"Asked for"</dt>
                        <dd>
                            <Time at=row.proposed_at />
                            " UTC"
                        </dd>
                    </div>
                    {judge}
                    <div>
                        <dt>"Lapses"</dt>
                        <dd>{expires}</dd>
                    </div>
                    <div class="is-wide">
                        <dt>"Note"</dt>
                        <dd>
                            <q class="quote case-note">{proposal.note.clone()}</q>
                        </dd>
                    </div>
                    {warnings}
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn warnings(proposal: &Proposal) -> Option<AnyView> {
    let warnings = proposal
        .warnings
        .iter()
        .map(|warning| view! { <li>{sentence(&warning.to_string())} "."</li> })
        .collect_view();
    (!proposal.warnings.is_empty()).then(|| {
        view! {
            <div class="is-wide">
                <dt>"Warnings"</dt>
                <dd>
                    <ul>{warnings}</ul>
                </dd>
            </div>
        }
        .into_any()
    })
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

/// Where the events stand that were appended for the steps: their own page where the position is known, otherwise the
/// entity as of them.
fn places(steps: &[Step], issued: &[IssuedEvent], news: &[Recent]) -> Vec<Option<String>> {
    let place = |event: &IssuedEvent| {
        let written = news.iter().find(|recent| {
            (recent.domain, &recent.subject) == (event.domain, &event.id)
                && recent.entry.fields.id.as_deref() == Some(event.event.as_str())
        });
        match written {
            Some(recent) => href::event(recent.domain, &recent.subject, recent.entry.position),
            None => timeline_href(
                &href::entity(event.domain, event.id.as_str()),
                &TimelineQuery {
                    filter: Filter {
                        sequence: Some(event.sequence),
                        ..Filter::default()
                    },
                    ..TimelineQuery::default()
                },
            ),
        }
    };
    steps
        .iter()
        .map(|step| {
            let of_step = |event: &&IssuedEvent| (event.domain, &event.id) == (step.domain, &step.subject);
            issued.iter().find(of_step).map(place)
        })
        .collect()
}

/// What was appended there by others than the case itself.
fn foreign_news(news: Vec<Recent>, issued: &[IssuedEvent]) -> Vec<Recent> {
    let own = |recent: &Recent| {
        let id = recent.entry.fields.id.as_deref();
        issued.iter().any(|event| id == Some(event.event.as_str()))
    };
    news.into_iter().filter(|recent| !own(recent)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::{Entry, Fields},
        ids::Domain,
    };

    fn recent(id: &str, position: &str) -> Recent {
        Recent {
            domain: Domain::Wallet,
            subject: EntityId::new("W-1").unwrap(),
            entry: Entry {
                position: position.parse().unwrap(),
                recorded: "2026-01-01T00:00:00Z".parse().unwrap(),
                fields: Fields {
                    id: Some(id.to_owned()),
                    ..Fields::default()
                },
            },
        }
    }

    #[test]
    fn what_was_issued_leads_to_its_event_and_is_no_news() {
        let step = Step {
            domain: Domain::Wallet,
            subject: EntityId::new("W-1").unwrap(),
            at: 4,
            r#type: "wallet.credited".to_owned(),
            data: "{}".to_owned(),
            key: String::new(),
        };
        let issued = [IssuedEvent {
            domain: Domain::Wallet,
            id: EntityId::new("W-1").unwrap(),
            sequence: 5,
            event: "mine".to_owned(),
        }];
        let news = vec![recent("theirs", "1-0"), recent("mine", "2-0")];
        let steps = [step];
        assert_eq!(
            places(&steps, &issued, &news),
            [Some("/events/wallet/W-1/2-0".to_owned())]
        );
        assert_eq!(
            places(&steps, &issued, &[]),
            [Some("/wallets/W-1?sequence=5".to_owned())]
        );
        assert_eq!(places(&steps, &[], &news), [None]);
        assert_eq!(foreign_news(news, &issued), [recent("theirs", "1-0")]);
    }
}
