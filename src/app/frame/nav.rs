//! The places of the navigation: which a role may see, what they are called, and where a page belongs.

use crate::{
    domain::access::{Act, Role},
    pages::cases::waiting,
    views::{href, lists::ListName, query::list_href},
};

/// An item of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NavItem {
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

impl NavItem {
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
pub fn nav_items_of(role: Role) -> Vec<NavItem> {
    let mut items = Vec::new();
    if role.can(Act::Read) {
        items.extend([
            NavItem::Overview,
            NavItem::Refunds,
            NavItem::Wallets,
            NavItem::Orders,
            NavItem::Customers,
            NavItem::Holds,
            NavItem::Findings,
            NavItem::Cases,
        ]);
    }
    if role.can(Act::ManageOperators) {
        items.push(NavItem::Operators);
    }
    if role.can(Act::Audit) {
        items.push(NavItem::Audit);
    }
    items
}

/// What an item of the navigation is to the page that is shown: itself, or where it belongs.
pub fn relation(path: &str, item: NavItem) -> Option<&'static str> {
    let own = item.path();
    if path == own {
        return Some("page");
    }
    let below = |address: &str| path.strip_prefix(address).is_some_and(|rest| rest.starts_with('/'));
    // The page of one case has an address of its own.
    let of_cases = item == NavItem::Cases && below(href::COMPENSATIONS);
    (of_cases || (item != NavItem::Overview && below(own))).then_some("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_navigation_knows_where_a_page_belongs() {
        assert_eq!(relation("/", NavItem::Overview), Some("page"));
        assert_eq!(relation("/wallets", NavItem::Wallets), Some("page"));
        assert_eq!(relation("/wallets/W-1", NavItem::Wallets), Some("true"));
        assert_eq!(relation("/walletsandmore", NavItem::Wallets), None);
        assert_eq!(relation("/refunds", NavItem::Overview), None);
        assert_eq!(relation("/compensations/CMP-1", NavItem::Cases), Some("true"));
        assert_eq!(relation("/cases", NavItem::Cases), Some("page"));
    }

    #[test]
    fn a_role_is_shown_the_places_that_it_may_see() {
        let words = |role| nav_items_of(role).into_iter().map(NavItem::word).collect::<Vec<_>>();
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
        assert_eq!(NavItem::Cases.address(Role::Finance), "/cases?state=proposed");
        assert_eq!(NavItem::Cases.address(Role::Support), "/cases");
        assert_eq!(NavItem::Wallets.address(Role::Finance), "/wallets");
    }
}
