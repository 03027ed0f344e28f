//! The effect of one event on the figures: before, change and after, for the page of the event.

use leptos::prelude::*;
use rust_decimal::Decimal;

use super::figures::Figures;
use crate::{
    components::{badge::Nothing, money::Money, table::Table},
    domain::{
        ids::Position,
        money::{Currency, sub_exact},
    },
    views::timelines::Timeline,
};

/// The figures before and after an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Name, before, after.
    figures: Vec<(String, Decimal, Decimal)>,
}

/// The effect of the event at `position`, if it is on this page of the timeline.
pub fn effect_of<F: Figures>(timeline: Timeline<F>, position: Position) -> Option<Effect> {
    let row = timeline
        .rows
        .into_iter()
        .find(|row| row.step.entry.position == position)?;
    let values = row.before.values().into_iter().zip(row.step.after.values());
    let figures = F::COLUMNS.iter().zip(values);
    Some(Effect {
        figures: figures
            .map(|(name, (before, after))| ((*name).to_owned(), before, after))
            .collect(),
    })
}

#[component]
pub fn EffectTable(effect: Effect, currency: Option<Currency>) -> impl IntoView {
    let rows = effect
        .figures
        .into_iter()
        .map(|(name, before, after)| {
            let change = sub_exact(after, before).filter(|change| !change.is_zero());
            let change = match change {
                Some(amount) => view! { <Money amount currency signed=true bare=true /> }.into_any(),
                None => view! { <Nothing /> }.into_any(),
            };
            view! {
                <tr>
                    <th scope="row">{name}</th>
                    <td class="figures">
                        <Money amount=before currency bare=true />
                    </td>
                    <td class="figures">{change}</td>
                    <td class="figures">
                        <Money amount=after currency />
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Table caption="The figures before and after it" class="effect">
            <thead>
                <tr>
                    <th scope="col">"Figure"</th>
                    <th scope="col" class="figures">
                        "Before"
                    </th>
                    <th scope="col" class="figures">
                        "Change"
                    </th>
                    <th scope="col" class="figures">
                        "After"
                    </th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    }
    .into_any()
}
