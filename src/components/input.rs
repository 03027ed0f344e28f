//! Controls of forms that change something: a label above, a hint and an error below. Screen readers read both with the
//! control. They are plain inputs of a plain form and keep what was typed, because nothing writes to them after
//! rendering.

use leptos::prelude::*;

/// The kind of a control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    Line,
    /// Digits with a point.
    Amount,
    /// A day.
    Day,
    Password,
    /// The six digits of an authenticator.
    Code,
    /// Several lines.
    Lines {
        rows: u32,
    },
    /// Pairs of value and word. The first value may be empty: nothing is chosen yet.
    Choice(Vec<(String, String)>),
}

/// A control with its label. `mistake` is `None` if the value is valid.
#[component]
pub fn Input(
    /// Unique on its page. The ids of hint and error begin with it.
    #[prop(into)]
    id: String,
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(default = Control::Line)] control: Control,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional_no_strip)] mistake: Option<String>,
    #[prop(optional_no_strip)] max_length: Option<usize>,
    /// The `autocomplete` attribute: `username`, `current-password`.
    #[prop(optional)]
    autocomplete: &'static str,
    #[prop(optional)] required: bool,
    /// A unit beside the control, such as a currency.
    #[prop(optional, into)]
    unit: String,
) -> impl IntoView {
    let hint_id = format!("{id}-hint");
    let mistake_id = format!("{id}-mistake");
    let wrong = mistake.is_some().then_some("true");
    let described: Vec<_> = [(!hint.is_empty()).then_some(&hint_id), wrong.map(|_| &mistake_id)]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let described = (!described.is_empty()).then(|| described.join(" "));
    let control = drawn(
        control,
        Drawn {
            id: id.clone(),
            name,
            value,
            max_length: max_length.map(|n| n.to_string()),
            autocomplete: if autocomplete.is_empty() { "off" } else { autocomplete },
            required,
        },
        wrong,
        described,
    );
    let hint = (!hint.is_empty()).then(|| view! { <p class="field-hint" id=hint_id>{hint}</p> });
    let unit = (!unit.is_empty()).then(|| view! { <span class="input-unit">{unit}</span> });
    let error_text = mistake.map(|text| view! { <p class="input-mistake" id=mistake_id>{text}</p> });
    view! {
        <div class="input">
            <label class="field-label" for=id>
                {label}
            </label>
            <div class="input-row">{control} {unit}</div>
            {hint}
            {error_text}
        </div>
    }
    .into_any()
}

struct Drawn {
    id: String,
    name: String,
    value: String,
    max_length: Option<String>,
    autocomplete: &'static str,
    required: bool,
}

fn drawn(control: Control, drawn: Drawn, wrong: Option<&'static str>, described: Option<String>) -> AnyView {
    let Drawn {
        id,
        name,
        value,
        max_length,
        autocomplete,
        required,
    } = drawn;
    let (kind, mode) = match control {
        Control::Lines { rows } => {
            return view! {
                <textarea
                    id=id
                    name=name
                    rows=rows.to_string()
                    maxlength=max_length
                    autocomplete=autocomplete
                    required=required
                    aria-invalid=wrong
                    aria-describedby=described
                >
                    {value}
                </textarea>
            }
            .into_any();
        }
        Control::Choice(options) => {
            let options = options
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
            return view! {
                <select id=id name=name required=required aria-invalid=wrong aria-describedby=described>
                    {options}
                </select>
            }
            .into_any();
        }
        Control::Line => ("text", None),
        Control::Amount => ("text", Some("decimal")),
        Control::Day => ("date", None),
        Control::Password => ("password", None),
        Control::Code => ("text", Some("numeric")),
    };
    view! {
        <input
            id=id
            type=kind
            name=name
            value=value
            inputmode=mode
            maxlength=max_length
            autocomplete=autocomplete
            spellcheck="false"
            autocapitalize="none"
            required=required
            aria-invalid=wrong
            aria-describedby=described
        />
    }
    .into_any()
}

/// A hidden value of a form.
#[component]
pub fn Hidden(#[prop(into)] name: String, #[prop(into)] value: String) -> impl IntoView {
    view! { <input type="hidden" name=name value=value /> }.into_any()
}

/// The error of a form, above it. It takes the focus when it appears, so that it is not overlooked.
#[component]
pub fn FormProblem(#[prop(into)] title: String, children: Children) -> impl IntoView {
    view! {
        <div class="notice tone-danger form-problem" role="alert" tabindex="-1" autofocus>
            {super::icon::Icon::Warning.view()}
            <div class="notice-text">
                <p class="notice-title">{title}</p>
                {children()}
            </div>
        </div>
    }
    .into_any()
}
