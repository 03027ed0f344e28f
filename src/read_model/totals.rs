//! The totals that the read model keeps of its lists: numbers of rows and sums, by state and currency.

use super::columns::MinorUnits;

/// Lists that have totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    Wallets = 0,
    Orders = 1,
    Refunds = 2,
    Holds = 3,
    Customers = 4,
}

/// The time of a refund from which its age is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    Requested = 0,
    InState = 1,
}

/// The number of sums in a total.
pub const SUMS: usize = 4;

/// A number of rows, and sums in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub rows: i64,
    pub sums: [i128; SUMS],
}

impl Tally {
    /// Adds or removes a row with these sums.
    pub fn add(&mut self, sums: [i128; SUMS], sign: Sign) {
        let one = match sign {
            Sign::In => 1,
            Sign::Out => -1,
        };
        self.rows += one;
        for (sum, more) in self.sums.iter_mut().zip(sums) {
            *sum += more * i128::from(one);
        }
    }
}

/// Whether a row is added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    In,
    Out,
}

/// Reads a tally from five columns, from column `first` on.
pub fn tally(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Tally> {
    let sum = |at: usize| row.get::<_, MinorUnits>(first + at).map(|sum| sum.0);
    Ok(Tally {
        rows: row.get(first)?,
        sums: [sum(1)?, sum(2)?, sum(3)?, sum(4)?],
    })
}
