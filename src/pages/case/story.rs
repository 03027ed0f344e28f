//! The events of a case, oldest first: the type, the actor, the time and the note of each.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use crate::{
    components::{
        id::Code,
        time::{Since, Time},
        words::{counted, sentence},
    },
    domain::{compensation::case::CaseEvent, event::Entry},
};

pub(super) fn story(story: Vec<Entry>, now: DateTime<Utc>) -> AnyView {
    let count = counted(story.len().try_into().unwrap_or(u64::MAX), "event");
    let items = story
        .into_iter()
        .map(|entry| {
            let (title, note) = title_and_note(&entry);
            let actor = entry
                .fields
                .actor()
                .map(str::to_owned)
                .map(|text| view! { " by " <Code text /> });
            let at = entry.time().unwrap_or(entry.recorded);
            view! {
                <li>
                    <p>
                        <strong>{title}</strong>
                        {actor}
                    </p>
                    <p class="case-when">
                        <Time at />
                        " UTC, "
                        <Since at now />
                    </p>
                    {note.map(|note| view! { <p><q class="quote case-note">{note}</q></p> })}
                </li>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="story">
            <div class="panel-head">
                <h2 id="story">"Story of the case"</h2>
                <p class="aside">{count}</p>
            </div>
            <ol class="case-story">{items}</ol>
        </section>
    }
    .into_any()
}

/// The title of an event of a case, and its note or reason. The title of another event is its type.
fn title_and_note(entry: &Entry) -> (String, Option<String>) {
    let kind = entry.fields.r#type().unwrap_or_default();
    let title = kind
        .strip_prefix("compensation.")
        .map_or_else(|| kind.to_owned(), sentence);
    let note = match CaseEvent::parse(kind, entry.fields.data()) {
        Ok(CaseEvent::Proposed(proposal)) => Some(proposal.note),
        Ok(CaseEvent::Approved(decision) | CaseEvent::Declined(decision)) => decision.note,
        Ok(CaseEvent::Withdrawn(ending) | CaseEvent::Lapsed(ending)) => Some(ending.why),
        Ok(CaseEvent::Refused(refused)) => Some(refused.rejection),
        Ok(CaseEvent::Issued(_)) | Err(_) => None,
    };
    (title, note.filter(|note| !note.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Fields, Known, RawDigest};

    #[test]
    fn an_event_has_a_title_and_its_note() {
        let entry = |kind: &str, data: &str| Entry {
            position: "1-0".parse().unwrap(),
            recorded: "2026-01-01T00:00:00Z".parse().unwrap(),
            fields: Fields::of([(Known::Type, kind), (Known::Data, data)]),
            digest: RawDigest::default(),
        };
        let declined = entry("compensation.declined", r#"{"command_hash":"x","note":"too much"}"#);
        assert_eq!(
            title_and_note(&declined),
            ("Declined".to_owned(), Some("too much".to_owned()))
        );
        let issued = entry("compensation.issued", r#"{"events":[]}"#);
        assert_eq!(title_and_note(&issued), ("Issued".to_owned(), None));
        assert_eq!(title_and_note(&entry("audit.x", "{}")), ("audit.x".to_owned(), None));
    }
}
