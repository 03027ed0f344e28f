//! Elements for live updates. `public/live.js` reads the page's topic from them, fetches the page again when the stream
//! reports a change, and handles the button that pauses a timeline.

use leptos::prelude::*;

use crate::{
    components::{badge::Tone, notice::Notice},
    views::timelines::TimelineQuery,
};

/// Makes a page follow `topic`. A page without a topic has no live updates.
pub fn follow(topic: Option<String>) -> AnyView {
    view! { <div id="live" data-topic=topic hidden></div> }.into_any()
}

/// Makes a page follow all changes, for lists and totals.
pub fn follow_all() -> AnyView {
    follow(Some("all".to_owned()))
}

/// The element in which a script announces to screen readers how many elements of the page have changed.
#[component]
pub fn LiveSaid() -> impl IntoView {
    view! { <p id="live-said" class="visually-hidden" role="status"></p> }.into_any()
}

/// Says that the stream is interrupted, and how old the figures are. Hidden while the stream works.
#[component]
pub fn LiveBanner() -> impl IntoView {
    view! {
        <div class="health" id="live-off" hidden>
            <Notice tone=Tone::Caution title="Live updates are interrupted">
                <p data-age=""></p>
            </Notice>
        </div>
    }
    .into_any()
}

/// The button that pauses a timeline of `shown` events. Empty for a moment of the past, which has no live updates. Hidden
/// until the stream is open.
pub fn pause(query: TimelineQuery, shown: u64) -> AnyView {
    let moves = query.filter.is_empty();
    moves
        .then(|| {
            view! {
                <button
                    id="pause"
                    class="button is-small"
                    type="button"
                    aria-pressed="false"
                    data-shown=shown.to_string()
                    hidden
                >
                    "Pause"
                </button>
            }
        })
        .into_any()
}
