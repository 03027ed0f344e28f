//! The rules of the conversion: the meaning of each row, and the orders of invoices. One pass over the invoices in
//! order of time writes the events in that order. `docs/online-retail.md` explains each rule. Credit notes are in
//! `credit_notes`.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use chrono::{DateTime, Utc};

use super::{
    events::{About, Data, EventWriter, Listing, Party},
    matching::Sales,
    money::Money,
    report::{Kept, LeftOut, Report},
    rows::{Invoice, Line, Retail},
};

/// Writes the events of the file. Returns the report.
pub fn convert(file: &Retail, out: impl Write) -> io::Result<Report> {
    let mut conversion = Conversion {
        file,
        events: EventWriter::new(out),
        wallets: HashSet::new(),
        sales: Sales::default(),
        report: Report::of(file.rows, file.net),
    };
    for (index, invoice) in file.invoices.iter().enumerate() {
        conversion.invoice(index, invoice)?;
    }
    conversion.finish()
}

/// The kind of a row, from the number of its invoice and the signs of quantity and price.
enum Kind {
    Sale,
    Credit,
    LeftOut(LeftOut),
}

fn kind(invoice: &Invoice, line: &Line) -> Kind {
    let first = invoice.number.bytes().next().unwrap_or_default();
    let free = line.price.is_zero();
    match (first, line.quantity.signum()) {
        (b'A', _) => Kind::LeftOut(LeftOut::BadDebt),
        (b'0'..=b'9', -1) if free => Kind::LeftOut(LeftOut::StockWrittenOff),
        (b'0'..=b'9' | b'C', _) if free => Kind::LeftOut(LeftOut::Free),
        _ if line.price.is_sign_negative() => Kind::LeftOut(LeftOut::Unexplained),
        (b'0'..=b'9', 1) => Kind::Sale,
        (b'C', -1) if invoice.customer.is_none() => Kind::LeftOut(LeftOut::CreditWithoutCustomer),
        (b'C', -1) => Kind::Credit,
        _ => Kind::LeftOut(LeftOut::Unexplained),
    }
}

/// The state of a conversion.
pub(super) struct Conversion<'a, W> {
    pub(super) file: &'a Retail,
    pub(super) events: EventWriter<W>,
    wallets: HashSet<&'a str>,
    /// The sales that can still be returned.
    pub(super) sales: Sales,
    pub(super) report: Report,
}

impl<'a, W: Write> Conversion<'a, W> {
    fn invoice(&mut self, index: usize, invoice: &'a Invoice) -> io::Result<()> {
        self.note_oddities(invoice);
        if let Some(customer) = &invoice.customer {
            self.open_wallet(customer, invoice.at)?;
        }
        let mut sold = Vec::new();
        let mut credited = Vec::new();
        for line in &invoice.lines {
            match kind(invoice, line) {
                Kind::Sale => sold.push(line),
                Kind::Credit => credited.push(line),
                Kind::LeftOut(rule) => self.report.leave_out(rule, line.sum()),
            }
        }
        if !sold.is_empty() {
            self.order(index, invoice, &sold)?;
        }
        if !credited.is_empty() {
            self.credit_note(invoice, &credited)?;
        }
        Ok(())
    }

    fn note_oddities(&mut self, invoice: &'a Invoice) {
        if invoice.lines.iter().any(|line| line.at != invoice.at) {
            let sum = invoice.lines.iter().map(Line::sum).sum();
            self.report.keep(Kept::SeveralTimes, sum);
        }
        let mut seen = HashSet::with_capacity(invoice.lines.len());
        for line in &invoice.lines {
            if !seen.insert((&line.article, &line.title, line.quantity, line.price, line.at)) {
                self.report.keep(Kept::Duplicate, line.sum());
            }
        }
    }

    fn open_wallet(&mut self, customer: &'a str, at: DateTime<Utc>) -> io::Result<()> {
        if !self.wallets.insert(customer) {
            return Ok(());
        }
        let owner = Party {
            id: customer_id(customer),
        };
        let about = About {
            subject: &wallet_id(customer),
            at,
            correlation: None,
            causation: None,
        };
        self.events.write(about, Data::Opened { owner, currency: "GBP" })?;
        self.report.wallets += 1;
        Ok(())
    }

    fn order(&mut self, index: usize, invoice: &Invoice, sold: &[&Line]) -> io::Result<()> {
        let exact = sold.iter().map(|line| line.sum()).sum();
        let (total, rest) = Money::whole_pennies(exact);
        if !rest.is_zero() {
            self.report.leave_out(LeftOut::Rounding, rest);
        }
        let Some(total) = total else { return Ok(()) };
        self.report.orders.add(total.amount());
        if invoice.customer.is_none() {
            self.report.orders_without_wallet.add(total.amount());
        }
        let mut lines = Vec::with_capacity(sold.len());
        for line in sold {
            if let Some(customer) = &invoice.customer {
                self.sales
                    .add(customer, &line.article, index, line.price, line.quantity);
            }
            match Money::exact(line.price) {
                Some(price) => lines.push(line.listed(line.quantity, price)),
                None => self.report.keep(Kept::PriceBelowPenny, line.sum()),
            }
        }
        self.place(invoice, total, Listing::new(&lines, invoice.lines.len()))
    }

    fn place(&mut self, invoice: &Invoice, total: Money, listing: Listing<'_>) -> io::Result<()> {
        let order = order_id(invoice);
        let about = About {
            subject: &order,
            at: invoice.at,
            correlation: None,
            causation: None,
        };
        let placed = Data::Placed {
            wallet: invoice.customer.as_deref().map(wallet_id),
            customer: invoice.customer.as_deref().map(|customer| Party {
                id: customer_id(customer),
            }),
            total,
            country: &invoice.country,
            listing,
        };
        let cause = self.events.write(about, placed)?;
        let payment = format!("PAY-{}", invoice.number);
        let paid = Data::Paid {
            payment,
            amount: total,
            method: "card",
        };
        self.events.write(
            About {
                causation: Some(&cause),
                ..about
            },
            paid,
        )?;
        Ok(())
    }

    fn finish(mut self) -> io::Result<Report> {
        self.events.flush()?;
        self.report.events = self.events.written;
        self.report.events_cut = self.events.cut;
        Ok(self.report)
    }
}

pub(super) fn order_id(invoice: &Invoice) -> String {
    format!("O-{}", invoice.number)
}

pub(super) fn wallet_id(customer: &str) -> String {
    format!("W-{customer}")
}

fn customer_id(customer: &str) -> String {
    format!("C-{customer}")
}
