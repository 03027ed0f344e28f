//! Controls of forms that change something: a label above, a hint and the mistake below, both read out with the control.
//! Plain inputs of a plain form; they keep what was typed, because nothing here writes to them again.

use leptos::prelude::*;

/// What kind of thing is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    Line,
    /// Digits with a point.
    Amount,
    /// A day.
    Day,
    Password,
    /// Six digits of an authenticator.
    Code,
    /// Several lines.
    Lines {
        rows: u32,
    },
    /// Pairs of value and word; the first may be empty: nothing is chosen yet.
    Choice(Vec<(String, String)>),
}

/// A control with its label. The mistake is empty where there is none.
#[component]
pub fn Input(
    /// Unique on its page; hint and mistake are named after it.
    #[prop(into)]
    id: String,
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(default = Control::Line)] control: Control,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] mistake: Signal<Option<String>>,
    #[prop(optional_no_strip)] max_length: Option<usize>,
    /// For browsers: `username`, `current-password`.
    #[prop(optional)]
    autocomplete: &'static str,
    #[prop(optional)] required: bool,
    /// Stands beside the control: a currency.
    #[prop(optional, into)]
    unit: String,
) -> impl IntoView {
    let hint_id = format!("{id}-hint");
    let mistake_id = format!("{id}-mistake");
    let described = {
        let (hint_id, mistake_id) = ((!hint.is_empty()).then(|| hint_id.clone()), mistake_id.clone());
        move || {
            let wrong = mistake.with(Option::is_some).then(|| mistake_id.clone());
            let ids: Vec<_> = hint_id.iter().cloned().chain(wrong).collect();
            (!ids.is_empty()).then(|| ids.join(" "))
        }
    };
    let wrong = move || mistake.with(Option::is_some).then_some("true");
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
    let error_text = move || {
        let mistake_id = mistake_id.clone();
        mistake
            .get()
            .map(|text| view! { <p class="input-mistake" id=mistake_id>{text}</p> })
    };
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

fn drawn(
    control: Control,
    drawn: Drawn,
    wrong: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
    described: impl Fn() -> Option<String> + Send + Sync + 'static,
) -> AnyView {
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

/// A value that travels with a form and is not shown.
#[component]
pub fn Hidden(#[prop(into)] name: String, #[prop(into)] value: String) -> impl IntoView {
    view! { <input type="hidden" name=name value=value /> }.into_any()
}

/// What is wrong with a form, above it; takes the focus when it appears, so that nobody misses it.
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
