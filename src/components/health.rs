//! The banner that says which store is not in the figures, or not yet. It stands on every page: a number that may be
//! old is never shown as if it were new.

use leptos::prelude::*;

use super::{
    badge::Tone,
    notice::Notice,
    time::{Fineness, format_moment},
    words::{counted, sentence},
};
use crate::domain::{
    ids::Domain,
    listing::{StoreHealth, StoreState},
};

/// One notice for each store that is not live; nothing where all are.
#[component]
pub fn HealthBanner(stores: Vec<StoreHealth>) -> impl IntoView {
    stores.into_iter().filter_map(notice).collect_view()
}

fn notice(store: StoreHealth) -> Option<AnyView> {
    let StoreHealth { domain, state, .. } = store;
    let (things, timelines) = match domain {
        Domain::Wallet => ("wallets", "timelines of wallets"),
        Domain::Order => ("orders and refunds", "timelines of orders"),
    };
    match state {
        StoreState::Live => None,
        StoreState::Loading { events } => Some(
            view! {
                <Notice tone=Tone::Info title=format!("The {domain} store is being read")>
                    <p>
                        {format!("{} so far. Until all are read, lists and totals of {things} fall short.", counted(events, "event"))}
                    </p>
                </Notice>
            }
            .into_any(),
        ),
        StoreState::Down { since, as_of, .. } => {
            let title = format!(
                "The {domain} store has not answered since {}",
                format_moment(since, Fineness::Minute)
            );
            let figures = match as_of {
                Some(at) => format!("Lists and totals of {things} are as of {}.", format_moment(at, Fineness::Second)),
                None => format!("It has not answered since this server started, so nothing is known of {things}."),
            };
            Some(
                view! {
                    <Notice tone=Tone::Danger title urgent=true>
                        <p>{figures} {format!(" {} can't be opened until it is back.", sentence(timelines))}</p>
                    </Notice>
                }
                .into_any(),
            )
        }
    }
}
