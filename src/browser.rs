//! The WebAssembly program in the browser: time travel through a wallet, with the same folds as the server. Pages work
//! without it. `public/page.js` loads it on pages with a time-travel slider.

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

/// The time travel that is mounted on the current page.
struct Underway {
    wallet: EntityId,
    place: HtmlElement,
    travel: Travel,
    journey: RwSignal<Journey>,
    /// Dropped before `_owner`, because the mounted view reads the owner's signals.
    _mounted: UnmountHandle<AnyViewState>,
    _owner: Owner,
}

thread_local! {
    static UNDERWAY: RefCell<Option<Underway>> = const { RefCell::new(None) };
}

/// The entry point, which `page.js` calls after every change of the page. `navigate(address, { replace, stay })` goes
/// to an address.
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
                // The former one is unmounted first.
                *underway = None;
                place.set_inner_html("");
                *underway = Some(set_out(place, journey, navigate.clone()));
            }
        }
    });
}

/// Mounts the slider and its listeners.
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

/// Navigates to the moment at which the slider was released.
fn go(navigate: &Function, journey: &Journey, filter: Filter) {
    let query = TimelineQuery {
        filter,
        page: 1,
        ..journey.query
    };
    let address = timeline_href(&href::wallet(journey.wallet.as_str()), &query);
    let how = js_sys::Object::new();
    // A further moment replaces the history entry of the former one, so that one step back returns to the present.
    let replace = !journey.query.filter.is_empty();
    for (name, value) in [("stay", true), ("replace", replace)] {
        // Setting a property of a new object can't fail.
        let _ = js_sys::Reflect::set(&how, &name.into(), &value.into());
    }
    // `navigate` is asynchronous and reports its own errors.
    let _ = navigate.call2(&JsValue::NULL, &address.into(), &how);
}

/// Fetches the entries when they are first needed.
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
            // `try_set` does nothing if the reader has left the page and its signals are disposed.
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
        message: "the history is too long to be replayed in the browser".to_owned(),
    })
}
