//! The items of the navigation: their names, their addresses, the roles that see them, and the pages that belong to
//! them.

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
    /// The path of the item's page.
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

    /// The address of the item for a role. For approvers, the cases lead to those that wait for an approval.
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

/// The items that a role sees, in display order.
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

/// The `aria-current` of an item: `page` on the item's own page, `true` on a page below it.
pub fn relation(path: &str, item: NavItem) -> Option<&'static str> {
    let own = item.path();
    if path == own {
        return Some("page");
    }
    let below = |address: &str| path.strip_prefix(address).is_some_and(|rest| rest.starts_with('/'));
    // The page of a case is not below `/cases`.
    let of_cases = item == NavItem::Cases && below(href::COMPENSATIONS);
    (of_cases || (item != NavItem::Overview && below(own))).then_some("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_marks_the_item_it_belongs_to() {
        assert_eq!(relation("/", NavItem::Overview), Some("page"));
        assert_eq!(relation("/wallets", NavItem::Wallets), Some("page"));
        assert_eq!(relation("/wallets/W-1", NavItem::Wallets), Some("true"));
        assert_eq!(relation("/walletsandmore", NavItem::Wallets), None);
        assert_eq!(relation("/refunds", NavItem::Overview), None);
        assert_eq!(relation("/compensations/CMP-1", NavItem::Cases), Some("true"));
        assert_eq!(relation("/cases", NavItem::Cases), Some("page"));
    }

    #[test]
    fn each_role_sees_its_items() {
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
    fn the_cases_of_approvers_lead_to_waiting_ones() {
        assert_eq!(NavItem::Cases.address(Role::Finance), "/cases?state=proposed");
        assert_eq!(NavItem::Cases.address(Role::Support), "/cases");
        assert_eq!(NavItem::Wallets.address(Role::Finance), "/wallets");
    }
}
