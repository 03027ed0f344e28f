//! Where an operator goes after signing in. The address comes with the request. Only pages of this site are accepted,
//! because otherwise a link to this sign-in page could lead to a foreign page that imitates this site.

use crate::{
    domain::access::{Act, Role},
    views::href,
};

/// Maximum number of characters of an address.
const NEXT_MAX: usize = 2_000;

/// The address to go to: `next`, if it is a page of this site, or the first page of the role.
pub fn destination(next: &str, role: Role) -> String {
    match own_page(next) {
        Some(page) if page != href::OVERVIEW => page.to_owned(),
        _ => home(role).to_owned(),
    }
}

/// The first page of a role.
const fn home(role: Role) -> &'static str {
    if role.can(Act::Read) {
        href::OVERVIEW
    } else {
        href::OPERATORS
    }
}

/// `next`, if every browser treats it as a page of this site. It has to start with exactly one slash, and must not
/// contain characters that a browser drops or turns into a slash.
fn own_page(next: &str) -> Option<&str> {
    let plain = next.len() <= NEXT_MAX && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let of_this_site = next.starts_with('/') && !next.starts_with("//");
    // The sign-in page would only ask again, and `/api/` has functions, not pages.
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let is_page = path != href::SIGN_IN && !path.starts_with("/api/");
    (plain && of_this_site && is_page).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_site_are_accepted() {
        for own in ["/refunds", "/wallets/W-1?at=2026-01-01T00:00:00Z", "/search?q=%C3%A9#x"] {
            assert_eq!(destination(own, Role::Viewer), own);
        }
        assert_eq!(destination("/", Role::Viewer), "/");
        assert_eq!(destination("", Role::Admin), "/operators");
        assert_eq!(destination("/", Role::Admin), "/operators");
    }

    #[test]
    fn other_addresses_lead_to_the_first_page() {
        for foreign in [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "evil",
            "/\t/evil.example",
            "/\n/evil.example",
            "/a\r\nSet-Cookie: x",
            "/é",
            "/sign-in?next=/refunds",
            "/api/sign-out",
            &format!("/{}", "x".repeat(2_000)),
        ] {
            assert_eq!(destination(foreign, Role::Viewer), "/", "{foreign}");
        }
    }
}
