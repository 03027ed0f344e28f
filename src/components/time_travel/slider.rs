//! The slider: it moves along one of three clocks, stop by stop, and shows the state of the wallet there. Releasing it
//! navigates the page. It needs the browser part; without it, the form beside does the same.

use leptos::prelude::*;

use super::{
    Travel,
    scrub::{Clock, Preview, Stop},
};
use crate::{
    components::{
        badge::IncompleteMark,
        money::Money,
        time::{Fineness, Time, format_moment},
        words::{grouped, sentence},
    },
    domain::{money::Currency, replay::Filter, wallet::WalletStatus},
    views::timelines::{Extent, HISTORY_IN_BROWSER_MAX},
};

/// The slider and its output. `choose` is called with the filter of the stop at which the reader releases the slider.
#[component]
pub fn Slider(travel: Travel, extent: Extent, currency: Option<Currency>, choose: Callback<Filter>) -> impl IntoView {
    let replays = extent.events <= HISTORY_IN_BROWSER_MAX;
    if !replays && extent.events != extent.last_sequence {
        return view! {
            <p class="slider-note">
                "This history is too long to be replayed in the browser. Use the form below instead."
            </p>
        }
        .into_any();
    }
    let Travel { stops, preview, .. } = travel;
    let last = move || stops.get().map_or(0, |stops| stops.last());
    let slid = move |event| {
        if let Ok(index) = event_target_value(&event).parse() {
            travel.slide_to(index);
        }
    };
    let released = move |event| {
        if let Some(filter) = event_target_value(&event)
            .parse()
            .ok()
            .and_then(|index| travel.release_at(index))
        {
            choose.run(filter);
        }
    };
    let value_text = move || {
        let place = travel.place();
        let stop = stops.get().and_then(|stops| stops.get(place));
        match stop {
            Some(_) if place >= last() && travel.is_elsewhere() => "No limit on this time".to_owned(),
            Some(stop) => say(stop, place, last()),
            None => "Not read yet".to_owned(),
        }
    };
    let note = move || {
        if travel.failed.get() {
            "The history could not be read. Release the slider to load the state from the server."
        } else if !replays {
            "The history is too long to be replayed here. Release the slider to load the state from the server."
        } else if travel.waits() {
            "Reading the history …"
        } else {
            ""
        }
    };
    view! {
        <div class="slider" on:focusin=move |_| travel.want() on:pointerenter=move |_| travel.want()>
            {replays.then(|| clocks(travel))}
            <input
                class="slider-range"
                type="range"
                aria-label="Moment"
                aria-valuetext=value_text
                min="0"
                max=move || last().to_string()
                step="1"
                value=move || travel.place().to_string()
                prop:value=move || travel.place().to_string()
                disabled=move || stops.with(Option::is_none)
                on:input=slid
                on:change=released
            />
            <div class="slider-line">
                <p class="slider-place">{value_text}</p>
                <p class="slider-note">{note}</p>
                <output class="slider-output">{move || preview.get().map(|preview| show(preview, currency))}</output>
            </div>
        </div>
    }
    .into_any()
}

/// The choice of a clock.
fn clocks(travel: Travel) -> AnyView {
    let Travel { chosen, clock, .. } = travel;
    let choices = Clock::ALL.map(|choice| {
        view! {
            <label class="chip">
                <input
                    type="radio"
                    name="clock"
                    value=choice.as_str()
                    checked=move || clock.get() == choice
                    prop:checked=move || clock.get() == choice
                    on:change=move |_| chosen.set(Some(choice))
                />
                <span>{word(choice)}</span>
            </label>
        }
    });
    view! {
        <fieldset class="slider-clocks">
            <legend class="field-label">"Move by"</legend>
            {choices}
        </fieldset>
    }
    .into_any()
}

const fn word(clock: Clock) -> &'static str {
    match clock {
        Clock::Sequence => "Event",
        Clock::Happened => "When it happened",
        Clock::Recorded => "When it was recorded",
    }
}

/// A stop in words. The last one is now.
fn say(stop: Stop, index: u64, last: u64) -> String {
    match stop {
        _ if index >= last => "Now".to_owned(),
        Stop::Sequence(sequence) => format!("Event {} of {}", grouped(sequence), grouped(last + 1)),
        Stop::Time(at) => format_moment(at, Fineness::Milli),
    }
}

/// The state of the wallet in one line.
fn show(preview: Preview, currency: Option<Currency>) -> AnyView {
    let Preview {
        sequence,
        time,
        status,
        balances,
        complete,
        ..
    } = preview;
    let status = (status != WalletStatus::Open).then(|| view! { <span>{sentence(status.as_str())}</span> });
    let figures = [
        ("posted", balances.posted),
        ("held", balances.held),
        ("available", balances.available),
    ]
    .map(|(name, amount)| view! { <span>{name} " " <Money amount currency bare=true /></span> });
    view! {
        <span>{format!("#{sequence}")}</span>
        {time.map(|at| view! { <Time at fineness=Fineness::Minute /> })}
        {figures}
        {status}
        {(!complete).then(|| view! { <IncompleteMark /> })}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_are_written_in_words_and_the_last_is_now() {
        assert_eq!(say(Stop::Sequence(17), 16, 1_199), "Event 17 of 1,200");
        assert_eq!(say(Stop::Sequence(1_200), 1_199, 1_199), "Now");
        let at = "2026-03-01T10:00:00.5Z".parse().unwrap();
        assert_eq!(say(Stop::Time(at), 0, 3), "2026-03-01 10:00:00.500 UTC");
    }
}
