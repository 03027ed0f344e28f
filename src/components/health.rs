//! The banner for stores that are not in the figures, or not completely. It is on every page, so that old figures are
//! never shown without a warning.

use leptos::prelude::*;

use super::{
    badge::Tone,
    notice::Notice,
    time::{Fineness, format_moment},
    words::{counted, grouped, sentence},
};
use crate::{
    domain::ids::Domain,
    views::health::{Progress, StoreHealth, StoreState},
};

/// One notice for each store that is not live.
#[component]
pub fn HealthBanner(stores: Vec<StoreHealth>) -> impl IntoView {
    stores.into_iter().filter_map(notice).collect_view()
}

fn notice(store: StoreHealth) -> Option<AnyView> {
    let StoreHealth { domain, state, .. } = store;
    let (things, timelines) = match domain {
        Domain::Wallet => ("wallets", "timelines of wallets"),
        Domain::Order => ("orders and refunds", "timelines of orders"),
    };
    match state {
        StoreState::Live => None,
        StoreState::Loading(progress) => Some(
            view! {
                <Notice tone=Tone::Info title=format!("The {domain} store is being read")>
                    <p>
                        {so_far(progress)} {format!(" Until all are read, lists and totals of {things} are incomplete.")}
                    </p>
                    {bar(progress, domain)}
                </Notice>
            }
            .into_any(),
        ),
        StoreState::Halted { since, as_of, reason } => {
            let title = format!(
                "Lists of {things} have not been updated since {}",
                format_moment(since, Fineness::Minute)
            );
            let figures = match as_of {
                Some(at) => format!("The lists are as of {}.", format_moment(at, Fineness::Second)),
                None => "The lists have no rows yet.".to_owned(),
            };
            Some(
                view! {
                    <Notice tone=Tone::Danger title urgent=true>
                        <p>{sentence(&reason)} {format!(". {figures} {} still work.", sentence(timelines))}</p>
                    </Notice>
                }
                .into_any(),
            )
        }
        StoreState::Down { since, as_of, .. } => {
            let title = format!(
                "The {domain} store has not answered since {}",
                format_moment(since, Fineness::Minute)
            );
            let figures = match as_of {
                Some(at) => format!(
                    "Lists and totals of {things} are as of {}.",
                    format_moment(at, Fineness::Second)
                ),
                None => format!("It has not answered since this server started, so lists of {things} are empty."),
            };
            Some(
                view! {
                    <Notice tone=Tone::Danger title urgent=true>
                        <p>{figures} {format!(" {} can't be opened until it answers.", sentence(timelines))}</p>
                    </Notice>
                }
                .into_any(),
            )
        }
    }
}

/// What is missing of the stores of `domains`, one sentence a store; empty if nothing is missing. A list may say that
/// it has no rows only if this is empty.
pub fn unread(stores: &[StoreHealth], domains: &[Domain]) -> Vec<String> {
    let of_domains = stores.iter().filter(|store| domains.contains(&store.domain));
    of_domains
        .filter_map(|StoreHealth { domain, state, .. }| match state {
            StoreState::Loading(progress) => Some(match percent(*progress) {
                Some(percent) => format!("The {domain} store is {percent} % read."),
                None => format!("The {domain} store is being read: {}", so_far(*progress)),
            }),
            StoreState::Down { as_of: None, .. } => Some(format!(
                "The {domain} store has not answered since this server started."
            )),
            StoreState::Halted {
                as_of: None, reason, ..
            } => Some(format!("{}.", sentence(reason))),
            StoreState::Live | StoreState::Down { .. } | StoreState::Halted { .. } => None,
        })
        .collect()
}

/// The part of the store that is read, in percent. The total is an estimate, so a store that is loading is at 99 at
/// most.
fn percent(Progress { events, of, .. }: Progress) -> Option<u128> {
    let of = of.filter(|of| *of > 0)?;
    Some((u128::from(events) * 100 / u128::from(of)).min(99))
}

fn so_far(Progress { events, of, a_second }: Progress) -> String {
    let pace = match a_second {
        0 => String::new(),
        pace => format!(", {} a second", grouped(pace)),
    };
    match of {
        None => format!("{} so far{pace}.", counted(events, "event")),
        Some(of) => format!("{} of about {} events{pace}.", grouped(events), grouped(of)),
    }
}

/// The progress bar. `None` if the total is not known.
fn bar(Progress { events, of, .. }: Progress, domain: Domain) -> Option<impl IntoView> {
    let of = of.filter(|of| *of > 0)?;
    let label = format!("Part of the {domain} store that was read");
    Some(
        view! { <progress class="progress" max=of.to_string() value=events.min(of).to_string() aria-label=label></progress> },
    )
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn progress_shows_the_counts_that_are_known() {
        let said = |events, of, a_second| so_far(Progress { events, of, a_second });
        assert_eq!(said(1, None, 0), "1 event so far.");
        assert_eq!(said(1_200, None, 400), "1,200 events so far, 400 a second.");
        assert_eq!(
            said(1_200, Some(3_000), 400),
            "1,200 of about 3,000 events, 400 a second."
        );
    }

    #[test]
    fn unread_reports_each_store_that_is_not_read() {
        let store = |domain, state| StoreHealth {
            domain,
            adapter: "embedded".to_owned(),
            state,
        };
        let loading = |events, of| {
            StoreState::Loading(Progress {
                events,
                of,
                a_second: 0,
            })
        };
        let down = |as_of| StoreState::Down {
            since: DateTime::UNIX_EPOCH,
            as_of,
            reason: String::new(),
        };
        let both = [Domain::Wallet, Domain::Order];
        let stores = [
            store(Domain::Wallet, StoreState::Live),
            store(Domain::Order, loading(1_250, Some(3_000))),
        ];
        assert_eq!(unread(&stores, &both), ["The order store is 41 % read."]);
        assert_eq!(unread(&stores, &[Domain::Wallet]), [""; 0]);
        let stores = [
            store(Domain::Wallet, loading(1_250, None)),
            store(Domain::Order, loading(3_001, Some(3_000))),
        ];
        assert_eq!(
            unread(&stores, &both),
            [
                "The wallet store is being read: 1,250 events so far.",
                "The order store is 99 % read."
            ]
        );
        let stores = [
            store(Domain::Wallet, down(None)),
            store(Domain::Order, down(Some(DateTime::UNIX_EPOCH))),
        ];
        assert_eq!(
            unread(&stores, &both),
            ["The wallet store has not answered since this server started."]
        );
    }
}
