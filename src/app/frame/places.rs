//! The places of the navigation: which a role may see, what they are called, and where a page belongs.

use crate::{
    domain::access::{Act, Role},
    views::href,
};

/// A place of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Overview,
    Refunds,
    Wallets,
    Orders,
    Findings,
    Approvals,
    /// The same for those who neither propose nor approve.
    Compensations,
    Operators,
    Audit,
}

impl Place {
    pub const fn address(self) -> &'static str {
        match self {
            Self::Overview => href::OVERVIEW,
            Self::Refunds => href::REFUNDS,
            Self::Wallets => href::WALLETS,
            Self::Orders => href::ORDERS,
            Self::Findings => href::FINDINGS,
            Self::Approvals => href::APPROVALS,
            Self::Compensations => href::COMPENSATIONS,
            Self::Operators => href::OPERATORS,
            Self::Audit => href::AUDIT,
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Refunds => "Refunds",
            Self::Wallets => "Wallets",
            Self::Orders => "Orders",
            Self::Findings => "Findings",
            Self::Approvals => "Approvals",
            Self::Compensations => "Cases",
            Self::Operators => "Operators",
            Self::Audit => "Audit",
        }
    }
}

/// The places that a role may see, in their order.
pub fn places_of(role: Role) -> Vec<Place> {
    let mut places = Vec::new();
    if role.may(Act::Read) {
        places.extend([
            Place::Overview,
            Place::Refunds,
            Place::Wallets,
            Place::Orders,
            Place::Findings,
        ]);
        places.push(if role.may(Act::Propose) || role.may(Act::Approve) {
            Place::Approvals
        } else {
            Place::Compensations
        });
    }
    if role.may(Act::ManageOperators) {
        places.push(Place::Operators);
    }
    if role.may(Act::Audit) {
        places.push(Place::Audit);
    }
    places
}

/// What a place of the navigation is to the page that is shown: itself, or where it belongs.
pub fn relation(path: &str, place: Place) -> Option<&'static str> {
    let address = place.address();
    if path == address {
        return Some("page");
    }
    let below = |address: &str| path.strip_prefix(address).is_some_and(|rest| rest.starts_with('/'));
    // Cases belong to where they are decided.
    let of_cases = place == Place::Approvals && (path == href::COMPENSATIONS || below(href::COMPENSATIONS));
    (of_cases || (place != Place::Overview && below(address))).then_some("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_navigation_knows_where_a_page_belongs() {
        assert_eq!(relation("/", Place::Overview), Some("page"));
        assert_eq!(relation("/wallets", Place::Wallets), Some("page"));
        assert_eq!(relation("/wallets/W-1", Place::Wallets), Some("true"));
        assert_eq!(relation("/walletsandmore", Place::Wallets), None);
        assert_eq!(relation("/refunds", Place::Overview), None);
        assert_eq!(relation("/compensations/CMP-1", Place::Approvals), Some("true"));
        assert_eq!(relation("/compensations/CMP-1", Place::Compensations), Some("true"));
        assert_eq!(relation("/compensations", Place::Compensations), Some("page"));
    }

    #[test]
    fn a_role_is_shown_the_places_that_it_may_see() {
        let words = |role| places_of(role).into_iter().map(Place::word).collect::<Vec<_>>();
        let ledger = ["Overview", "Refunds", "Wallets", "Orders", "Findings"];
        assert_eq!(words(Role::Viewer), [&ledger[..], &["Cases"]].concat());
        assert_eq!(words(Role::Support), [&ledger[..], &["Approvals"]].concat());
        assert_eq!(words(Role::Finance), [&ledger[..], &["Approvals"]].concat());
        assert_eq!(words(Role::Admin), ["Operators", "Audit"]);
    }
}
