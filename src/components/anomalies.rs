//! Anomalies of a history: the banner of an entity, and the notes of single events. Figures that may be wrong are
//! always shown with one of them.

use leptos::prelude::*;
use maud::{Markup, html};

use super::{
    badge::Tone,
    icon::Icon,
    markup::written,
    notice::Notice,
    words::{counted, grouped},
};
use crate::domain::fold::Anomaly;

/// The banner of a wallet or an order; nothing if there are no anomalies. `count` is the number of all anomalies, of
/// which `anomalies` may be a part.
#[component]
pub fn AnomaliesBanner(anomalies: Vec<Anomaly>, count: u64, complete: bool) -> impl IntoView {
    if count == 0 && complete {
        return ().into_any();
    }
    let (tone, title, meaning) = if complete {
        (
            Tone::Caution,
            counted(count, "remark"),
            "All events were applied. The figures are complete.",
        )
    } else {
        (
            Tone::Danger,
            format!(
                "Incomplete history: {}",
                counted(count, "anomaly").replace("anomalys", "anomalies")
            ),
            "Some events are missing or could not be applied. The figures do not include them and may be wrong. The \
             timeline shows all events as they are stored.",
        )
    };
    let open = anomalies.len() <= 3;
    let left_out = count.saturating_sub(anomalies.len().try_into().unwrap_or(u64::MAX));
    view! {
        <Notice tone title>
            <p>{meaning}</p>
            <details class="anomalies" open=open>
                <summary>"Anomalies"</summary>
                <ul>
                    {anomalies.into_iter().map(line).collect_view()}
                    {(left_out > 0).then(|| view! { <li>{format!("… and {} more", grouped(left_out))}</li> })}
                </ul>
            </details>
        </Notice>
    }
    .into_any()
}

fn line(anomaly: Anomaly) -> impl IntoView {
    let sequence = anomaly
        .sequence
        .map(|sequence| view! { <span class="sequence">{format!("#{sequence}")}</span> " " });
    view! { <li>{sequence} {anomaly.message}</li> }.into_any()
}

/// The notes of one event: that it was not applied, and why, or its anomalies although it was applied.
#[component]
pub fn AnomalyNotes(anomalies: Vec<Anomaly>, applied: bool) -> impl IntoView {
    written(anomaly_notes(&anomalies, applied))
}

/// The notes of one event as HTML text.
pub fn anomaly_notes(anomalies: &[Anomaly], applied: bool) -> Markup {
    let (verdict, tone) = if applied {
        ("Noted", "tone-caution")
    } else {
        ("Not applied", "tone-danger")
    };
    let messages: Vec<_> = anomalies.iter().map(|anomaly| anomaly.message.as_str()).collect();
    html! {
        @if !applied || !anomalies.is_empty() {
            p class={ "anomaly-notes " (tone) } {
                (Icon::Warning.markup())
                span {
                    strong { (verdict) }
                    @if !messages.is_empty() {
                        ": " (messages.join("; "))
                    }
                }
            }
        }
    }
}
