//! The slider: moves along one of three clocks, stop by stop, and shows at once what the wallet was there; letting go
//! tells the page. It exists only where the browser part runs; the form beside it does the same without.

use leptos::prelude::*;

use super::{
    Scrubber,
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
};

/// The slider and what it shows. `choose` is told the filter of the stop where the reader lets go.
#[component]
pub fn Slider(scrubber: Scrubber, currency: Option<Currency>, choose: Callback<Filter>) -> impl IntoView {
    let Scrubber {
        travel,
        extent,
        filter,
        clock,
        stops,
        preview,
    } = scrubber;
    let replays = scrubber.replays();
    if !replays && extent.events != extent.last_sequence {
        return view! {
            <p class="slider-note">"This history is too long to be replayed in the browser; the form below asks the server."</p>
        }
        .into_any();
    }
    // Its stops are moments that only the history knows.
    Effect::new(move || {
        if clock.get() != Clock::Sequence && replays {
            travel.wanted.set(true);
        }
    });
    let touched = move || {
        if replays {
            travel.wanted.set(true);
        }
    };
    let last = move || stops.get().map_or(0, |stops| stops.last());
    let rest = move || stops.get().map_or(0, |stops| stops.index_of(&filter));
    let index = move || travel.index.get().unwrap_or_else(rest);
    let slid = move |event| {
        touched();
        if let Ok(index) = event_target_value(&event).parse() {
            travel.index.set(Some(index));
        }
    };
    let released = move |event| {
        if let (Some(stops), Ok(index)) = (stops.get_untracked(), event_target_value(&event).parse()) {
            travel.index.set(Some(index));
            travel.sent.set(Some(index));
            choose.run(stops.filter_at(index, &filter));
        }
    };
    let value_text = move || {
        let stop = stops.get().and_then(|stops| stops.get(index()));
        stop.map_or_else(|| "not read yet".to_owned(), |stop| say(stop, index(), last()))
    };
    let waiting =
        move || replays && travel.wanted.get() && travel.history.with(Option::is_none) && !travel.failed.get();
    let note = move || {
        if travel.failed.get() {
            "The history could not be read; letting go asks the server."
        } else if waiting() {
            "Reading the history …"
        } else {
            ""
        }
    };
    view! {
        <div class="slider" on:focusin=move |_| touched() on:pointerenter=move |_| touched()>
            {replays.then(|| clocks(travel.clock, clock))}
            <input
                class="slider-range"
                type="range"
                aria-label="Moment"
                aria-valuetext=value_text
                min="0"
                max=move || last().to_string()
                step="1"
                value=move || index().to_string()
                prop:value=move || index().to_string()
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
fn clocks(chosen: RwSignal<Option<Clock>>, clock: Memo<Clock>) -> AnyView {
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

/// What the wallet was, in a line.
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
    fn stops_are_said_and_the_last_is_now() {
        assert_eq!(say(Stop::Sequence(17), 16, 1_199), "Event 17 of 1,200");
        assert_eq!(say(Stop::Sequence(1_200), 1_199, 1_199), "Now");
        let at = "2026-03-01T10:00:00.5Z".parse().unwrap();
        assert_eq!(say(Stop::Time(at), 0, 3), "2026-03-01 10:00:00.500 UTC");
    }
}
