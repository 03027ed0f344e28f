//! The exact events of a compensation, in the order in which they are appended: type, stream, sequence and payload.

use leptos::prelude::*;

use super::{
    entry::pretty_data,
    id::{DomainTag, EntityLink},
    words::event_title,
};
use crate::domain::compensation::decide::Step;

/// Events that would be or were appended. `places` are the addresses of the appended events, one a step, in order.
#[component]
pub fn EventSteps(steps: Vec<Step>, #[prop(optional)] places: Vec<Option<String>>) -> impl IntoView {
    let mut places = places.into_iter();
    let items = steps
        .into_iter()
        .map(|step| {
            let place = places.next().flatten();
            item(step, place)
        })
        .collect_view();
    view! { <ol class="event-steps">{items}</ol> }.into_any()
}

fn item(step: Step, place: Option<String>) -> AnyView {
    let title = event_title(&step.r#type);
    let title = match place {
        Some(href) => view! { <a class="event-link" href=href><strong>{title}</strong></a> }.into_any(),
        None => view! { <strong>{title}</strong> }.into_any(),
    };
    view! {
        <li>
            <p class="event-step-head">
                <DomainTag domain=step.domain />
                {title}
                <code>{step.r#type}</code>
                <span class="event-step-of">
                    "event " {(step.at + 1).to_string()} " of " <EntityLink domain=step.domain id=step.subject.to_string() />
                </span>
            </p>
            <pre class="entry-data" tabindex="0" aria-label="Payload">
                <code>{pretty_data(&step.data)}</code>
            </pre>
        </li>
    }
    .into_any()
}
