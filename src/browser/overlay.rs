//! Shows figures of another moment while the reader moves the slider or points at the chart. They temporarily replace
//! the elements' contents that the server rendered.

use std::collections::BTreeMap;

use leptos::prelude::*;
use web_sys::Element;

use crate::{
    components::{
        chart::{CURSOR, Reading, percent, plot::Plot},
        money::format_amount,
        time::{Fineness, format_moment},
        time_travel::{Figure, Journey, Travel},
    },
    domain::money::Currency,
    views::timelines::ChartPoint,
};

/// Marks elements that temporarily replace rendered content. A page that the server rendered again has none.
const MARK: &str = "data-overlay";
/// An attribute of the root element while the slider moves. Live updates wait until it is removed.
const SLIDING: &str = "data-sliding";

/// Starts effects that update the figures, the readings and the cursor from the slider and the pointer.
pub fn show(travel: Travel, journey: RwSignal<Journey>, pointed: ReadSignal<Option<i128>>) {
    let covered = StoredValue::new(BTreeMap::new());
    let cover = move |place: &str, text: Option<String>| {
        covered.update_value(|covered| put(covered, place, text.as_deref()));
    };
    Effect::new(move || {
        let currency = journey.with(|journey| journey.currency);
        let balances = travel.preview.get().map(|preview| preview.balances);
        for figure in Figure::ALL {
            let text = balances.map(|balances| with_code(figure.of(&balances), currency));
            cover(&format!("[data-figure={}]", figure.word()), text);
        }
        set_preview_mode(balances.is_some());
    });
    let plot = Memo::new(move |_| journey.with(|journey| Plot::new(journey.points.clone(), journey.until)));
    Effect::new(move || {
        let currency = journey.with(|journey| journey.currency);
        let marked = travel.preview.get().map(|preview| preview.sequence);
        let pointed = pointed.get();
        let (place, point) = plot.with(|plot| {
            let Some(plot) = plot else { return (None, None) };
            match (pointed, marked) {
                (Some(place), _) => (Some(place), plot.point_at(place).copied()),
                // Several events may start at one point of the chart. The reading is that of the slider's event.
                (None, Some(sequence)) => (plot.start_of(sequence), plot.upto(sequence).copied()),
                (None, None) => (None, None),
            }
        });
        draw_cursor(place);
        for reading in Reading::ALL {
            let text = point.map(|point| read(reading, &point, currency));
            cover(&format!("[data-reading={}]", reading.word()), text);
        }
    });
    on_cleanup(move || {
        covered.try_update_value(|covered| {
            for place in covered.keys().cloned().collect::<Vec<_>>() {
                put(covered, &place, None);
            }
        });
        set_preview_mode(false);
    });
}

fn read(reading: Reading, point: &ChartPoint, currency: Option<Currency>) -> String {
    match reading {
        Reading::Sequence => format!("#{}", point.sequence),
        Reading::Time => format_moment(point.time, Fineness::Minute)
            .trim_end_matches(" UTC")
            .to_owned(),
        Reading::Posted => format_amount(point.posted, currency, false),
        Reading::Available => format_amount(point.available, currency, false),
    }
}

fn with_code(amount: rust_decimal::Decimal, currency: Option<Currency>) -> String {
    let code = currency.map(|currency| format!("\u{a0}{currency}")).unwrap_or_default();
    format!("{}{code}", format_amount(amount, currency, false))
}

/// Replaces the content of the element that the selector `place` finds with `text`. `None` restores the content.
fn put(covered: &mut BTreeMap<String, String>, place: &str, text: Option<&str>) {
    let Ok(Some(element)) = document().query_selector(place) else {
        covered.remove(place);
        return;
    };
    let own = element.first_element_child().filter(|child| child.has_attribute(MARK));
    match (text, own) {
        (Some(text), Some(own)) => own.set_text_content(Some(text)),
        (Some(text), None) => {
            covered.insert(place.to_owned(), element.inner_html());
            if let Ok(own) = document().create_element("span") {
                own.set_class_name("money");
                own.set_text_content(Some(text));
                // Fails only for an invalid attribute name.
                let _ = own.set_attribute(MARK, "");
                element.set_inner_html("");
                let _ = element.append_child(&own);
            }
        }
        (None, Some(_)) => element.set_inner_html(&covered.remove(place).unwrap_or_default()),
        // The page was rendered again in the meantime.
        (None, None) => drop(covered.remove(place)),
    }
}

/// Marks the figures as a preview and sets [`SLIDING`], or removes both. Dispatches `slid` when sliding ends.
fn set_preview_mode(sliding: bool) {
    if let Ok(Some(figures)) = document().query_selector(".entity-figures") {
        let _ = figures.class_list().toggle_with_force("is-preview", sliding);
    }
    let Some(root) = document().document_element() else {
        return;
    };
    if sliding {
        let _ = root.set_attribute(SLIDING, "");
    } else if root.has_attribute(SLIDING) {
        let _ = root.remove_attribute(SLIDING);
        if let Ok(event) = web_sys::Event::new("slid") {
            let _ = window().dispatch_event(&event);
        }
    }
}

fn draw_cursor(place: Option<i128>) {
    let Some(line) = document().get_element_by_id(CURSOR) else {
        return;
    };
    let set = |line: &Element, name, value: &str| drop(line.set_attribute(name, value));
    match place {
        Some(place) => {
            let x = percent(place);
            set(&line, "x1", &x);
            set(&line, "x2", &x);
            set(&line, "visibility", "visible");
        }
        None => set(&line, "visibility", "hidden"),
    }
}
