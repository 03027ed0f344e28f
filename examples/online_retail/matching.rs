//! Finds the sale that a credit line returns. The file does not link credit notes to invoices, so they are matched
//! here: same customer, same article, sold earlier, and at most the quantity that was sold.

use std::{cmp::Reverse, collections::HashMap};

use rust_decimal::Decimal;

/// The sales that were not returned yet, by customer and article.
#[derive(Debug, Default)]
pub struct Sales {
    by_customer: HashMap<String, HashMap<String, Vec<Sale>>>,
}

/// One row of an invoice.
#[derive(Debug)]
struct Sale {
    /// The index of the invoice.
    invoice: usize,
    price: Decimal,
    /// The quantity that was not returned yet.
    left: i64,
}

/// A quantity that was matched to one sale.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    pub invoice: usize,
    pub quantity: i64,
    pub sale_price: Decimal,
}

/// The result of matching a credit line.
#[derive(Debug, PartialEq, Eq)]
pub struct Matched {
    pub pieces: Vec<Piece>,
    /// The quantity without a matching sale.
    pub unmatched: i64,
    /// Whether the customer had bought the article before.
    pub sold_before: bool,
}

impl Sales {
    /// Adds a sale. Sales must be added in order of time.
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

    /// Matches a returned quantity to earlier sales. Sales at the credited price come first; of these, sales that cover
    /// the whole remaining quantity; of these, the latest.
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
