//! The proposal of a case: the command, its amount and subject, the proposer, the reason, and the warnings.

use leptos::prelude::*;

use crate::{
    components::{
        case::CaseStatusBadge,
        command::command_title,
        id::{Code, EntityLink, RefundLink},
        money::Money,
        reason::ReasonLabel,
        time::{Fineness, Since, Time},
        words::sentence,
    },
    domain::compensation::case::{CaseStatus, Proposal},
    views::compensations::CaseView,
};

pub(super) fn asked(case: &CaseView, proposal: &Proposal) -> AnyView {
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
    let now = case.now;
    let expires = row.expires_at.map(|at| {
        view! {
            <div>
                <dt>"Lapses"</dt>
                <dd>
                    <Since at now />
                    ", at "
                    <Time at fineness=Fineness::Minute />
                    " UTC"
                </dd>
            </div>
        }
    });
    let decider = case.state.decided_by.clone().map(|decider| {
        let word = if row.status == CaseStatus::Declined {
            "Declined by"
        } else {
            "Approved by"
        };
        view! {
            <div>
                <dt>{word}</dt>
                <dd>
                    <Code text=decider />
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
                        <dt>"Proposed by"</dt>
                        <dd>
                            <Code text=row.proposer.clone() />
                        </dd>
                    </div>
                    <div>
                        <dt>"Proposed"</dt>
                        <dd>
                            <Time at=row.proposed_at />
                            " UTC"
                        </dd>
                    </div>
                    {decider}
                    {expires}
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
