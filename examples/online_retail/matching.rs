//! Finds the sale that a credit line gives back. The file links no credit note to an invoice, so the link is made here:
//! same customer, same article, sold before, and never more than was sold. It deals in quantities and prices and writes
//! no events.

use std::{cmp::Reverse, collections::HashMap};

use rust_decimal::Decimal;

/// What customers have bought and not given back, by customer and article.
#[derive(Debug, Default)]
pub struct Sales {
    by_customer: HashMap<String, HashMap<String, Vec<Sale>>>,
}

/// One row of an invoice.
#[derive(Debug)]
struct Sale {
    /// Index of the invoice.
    invoice: usize,
    price: Decimal,
    /// Quantity that has not been given back.
    left: i64,
}

/// A quantity that went back to one sale.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    pub invoice: usize,
    pub quantity: i64,
    pub sale_price: Decimal,
}

/// What became of a credit line.
#[derive(Debug, PartialEq, Eq)]
pub struct Matched {
    pub pieces: Vec<Piece>,
    /// Quantity for which no sale was left.
    pub unmatched: i64,
    /// Whether the customer had bought the article at all.
    pub sold_before: bool,
}

impl Sales {
    /// Remembers a sale. Sales must be added in order of time.
    pub fn add(&mut self, customer: &str, article: &str, invoice: usize, price: Decimal, quantity: i64) {
        if !self.by_customer.contains_key(customer) {
            self.by_customer.insert(customer.to_owned(), HashMap::new());
        }
        if let Some(articles) = self.by_customer.get_mut(customer) {
            let sale = Sale {
                invoice,
                price,
                left: quantity,
            };
            match articles.get_mut(article) {
                Some(sales) => sales.push(sale),
                None => drop(articles.insert(article.to_owned(), vec![sale])),
            }
        }
    }

    /// Gives a quantity back to earlier sales: those at the credited price first, of these one that covers all that is
    /// left to match, of these the latest.
    pub fn give_back(&mut self, customer: &str, article: &str, price: Decimal, quantity: i64) -> Matched {
        let sales = self
            .by_customer
            .get_mut(customer)
            .and_then(|articles| articles.get_mut(article));
        let mut matched = Matched {
            pieces: Vec::new(),
            unmatched: quantity,
            sold_before: sales.is_some(),
        };
        let Some(sales) = sales else { return matched };
        while matched.unmatched > 0 {
            let wanted = matched.unmatched;
            let best = sales
                .iter_mut()
                .rev()
                .filter(|sale| sale.left > 0)
                .min_by_key(|sale| Reverse((sale.price == price, sale.left >= wanted)));
            let Some(sale) = best else { break };
            let taken = sale.left.min(wanted);
            sale.left -= taken;
            matched.unmatched -= taken;
            matched.pieces.push(Piece {
                invoice: sale.invoice,
                quantity: taken,
                sale_price: sale.price,
            });
        }
        matched
    }
}
