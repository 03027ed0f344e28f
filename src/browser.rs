//! What runs in the reader's browser: time travel through a wallet, by the same folds that the server uses. Pages are made by
//! the server and read without it; `public/page.js` fetches it where a page has a place for it.

mod overlay;
mod pointer;

use std::{cell::RefCell, sync::Arc};

use js_sys::Function;
use leptos::{
    mount::{UnmountHandle, mount_to},
    prelude::*,
    tachys::view::any_view::AnyViewState,
    task::spawn_local,
};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::HtmlElement;

use self::{overlay::show, pointer::pointed};
use crate::{
    api::{ApiError, get_wallet_history},
    components::time_travel::{JOURNEY, JOURNEY_DATA, Journey, Slider, Travel},
    domain::{event::Entry, ids::EntityId, replay::Filter},
    views::{
        href,
        query::timeline_href,
        timelines::{HISTORY_IN_BROWSER_MAX, TimelineQuery},
    },
};

/// The journey that is under way on the page.
struct Underway {
    wallet: EntityId,
    place: HtmlElement,
    travel: Travel,
    journey: RwSignal<Journey>,
    /// What is drawn goes before the signals that it reads.
    _mounted: UnmountHandle<AnyViewState>,
    _owner: Owner,
}

thread_local! {
    static UNDERWAY: RefCell<Option<Underway>> = const { RefCell::new(None) };
}

/// Called after every change of the page. `navigate` goes to an address: `navigate(address, { replace, stay })`.
#[wasm_bindgen]
pub fn page(navigate: &Function) {
    console_error_panic_hook::set_once();
    let here = document()
        .get_element_by_id(JOURNEY)
        .and_then(|place| place.dyn_into::<HtmlElement>().ok());
    let initial = here.and_then(|place| {
        let journey: Journey = serde_json::from_str(&place.get_attribute(JOURNEY_DATA)?).ok()?;
        Some((place, journey))
    });
    UNDERWAY.with_borrow_mut(|underway| {
        let Some((place, journey)) = initial else {
            *underway = None;
            return;
        };
        match underway {
            Some(known) if known.place == place && known.wallet == journey.wallet => {
                known.travel.arrived(journey.extent, journey.query.filter);
                known.journey.set(journey);
            }
            _ => {
                // The one before goes first, and what it has drawn with it.
                *underway = None;
                place.set_inner_html("");
                *underway = Some(set_out(place, journey, navigate.clone()));
            }
        }
    });
}

/// Draws the slider and begins to listen.
fn set_out(place: HtmlElement, initial: Journey, navigate: Function) -> Underway {
    let wallet = initial.wallet.clone();
    let owner = Owner::new_root(None);
    let (travel, journey) = owner.with(|| (Travel::new(), RwSignal::new(initial)));
    let draw = move || {
        let (extent, query, currency) =
            journey.with_untracked(|initial| (initial.extent, initial.query, initial.currency));
        travel.arrived(extent, query.filter);
        fetch_history(travel, journey);
        show(travel, journey, pointed());
        let choose = Callback::new(move |filter| journey.with_untracked(|journey| go(&navigate, journey, filter)));
        view! { <Slider travel extent currency choose /> }.into_any()
    };
    let mounted = owner.with(|| mount_to(place.clone(), draw));
    Underway {
        wallet,
        place,
        travel,
        journey,
        _mounted: mounted,
        _owner: owner,
    }
}

/// Asks the server for the moment where the slider was let go.
fn go(navigate: &Function, journey: &Journey, filter: Filter) {
    let query = TimelineQuery {
        filter,
        page: 1,
        ..journey.query
    };
    let address = timeline_href(&href::wallet(journey.wallet.as_str()), &query);
    let how = js_sys::Object::new();
    // Going on from a moment replaces it, so that one step back leads out of the past.
    let replace = !journey.query.filter.is_empty();
    for (name, value) in [("stay", true), ("replace", replace)] {
        // A new object takes any property.
        let _ = js_sys::Reflect::set(&how, &name.into(), &value.into());
    }
    // It is asynchronous, and says itself what went wrong.
    let _ = navigate.call2(&JsValue::NULL, &address.into(), &how);
}

/// Fetches the history when a reader first wants to slide through it.
fn fetch_history(travel: Travel, journey: RwSignal<Journey>) {
    Effect::new(move || {
        if travel.lacks_stops() {
            travel.want();
        }
    });
    Effect::new(move || {
        if !travel.wanted.get() || travel.history.with_untracked(Option::is_some) {
            return;
        }
        let wallet = journey.with_untracked(|journey| journey.wallet.clone());
        spawn_local(async move {
            let read = read_history(wallet).await;
            // The reader may have gone elsewhere meanwhile, and the page's signals with them: then nothing is set.
            match read {
                Ok(entries) => drop(travel.history.try_set(Some(Arc::new(entries)))),
                Err(_) => drop(travel.failed.try_set(true)),
            }
        });
    });
}

async fn read_history(wallet: EntityId) -> Result<Vec<Entry>, ApiError> {
    let mut entries = Vec::new();
    let mut after = None;
    while u64::try_from(entries.len()).is_ok_and(|read| read <= HISTORY_IN_BROWSER_MAX) {
        let page = get_wallet_history(wallet.clone(), after).await?;
        entries.extend(page.entries);
        after = page.next;
        if after.is_none() {
            return Ok(entries);
        }
    }
    Err(ApiError::Invalid {
        message: "the history grew too long to be replayed in the browser".to_owned(),
    })
}
