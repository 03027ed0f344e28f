//! Masking of personal data in answers to operators who are not allowed to read it. Figures, ids, reasons and notes
//! stay: a masked history replays to the same balances. Masking changes answers, never stored data.

mod json;

use self::json::{is_personal, mask_json};
use super::{
    compensations::{CaseRow, CaseView, FormView},
    customers::{CustomerRow, CustomerView},
    events::{EventView, Recent},
    findings::FindingRow,
    lists::Page,
    orders::{OrderRow, OrderView},
    overview::Overview,
    refunds::RefundView,
    search::{Hits, PaymentRow, SearchView},
    timelines::{History, Timeline},
    wallets::{HoldListRow, WalletRow, WalletView},
};
use crate::domain::{
    event::{Entry, Fields, Known},
    refund::RefundRow,
    wallet::Party,
};

/// The text that replaces a masked value.
pub const MASKED: &str = "(masked)";

/// An answer that may contain personal data.
pub trait Mask {
    /// Replaces the personal data with [`MASKED`].
    fn mask(&mut self);
}

impl<T: Mask> Mask for Vec<T> {
    fn mask(&mut self) {
        self.iter_mut().for_each(Mask::mask);
    }
}

impl<T: Mask> Mask for Option<T> {
    fn mask(&mut self) {
        if let Some(inner) = self {
            inner.mask();
        }
    }
}

impl Mask for Party {
    fn mask(&mut self) {
        if let Some(name) = &mut self.name {
            MASKED.clone_into(name);
        }
    }
}

impl Mask for Fields {
    fn mask(&mut self) {
        if let Some(mut data) = self.data().map(str::to_owned) {
            mask_json(&mut data);
            self.replace(Known::Data, Some(&data));
        }
        for (name, value) in &mut self.extra {
            if is_personal(name) {
                MASKED.clone_into(value);
            } else if name == "data" || value.starts_with(['{', '[']) {
                mask_json(value);
            }
        }
    }
}

impl Mask for Entry {
    fn mask(&mut self) {
        self.fields.mask();
    }
}

impl<Row: Mask> Mask for Page<Row> {
    fn mask(&mut self) {
        self.rows.mask();
    }
}

impl<Row: Mask> Mask for Hits<Row> {
    fn mask(&mut self) {
        self.hits.iter_mut().for_each(|hit| hit.row.mask());
    }
}

impl Mask for PaymentRow {
    fn mask(&mut self) {
        self.customer.mask();
    }
}

impl Mask for SearchView {
    fn mask(&mut self) {
        self.wallets.mask();
        self.orders.mask();
        self.customers.mask();
        self.payments.mask();
    }
}

impl<F> Mask for Timeline<F> {
    fn mask(&mut self) {
        for row in &mut self.rows {
            row.step.entry.mask();
        }
    }
}

impl Mask for Recent {
    fn mask(&mut self) {
        self.entry.mask();
    }
}

impl Mask for WalletRow {
    fn mask(&mut self) {
        self.owner.mask();
    }
}

impl Mask for OrderRow {
    fn mask(&mut self) {
        self.customer.mask();
    }
}

/// Contains no names. A customer's id is not masked.
impl Mask for RefundRow {
    fn mask(&mut self) {}
}

/// Contains no names. A customer's id is not masked.
impl Mask for FindingRow {
    fn mask(&mut self) {}
}

/// Contains no names.
impl Mask for HoldListRow {
    fn mask(&mut self) {}
}

/// Contains names of operators only.
impl Mask for CaseRow {
    fn mask(&mut self) {}
}

/// The answer shows whether there is a name, but not the name.
impl Mask for CustomerRow {
    fn mask(&mut self) {
        if !self.names.is_empty() {
            self.names = vec![MASKED.to_owned()];
        }
    }
}

impl Mask for CustomerView {
    fn mask(&mut self) {
        self.row.mask();
        self.wallets.rows.mask();
        self.orders.rows.mask();
    }
}

impl Mask for WalletView {
    fn mask(&mut self) {
        self.owner.mask();
        self.timeline.mask();
        self.orders.mask();
    }
}

impl Mask for OrderView {
    fn mask(&mut self) {
        self.customer.mask();
        self.timeline.mask();
    }
}

impl Mask for RefundView {
    fn mask(&mut self) {
        self.customer.mask();
        for row in &mut self.story {
            row.entry.mask();
        }
    }
}

impl Mask for EventView {
    fn mask(&mut self) {
        self.entry.mask();
        if let Some(truncated) = &mut self.truncated {
            truncated.row.mask();
        }
    }
}

impl Mask for History {
    fn mask(&mut self) {
        self.entries.mask();
    }
}

impl Mask for Overview {
    fn mask(&mut self) {
        self.recent.mask();
    }
}

impl Mask for CaseView {
    fn mask(&mut self) {
        self.story.mask();
        self.news.mask();
    }
}

impl Mask for FormView {
    fn mask(&mut self) {
        self.news.mask();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_outside_the_contract_are_masked_too() {
        let mut fields = Fields::default();
        for (name, value) in [
            ("actor", "checkout"),
            ("data", r#"{"owner":{"name":"Ada"}}"#),
            ("customeremail", "ada@example.org"),
            ("data", "Ada"),
            ("trace", r#"{"name":"Ada"}"#),
            ("partition", "7"),
        ] {
            fields.set(name, value);
        }
        fields.mask();
        let all: Vec<_> = fields.iter().map(|(_, value)| value.to_owned()).collect();
        assert_eq!(
            all,
            [
                "checkout",
                r#"{"owner":{"name":"(masked)"}}"#,
                "(masked)",
                "(masked)",
                r#"{"name":"(masked)"}"#,
                "7"
            ]
        );
    }
}
