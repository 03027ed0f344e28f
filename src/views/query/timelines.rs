//! The addresses of the timelines of a wallet or an order.

use super::{Parsed, reader::Reader};
use crate::{
    domain::{
        event::format_time,
        ids::{SEQUENCE_MAX, Sequence},
        replay::Filter,
    },
    views::{
        href::Address,
        timelines::{PartPages, TimelineQuery},
    },
};

/// Parses the query of a wallet's or an order's page: `at`, `known`, `sequence`, `order=oldest`, `page`, and the pages
/// of its lists: `holds`, `refunds`, `lines`.
pub fn timeline_query(search: &str) -> Parsed<TimelineQuery> {
    let mut reader = Reader::new(search);
    let filter = Filter {
        at: reader.moment("at"),
        as_known_at: reader.moment("known"),
        sequence: reader.last("sequence").and_then(|value| {
            reader.read("sequence", &value, |value| {
                value.parse().ok().filter(|n: &Sequence| (1..=SEQUENCE_MAX).contains(n))
            })
        }),
    };
    let query = TimelineQuery {
        filter,
        oldest_first: reader.named("order", &[("newest", false), ("oldest", true)]),
        page: reader.page(),
        parts: PartPages {
            holds: reader.page_of("holds"),
            refunds: reader.page_of("refunds"),
            lines: reader.page_of("lines"),
        },
    };
    reader.done(query)
}

/// The address of a timeline. `base` is the address of the wallet or order.
pub fn timeline_href(base: &str, query: &TimelineQuery) -> String {
    let mut address = Address::new(base);
    if let Some(at) = query.filter.at {
        address.put("at", &format_time(at));
    }
    if let Some(at) = query.filter.as_known_at {
        address.put("known", &format_time(at));
    }
    if let Some(sequence) = query.filter.sequence {
        address.put("sequence", &sequence.to_string());
    }
    if query.oldest_first {
        address.put("order", "oldest");
    }
    address.put_page(query.page);
    for (name, page) in [
        ("holds", query.parts.holds),
        ("refunds", query.parts.refunds),
        ("lines", query.parts.lines),
    ] {
        if page > 1 {
            address.put(name, &page.to_string());
        }
    }
    address.finish()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;
    use crate::views::query::tests::search_of;

    fn moments() -> impl Strategy<Value = Option<DateTime<Utc>>> {
        proptest::option::of((0_i64..4_000_000_000_000).prop_map(|ms| DateTime::from_timestamp_millis(ms).unwrap()))
    }

    proptest! {
        #[test]
        fn timeline_addresses_read_back(
            at in moments(),
            as_known_at in moments(),
            sequence in proptest::option::of(1..=SEQUENCE_MAX),
            oldest_first: bool,
            page in 1_u32..,
            holds in 1_u32..,
            refunds in 1_u32..,
            lines in 1_u32..,
        ) {
            let filter = Filter { at, as_known_at, sequence };
            let parts = PartPages { holds, refunds, lines };
            let query = TimelineQuery { filter, oldest_first, page, parts };
            let parsed = timeline_query(search_of(&timeline_href("/wallets/W-1", &query)));
            prop_assert_eq!(parsed, Parsed { query, ignored: Vec::new() });
        }
    }
}
