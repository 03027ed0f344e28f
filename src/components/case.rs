//! Components for cases: the badge of the state, and links to the page of a case.

use leptos::prelude::*;
use maud::{Markup, html};

use super::{
    badge::{Badge, Tone},
    markup::written,
    words::sentence,
};
use crate::{
    domain::compensation::case::{CASE_PREFIX, CaseStatus},
    views::href,
};

/// The state of a case. `being_issued`: nobody has to act on the case any more, and its outcome is not known yet.
#[component]
pub fn CaseStatusBadge(status: CaseStatus, being_issued: bool) -> impl IntoView {
    if being_issued {
        return view! { <Badge tone=Tone::Info word="Being issued" /> }.into_any();
    }
    let tone = match status {
        CaseStatus::Proposed => Tone::Caution,
        CaseStatus::Approved => Tone::Info,
        CaseStatus::Issued => Tone::Good,
        CaseStatus::Refused => Tone::Danger,
        CaseStatus::Declined | CaseStatus::Withdrawn | CaseStatus::Lapsed => Tone::Neutral,
    };
    view! { <Badge tone word=sentence(status.as_str()) settled=status.is_final() /> }.into_any()
}

/// A link to a case by its id.
#[component]
pub fn CaseLink(#[prop(into)] id: String) -> impl IntoView {
    written(case_link(&id))
}

fn case_link(id: &str) -> Markup {
    html! { a.id.id-link href=(href::compensation(id)) title=(id) { (id) } }
}

/// Whether the whole text is the id of a case.
pub fn is_case_id(text: &str) -> bool {
    case_ids(text).next() == Some((0, text.len()))
}

/// A text in which the ids of cases are links.
pub fn with_case_links(text: &str) -> Markup {
    let mut rest = 0;
    html! {
        @for (from, to) in case_ids(text) {
            (text[std::mem::replace(&mut rest, to)..from])
            (case_link(&text[from..to]))
        }
        (text[rest..])
    }
}

/// The byte ranges of the ids of cases in a text. An id begins at the start of a word with [`CASE_PREFIX`]. ASCII
/// letters, digits and hyphens follow; the last character is not a hyphen.
fn case_ids(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    text.match_indices(CASE_PREFIX).filter_map(|(from, _)| {
        let before = text[..from].chars().next_back();
        if before.is_some_and(|before| before.is_alphanumeric() || before == '-') {
            return None;
        }
        let after = &text[from + CASE_PREFIX.len()..];
        let end = after
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
            .unwrap_or(after.len());
        let id = after[..end].trim_end_matches('-');
        (!id.is_empty()).then(|| (from, from + CASE_PREFIX.len() + id.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_cases_are_links_within_a_text() {
        let ids = |text: &'static str| case_ids(text).map(|(from, to)| &text[from..to]).collect::<Vec<_>>();
        assert_eq!(ids("see CMP-01a, and (CMP-02-b)."), ["CMP-01a", "CMP-02-b"]);
        assert_eq!(ids("CMP-1-"), ["CMP-1"]);
        assert_eq!(ids("CMP-1:2 é CMP-3é"), ["CMP-1", "CMP-3"]);
        for text in ["CMP-", "XCMP-1", "A-CMP-1", "cmp-1", "CMP--", ""] {
            assert_eq!(ids(text), [""; 0], "{text}");
        }
        assert!(is_case_id("CMP-1") && !is_case_id("CMP-1 ") && !is_case_id(" CMP-1"));
        let html = with_case_links("<see CMP-1>").into_string();
        assert!(
            html.starts_with("&lt;see <a ") && html.ends_with(">CMP-1</a>&gt;"),
            "{html}"
        );
    }
}
