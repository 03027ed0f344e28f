//! What was made of the file, and what was left out by which rule. Every penny of the file's net total is in an order,
//! in a refund or in one of these rules; the report adds them up again and compares. It never decides anything.

use std::fmt;

use rust_decimal::Decimal;

/// Why money of the file is not in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// A row with a price of zero and a positive quantity.
    Free,
    /// A row with a price of zero and a negative quantity on an ordinary invoice.
    StockWrittenOff,
    /// A row of an invoice whose number starts with `A`.
    BadDebt,
    /// A credit row that names no customer.
    CreditWithoutCustomer,
    /// A credit row for an article that its customer had not bought before, in this file.
    CreditNeverSold,
    /// The quantity of a credit row beyond what its customer had bought and not given back.
    CreditBeyondSold,
    /// What a credit row gives back above the price of the sale that it was matched to.
    CreditAbovePrice,
    /// What is beyond the second decimal of an order or a refund.
    Rounding,
    /// A row that no rule explains. The file has none.
    Unexplained,
}

impl LeftOut {
    pub const ALL: [Self; 9] = [
        Self::Free,
        Self::StockWrittenOff,
        Self::BadDebt,
        Self::CreditWithoutCustomer,
        Self::CreditNeverSold,
        Self::CreditBeyondSold,
        Self::CreditAbovePrice,
        Self::Rounding,
        Self::Unexplained,
    ];

    const fn words(self) -> &'static str {
        match self {
            Self::Free => "rows at a price of zero",
            Self::StockWrittenOff => "rows that write off stock",
            Self::BadDebt => "rows that adjust bad debt",
            Self::CreditWithoutCustomer => "credit rows without a customer",
            Self::CreditNeverSold => "credit rows, article not bought before",
            Self::CreditBeyondSold => "credit rows, more than was bought",
            Self::CreditAbovePrice => "credit rows, above the price paid",
            Self::Rounding => "orders and refunds cut to whole pennies",
            Self::Unexplained => "rows that no rule explains",
        }
    }
}

/// What was kept, but not as plainly as it stands in the file. These change no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// A row that repeats an earlier row of its invoice in every field.
    Duplicate,
    /// An invoice whose rows carry more than one time.
    SeveralTimes,
    /// A row that is in its order's total, but whose price the contract can't write, so that the order doesn't list it.
    PriceBelowPenny,
    /// A credit row that was matched to a sale at another price.
    OtherPrice,
    /// A credit note that became refunds of more than one order.
    SplitNote,
}

impl Kept {
    pub const ALL: [Self; 5] = [
        Self::Duplicate,
        Self::SeveralTimes,
        Self::PriceBelowPenny,
        Self::OtherPrice,
        Self::SplitNote,
    ];

    const fn words(self) -> &'static str {
        match self {
            Self::Duplicate => "rows that repeat one of their invoice",
            Self::SeveralTimes => "invoices with several times",
            Self::PriceBelowPenny => "rows at a price below a penny",
            Self::OtherPrice => "credit rows matched at another price",
            Self::SplitNote => "credit notes split over several orders",
        }
    }
}

/// How many, and what they add up to with the sign that they have in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub count: u64,
    pub sum: Decimal,
}

impl Tally {
    pub fn add(&mut self, sum: Decimal) {
        self.count += 1;
        self.sum += sum;
    }
}

/// The figures of one conversion.
#[derive(Debug, Default)]
pub struct Report {
    /// Rows of the file.
    pub rows: usize,
    /// The file's net total, added up while reading.
    pub net: Decimal,
    pub events: u64,
    /// Events that list only their first lines, to stay within their size.
    pub events_cut: u64,
    pub wallets: u64,
    pub orders: Tally,
    pub orders_without_wallet: Tally,
    /// Refunds by how far they got; their sums are negative.
    pub refunds_succeeded: Tally,
    pub refunds_approved: Tally,
    pub refunds_requested: Tally,
    left_out: [Tally; LeftOut::ALL.len()],
    kept: [Tally; Kept::ALL.len()],
}

impl Report {
    /// Nothing converted yet, of a file with this many rows and this net total.
    pub fn of(rows: usize, net: Decimal) -> Self {
        Self {
            rows,
            net,
            ..Self::default()
        }
    }

    /// Counts one row (or one order or refund, for [`LeftOut::Rounding`]) and its sum.
    pub fn leave_out(&mut self, rule: LeftOut, sum: Decimal) {
        self.left_out[rule as usize].add(sum);
    }

    /// Counts one row, invoice, note or event and the sum that it has in the file.
    pub fn keep(&mut self, rule: Kept, sum: Decimal) {
        self.kept[rule as usize].add(sum);
    }

    pub fn left_out(&self, rule: LeftOut) -> Tally {
        self.left_out[rule as usize]
    }

    pub fn kept(&self, rule: Kept) -> Tally {
        self.kept[rule as usize]
    }

    /// Orders less refunds plus what was left out.
    pub fn accounted_for(&self) -> Decimal {
        let refunds = self.refunds_succeeded.sum + self.refunds_approved.sum + self.refunds_requested.sum;
        let left_out: Decimal = self.left_out.iter().map(|tally| tally.sum).sum();
        self.orders.sum + refunds + left_out
    }

    /// Whether that is the file's net total, to the last digit.
    pub fn adds_up(&self) -> bool {
        self.accounted_for() == self.net
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, words: &str, tally: Tally| {
            writeln!(f, "  {words:<46} {:>8} {:>16.3}", tally.count, tally.sum)
        };
        writeln!(
            f,
            "{} rows became {} events, {} wallets",
            self.rows, self.events, self.wallets
        )?;
        writeln!(f, "\n{:<48} {:>8} {:>16}", "in the ledger", "count", "GBP")?;
        row(f, "orders", self.orders)?;
        row(f, "refunds succeeded", self.refunds_succeeded)?;
        row(f, "refunds approved, pending", self.refunds_approved)?;
        row(f, "refunds requested, pending", self.refunds_requested)?;
        writeln!(f, "\nleft out, by rule")?;
        for rule in LeftOut::ALL {
            row(f, rule.words(), self.left_out(rule))?;
        }
        writeln!(
            f,
            "\n  {:<55} {:>16.3}",
            "orders + refunds + left out",
            self.accounted_for()
        )?;
        writeln!(f, "  {:<55} {:>16.3}", "the file's net total", self.net)?;
        writeln!(f, "\nkept, by rule (included above)")?;
        row(
            f,
            "orders without a customer, so without a wallet",
            self.orders_without_wallet,
        )?;
        for rule in Kept::ALL {
            row(f, rule.words(), self.kept(rule))?;
        }
        writeln!(
            f,
            "  {:<46} {:>8}",
            "events that list only their first lines", self.events_cut
        )
    }
}
