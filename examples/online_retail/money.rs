//! Amounts in pounds as in contract §3: above zero, two decimals, written as a string. Only this file handles a third
//! decimal: an amount is never rounded up, and the part that is cut off is returned.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// An amount in GBP, whole pennies, above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money(Decimal);

impl Money {
    /// The whole pennies of an amount, if there are any, and the rest.
    ///
    /// Amounts are cut instead of rounded to the nearest, for two reasons: no order is charged more than the sum of its
    /// lines, and parts of an order that are cut one by one never exceed the order that was cut as a whole.
    pub fn whole_pennies(exact: Decimal) -> (Option<Self>, Decimal) {
        let mut pennies = exact.round_dp_with_strategy(2, RoundingStrategy::ToZero);
        if pennies <= Decimal::ZERO {
            return (None, exact);
        }
        pennies.rescale(2);
        (Some(Self(pennies)), exact - pennies)
    }

    /// The amount, if the contract can represent it exactly.
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
