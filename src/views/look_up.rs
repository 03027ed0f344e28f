//! The look-up of a customer by the whole name and one more fact: the form, and the fact that the form shows again.

use serde::{Deserialize, Serialize};

use super::lists::SEARCH_MAX;
use crate::domain::{access::Secret, ids::EntityId, money::INTEGER_DIGITS_MAX};

/// Maximum number of characters of a name.
pub const NAME_MAX: usize = SEARCH_MAX;
/// Maximum number of characters of an order's id.
pub const ORDER_MAX: usize = EntityId::MAX_LENGTH;
/// Maximum number of characters of an amount: the digits before the point, the point, and up to four decimals.
pub const AMOUNT_MAX: usize = INTEGER_DIGITS_MAX + 5;
/// Number of characters of a currency's code.
pub const CURRENCY_MAX: usize = 3;
/// Number of characters of a day, for example `2026-01-31`.
pub const DAY_MAX: usize = 10;

/// The form of a look-up as typed: the whole name, and either an order's id or an amount with its currency and day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LookUpQuestion {
    /// Not printed by `Debug`, and not part of any address.
    pub name: Secret,
    pub order: String,
    pub amount: String,
    pub currency: String,
    /// A UTC day, for example `2026-01-31`.
    pub day: String,
    pub form_token: String,
}

/// The fact of a look-up without a match, which the form shows again. It can be part of an address, so it does not
/// contain the name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskedFact {
    /// Empty if there is no such order, because the typed text may be a name.
    pub order: String,
    pub amount: String,
    pub currency: String,
    pub day: String,
}
