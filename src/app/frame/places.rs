//! The places of the navigation: which a role may see, what they are called, and where a page belongs.

use crate::{
    domain::access::{Act, Role},
    pages::cases::waiting,
    views::{href, lists::ListName, query::list_href},
};

/// A place of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Overview,
    Refunds,
    Wallets,
    Orders,
    Customers,
    Holds,
    Findings,
    Cases,
    Operators,
    Audit,
}

impl Place {
    /// The path of its page.
    const fn path(self) -> &'static str {
        match self {
            Self::Overview => href::OVERVIEW,
            Self::Refunds => href::REFUNDS,
            Self::Wallets => href::WALLETS,
            Self::Orders => href::ORDERS,
            Self::Customers => href::CUSTOMERS,
            Self::Holds => href::HOLDS,
            Self::Findings => href::FINDINGS,
            Self::Cases => href::CASES,
            Self::Operators => href::OPERATORS,
            Self::Audit => href::AUDIT,
        }
    }

    /// Where it leads a role. Those who approve see first what waits for an approval.
    pub fn address(self, role: Role) -> String {
        if self == Self::Cases && role.can(Act::Approve) {
            return list_href(ListName::Cases, &waiting());
        }
        self.path().to_owned()
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Refunds => "Refunds",
            Self::Wallets => "Wallets",
            Self::Orders => "Orders",
            Self::Customers => "Customers",
            Self::Holds => "Holds",
            Self::Findings => "Findings",
            Self::Cases => "Cases",
            Self::Operators => "Operators",
            Self::Audit => "Audit",
        }
    }
}

/// The places that a role may see, in their order.
pub fn places_of(role: Role) -> Vec<Place> {
    let mut places = Vec::new();
    if role.can(Act::Read) {
        places.extend([
            Place::Overview,
            Place::Refunds,
            Place::Wallets,
            Place::Orders,
            Place::Customers,
            Place::Holds,
            Place::Findings,
            Place::Cases,
        ]);
    }
    if role.can(Act::ManageOperators) {
        places.push(Place::Operators);
    }
    if role.can(Act::Audit) {
        places.push(Place::Audit);
    }
    places
}

/// What a place of the navigation is to the page that is shown: itself, or where it belongs.
pub fn relation(path: &str, place: Place) -> Option<&'static str> {
    let own = place.path();
    if path == own {
        return Some("page");
    }
    let below = |address: &str| path.strip_prefix(address).is_some_and(|rest| rest.starts_with('/'));
    // The page of one case has an address of its own.
    let of_cases = place == Place::Cases && below(href::COMPENSATIONS);
    (of_cases || (place != Place::Overview && below(own))).then_some("true")
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
        assert_eq!(relation("/compensations/CMP-1", Place::Cases), Some("true"));
        assert_eq!(relation("/cases", Place::Cases), Some("page"));
    }

    #[test]
    fn a_role_is_shown_the_places_that_it_may_see() {
        let words = |role| places_of(role).into_iter().map(Place::word).collect::<Vec<_>>();
        let ledger = [
            "Overview",
            "Refunds",
            "Wallets",
            "Orders",
            "Customers",
            "Holds",
            "Findings",
            "Cases",
        ];
        for role in [Role::Viewer, Role::Support, Role::Finance] {
            assert_eq!(words(role), ledger, "{role}");
        }
        assert_eq!(words(Role::Admin), ["Operators", "Audit"]);
    }

    #[test]
    fn those_who_approve_are_led_to_what_waits() {
        assert_eq!(Place::Cases.address(Role::Finance), "/cases?state=proposed");
        assert_eq!(Place::Cases.address(Role::Support), "/cases");
        assert_eq!(Place::Wallets.address(Role::Finance), "/wallets");
    }
}
