//! The figures that a compensation changes, before and after it, with the changed ones emphasised; or the present
//! figures, if there is no preview. Figures of entities that the compensation does not touch are left out.

use leptos::prelude::*;
use rust_decimal::Decimal;

use super::{
    badge::{Nothing, RefundStateBadge},
    money::Money,
    table::Table,
    timeline::Figures as Columns,
};
use crate::domain::{
    compensation::decide::Figures,
    ids::Domain,
    money::{Currency, sub_exact},
    refund::RefundState,
};

/// A figure of a wallet or an order.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    domain: Domain,
    name: &'static str,
    before: Decimal,
    /// `None` without a preview.
    after: Option<Decimal>,
}

/// A table of figures; with `after`, also the changes and the figures afterwards.
#[component]
pub fn BeforeAfter(
    before: Figures,
    #[prop(optional_no_strip)] after: Option<Figures>,
    currency: Option<Currency>,
    #[prop(into)] caption: String,
) -> impl IntoView {
    let foresees = after.is_some();
    let rows = rows(&before, after.as_ref())
        .into_iter()
        .map(|row| figure(row, currency))
        .collect_view();
    let refund = before
        .refund
        .map(|was| refund(was, after.map(|after| after.refund.unwrap_or(was))));
    let heads = if foresees {
        view! {
            <th scope="col" class="figures">
                "Before"
            </th>
            <th scope="col" class="figures">
                "Change"
            </th>
            <th scope="col" class="figures">
                "After"
            </th>
        }
        .into_any()
    } else {
        view! {
            <th scope="col" class="figures">
                "Now"
            </th>
        }
        .into_any()
    };
    view! {
        <Table caption class="effect before-after">
            <thead>
                <tr>
                    <th scope="col">"Figure"</th>
                    {heads}
                </tr>
            </thead>
            <tbody>{refund} {rows}</tbody>
        </Table>
    }
    .into_any()
}

fn figure(row: Row, currency: Option<Currency>) -> AnyView {
    let of = match row.domain {
        Domain::Wallet => "of the wallet",
        Domain::Order => "of the order",
    };
    let name = view! {
        <th scope="row">
            {row.name}
            " "
            <span class="before-after-of">{of}</span>
        </th>
    };
    let before = row.before;
    let Some(after) = row.after else {
        return view! {
            <tr>
                {name}
                <td class="figures">
                    <Money amount=before currency />
                </td>
            </tr>
        }
        .into_any();
    };
    let change = sub_exact(after, before).filter(|change| !change.is_zero());
    let change = match change {
        Some(amount) => view! { <Money amount currency signed=true bare=true /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    view! {
        <tr class:is-changed=after != before>
            {name}
            <td class="figures">
                <Money amount=before currency bare=true />
            </td>
            <td class="figures">{change}</td>
            <td class="figures before-after-after">
                <Money amount=after currency />
            </td>
        </tr>
    }
    .into_any()
}

/// The row of the refund's state. A state has no difference, so an arrow marks a change.
fn refund(was: RefundState, becomes: Option<RefundState>) -> AnyView {
    let changed = becomes.is_some_and(|becomes| becomes != was);
    let becomes = becomes.map(|state| {
        let change = if state == was {
            view! { <Nothing /> }.into_any()
        } else {
            view! { <span aria-hidden="true">"→"</span> }.into_any()
        };
        view! {
            <td class="figures">{change}</td>
            <td class="figures before-after-after">
                <RefundStateBadge state />
            </td>
        }
    });
    view! {
        <tr class:is-changed=changed>
            <th scope="row">"Refund"</th>
            <td class="figures">
                <RefundStateBadge state=was />
            </td>
            {becomes}
        </tr>
    }
    .into_any()
}

fn rows(before: &Figures, after: Option<&Figures>) -> Vec<Row> {
    let wallet = before
        .wallet
        .map(|figures| pairs(Domain::Wallet, figures, after.and_then(|after| after.wallet)));
    let order = before
        .order
        .map(|figures| pairs(Domain::Order, figures, after.and_then(|after| after.order)));
    wallet.into_iter().chain(order).flatten().collect()
}

fn pairs<F: Columns>(domain: Domain, before: F, after: Option<F>) -> Vec<Row> {
    let after = after.map(|figures| figures.values());
    let values = before.values();
    F::COLUMNS
        .iter()
        .zip(values)
        .enumerate()
        .map(|(index, (name, before))| Row {
            domain,
            name,
            before,
            after: after.as_ref().and_then(|after| after.get(index)).copied(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::replay::{Balances, OrderSums};

    #[test]
    fn only_present_figures_have_rows() {
        let wallet = Balances {
            posted: Decimal::TEN,
            held: Decimal::ONE,
            available: Decimal::from(9),
        };
        let before = Figures {
            wallet: Some(wallet),
            ..Figures::default()
        };
        let now: Vec<_> = rows(&before, None)
            .into_iter()
            .map(|row| (row.name, row.after))
            .collect();
        assert_eq!(now, [("Posted", None), ("Held", None), ("Available", None)]);
        let after = Figures {
            wallet: Some(Balances {
                posted: Decimal::from(12),
                ..wallet
            }),
            ..Figures::default()
        };
        let foreseen = rows(&before, Some(&after));
        assert_eq!(
            (foreseen[0].before, foreseen[0].after),
            (Decimal::TEN, Some(Decimal::from(12)))
        );
        assert_eq!(rows(&Figures::default(), None), []);
        let order = Figures {
            order: Some(OrderSums::default()),
            ..before
        };
        assert_eq!(rows(&order, None).len(), 7);
    }
}
