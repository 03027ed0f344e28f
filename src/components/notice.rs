//! Notices, and the states of a page or a part of it without data: empty, loading, failed.

use leptos::prelude::*;

use super::{badge::Tone, icon::Icon};

/// A note above the part that it is about.
#[component]
pub fn Notice(
    tone: Tone,
    #[prop(into)] title: String,
    /// Screen readers read it at once. For what needs attention now.
    #[prop(optional)]
    urgent: bool,
    children: Children,
) -> impl IntoView {
    let icon = match tone {
        Tone::Caution | Tone::Danger => Icon::Warning,
        Tone::Good => Icon::Check,
        Tone::Neutral | Tone::Info => Icon::Clock,
    };
    view! {
        <div class=format!("notice {}", tone.class()) role=if urgent { "alert" } else { "note" }>
            {icon.view()}
            <div class="notice-text">
                <p class="notice-title">{title}</p>
                {children()}
            </div>
        </div>
    }
    .into_any()
}

/// There are no rows, and that is not an error. Children say what to do next, if anything.
#[component]
pub fn Empty(#[prop(into)] title: String, #[prop(optional)] children: Option<Children>) -> impl IntoView {
    view! {
        <div class="state state-empty">
            <svg class="state-picture" viewBox="0 0 64 40" aria-hidden="true" focusable="false">
                <path d="M4 8h56M4 20h56M4 32h56" class="state-rule"></path>
                <path d="M10 8h16M10 20h28M10 32h10" class="state-stroke"></path>
            </svg>
            <p class="state-title">{title}</p>
            {children.map(|children| view! { <div class="state-text">{children()}</div> })}
        </div>
    }
    .into_any()
}

/// There are no rows so far, but the stores are not read completely, so there may be some.
#[component]
pub fn NotAllRead(
    /// What is not read, one sentence a store.
    unread: Vec<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let lines = unread.into_iter().map(|line| view! { <p>{line}</p> }).collect_view();
    view! {
        <Empty title="The stores are not read completely yet">
            {lines} <p>"Matching rows may be in the part that is not read yet."</p>
            {children.map(|children| children())}
        </Empty>
    }
    .into_any()
}

/// Something could not be shown. Children say what still works and what to do.
#[component]
pub fn Problem(
    #[prop(into)] title: String,
    /// Shows the title as the page's `h1`, if the whole page is missing.
    #[prop(optional)]
    heading: bool,
    children: Children,
) -> impl IntoView {
    let title = if heading {
        view! { <h1 class="state-title">{title}</h1> }.into_any()
    } else {
        view! { <p class="state-title">{title}</p> }.into_any()
    };
    view! {
        <div class="state state-problem" role="alert">
            <svg class="state-picture" viewBox="0 0 64 40" aria-hidden="true" focusable="false">
                <path d="M4 8h56M4 20h20M40 20h20M4 32h56" class="state-rule"></path>
                <path d="M32 10v13M32 29v1.5" class="state-stroke"></path>
            </svg>
            {title}
            <div class="state-text">{children()}</div>
        </div>
    }
    .into_any()
}

/// The parts of the address that have no effect: they are not understood, or not allowed there.
#[component]
pub fn Ignored(notes: Vec<String>) -> impl IntoView {
    if notes.is_empty() {
        return ().into_any();
    }
    let lines = notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view();
    view! {
        <div class="ignored" role="note">
            <p>"These parts of the address have no effect:"</p>
            <ul>{lines}</ul>
        </div>
    }
    .into_any()
}
