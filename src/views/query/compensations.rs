//! The address of the compensation form. It contains the fields of the form, so that reloading, going back and signing
//! in again lose nothing.

use super::{Parsed, reader::Reader};
use crate::{
    domain::compensation::draft::Draft,
    views::href::{self, Address},
};

/// The query of a compensation form's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormQuery {
    pub draft: Draft,
    /// The positions of the streams when the reader last looked; empty if unknown.
    pub seen: String,
}

/// Reads the query of `/compensate`: `command`, `subject`, `item`, `amount`, `reason`, `note`, `seen`.
pub fn form_query(search: &str) -> Parsed<FormQuery> {
    let mut reader = Reader::new(search);
    let mut text = |name| reader.last(name).unwrap_or_default();
    let draft = Draft {
        command: text("command"),
        subject: text("subject"),
        item: text("item"),
        amount: text("amount"),
        reason: text("reason"),
        // Forms send line ends as CR LF, and pages contain LF. A note has to be the same text either way.
        note: text("note").replace("\r\n", "\n"),
    };
    let seen = text("seen");
    reader.done(FormQuery { draft, seen })
}

/// The address of a filled-in form.
pub fn form_href(query: &FormQuery) -> String {
    let FormQuery { draft, seen } = query;
    let mut address = Address::new(href::COMPENSATE);
    address.put("command", &draft.command);
    address.put("subject", &draft.subject);
    address.put("item", &draft.item);
    address.put("amount", &draft.amount);
    address.put("reason", &draft.reason);
    address.put("note", &draft.note);
    address.put("seen", seen);
    address.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::views::query::tests::search_of;

    #[test]
    fn the_error_parameters_of_a_form_are_not_noted() {
        let parsed = form_query("command=credit_wallet&subject=W-1&__path=%2Fapi%2Fx&__err=e30%3D");
        assert_eq!(parsed.query.draft.subject, "W-1");
        assert!(parsed.ignored.is_empty(), "{:?}", parsed.ignored);
        assert_eq!(
            form_href(&parsed.query),
            "/compensate?command=credit_wallet&subject=W-1"
        );
    }

    #[test]
    fn line_ends_of_a_note_are_normalised() {
        assert_eq!(form_query("note=a%0D%0Ab").query.draft.note, "a\nb");
    }

    proptest! {
        #[test]
        fn form_addresses_read_back(texts in proptest::collection::vec("\\PC{0,40}", 7)) {
            let [command, subject, item, amount, reason, note, seen] =
                <[String; 7]>::try_from(texts).unwrap().map(|text| text.trim().to_owned());
            let query = FormQuery { draft: Draft { command, subject, item, amount, reason, note }, seen };
            prop_assert_eq!(form_query(search_of(&form_href(&query))), Parsed { query, ignored: Vec::new() });
        }
    }
}
