//! Truncates texts of other programs, so that one huge event does not make every page huge. A truncated text ends with
//! an ellipsis and the size of the whole. JSON stays valid JSON, so it is parsed and masked like the whole.
//!
//! Truncating is idempotent: stored rows may be truncated again.

use std::borrow::Cow;

use super::{
    compensations::{CaseRow, CaseView, FormView},
    customers::{CustomerRow, CustomerView, First},
    events::{EventLink, EventView, Recent, TruncatedEvent},
    findings::FindingRow,
    lists::{Page, Part},
    orders::{OrderRow, OrderView},
    overview::Overview,
    refunds::{RefundView, StoryRow},
    search::{Carrier, Hits, PaymentRow, SearchView},
    timelines::{History, Timeline},
    wallets::{HoldListRow, HoldRow, WalletRow, WalletView},
};
use crate::domain::{
    event::{Entry, Fields, Known, format_time, parse_time},
    findings::Finding,
    fold::Anomaly,
    order::Line,
    refund::{Destination, Reason, RefundRow},
    wallet::{Party, WalletEvent},
};

/// Maximum number of characters of a text in lists and in the facts of a page.
pub const TEXT_MAX: usize = 300;
/// Maximum number of characters of a sentence about an event, such as an anomaly.
const SENTENCE_MAX: usize = 600;
/// A text that is longer by at most this many characters stays whole, because the note of its size would be as long.
const SLACK: usize = 40;
/// The end of the note with the size.
const SIZE_END: &str = " characters)";

/// Limits on the parts of an event that are kept.
struct Limits {
    /// Characters of one text.
    text: usize,
    /// Items of a JSON list, and fields outside the contract.
    items: usize,
    /// Bytes of a payload, and of all fields outside the contract.
    bytes: usize,
}

/// The limits of a row of a list or timeline.
const ROW: Limits = Limits {
    text: TEXT_MAX,
    items: 20,
    bytes: 4 * 1024,
};
/// The limits of the event's own page.
const PAGE: Limits = Limits {
    text: 32 * 1024,
    items: 1_000,
    bytes: 64 * 1024,
};

/// An answer that may contain texts of other programs, of any length.
pub trait Truncate {
    fn truncate_texts(&mut self);
}

/// The entry as a row of a list or timeline shows it.
pub fn row(entry: &Entry) -> Entry {
    truncated(entry, &ROW)
}

/// The entry without long texts that a wallet's replay does not need. It replays to the same balances. An entry whose
/// truncated form would be parsed differently stays whole.
pub fn replayable(entry: Entry) -> Entry {
    let short = row(&entry);
    if replays_alike(&entry, &short) { short } else { entry }
}

fn replays_alike(entry: &Entry, short: &Entry) -> bool {
    let read = |entry: &Entry| {
        let mut event = WalletEvent::parse(entry.fields.r#type()?, entry.fields.data()).ok()?;
        match &mut event {
            WalletEvent::Credited { reference, note, .. } | WalletEvent::Debited { reference, note, .. } => {
                (*reference, *note) = (None, None);
            }
            WalletEvent::EntryReversed { note, .. } => *note = None,
            _ => {}
        }
        Some(event)
    };
    let envelope = |entry: &Entry| {
        let read = entry.envelope().ok()?;
        Some((read.sequence, read.id.to_owned(), read.r#type.to_owned(), read.time))
    };
    entry.sequence() == short.sequence()
        && entry.time() == short.time()
        && envelope(entry) == envelope(short)
        && read(entry) == read(short)
}

/// Bytes of all fields of an entry.
pub fn size(entry: &Entry) -> usize {
    entry.fields.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// Whether a text was truncated. A truncated id must not be used as a link.
pub fn is_truncated(text: &str) -> bool {
    text.len() > TEXT_MAX && text.ends_with(SIZE_END) && text.contains("… (")
}

/// Keeps the first `max` characters and adds a note with the size of the whole text.
fn truncate_at(text: &mut String, max: usize) {
    if text.len() <= max + SLACK {
        return;
    }
    let Some((kept, _)) = text.char_indices().nth(max) else {
        return;
    };
    let all = text.chars().count();
    if all > max + SLACK {
        text.truncate(kept);
        text.push_str(&size_note(all));
    }
}

fn size_note(characters: usize) -> String {
    format!("… ({}{SIZE_END}", group_digits(&characters.to_string()))
}

/// Inserts commas between groups of three digits, from the right.
pub fn group_digits(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn truncated(entry: &Entry, limits: &Limits) -> Entry {
    let is_short = |(name, value): (&str, &str)| name.len() <= TEXT_MAX && value.len() <= TEXT_MAX;
    let size = size(entry);
    // Most entries are short enough.
    if size <= limits.text
        || size <= limits.bytes && entry.fields.extra.len() <= limits.items && entry.fields.iter().all(is_short)
    {
        return entry.clone();
    }
    let known = Known::ALL.into_iter();
    let known: Vec<_> = known
        .filter_map(|field| Some((field, known_field(field, entry.fields.get(field)?, limits))))
        .collect();
    let mut fields = Fields::of(known.iter().map(|(field, value)| (*field, value.as_ref())));
    let mut bytes = 0;
    // Fields with a very long name are left out, because masking can't judge a truncated name.
    let extra = entry.fields.extra.iter().filter(|(name, _)| name.len() <= TEXT_MAX);
    for (name, value) in extra.take(limits.items) {
        let value = payload(value, limits).into_owned();
        bytes += name.len() + value.len();
        if bytes > limits.bytes {
            break;
        }
        fields.extra.push((name.clone(), value));
    }
    Entry {
        position: entry.position,
        recorded: entry.recorded,
        fields,
        digest: entry.digest,
    }
}

fn known_field<'a>(field: Known, value: &'a str, limits: &Limits) -> Cow<'a, str> {
    match field {
        Known::Data => payload(value, limits),
        // A time may have any number of decimals.
        Known::Time if value.len() > TEXT_MAX => {
            let time = parse_time(value).map(|time| Cow::Owned(format_time(time)));
            time.unwrap_or_else(|| plain(value, TEXT_MAX))
        }
        _ => plain(value, limits.text),
    }
}

fn plain(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max + SLACK {
        return Cow::Borrowed(text);
    }
    let mut short = text.to_owned();
    truncate_at(&mut short, max);
    Cow::Owned(short)
}

/// A truncated payload: JSON with short texts and lists, or the beginning of a text that is not JSON.
fn payload<'a>(text: &'a str, limits: &Limits) -> Cow<'a, str> {
    if text.len() <= limits.text {
        return Cow::Borrowed(text);
    }
    json(text, limits).map_or_else(|| plain(text, limits.text), Cow::Owned)
}

/// A JSON list or object whose end was not reached yet.
struct Open {
    list: bool,
    items: usize,
}

/// Truncates the texts and lists of a JSON text. Everything else stays unchanged. `None` if the text is not JSON, or is
/// long in another way.
fn json(text: &str, limits: &Limits) -> Option<String> {
    let bytes = text.as_bytes();
    let mut kept = String::new();
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    // Whether the next text is the name of a field.
    let mut names = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = end_of_text(bytes, at)?;
                let inside = text.get(at + 1..end)?;
                let short = short_literal(inside, limits.text)?;
                if names && short.len() != inside.len() {
                    return None;
                }
                kept.push('"');
                kept.push_str(&short);
                names = false;
                at = end;
            }
            b'{' | b'[' => {
                names = byte == b'{';
                open.push(Open { list: !names, items: 0 });
            }
            b'}' | b']' => {
                open.pop()?;
                names = false;
            }
            b',' => {
                let around = open.last_mut()?;
                around.items += 1;
                if kept.len() >= limits.bytes || (around.list && around.items >= limits.items) {
                    at = end_of_container(bytes, at)?;
                    continue;
                }
                names = !around.list;
            }
            _ if byte.is_ascii() => {}
            _ => return None,
        }
        kept.push(char::from(byte));
        // The limit, plus one text in which every character is escaped.
        if kept.len() > limits.bytes + 12 * limits.text {
            return None;
        }
        at += 1;
    }
    open.is_empty().then_some(kept)
}

/// The index of the quote that ends the text that begins at `from`.
fn end_of_text(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The index of the bracket that ends the list or object around `from`.
fn end_of_container(bytes: &[u8], from: usize) -> Option<usize> {
    let (mut at, mut depth) = (from, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => at = end_of_text(bytes, at)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
}

/// The text between the quotes of a JSON string, truncated between two characters. `None` if it can't be split into
/// characters.
fn short_literal(inside: &str, max: usize) -> Option<Cow<'_, str>> {
    if inside.len() <= max + SLACK {
        return Some(Cow::Borrowed(inside));
    }
    let (mut at, mut characters, mut kept) = (0, 0, inside.len());
    while at < inside.len() {
        if characters == max {
            kept = at;
        }
        let rest = inside.get(at..)?;
        at += match rest.as_bytes() {
            // A character beyond U+FFFF is escaped as two surrogates.
            [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..] => 12,
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => rest.chars().next()?.len_utf8(),
        };
        characters += 1;
    }
    if characters <= max + SLACK {
        return Some(Cow::Borrowed(inside));
    }
    Some(Cow::Owned(format!("{}{}", inside.get(..kept)?, size_note(characters))))
}

impl Truncate for String {
    fn truncate_texts(&mut self) {
        truncate_at(self, TEXT_MAX);
    }
}

impl<T: Truncate> Truncate for Vec<T> {
    fn truncate_texts(&mut self) {
        self.iter_mut().for_each(Truncate::truncate_texts);
    }
}

impl<T: Truncate> Truncate for Option<T> {
    fn truncate_texts(&mut self) {
        if let Some(inner) = self {
            inner.truncate_texts();
        }
    }
}

impl Truncate for Entry {
    fn truncate_texts(&mut self) {
        *self = row(self);
    }
}

impl Truncate for Party {
    fn truncate_texts(&mut self) {
        self.id.truncate_texts();
        self.name.truncate_texts();
    }
}

impl Truncate for Anomaly {
    fn truncate_texts(&mut self) {
        truncate_at(&mut self.message, SENTENCE_MAX);
    }
}

impl Truncate for Finding {
    fn truncate_texts(&mut self) {
        self.refund.truncate_texts();
        self.order.truncate_texts();
        self.wallet.truncate_texts();
        truncate_at(&mut self.explanation, SENTENCE_MAX);
    }
}

impl Truncate for FindingRow {
    fn truncate_texts(&mut self) {
        self.finding.truncate_texts();
        self.customer.truncate_texts();
    }
}

impl Truncate for RefundRow {
    fn truncate_texts(&mut self) {
        self.refund.truncate_texts();
        self.wallet.truncate_texts();
        self.customer.truncate_texts();
        if self.reason.as_str().len() > TEXT_MAX {
            self.reason = Reason::from(plain(self.reason.as_str(), TEXT_MAX).into_owned());
        }
        if self.destination.as_str().len() > TEXT_MAX {
            self.destination = Destination::from(plain(self.destination.as_str(), TEXT_MAX).into_owned());
        }
    }
}

impl Truncate for HoldRow {
    fn truncate_texts(&mut self) {
        self.hold.truncate_texts();
        self.order.truncate_texts();
    }
}

impl Truncate for HoldListRow {
    fn truncate_texts(&mut self) {
        self.hold.truncate_texts();
        self.order.truncate_texts();
    }
}

impl Truncate for CustomerRow {
    fn truncate_texts(&mut self) {
        self.customer.truncate_texts();
        self.names.truncate_texts();
    }
}

impl<Row: Truncate> Truncate for First<Row> {
    fn truncate_texts(&mut self) {
        self.rows.truncate_texts();
    }
}

impl Truncate for CustomerView {
    fn truncate_texts(&mut self) {
        self.row.truncate_texts();
        self.wallets.truncate_texts();
        self.orders.truncate_texts();
        self.refunds.truncate_texts();
        self.holds.truncate_texts();
        self.findings.truncate_texts();
        self.cases.truncate_texts();
    }
}

impl<Row: Truncate> Truncate for Hits<Row> {
    fn truncate_texts(&mut self) {
        self.hits.iter_mut().for_each(|hit| hit.row.truncate_texts());
    }
}

impl Truncate for PaymentRow {
    fn truncate_texts(&mut self) {
        self.payment.truncate_texts();
        self.wallet.truncate_texts();
        self.customer.truncate_texts();
    }
}

impl Truncate for Carrier {
    fn truncate_texts(&mut self) {
        self.event_type.truncate_texts();
        self.wallet.truncate_texts();
    }
}

impl Truncate for SearchView {
    fn truncate_texts(&mut self) {
        self.wallets.truncate_texts();
        self.orders.truncate_texts();
        self.refunds.truncate_texts();
        self.holds.truncate_texts();
        self.cases.truncate_texts();
        self.customers.truncate_texts();
        self.payments.truncate_texts();
        self.references.truncate_texts();
        self.events.truncate_texts();
        self.correlations.truncate_texts();
    }
}

impl Truncate for CaseRow {
    fn truncate_texts(&mut self) {
        self.refund.truncate_texts();
    }
}

impl Truncate for Line {
    fn truncate_texts(&mut self) {
        self.sku.truncate_texts();
        self.title.truncate_texts();
    }
}

impl<Row: Truncate> Truncate for Page<Row> {
    fn truncate_texts(&mut self) {
        self.rows.truncate_texts();
    }
}

impl<Row: Truncate> Truncate for Part<Row> {
    fn truncate_texts(&mut self) {
        self.rows.truncate_texts();
    }
}

impl<F> Truncate for Timeline<F> {
    fn truncate_texts(&mut self) {
        for row in &mut self.rows {
            row.step.entry.truncate_texts();
            row.anomalies.truncate_texts();
        }
    }
}

impl Truncate for Recent {
    fn truncate_texts(&mut self) {
        self.entry.truncate_texts();
    }
}

impl Truncate for StoryRow {
    fn truncate_texts(&mut self) {
        self.entry.truncate_texts();
        self.anomalies.truncate_texts();
    }
}

impl Truncate for EventLink {
    fn truncate_texts(&mut self) {
        self.r#type.truncate_texts();
    }
}

impl Truncate for WalletRow {
    fn truncate_texts(&mut self) {
        self.owner.truncate_texts();
    }
}

impl Truncate for OrderRow {
    fn truncate_texts(&mut self) {
        self.customer.truncate_texts();
        self.wallet.truncate_texts();
    }
}

impl Truncate for WalletView {
    fn truncate_texts(&mut self) {
        self.owner.truncate_texts();
        self.open_holds.truncate_texts();
        self.anomalies.truncate_texts();
        self.timeline.truncate_texts();
        self.findings.truncate_texts();
        self.orders.truncate_texts();
    }
}

impl Truncate for OrderView {
    fn truncate_texts(&mut self) {
        self.wallet.truncate_texts();
        self.customer.truncate_texts();
        self.lines.truncate_texts();
        self.refunds.truncate_texts();
        self.anomalies.truncate_texts();
        self.timeline.truncate_texts();
        self.findings.truncate_texts();
    }
}

impl Truncate for RefundView {
    fn truncate_texts(&mut self) {
        self.row.truncate_texts();
        self.note.truncate_texts();
        self.failure.truncate_texts();
        self.customer.truncate_texts();
        self.story.truncate_texts();
        self.findings.truncate_texts();
    }
}

impl Truncate for EventView {
    fn truncate_texts(&mut self) {
        let short = truncated(&self.entry, &PAGE);
        if short != self.entry {
            self.truncated = Some(TruncatedEvent {
                bytes: size(&self.entry) as u64,
                row: row(&self.entry),
            });
            self.entry = short;
        }
        self.anomalies.truncate_texts();
        self.cause.truncate_texts();
        self.correlated.truncate_texts();
    }
}

impl Truncate for Overview {
    fn truncate_texts(&mut self) {
        self.longest_overdue.truncate_texts();
        self.recent.truncate_texts();
    }
}

/// The entries are truncated when they are read, with regard to what a replay needs.
impl Truncate for History {
    fn truncate_texts(&mut self) {}
}

impl Truncate for CaseView {
    fn truncate_texts(&mut self) {
        self.news.truncate_texts();
    }
}

impl Truncate for FormView {
    fn truncate_texts(&mut self) {
        self.news.truncate_texts();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::event::RawDigest;

    fn entry(r#type: &str, data: &str) -> Entry {
        Entry {
            position: "1-0".parse().unwrap(),
            recorded: "2026-01-01T00:00:00Z".parse().unwrap(),
            fields: Fields::of([
                (Known::Id, "e-1"),
                (Known::Type, r#type),
                (Known::Sequence, "1"),
                (Known::Time, "2026-01-01T00:00:00Z"),
                (Known::Data, data),
            ]),
            digest: RawDigest::default(),
        }
    }

    fn credit(note: &str) -> Value {
        json!({"amount": {"amount": "1.00", "currency": "EUR"}, "kind": "top_up", "note": note})
    }

    fn short(text: &str) -> String {
        payload(text, &ROW).into_owned()
    }

    #[test]
    fn a_long_text_is_truncated_with_a_note_of_its_size() {
        for letter in ["x", "é", "\"", "\u{1}", "\u{1f4b6}"] {
            let text = credit(&letter.repeat(1_000_000)).to_string();
            let kept = short(&text);
            let note = format!("{}… (1,000,000 characters)", letter.repeat(TEXT_MAX));
            assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), credit(&note));
            assert_eq!(short(&kept), kept, "again");
        }
        let escaped = format!(r#"{{"note":"{}"}}"#, r"\ud83d\udcb6".repeat(1_000));
        let note = format!("{}… (1,000 characters)", "\u{1f4b6}".repeat(TEXT_MAX));
        assert_eq!(
            serde_json::from_str::<Value>(&short(&escaped)).unwrap(),
            json!({"note": note})
        );
    }

    #[test]
    fn a_text_of_usual_size_stays_unchanged() {
        let text = format!(
            r#"{{ "a" : [1.50, 1.5e0, {{}}], "b":"\u00e9{}", "a":null }}"#,
            "x".repeat(300)
        );
        assert_eq!(short(&text), text);
    }

    #[test]
    fn long_lists_and_many_fields_are_truncated_and_stay_json() {
        let lines: Vec<_> = (0..5_000)
            .map(|n| json!({"sku": n.to_string(), "of": [n, n]}))
            .collect();
        let text = json!({"a": lines, "z": "last"}).to_string();
        let read: Value = serde_json::from_str(&short(&text)).unwrap();
        assert_eq!((read["a"].as_array().unwrap().len(), &read["z"]), (20, &json!("last")));
        let fields: serde_json::Map<_, _> = (0..100_000).map(|n| (n.to_string(), json!([n]))).collect();
        let text = json!({"deep": {"deeper": fields}}).to_string();
        let kept = short(&text);
        assert!(
            serde_json::from_str::<Value>(&kept).is_ok() && kept.len() < 5_000,
            "{kept}"
        );
        assert_eq!(short(&kept), kept, "again");
    }

    #[test]
    fn invalid_or_otherwise_long_json_keeps_its_beginning() {
        for text in [
            "x".repeat(1_000_000),
            "é".repeat(1_000_000),
            "[".repeat(1_000_000),
            format!(r#"{{"{}":1}}"#, "k".repeat(1_000_000)),
            format!(r#"{{"n":{}}}"#, "1".repeat(1_000_000)),
            format!(r#"{{"a":"{}"#, "x".repeat(1_000_000)),
        ] {
            let kept = short(&text);
            assert!(kept.len() < 1_000, "{} bytes", kept.len());
            assert!(kept.starts_with(&text.chars().take(TEXT_MAX).collect::<String>()));
            assert!(kept.ends_with(SIZE_END) && is_truncated(&kept), "{kept}");
            assert_eq!(short(&kept), kept, "again");
        }
        let broken = short(&format!(r#"{{"a":"{}"}}"#, r"\u".repeat(500_001)));
        assert!(broken.len() < 4_000, "{} bytes", broken.len());
        assert_eq!(short(&broken), broken, "again");
    }

    #[test]
    fn a_row_is_small_whichever_field_of_its_entry_is_long() {
        let mut whole = entry("wallet.credited", &credit("n").to_string());
        for field in Known::ALL {
            whole.fields.replace(field, Some(&"9".repeat(100_000)));
        }
        for n in 0..1_000 {
            whole.fields.extra.push((format!("own{n}"), "x".repeat(1_000)));
        }
        whole
            .fields
            .extra
            .push(("x".repeat(1_000) + "email", "ada@example.org".to_owned()));
        let short = row(&whole);
        assert!(size(&short) < 10_000, "{}", size(&short));
        assert!(short.fields.extra.iter().all(|(name, _)| !name.contains("email")));
        assert_eq!(row(&short), short, "again");
        let decimals = format!("2026-01-01T00:00:00.{}Z", "5".repeat(1_000));
        whole.fields.replace(Known::Time, Some(&decimals));
        assert_eq!(row(&whole).time(), whole.time());
    }

    #[test]
    fn a_replayable_entry_loses_nothing_that_a_replay_needs() {
        let long = "x".repeat(1_000_000);
        let noted = replayable(entry("wallet.credited", &credit(&long).to_string()));
        assert!(size(&noted) < 1_000);
        let hold = |id: &str| json!({"hold": id, "amount": {"amount": "1.00", "currency": "EUR"}}).to_string();
        for whole in [
            entry("wallet.held", &hold(&long)),
            entry("wallet.hold_released", &json!({"hold": long}).to_string()),
            entry(
                "wallet.opened",
                &json!({"owner": {"id": long}, "currency": "EUR"}).to_string(),
            ),
        ] {
            assert_eq!(replayable(whole.clone()), whole);
        }
    }

    proptest! {
        #[test]
        fn json_stays_json_and_truncating_again_changes_nothing(
            texts in proptest::collection::vec(".*", 0..30),
            times in 0_usize..100,
        ) {
            let long: Vec<_> = texts.iter().map(|text| text.repeat(times)).collect();
            let text = json!({"a": long, "z": {"n": 1.5}}).to_string();
            let kept = short(&text);
            prop_assert!(serde_json::from_str::<Value>(&kept).is_ok(), "{}", kept);
            prop_assert_eq!(short(&kept), kept);
        }

        #[test]
        fn any_text_can_be_truncated(text in r#"[\[\]{},:"\\u0-9a-fé ]*"#, times in 0_usize..100) {
            let kept = short(&text.repeat(times));
            prop_assert!(kept.len() < 10_000);
            prop_assert_eq!(short(&kept), kept);
        }
    }
}
