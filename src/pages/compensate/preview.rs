//! The preview of the second step: the figures before and after, the events to append, what was appended since the reader
//! looked, or why the command is not possible.

use leptos::prelude::*;

use crate::{
    components::{
        badge::Tone,
        before_after::BeforeAfter,
        news::News,
        notice::Notice,
        steps::EventSteps,
        words::{counted, sentence},
    },
    domain::{
        compensation::decide::{Figures, Rejection, Step},
        money::Currency,
    },
    views::events::Recent,
};

/// The current figures, and the figures after the command if `after` is given.
pub(super) fn foreseen(before: Figures, after: Option<Figures>, currency: Option<Currency>) -> AnyView {
    let (title, caption) = if after.is_some() {
        ("Before and after", "The figures before and after it")
    } else {
        ("Current figures", "The figures as they are now")
    };
    view! {
        <section class="panel" aria-label=title>
            <div class="panel-head">
                <h2>{title}</h2>
            </div>
            <BeforeAfter before after currency caption />
        </section>
    }
    .into_any()
}

pub(super) fn would_append(steps: Vec<Step>) -> AnyView {
    let count = counted(steps.len().try_into().unwrap_or(u64::MAX), "event");
    let order = if steps.len() > 1 { ", in this order" } else { "" };
    view! {
        <section class="panel" aria-labelledby="events">
            <div class="panel-head">
                <h2 id="events">"What would be appended"</h2>
                <p class="aside">{count} {order} ". Nothing is edited or deleted."</p>
            </div>
            <div class="panel-body">
                <EventSteps steps />
            </div>
        </section>
    }
    .into_any()
}

pub(super) fn rejected(rejection: &Rejection) -> AnyView {
    let why = format!("{}.", sentence(&rejection.to_string()));
    view! {
        <Notice tone=Tone::Danger title="The command is not possible" urgent=true>
            <p>{why}</p>
        </Notice>
    }
    .into_any()
}

pub(super) fn news(news: Vec<Recent>) -> AnyView {
    if news.is_empty() {
        return ().into_any();
    }
    let title = format!(
        "{} appended since the preview",
        counted(news.len().try_into().unwrap_or(u64::MAX), "event")
    );
    view! {
        <Notice tone=Tone::Caution title urgent=true>
            <News news />
        </Notice>
    }
    .into_any()
}
