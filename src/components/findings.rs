//! Findings as a list: severity, kind, explanation, and links to the entities that they are about.

use leptos::prelude::*;

use super::{
    badge::SeverityBadge,
    id::{OrderLink, RefundLink, WalletLink},
    money::Money,
    time::{Fineness, Time},
    words::{grouped, sentence},
};
use crate::{domain::findings::Finding, views::href};

/// The list of findings; nothing if there are none. `count` is the number of all findings. `here` is the id that the
/// page is about, which is not linked.
#[component]
pub fn FindingsList(findings: Vec<Finding>, count: u64, #[prop(into)] here: String) -> impl IntoView {
    if findings.is_empty() {
        return ().into_any();
    }
    let here = here.as_str();
    let left_out = count.saturating_sub(findings.len().try_into().unwrap_or(u64::MAX));
    let rest = (left_out > 0).then(|| {
        view! {
            <p class="panel-note">
                {format!("… and {} more. ", grouped(left_out))} <a href=href::FINDINGS>"All findings"</a>
            </p>
        }
    });
    let items = findings.into_iter().map(|finding| item(finding, here)).collect_view();
    view! {
        <section class="panel findings" aria-labelledby="findings">
            <div class="panel-head">
                <h2 id="findings">"Findings"</h2>
                <p class="aside">"Inconsistencies across wallets and orders, as of now"</p>
            </div>
            <ul>{items}</ul>
            {rest}
        </section>
    }
    .into_any()
}

/// Links to the entities of a finding.
#[component]
pub fn FindingSubjects(
    finding: Finding,
    /// The id that the page is about, which is not linked.
    #[prop(optional, into)]
    here: String,
) -> impl IntoView {
    let elsewhere = |id: Option<String>| id.filter(|id| *id != here);
    let order = finding.order.clone();
    view! {
        <span class="finding-subjects">
            {elsewhere(finding.refund).map(|refund| view! { <span>"refund " <RefundLink refund order /></span> })}
            {elsewhere(finding.order).map(|id| view! { <span>"order " <OrderLink id /></span> })}
            {elsewhere(finding.wallet).map(|id| view! { <span>"wallet " <WalletLink id /></span> })}
        </span>
    }
    .into_any()
}

fn item(finding: Finding, here: &str) -> AnyView {
    let subjects = finding.clone();
    let amount = finding
        .amount
        .map(|amount| view! { <Money amount currency=finding.currency /> });
    let since = finding
        .since
        .map(|at| view! { <span>"since " <Time at fineness=Fineness::Minute />" UTC"</span> });
    view! {
        <li class="finding">
            <SeverityBadge severity=finding.severity />
            <div class="finding-text">
                <p>
                    <strong>{sentence(finding.finding.as_str())}": "</strong>
                    {finding.explanation}
                </p>
                <p class="finding-links">
                    <FindingSubjects finding=subjects here />
                    {since}
                </p>
            </div>
            <p class="finding-amount">{amount}</p>
        </li>
    }
    .into_any()
}
