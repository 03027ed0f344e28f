//! Texts and links of compensations: the title and effect of each command, and the links that offer commands. The
//! offers depend only on what the page has loaded. The preview decides whether a command is possible.

use leptos::prelude::*;
use maud::{Markup, html};

use super::{icon::Icon, markup::written};
use crate::{
    domain::{
        compensation::{command::CommandName, decide::refund_commands},
        refund::{Destination, RefundState},
        wallet::WalletStatus,
    },
    views::href,
};

/// The title of a command, for buttons and headings.
pub const fn command_title(name: CommandName) -> &'static str {
    match name {
        CommandName::CreditWallet => "Credit the wallet",
        CommandName::DebitWallet => "Debit the wallet",
        CommandName::ReverseEntry => "Reverse an entry",
        CommandName::ReleaseHold => "Release a hold",
        CommandName::SettleRefund => "Settle the refund",
        CommandName::RetryRefund => "Try the refund again",
        CommandName::CancelRefund => "Cancel the refund",
        CommandName::RejectRefund => "Reject the refund",
        CommandName::ApproveRefund => "Approve the refund",
    }
}

/// The effect of a command, in a sentence.
pub const fn command_effect(name: CommandName) -> &'static str {
    match name {
        CommandName::CreditWallet => "Adds to the posted balance, as goodwill or as a correction.",
        CommandName::DebitWallet => "Subtracts from the posted balance, at most what is available.",
        CommandName::ReverseEntry => "Reverses a credit, debit or capture, or a part of it.",
        CommandName::ReleaseHold => "Ends the hold and makes its amount available. Nothing is posted.",
        CommandName::SettleRefund => "Credits the wallet, then records in the order that the refund succeeded.",
        CommandName::RetryRefund => "Sets the failed refund to processing again.",
        CommandName::CancelRefund => "Closes the refund without paying.",
        CommandName::RejectRefund => "Closes the request without paying.",
        CommandName::ApproveRefund => "Approves the refund for payment.",
    }
}

/// A command on an entity or an item of it, as a link to its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub name: CommandName,
    pub href: String,
}

impl Offer {
    fn new(name: CommandName, subject: &str, item: Option<&str>) -> Self {
        Self {
            name,
            href: href::compensate(name, subject, item),
        }
    }
}

/// The commands for a wallet as a whole. A closed wallet has none.
pub fn wallet_offers(id: &str, status: WalletStatus) -> Vec<Offer> {
    if status == WalletStatus::Closed {
        return Vec::new();
    }
    [CommandName::CreditWallet, CommandName::DebitWallet]
        .map(|name| Offer::new(name, id, None))
        .to_vec()
}

/// The commands for an applied event of a wallet: a credit, debit or capture can be reversed.
pub fn entry_offers(wallet: &str, event: Option<&str>, r#type: Option<&str>) -> Vec<Offer> {
    let reversible = matches!(
        r#type,
        Some("wallet.credited" | "wallet.debited" | "wallet.hold_captured")
    );
    let event = event.filter(|id| reversible && !id.is_empty());
    event
        .map(|id| Offer::new(CommandName::ReverseEntry, wallet, Some(id)))
        .into_iter()
        .collect()
}

/// The command for an open hold.
pub fn hold_offer(wallet: &str, hold: &str) -> Offer {
    Offer::new(CommandName::ReleaseHold, wallet, Some(hold))
}

/// The commands for a refund in a state.
pub fn refund_offers(order: &str, refund: &str, state: RefundState, destination: &Destination) -> Vec<Offer> {
    let to_wallet = *destination == Destination::Wallet;
    refund_commands(state, to_wallet)
        .into_iter()
        .map(|name| Offer::new(name, order, Some(refund)))
        .collect()
}

/// The offered corrections, side by side; nothing if there are none.
#[component]
pub fn Correct(offers: Vec<Offer>) -> impl IntoView {
    if offers.is_empty() {
        return ().into_any();
    }
    let links = links(offers);
    view! {
        <nav class="correct" aria-label="Corrections">
            <p class="correct-title">"Corrections"</p>
            <ul>{links}</ul>
        </nav>
    }
    .into_any()
}

/// The offered corrections as a menu, for narrow places.
#[component]
pub fn CorrectMenu(
    offers: Vec<Offer>,
    /// The subject of the corrections, for screen readers: `refund R-1`.
    #[prop(into)]
    about: String,
) -> impl IntoView {
    if offers.is_empty() {
        return ().into_any();
    }
    let links = links(offers);
    view! {
        <details class="correct-menu">
            <summary>"Corrections" <span class="visually-hidden">{format!(": {about}")}</span> {Icon::Down.view()}</summary>
            <ul>{links}</ul>
        </details>
    }
    .into_any()
}

fn links(offers: Vec<Offer>) -> AnyView {
    offers
        .into_iter()
        .map(|offer| {
            view! {
                <li>
                    <a class="button is-small" href=offer.href>
                        {command_title(offer.name)}
                    </a>
                </li>
            }
        })
        .collect_view()
        .into_any()
}

/// One offer in running text: `Reverse`, `Release`.
#[component]
pub fn OfferLink(offer: Offer, #[prop(into)] about: String) -> impl IntoView {
    written(offer_link(&offer, &about))
}

/// One offer as HTML text.
pub fn offer_link(offer: &Offer, about: &str) -> Markup {
    let word = command_title(offer.name).split(' ').next().unwrap_or_default();
    html! {
        a.offer href=(offer.href) {
            (word)
            span.visually-hidden { " " (about) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(offers: &[Offer]) -> Vec<CommandName> {
        offers.iter().map(|offer| offer.name).collect()
    }

    #[test]
    fn a_closed_wallet_has_no_offers() {
        assert_eq!(
            names(&wallet_offers("W-1", WalletStatus::Frozen)),
            [CommandName::CreditWallet, CommandName::DebitWallet]
        );
        assert_eq!(wallet_offers("W-1", WalletStatus::Closed), []);
    }

    #[test]
    fn only_credits_debits_and_captures_can_be_reversed() {
        for kind in ["wallet.credited", "wallet.debited", "wallet.hold_captured"] {
            let offers = entry_offers("W-1", Some("a&b"), Some(kind));
            assert_eq!(names(&offers), [CommandName::ReverseEntry], "{kind}");
            assert_eq!(
                offers[0].href,
                "/compensate?command=reverse_entry&subject=W-1&item=a%26b"
            );
        }
        for kind in [
            "wallet.opened",
            "wallet.held",
            "wallet.entry_reversed",
            "order.paid",
            "wallet.credited.v2",
        ] {
            assert_eq!(entry_offers("W-1", Some("e"), Some(kind)), [], "{kind}");
        }
        assert_eq!(entry_offers("W-1", None, Some("wallet.credited")), []);
        assert_eq!(entry_offers("W-1", Some(""), Some("wallet.credited")), []);
    }

    #[test]
    fn a_refund_has_the_offers_of_its_state() {
        let offers = |state, destination| names(&refund_offers("O-1", "R-1", state, &destination));
        assert_eq!(
            offers(RefundState::Failed, Destination::Wallet),
            [
                CommandName::SettleRefund,
                CommandName::RetryRefund,
                CommandName::CancelRefund
            ]
        );
        assert_eq!(
            offers(RefundState::Failed, Destination::OriginalMethod),
            [CommandName::RetryRefund, CommandName::CancelRefund]
        );
        assert_eq!(offers(RefundState::Rejected, Destination::Wallet), []);
    }

    #[test]
    fn every_command_begins_with_its_verb() {
        for &name in CommandName::ALL {
            let verb = command_title(name).split(' ').next().unwrap();
            assert!(verb.len() > 2 && command_effect(name).ends_with('.'), "{name}");
        }
    }
}
