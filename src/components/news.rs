//! The events that were appended since a preview: the reason why a prepared compensation is not issued.

use leptos::prelude::*;

use super::{
    event_summary::{EventAmount, EventFacts, Fact, Summary, summary},
    id::{DomainTag, EntityLink, EventLink},
    time::Time,
};
use crate::views::events::Recent;

/// A list of events, oldest first.
#[component]
pub fn News(news: Vec<Recent>) -> impl IntoView {
    let items = news
        .into_iter()
        .map(|Recent { domain, subject, entry }| {
            let Summary {
                title,
                amount,
                mut facts,
            } = summary(&entry);
            facts.extend(Fact::by(&entry));
            let position = entry.position;
            let of = subject.clone();
            view! {
                <li>
                    <DomainTag domain />
                    <EntityLink domain id=subject.to_string() />
                    <EventLink domain subject position>
                        <strong>{title}</strong>
                    </EventLink>
                    <EventAmount amount />
                    <Time at=entry.recorded />
                    <EventFacts facts domain subject=of />
                </li>
            }
            .into_any()
        })
        .collect_view();
    view! { <ul class="news">{items}</ul> }.into_any()
}
