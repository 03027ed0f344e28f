//! Addresses of pages. Ids come from other programs and may contain any character. This file percent-encodes everything
//! that goes into an address; no other file does.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::lists::PageAt;
use crate::domain::{
    compensation::command::CommandName,
    ids::{Domain, EntityId, Position},
};

pub const OVERVIEW: &str = "/";
pub const REFUNDS: &str = "/refunds";
pub const WALLETS: &str = "/wallets";
pub const ORDERS: &str = "/orders";
pub const FINDINGS: &str = "/findings";
pub const HOLDS: &str = "/holds";
pub const CUSTOMERS: &str = "/customers";
pub const LOOK_UP: &str = "/look-up";
pub const CASES: &str = "/cases";
pub const SEARCH: &str = "/search";
pub const SIGN_IN: &str = "/sign-in";
pub const COMPENSATE: &str = "/compensate";
pub const COMPENSATIONS: &str = "/compensations";
pub const OPERATORS: &str = "/operators";
pub const AUDIT: &str = "/audit";
pub const AUDIT_CSV: &str = "/export/audit.csv";

pub fn wallet(id: &str) -> String {
    format!("{WALLETS}/{}", encode(id))
}

pub fn order(id: &str) -> String {
    format!("{ORDERS}/{}", encode(id))
}

/// The page of a wallet or an order.
pub fn entity(domain: Domain, id: &str) -> String {
    match domain {
        Domain::Wallet => wallet(id),
        Domain::Order => order(id),
    }
}

/// The page of a customer.
pub fn customer(id: &str) -> String {
    format!("{CUSTOMERS}/{}", encode(id))
}

/// The page of a refund. `order` selects the refund if several orders use the same refund id.
pub fn refund(id: &str, order: Option<&str>) -> String {
    let mut href = format!("{REFUNDS}/{}", encode(id));
    if let Some(order) = order {
        href.push_str("?order=");
        href.push_str(&encode(order));
    }
    href
}

pub fn event(domain: Domain, subject: &EntityId, position: Position) -> String {
    format!("/events/{domain}/{}/{position}", encode(subject.as_str()))
}

/// The file with the whole event.
pub fn whole_event(domain: Domain, subject: &EntityId, position: Position) -> String {
    format!("/export{}", event(domain, subject, position))
}

/// The sign-in page, which leads back to `here` (path and query of this site) after signing in.
pub fn sign_in(here: &str) -> String {
    format!("{SIGN_IN}?next={}", encode(here))
}

/// The page of a case.
pub fn compensation(case: &str) -> String {
    format!("{COMPENSATIONS}/{}", encode(case))
}

/// The empty form of a command on a wallet or an order; `item` is the event, hold or refund.
pub fn compensate(command: CommandName, subject: &str, item: Option<&str>) -> String {
    let mut href = format!("{COMPENSATE}?command={command}&subject={}", encode(subject));
    if let Some(item) = item {
        href.push_str("&item=");
        href.push_str(&encode(item));
    }
    href
}

/// All bytes except the unreserved characters of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes everything except the unreserved characters of RFC 3986.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

/// Builds an address. Default values are left out.
pub struct Address {
    text: String,
    started: bool,
}

impl Address {
    pub fn new(base: &str) -> Self {
        Self {
            text: base.to_owned(),
            started: false,
        }
    }

    /// Adds a name and its value. An empty value is left out.
    pub fn put(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        self.text.push(if self.started { '&' } else { '?' });
        self.started = true;
        self.text.push_str(name);
        self.text.push('=');
        self.text.push_str(&encode(value));
    }

    pub fn put_page(&mut self, page: u32) {
        if page > 1 {
            self.put("page", &page.to_string());
        }
    }

    pub fn put_page_at(&mut self, at: &PageAt) {
        match at {
            PageAt::First => {}
            PageAt::After(cursor) => self.put("after", cursor),
            PageAt::Before(cursor) => self.put("before", cursor),
        }
    }

    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded_in_addresses() {
        assert_eq!(
            refund("R/1?x=#é", Some("O&1")),
            "/refunds/R%2F1%3Fx%3D%23%C3%A9?order=O%261"
        );
        assert_eq!(wallet("W-1"), "/wallets/W-1");
        let subject = EntityId::new("O-1").unwrap();
        assert_eq!(
            event(Domain::Order, &subject, Position::new(7, 0)),
            "/events/order/O-1/7-0"
        );
    }
}
