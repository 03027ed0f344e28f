//! Credit notes: their rows are matched to earlier sales and grouped by order. Each order gets one refund, whose state
//! depends on its age at the end of the file. Rows without a matching sale are left out by a rule.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::{
    convert::{Conversion, order_id, wallet_id},
    events::{About, Data, ListedLine, Listing},
    money::Money,
    report::{Kept, LeftOut},
    rows::{Invoice, Line},
};

/// Credit notes that are younger than this at the end of the file are not settled yet.
const PENDING: TimeDelta = TimeDelta::days(14);

/// Stock codes that are not goods: carriage, discounts, samples, fees, and manual entries.
const NOT_GOODS: [&str; 11] = [
    "AMAZONFEE",
    "B",
    "BANK CHARGES",
    "C2",
    "CRUK",
    "D",
    "DOT",
    "M",
    "POST",
    "S",
    "m",
];

/// The state of a credit note's refunds at the end of the file.
#[derive(Clone, Copy)]
enum Progress {
    Requested,
    Approved,
    Succeeded,
}

fn progress(note: &Invoice, end: DateTime<Utc>) -> Progress {
    let odd = note.number.bytes().last().is_some_and(|digit| digit % 2 == 1);
    if end.signed_duration_since(note.at) >= PENDING {
        Progress::Succeeded
    } else if odd {
        Progress::Requested
    } else {
        Progress::Approved
    }
}

/// A returned quantity of an article of one order.
struct Returned<'a> {
    line: &'a Line,
    quantity: i64,
    price: Decimal,
}

impl<'a> Returned<'a> {
    fn sum(&self) -> Decimal {
        Decimal::from(self.quantity) * self.price
    }

    /// The line in the contract's form; `None` if the contract can't represent its price.
    fn listed(&self) -> Option<ListedLine<'a>> {
        Some(self.line.listed(self.quantity, Money::exact(self.price)?))
    }
}

/// The refund of one credit note for one order.
struct Refund<'a> {
    id: String,
    order: String,
    note: &'a Invoice,
    amount: Money,
}

impl Refund<'_> {
    /// The envelope of an event of this refund, on its order or its wallet.
    fn about<'e>(&'e self, subject: &'e str, causation: Option<&'e str>) -> About<'e> {
        About {
            subject,
            at: self.note.at,
            correlation: Some(&self.id),
            causation,
        }
    }
}

impl<'a, W: Write> Conversion<'a, W> {
    /// Writes the refunds of a credit note, one per order, the earliest order first.
    pub(super) fn credit_note(&mut self, note: &'a Invoice, credited: &[&'a Line]) -> io::Result<()> {
        let Some(customer) = note.customer.as_deref() else {
            return Ok(());
        };
        let mut by_order: BTreeMap<usize, Vec<Returned<'a>>> = BTreeMap::new();
        for line in credited {
            self.give_back(customer, line, &mut by_order);
        }
        if by_order.len() > 1 {
            let sum: Decimal = by_order.values().flatten().map(Returned::sum).sum();
            self.report.keep(Kept::SplitNote, -sum);
        }
        for (order, returned) in by_order {
            self.refund(note, &self.file.invoices[order], &returned)?;
        }
        Ok(())
    }

    /// Matches one credit row. Leaves out the quantity that can't be matched, and the part of the price above the price
    /// paid.
    fn give_back(&mut self, customer: &str, line: &'a Line, by_order: &mut BTreeMap<usize, Vec<Returned<'a>>>) {
        let matched = self
            .sales
            .give_back(customer, &line.article, line.price, -line.quantity);
        let mut above = Decimal::ZERO;
        let mut other_price = false;
        for piece in matched.pieces {
            let price = line.price.min(piece.sale_price);
            above += Decimal::from(piece.quantity) * (line.price - price);
            other_price |= line.price != piece.sale_price;
            let returned = Returned {
                line,
                quantity: piece.quantity,
                price,
            };
            by_order.entry(piece.invoice).or_default().push(returned);
        }
        if other_price {
            self.report.keep(Kept::OtherPrice, line.sum());
        }
        if !above.is_zero() {
            self.report.leave_out(LeftOut::CreditAbovePrice, -above);
        }
        if matched.unmatched > 0 {
            let rule = if matched.sold_before {
                LeftOut::CreditBeyondSold
            } else {
                LeftOut::CreditNeverSold
            };
            self.report
                .leave_out(rule, -(Decimal::from(matched.unmatched) * line.price));
        }
    }

    /// Writes the refund of one credit note for one order.
    fn refund(&mut self, note: &Invoice, order: &Invoice, returned: &[Returned<'_>]) -> io::Result<()> {
        let exact = returned.iter().map(Returned::sum).sum();
        let (amount, rest) = Money::whole_pennies(exact);
        if !rest.is_zero() {
            self.report.leave_out(LeftOut::Rounding, -rest);
        }
        let Some(amount) = amount else { return Ok(()) };
        let refund = Refund {
            id: format!("R-{}-{}", note.number, order.number),
            order: order_id(order),
            note,
            amount,
        };
        let request = self.request(&refund, returned)?;
        let tally = match progress(note, self.file.end) {
            Progress::Requested => &mut self.report.refunds_requested,
            Progress::Approved => {
                self.approve(&refund, &request)?;
                &mut self.report.refunds_approved
            }
            Progress::Succeeded => {
                let approval = self.approve(&refund, &request)?;
                self.settle(&refund, &approval)?;
                &mut self.report.refunds_succeeded
            }
        };
        tally.add(-amount.amount());
        Ok(())
    }

    fn request(&mut self, refund: &Refund<'_>, returned: &[Returned<'_>]) -> io::Result<String> {
        let lines: Vec<_> = returned.iter().filter_map(Returned::listed).collect();
        let goods = returned
            .iter()
            .any(|part| !NOT_GOODS.contains(&part.line.article.as_str()));
        let request = Data::RefundRequested {
            refund: &refund.id,
            amount: refund.amount,
            reason: if goods { "return" } else { "other" },
            destination: "wallet",
            note: &format!("Credit note {}", refund.note.number),
            listing: Listing::new(&lines, returned.len()),
        };
        self.events.write(refund.about(&refund.order, None), request)
    }

    fn approve(&mut self, refund: &Refund<'_>, request: &str) -> io::Result<String> {
        let approved = Data::RefundApproved { refund: &refund.id };
        self.events.write(refund.about(&refund.order, Some(request)), approved)
    }

    /// Settles a refund: first the wallet's event, then the order's, as in contract §7.
    fn settle(&mut self, refund: &Refund<'_>, approval: &str) -> io::Result<()> {
        let Some(customer) = refund.note.customer.as_deref() else {
            return Ok(());
        };
        let wallet = wallet_id(customer);
        let credited = Data::Credited {
            amount: refund.amount,
            kind: "refund",
            order: &refund.order,
            refund: &refund.id,
            reference: &refund.note.number,
        };
        let credit = self.events.write(refund.about(&wallet, Some(approval)), credited)?;
        let succeeded = Data::RefundSucceeded {
            refund: &refund.id,
            reference: &refund.note.number,
        };
        self.events
            .write(refund.about(&refund.order, Some(&credit)), succeeded)?;
        Ok(())
    }
}
