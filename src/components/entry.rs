//! One event as it is stored: every field of the entry, the payload indented and verbatim, and both times.
//! `event_summary` has the meaning of events.

mod pretty;

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use maud::html;

use self::pretty::set_in_lines;
use super::{
    badge::Nothing,
    case::with_case_links,
    id::Code,
    markup::written,
    time::{Fineness, Time, format_span},
};
use crate::domain::event::{Entry, Fields, Known};

/// The fields of an entry and its position, without the payload.
#[component]
pub fn EntryFields(entry: Entry) -> impl IntoView {
    let Entry { position, fields, .. } = entry;
    let known = known_fields(&fields);
    let rows = known
        .into_iter()
        .map(|(name, value, meaning)| row(name, value, meaning))
        .collect_view();
    let extra = fields
        .extra
        .into_iter()
        .map(|(name, value)| {
            view! {
                <div class="entry-field is-extra">
                    <dt>
                        <code>{name}</code>
                        <span class="entry-meaning">"not a field of the contract"</span>
                    </dt>
                    <dd class="entry-value">{value}</dd>
                </div>
            }
        })
        .collect_view();
    view! {
        <dl class="entry-fields">
            {rows}
            {extra}
            <div class="entry-field">
                <dt>"Position" <span class="entry-meaning">"of the entry in its stream"</span></dt>
                <dd>
                    <Code text=position.to_string() />
                </dd>
            </div>
        </dl>
    }
    .into_any()
}

/// The name, the value as it is stored, and the meaning of each field.
fn known_fields(fields: &Fields) -> Vec<(&'static str, Option<String>, &'static str)> {
    let meanings = [
        (Known::Id, "unique id of the event"),
        (Known::Type, "what happened"),
        (Known::Sequence, "number of the event in its stream"),
        (Known::Time, "when it happened"),
        (Known::Actor, "who or what caused it"),
        (Known::CorrelationId, "shared by related events"),
        (Known::CausationId, "the event that caused it"),
        (Known::IdempotencyKey, "appends with the same key take effect once"),
    ];
    let rows = meanings.into_iter();
    rows.map(|(field, meaning)| (field.name(), fields.get(field).map(str::to_owned), meaning))
        .collect()
}

fn row(name: &'static str, value: Option<String>, meaning: &'static str) -> AnyView {
    let value = match value {
        Some(value) if value.is_empty() => view! { <span class="entry-empty">"empty"</span> }.into_any(),
        Some(value) => written(html! { span.entry-value { (with_case_links(&value)) } }),
        None => view! { <Nothing /> }.into_any(),
    };
    view! {
        <div class="entry-field">
            <dt>
                <code>{name}</code>
                <span class="entry-meaning">{meaning}</span>
            </dt>
            <dd>{value}</dd>
        </div>
    }
    .into_any()
}

/// Indents a payload that is JSON. Other payloads are returned as they are.
pub fn pretty_data(raw: &str) -> String {
    set_in_lines(raw).unwrap_or_else(|| raw.to_owned())
}

/// The payload: indented if it is JSON, and also verbatim unless it is `truncated`.
#[component]
pub fn EntryData(data: Option<String>, #[prop(optional)] truncated: bool) -> impl IntoView {
    let Some(raw) = data else {
        return view! { <p class="entry-note">"The event has no data."</p> }.into_any();
    };
    let size = raw.len();
    match set_in_lines(&raw) {
        Some(lines) => {
            let as_written = (!truncated).then(|| {
                view! {
                    <details class="entry-raw">
                        <summary>{format!("As stored ({size} bytes)")}</summary>
                        <pre class="entry-data is-raw" tabindex="0" aria-label="Payload, as stored">
                            <code>{raw}</code>
                        </pre>
                    </details>
                }
            });
            view! {
                <pre class="entry-data" tabindex="0" aria-label="Payload, indented">
                    <code>{lines}</code>
                </pre>
                {as_written}
            }
            .into_any()
        }
        None if truncated => view! {
            <pre class="entry-data is-raw" tabindex="0" aria-label="Beginning of the payload">
                <code>{raw}</code>
            </pre>
        }
        .into_any(),
        None => view! {
            <p class="entry-note">{format!("The data is not JSON. As stored ({size} bytes):")}</p>
            <pre class="entry-data is-raw" tabindex="0" aria-label="Payload, as stored">
                <code>{raw}</code>
            </pre>
        }
        .into_any(),
    }
}

/// When the event happened, when it was recorded, and the time between.
#[component]
pub fn TwoClocks(happened: Option<DateTime<Utc>>, recorded: DateTime<Utc>) -> impl IntoView {
    let happened_view = match happened {
        Some(at) => view! { <Time at fineness=Fineness::Milli /> " UTC" }.into_any(),
        None => view! { <span class="entry-empty">"can't be read"</span> }.into_any(),
    };
    view! {
        <dl class="clocks">
            <div>
                <dt>"Happened"</dt>
                <dd>{happened_view}</dd>
            </div>
            <div>
                <dt>"Recorded"</dt>
                <dd>
                    <Time at=recorded fineness=Fineness::Milli />
                    " UTC"
                    <span class="entry-meaning">{happened.map(|happened| apart(happened, recorded))}</span>
                </dd>
            </div>
        </dl>
    }
    .into_any()
}

fn apart(happened: DateTime<Utc>, recorded: DateTime<Utc>) -> String {
    match (recorded - happened).num_seconds() {
        0 => "at once".to_owned(),
        later @ 1.. => format!("{} later", format_span(later)),
        before => format!("{} before it happened", format_span(before.saturating_neg())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_contract_but_the_payload_has_a_row() {
        let fields = Fields::of(Known::ALL.map(|field| (field, field.name())));
        let shown = known_fields(&fields);
        assert!(shown.iter().all(|(name, value, _)| value.as_deref() == Some(*name)));
        assert_eq!(shown.len() + 1, fields.iter().count());
    }

    #[test]
    fn the_clocks_are_compared_in_both_directions() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let apart = |happened, recorded| apart(at(happened), at(recorded)).replace('\u{a0}', " ");
        assert_eq!(apart(5, 5), "at once");
        assert_eq!(apart(0, 90_000), "1 d 1 h later");
        assert_eq!(apart(120, 0), "2 min before it happened");
    }
}
