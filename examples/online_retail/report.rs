//! The report of a conversion: sums of orders and refunds, and what each rule left out. Every penny of the file's net
//! total is in an order, in a refund, or left out by a rule; the report compares the sums.

use std::fmt;

use rust_decimal::Decimal;

/// The rule by which money of the file is not in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// A row with a price of zero and a positive quantity.
    Free,
    /// A row with a price of zero and a negative quantity on an ordinary invoice.
    StockWrittenOff,
    /// A row of an invoice whose number starts with `A`.
    BadDebt,
    /// A credit row without a customer.
    CreditWithoutCustomer,
    /// A credit row for an article that the customer had not bought before in this file.
    CreditNeverSold,
    /// The quantity of a credit row above what the customer had bought and not returned.
    CreditBeyondSold,
    /// The part of a credit row above the price of the matched sale.
    CreditAbovePrice,
    /// The part of an order or a refund beyond the second decimal.
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

/// A rule by which something was kept in another form than in the file. These rules change no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// A row that repeats an earlier row of its invoice in every field.
    Duplicate,
    /// An invoice whose rows carry more than one time.
    SeveralTimes,
    /// A row that is in its order's total, but not in its lines, because the contract can't represent its price.
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

/// A number and a sum. The sum has the sign of the file.
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
    /// The file's net total, summed up while reading.
    pub net: Decimal,
    pub events: u64,
    /// Events that list only their first lines because of the size limit.
    pub events_cut: u64,
    pub wallets: u64,
    pub orders: Tally,
    pub orders_without_wallet: Tally,
    /// Refunds by state; their sums are negative.
    pub refunds_succeeded: Tally,
    pub refunds_approved: Tally,
    pub refunds_requested: Tally,
    left_out: [Tally; LeftOut::ALL.len()],
    kept: [Tally; Kept::ALL.len()],
}

impl Report {
    /// An empty report of a file with this many rows and this net total.
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

    /// The sum of orders, refunds (negative) and what was left out.
    pub fn accounted_for(&self) -> Decimal {
        let refunds = self.refunds_succeeded.sum + self.refunds_approved.sum + self.refunds_requested.sum;
        let left_out: Decimal = self.left_out.iter().map(|tally| tally.sum).sum();
        self.orders.sum + refunds + left_out
    }

    /// Whether the sum is exactly the file's net total.
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
