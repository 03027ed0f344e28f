//! Controls of filter forms: a label, a control, and the value from the address. They are plain inputs of a GET form.

use leptos::prelude::*;

/// A text input.
#[component]
pub fn TextField(
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(into)] value: String,
    #[prop(optional)] placeholder: &'static str,
    /// `text` or `search`.
    #[prop(default = "text")]
    kind: &'static str,
    /// Takes the remaining width of its row.
    #[prop(optional)]
    wide: bool,
    #[prop(optional_no_strip)] max_length: Option<usize>,
    /// The input takes digits and a point.
    #[prop(optional)]
    decimal: bool,
    #[prop(optional_no_strip, into)] hint: Option<String>,
) -> impl IntoView {
    view! {
        <label class=if wide { "field is-wide" } else { "field" }>
            <span class="field-label">{label}</span>
            <input
                type=kind
                name=name
                value=value
                placeholder=placeholder
                maxlength=max_length.map(|n| n.to_string())
                inputmode=decimal.then_some("decimal")
                autocomplete="off"
                spellcheck="false"
            />
            {hint.map(|hint| view! { <span class="field-hint">{hint}</span> })}
        </label>
    }
    .into_any()
}

/// A choice from pairs of value and word. The empty value means "no choice" and is left out of addresses.
#[component]
pub fn SelectField(
    name: &'static str,
    label: &'static str,
    #[prop(into)] value: String,
    options: Vec<(String, String)>,
) -> impl IntoView {
    let choices = options
        .into_iter()
        .map(|(option, word)| {
            let selected = option == value;
            view! {
                <option value=option selected=selected>
                    {word}
                </option>
            }
        })
        .collect_view();
    view! {
        <label class="field">
            <span class="field-label">{label}</span>
            <select name=name>{choices}</select>
        </label>
    }
    .into_any()
}

/// A checkbox as a chip.
#[component]
pub fn CheckChip(
    name: &'static str,
    #[prop(into)] value: String,
    #[prop(into)] label: String,
    checked: bool,
) -> impl IntoView {
    view! {
        <label class="chip">
            <input
                type="checkbox"
                name=name
                value=value
                checked=checked
            />
            <span>{label}</span>
        </label>
    }
    .into_any()
}

/// Controls that belong together, with a legend.
#[component]
pub fn FieldGroup(
    #[prop(into)] legend: String,
    /// An additional class.
    #[prop(optional)]
    class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <fieldset class=format!("field-group {class}")>
            <legend class="field-label">{legend}</legend>
            <div class="field-row">{children()}</div>
        </fieldset>
    }
    .into_any()
}
