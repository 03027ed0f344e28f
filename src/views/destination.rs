//! Where somebody goes after signing in. The address comes in with the request, so it is held to this site: otherwise a link
//! to sign in here could end at a page that looks like this one and is somebody else's.

use crate::{
    domain::access::{Act, Role},
    views::href,
};

/// Characters of an address at most.
const NEXT_MAX: usize = 2_000;

/// Where to go: to `next`, if that is a page of this site, or to the first page that the role is for.
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

/// `next`, if every browser takes it for a page of this site: it starts with one slash, and holds nothing that a browser
/// would drop or turn into a second one.
fn own_page(next: &str) -> Option<&str> {
    let plain = next.len() <= NEXT_MAX && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let of_this_site = next.starts_with('/') && !next.starts_with("//");
    // There again the reader would only be asked to sign in, and functions are no pages.
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let is_page = path != href::SIGN_IN && !path.starts_with("/api/");
    (plain && of_this_site && is_page).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_site_are_taken() {
        for own in ["/refunds", "/wallets/W-1?at=2026-01-01T00:00:00Z", "/search?q=%C3%A9#x"] {
            assert_eq!(destination(own, Role::Viewer), own);
        }
        assert_eq!(destination("/", Role::Viewer), "/");
        assert_eq!(destination("", Role::Admin), "/operators");
        assert_eq!(destination("/", Role::Admin), "/operators");
    }

    #[test]
    fn everything_else_leads_home() {
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
