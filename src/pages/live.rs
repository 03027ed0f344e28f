//! What a page says to the stream of changes: what it is about. `public/live.js` reads that, has the page asked for again
//! when something of it has changed, and works the button that holds a timeline still.

use leptos::prelude::*;

use crate::{
    components::{badge::Tone, notice::Notice},
    views::timelines::TimelineQuery,
};

/// Makes a page follow `topic`; `None`: nothing on it moves.
pub fn follow(topic: Option<String>) -> AnyView {
    view! { <div id="live" data-topic=topic hidden></div> }.into_any()
}

/// A page of lists and totals follows everything.
pub fn follow_all() -> AnyView {
    follow(Some("all".to_owned()))
}

/// Where a script says how many places on the page have changed.
#[component]
pub fn LiveSaid() -> impl IntoView {
    view! { <p id="live-said" class="visually-hidden" role="status"></p> }.into_any()
}

/// Says that the stream is interrupted, and how old the figures are; hidden while it is not.
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

/// The button of a timeline of `shown` events, which moves by itself; one of the past does not. Hidden until there is a
/// stream.
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
