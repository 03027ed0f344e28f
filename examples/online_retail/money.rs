//! Pounds as the contract writes them (§3): above zero, two decimals, a string. It stands apart so that no other place
//! decides what happens to a third decimal; nothing is ever rounded up, and what is cut off is handed back.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// An amount in GBP, whole pennies, above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money(Decimal);

impl Money {
    /// The whole pennies of an amount, where there are any, and what they leave over.
    ///
    /// Cutting (and not rounding to the nearest) keeps two promises at once: no order is charged more than its lines
    /// say, and parts of an order that are cut one by one never exceed the order that was cut as a whole.
    pub fn whole_pennies(exact: Decimal) -> (Option<Self>, Decimal) {
        let mut pennies = exact.round_dp_with_strategy(2, RoundingStrategy::ToZero);
        if pennies <= Decimal::ZERO {
            return (None, exact);
        }
        pennies.rescale(2);
        (Some(Self(pennies)), exact - pennies)
    }

    /// The amount, if the contract can write it to the last digit.
    pub fn exact(amount: Decimal) -> Option<Self> {
        let (money, rest) = Self::whole_pennies(amount);
        money.filter(|_| rest.is_zero())
    }

    /// The amount in pounds.
    pub fn amount(self) -> Decimal {
        self.0
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Money", 2)?;
        object.serialize_field("amount", &self.0)?;
        object.serialize_field("currency", "GBP")?;
        object.end()
    }
}
