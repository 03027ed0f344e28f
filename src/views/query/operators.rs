//! The address of the operators' page.

use crate::views::href::{self, Address};

/// The address of the list of operators with one operator opened.
pub fn operator_href(name: &str) -> String {
    let mut address = Address::new(href::OPERATORS);
    address.put("name", name);
    address.finish()
}
