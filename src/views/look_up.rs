//! The look-up of a customer by the whole name and one more fact: the form, and what of it comes back.

use serde::{Deserialize, Serialize};

use super::lists::SEARCH_MAX;
use crate::domain::{access::Secret, ids::EntityId, money::INTEGER_DIGITS_MAX};

/// Characters of a name that is looked up, at most.
pub const NAME_MAX: usize = SEARCH_MAX;
/// Characters of an order's id at most.
pub const ORDER_MAX: usize = EntityId::MAX_LENGTH;
/// Characters of an amount at most: the digits before the point, the point, and up to four decimals.
pub const AMOUNT_MAX: usize = INTEGER_DIGITS_MAX + 5;
/// Characters of a currency's code.
pub const CURRENCY_MAX: usize = 3;
/// Characters of a day, as in `2026-01-31`.
pub const DAY_MAX: usize = 10;

/// The form of a look-up, as it is typed: the whole name, and either an order's id or an amount with its currency and day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LookUpQuestion {
    /// Never printed, and in no address.
    pub name: Secret,
    pub order: String,
    pub amount: String,
    pub currency: String,
    /// A day of UTC, `2026-01-31`.
    pub day: String,
    pub form_token: String,
}

/// The fact of a look-up without a match, for the form to show again. The name is not part of it, because it may stand in an
/// address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskedFact {
    /// Empty where there is no such order: what was typed may be a name.
    pub order: String,
    pub amount: String,
    pub currency: String,
    pub day: String,
}
