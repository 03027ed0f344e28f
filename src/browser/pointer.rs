//! The pointer's position on the chart. The listeners are on the window, because live updates may replace the chart.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent};

use crate::components::chart::{DRAWING, ticks::FIELD};

/// The horizontal position on the chart, from 0 to [`FIELD`]; `None` while the pointer is elsewhere.
pub fn pointed() -> ReadSignal<Option<i128>> {
    let (pointed, point) = signal(None);
    let listen = move |event: PointerEvent| {
        let place = place_of(&event);
        if pointed.get_untracked() != place {
            point.set(place);
        }
    };
    for listener in [
        window_event_listener(ev::pointermove, listen),
        window_event_listener(ev::pointerdown, listen),
    ] {
        on_cleanup(move || listener.remove());
    }
    pointed
}

/// The horizontal position of an event. By the style sheet, only the drawing as a whole receives pointer events, so
/// offsets are relative to it.
fn place_of(event: &PointerEvent) -> Option<i128> {
    let drawing = event.target()?.dyn_into::<Element>().ok()?;
    if !drawing.class_list().contains(DRAWING) {
        return None;
    }
    let width = i128::from(drawing.client_width());
    (width > 0).then(|| (i128::from(event.offset_x()) * FIELD / width).clamp(0, FIELD))
}
