//! Bars beside figures: the size of a part, drawn. The figure is beside the bar as text, so the bar is hidden from
//! screen readers.

use leptos::prelude::*;

use super::badge::Tone;

/// The number of steps of a bar's width.
const STEPS: u64 = 1_000;

/// `part` of `whole` as a bar.
#[component]
pub fn Bar(part: u64, whole: u64, #[prop(optional)] tone: Tone) -> impl IntoView {
    view! {
        <svg
            class=format!("bar {}", tone.class())
            viewBox="0 0 1000 8"
            preserveAspectRatio="none"
            aria-hidden="true"
            focusable="false"
        >
            <rect class="bar-back" width="1000" height="8"></rect>
            <rect class="bar-front" width=steps(part, whole).to_string() height="8"></rect>
        </svg>
    }
    .into_any()
}

/// The width in [`STEPS`]. A part above 0 has at least 10 steps, so that it is visible.
fn steps(part: u64, whole: u64) -> u64 {
    if part == 0 || whole == 0 {
        return 0;
    }
    let exact = u128::from(part.min(whole)) * u128::from(STEPS) / u128::from(whole);
    u64::try_from(exact).unwrap_or(STEPS).max(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_proportional_and_always_visible() {
        assert_eq!(steps(1, 2), 500);
        assert_eq!(steps(5, 2), STEPS);
        assert_eq!(steps(1, u64::MAX), 10);
        assert_eq!(steps(0, 9), 0);
        assert_eq!(steps(1, 0), 0);
    }
}
