//! The page of one event: its effect or why it was not applied, its payload and fields as stored, its two times, and the
//! related events.

use leptos::prelude::*;
use leptos_meta::Title;

use super::{address::param, entity::entity_id, region::whole_page, session::Session};
use crate::{
    api::{ApiError, get_event, get_order, get_wallet},
    components::{
        anomalies::AnomalyNotes,
        case::{CaseLink, is_case_id},
        command::{Correct, entry_offers},
        entry::{EntryData, EntryFields, TwoClocks},
        event_summary::{EventAmount, EventFacts, summary},
        icon::Icon,
        id::{Code, DomainTag, EntityLink, EventLink},
        time::{Fineness, Time},
        timeline::{Effect, EffectTable, effect_of},
        words::{event_title, grouped},
    },
    domain::{
        access::Act,
        event::Entry,
        fold::Anomaly,
        ids::{Domain, EntityId, Position, Sequence},
        replay::Filter,
    },
    views::{
        events::{EventLink as LinkedEvent, EventView},
        href,
        lists::SEARCH_MAX,
        query::{SearchQuery, search_href, timeline_href},
        search::SearchKind,
        timelines::TimelineQuery,
    },
};

/// An event, its effect on the figures, and whether the reader can correct it.
type Answer = (EventView, Option<Effect>, bool);

#[component]
pub fn EventPage() -> impl IntoView {
    let session = Session::current();
    let named = read_address(&param("domain"), &param("subject"), &param("position"));
    let title = match &named {
        Ok((_, subject, position)) => format!("Event {position} of {subject}"),
        Err(_) => "Event".to_owned(),
    };
    let answer = async move {
        let (domain, subject, position) = named?;
        let event = get_event(domain, subject.clone(), position).await?;
        // A failure to read the figures does not hide the rest of the page.
        let effect = match event.entry.sequence() {
            Some(sequence) => fetch_effect(domain, subject, position, sequence)
                .await
                .unwrap_or_default(),
            None => None,
        };
        Ok((event, effect, session.can(Act::Propose)))
    };
    view! {
        <Title text=title />
        {whole_page(answer, "event", show)}
    }
}

/// Parses the parts of the event's address. The error for an invalid part is `NotFound`.
fn read_address(domain: &str, subject: &str, position: &str) -> Result<(Domain, EntityId, Position), ApiError> {
    let unknown = |what: String| ApiError::NotFound { what, filtered: false };
    let domain = domain
        .parse::<Domain>()
        .map_err(|_| unknown("such an event".to_owned()))?;
    let subject = entity_id(domain, subject)?;
    let position = position
        .parse()
        .map_err(|_| unknown(format!("such an event of {domain} {subject}")))?;
    Ok((domain, subject, position))
}

fn show((event, effect, can_correct): Answer) -> AnyView {
    let EventView {
        domain,
        subject,
        entry,
        truncated,
        applied,
        anomalies,
        currency,
        previous,
        next,
        cause,
        correlated,
    } = event;
    let fields = &entry.fields;
    let offers = if can_correct && applied && domain == Domain::Wallet {
        entry_offers(subject.as_str(), fields.id(), fields.r#type())
    } else {
        Vec::new()
    };
    let did = view! {
        {verdict(applied, anomalies)}
        {effect.map(|effect| view! { <EffectTable effect currency /> })}
        {entry.sequence().map(|sequence| as_of(domain, &subject, sequence))}
        <Correct offers />
    };
    let payload = view! { <EntryData data=entry.fields.data().map(str::to_owned) truncated=truncated.is_some() /> };
    let whole = truncated
        .as_ref()
        .map(|truncated| whole_event(truncated.bytes, &href::whole_event(domain, &subject, entry.position)));
    let head = head(
        truncated.as_ref().map_or(&entry, |truncated| &truncated.row),
        domain,
        &subject,
    );
    let clocks = view! { <TwoClocks happened=entry.time() recorded=entry.recorded /> };
    let related = relations(&entry, cause, correlated, (domain, &subject));
    view! {
        {head}
        {around(domain, &subject, previous, next)}
        <div class="event">
            <div class="stack">
                {panel("Effect", did.into_any())}
                {panel("Payload", view! { {whole} {payload} }.into_any())}
            </div>
            <div class="stack">
                {panel("Times", clocks.into_any())}
                {panel("Related events", related)}
                {panel("Stored fields", view! { <EntryFields entry /> }.into_any())}
            </div>
        </div>
    }
    .into_any()
}

fn panel(title: &'static str, content: AnyView) -> AnyView {
    view! {
        <section class="panel" aria-label=title>
            <div class="panel-head">
                <h2>{title}</h2>
            </div>
            <div class="panel-body">{content}</div>
        </section>
    }
    .into_any()
}

/// Says that the page truncates the event, with a link to the whole event. `bytes` is its size.
fn whole_event(bytes: u64, href: &str) -> AnyView {
    view! {
        <p class="entry-note">
            {format!("The event has {} bytes. Long texts and lists are truncated on this page. ", grouped(bytes))}
            <a href=href.to_owned() download="">
                "Download the whole event"
            </a>
        </p>
    }
    .into_any()
}

/// The page's head: the entity, the sequence, and the summary of the event.
fn head(entry: &Entry, domain: Domain, subject: &EntityId) -> AnyView {
    let summarized = summary(entry);
    let number = entry.sequence().map_or_else(
        || "Event without a readable sequence".to_owned(),
        |sequence| format!("Event {sequence}"),
    );
    let (list, list_word) = match domain {
        Domain::Wallet => (href::WALLETS, "Wallets"),
        Domain::Order => (href::ORDERS, "Orders"),
    };
    view! {
        <header class="page-head">
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>
                    <li>
                        <a href=list>{list_word}</a>
                    </li>
                    <li>
                        <EntityLink domain id=subject.to_string() />
                    </li>
                    <li>{number}</li>
                </ol>
            </nav>
            <h1>{summarized.title} " " <EventAmount amount=summarized.amount /></h1>
            <EventFacts facts=summarized.facts domain subject=subject.clone() />
        </header>
    }
    .into_any()
}

/// Says that the event was applied, or the anomalies that say why it was not.
fn verdict(applied: bool, anomalies: Vec<Anomaly>) -> AnyView {
    let counted =
        applied.then(|| view! { <p class="verdict tone-good">{Icon::Check.view()} <span>"It was applied"</span></p> });
    view! {
        {counted}
        <AnomalyNotes anomalies applied />
    }
    .into_any()
}

/// Links to the previous and next event of the entity.
fn around(domain: Domain, subject: &EntityId, previous: Option<Position>, next: Option<Position>) -> AnyView {
    let link = |to: Option<Position>, content: AnyView| match to {
        Some(position) => view! {
            <a class="button" href=href::event(domain, subject, position)>
                {content}
            </a>
        }
        .into_any(),
        None => view! { <span class="button is-off">{content}</span> }.into_any(),
    };
    let before = view! { {Icon::Previous.view()} "Previous event" }.into_any();
    let after = view! { "Next event" {Icon::Next.view()} }.into_any();
    view! {
        <nav class="neighbours" aria-label="Events before and after">
            {link(previous, before)}
            {link(next, after)}
        </nav>
    }
    .into_any()
}

/// A link to the entity as of this event.
fn as_of(domain: Domain, subject: &EntityId, sequence: Sequence) -> AnyView {
    let there = timeline_href(&href::entity(domain, subject.as_str()), &up_to(sequence));
    view! {
        <p>
            <a class="button" href=there>
                {format!("The {domain} as of this event")}
            </a>
        </p>
    }
    .into_any()
}

/// The effect of the event on the figures. The timeline up to the event's sequence ends with the event, or close to it if
/// the sequence repeats. `None` if the event is not on the first page of that timeline.
async fn fetch_effect(
    domain: Domain,
    subject: EntityId,
    position: Position,
    sequence: Sequence,
) -> Result<Option<Effect>, ApiError> {
    let query = up_to(sequence);
    Ok(match domain {
        Domain::Wallet => effect_of(get_wallet(subject, query).await?.timeline, position),
        Domain::Order => effect_of(get_order(subject, query).await?.timeline, position),
    })
}

fn up_to(sequence: Sequence) -> TimelineQuery {
    TimelineQuery {
        filter: Filter {
            sequence: Some(sequence),
            ..Filter::default()
        },
        ..TimelineQuery::default()
    }
}

fn relations(
    entry: &Entry,
    cause: Option<LinkedEvent>,
    correlated: Vec<LinkedEvent>,
    here: (Domain, &EntityId),
) -> AnyView {
    let causation = entry
        .fields
        .causationid()
        .map(str::to_owned)
        .filter(|id| !id.is_empty());
    let correlation = entry
        .fields
        .correlationid()
        .map(str::to_owned)
        .filter(|id| !id.is_empty());
    if causation.is_none() && correlation.is_none() {
        return view! { <p class="entity-none">"The event has no causation id and no correlation id."</p> }.into_any();
    }
    let causation = causation.map(|id| {
        let cause = match cause {
            Some(place) => place_link(place, here),
            None => view! {
                <span class="entry-meaning">"Not in this stream, and not in that of its order or wallet."</span>
            }
            .into_any(),
        };
        view! {
            <div>
                <dt>"Caused by"</dt>
                <dd>
                    <Code text=id />
                    {cause}
                </dd>
            </div>
        }
    });
    let correlation = correlation.map(|id| {
        // The search trims its text and limits its length.
        let can_be_searched = id.trim() == id && id.chars().count() <= SEARCH_MAX;
        let carriers = can_be_searched.then(|| {
            let query = SearchQuery {
                text: id.clone(),
                kind: Some(SearchKind::Correlation),
            };
            view! { " " <a href=search_href(&query)>"All streams with this correlation"</a> }
        });
        let link = if is_case_id(&id) {
            view! { <CaseLink id /> }.into_any()
        } else {
            view! { <Code text=id /> }.into_any()
        };
        let items = correlated
            .into_iter()
            .map(|place| view! { <li>{place_link(place, here)}</li> })
            .collect_view();
        view! {
            <div>
                <dt>"Correlation"</dt>
                <dd>
                    {link} {carriers}
                    <ul class="related-list">{items}</ul>
                </dd>
            </div>
        }
    });
    view! { <dl class="relations">{causation} {correlation}</dl> }.into_any()
}

/// A link to a related event. Its entity is shown if it is not the entity of this page.
fn place_link(place: LinkedEvent, here: (Domain, &EntityId)) -> AnyView {
    let LinkedEvent {
        domain,
        subject,
        position,
        r#type,
        time,
    } = place;
    let elsewhere = (here != (domain, &subject)).then(|| {
        let id = subject.to_string();
        view! { <span class="related-of"><DomainTag domain /> " " <EntityLink domain id /></span> }
    });
    let title = if r#type.is_empty() {
        "Event without a type".to_owned()
    } else {
        event_title(&r#type)
    };
    view! {
        <span class="related">
            <EventLink domain subject position>
                {title}
            </EventLink>
            {time.map(|at| view! { <Time at fineness=Fineness::Minute /> })}
            {elsewhere}
        </span>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_names_no_event_is_not_found() {
        assert!(read_address("wallet", "W-1", "1700000000000-0").is_ok());
        for (domain, subject, position) in [
            ("purse", "W-1", "1-0"),
            ("wallet", "W 1", "1-0"),
            ("order", "O-1", "last"),
        ] {
            let error = read_address(domain, subject, position).unwrap_err();
            assert_eq!(error.status(), 404, "{domain} {subject} {position}");
        }
    }
}
