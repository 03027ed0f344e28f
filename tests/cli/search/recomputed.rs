//! Recomputes the hits of a search from the events. Only the characters of the generated names are folded.

use serde_json::{Value, json};

use super::{Event, text_of};

const KINDS: [&str; 10] = [
    "wallet",
    "order",
    "refund",
    "hold",
    "case",
    "customer",
    "payment",
    "reference",
    "event",
    "correlation",
];

struct Row {
    kind: &'static str,
    id: String,
    wallet: Option<String>,
    order: Option<String>,
    names: Vec<String>,
    /// The amount in minor units, by currency.
    amounts: Vec<(String, i128)>,
    waits: bool,
    /// Empty if there is none.
    time: String,
}

impl Row {
    /// The id that orders rows with equal time and id.
    fn tie(&self) -> &str {
        let tie = if self.kind == "hold" { &self.wallet } else { &self.order };
        tie.as_deref().unwrap_or("")
    }
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn decimals(currency: &str) -> Option<usize> {
    match currency {
        "JPY" => Some(0),
        "EUR" => Some(2),
        "KWD" => Some(3),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}

fn minor_units(number: &str, currency: &str) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let decimals = decimals(currency)?;
    if fraction.len() > decimals {
        return None;
    }
    format!("{whole}{fraction:0<decimals$}").parse().ok()
}

fn amount(value: &Value) -> (String, i128) {
    let currency = text_of(&value["currency"]);
    let amount = minor_units(text_of(&value["amount"]), currency).unwrap();
    (currency.to_owned(), amount)
}

fn fold(text: &str) -> String {
    let mut folded = String::new();
    for letter in text.chars() {
        match letter {
            'ü' | 'Ü' => folded.push('u'),
            'ë' | 'Ë' => folded.push('e'),
            'ó' => folded.push('o'),
            'ć' => folded.push('c'),
            'Ł' | 'ł' => folded.push('l'),
            'Ż' | 'ż' => folded.push('z'),
            'ß' | 'ẞ' => folded.push_str("ss"),
            '\u{300}'..='\u{36f}' => {}
            letter => folded.extend(letter.to_lowercase()),
        }
    }
    folded
}

fn is_in(piece: &str, field: &str) -> bool {
    let field = fold(field);
    let starts_word = |at: usize| !field[..at].chars().next_back().is_some_and(char::is_alphanumeric);
    let long = piece.chars().count() > 2;
    (0..field.len())
        .filter(|at| field.is_char_boundary(*at) && field[*at..].starts_with(piece))
        .any(|at| long || starts_word(at))
}

/// The number of an amount, and its currency if the text has one.
fn amount_text(text: &str) -> Option<(&str, Option<String>)> {
    let words: Vec<_> = text.split_whitespace().collect();
    let (number, currency) = match words[..] {
        [number] => (number, None),
        [first, second] if is_number(first) => (first, Some(second)),
        [first, second] => (second, Some(first)),
        _ => return None,
    };
    let currency = currency.map(str::to_uppercase);
    let is_known = currency.as_deref().is_none_or(|currency| decimals(currency).is_some());
    (is_number(number) && is_known).then_some((number, currency))
}

fn rows(events: &[Event]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for event in events {
        let (data, subject, time) = (&event.data, event.subject.as_str(), event.time());
        let new = |kind: &'static str, id: &str| Row {
            kind,
            id: id.to_owned(),
            wallet: event.is_of_wallet().then(|| subject.to_owned()),
            order: (!event.is_of_wallet()).then(|| subject.to_owned()),
            names: Vec::new(),
            amounts: Vec::new(),
            waits: false,
            time: time.clone(),
        };
        let (kind, party) = if event.is_of_wallet() {
            ("wallet", &data["owner"])
        } else {
            ("order", &data["customer"])
        };
        if let Some(id) = party["id"].as_str() {
            if !rows.iter().any(|row| row.kind == "customer" && row.id == id) {
                rows.push(Row {
                    wallet: None,
                    order: None,
                    time: String::new(),
                    ..new("customer", id)
                });
            }
            let customer = rows.iter_mut().find(|row| row.kind == "customer" && row.id == id);
            customer.unwrap().names.extend(optional(&party["name"]));
        }
        if matches!(event.kind, "wallet.opened" | "order.placed") {
            let mut row = new(kind, subject);
            row.names.extend(optional(&party["name"]));
            if kind == "order" {
                row.wallet = optional(&data["wallet"]);
                row.amounts = vec![amount(&data["total"])];
            }
            rows.push(row);
        }
        let entity = rows
            .iter_mut()
            .find(|row| row.kind == kind && row.id == subject)
            .unwrap();
        entity.time.clone_from(&time);
        if event.kind == "wallet.credited" && data["kind"] == "refund" {
            entity.amounts.push(amount(&data["amount"]));
        }
        let (names, wallet) = (entity.names.clone(), entity.wallet.clone());
        let own = |row: &Row, kind: &str, id: &Value| {
            let of = if kind == "hold" { &row.wallet } else { &row.order };
            row.kind == kind && row.id == text_of(id) && of.as_deref() == Some(subject)
        };
        match event.kind {
            "wallet.held" => rows.push(Row {
                order: optional(&data["order"]),
                amounts: vec![amount(&data["amount"])],
                waits: true,
                ..new("hold", text_of(&data["hold"]))
            }),
            "wallet.hold_captured" | "wallet.hold_released" | "wallet.hold_expired" => {
                let hold = rows.iter_mut().find(|row| own(row, "hold", &data["hold"]));
                hold.unwrap().waits = false;
            }
            "order.paid" => rows.push(Row {
                wallet,
                amounts: vec![amount(&data["amount"])],
                ..new("payment", text_of(&data["payment"]))
            }),
            "order.refund_requested" => rows.push(Row {
                wallet,
                names,
                amounts: vec![amount(&data["amount"])],
                waits: true,
                ..new("refund", text_of(&data["refund"]))
            }),
            kind if kind.starts_with("order.refund_") => {
                let refund = rows.iter_mut().find(|row| own(row, "refund", &data["refund"]));
                refund.unwrap().waits = ["approved", "processing", "failed"]
                    .iter()
                    .any(|state| kind.ends_with(state));
            }
            _ => {}
        }
    }
    rows
}

fn line(kind: &str, id: &str, wallet: Option<&str>, order: Option<&str>, matched: &str, exact: bool) -> Value {
    json!({"kind": kind, "id": id, "wallet": wallet, "order": order, "matched": matched, "exact": exact})
}

/// The streams whose events have the text as an id of this kind. The stream with the newest first such event comes
/// first.
fn carriers(events: &[Event], rows: &[Row], kind: &str, text: &str) -> Vec<Value> {
    let mut found: Vec<(String, &str, bool, Value)> = Vec::new();
    for event in events {
        let id = match kind {
            "event" => Some(event.id.as_str()),
            "correlation" => event.correlation.as_deref(),
            _ => event.data["reference"].as_str().filter(|_| !event.is_of_wallet()),
        };
        if id != Some(text) {
            continue;
        }
        let subject = Some(event.subject.as_str());
        let (wallet, order) = if event.is_of_wallet() {
            (subject, None)
        } else {
            let order = rows.iter().find(|row| row.kind == "order" && row.id == event.subject);
            (
                order.unwrap().wallet.as_deref().filter(|_| kind == "reference"),
                subject,
            )
        };
        let line = line(kind, text, wallet, order, "id", true);
        if !found.iter().any(|(.., known)| *known == line) {
            found.push((event.time(), event.subject.as_str(), !event.is_of_wallet(), line));
        }
    }
    found.sort_by(|a, b| (&b.0, b.1, b.2).cmp(&(&a.0, a.1, a.2)));
    found.into_iter().map(|(.., line)| line).collect()
}

/// All hits of a text, by kind.
pub fn hits(events: &[Event], text: &str) -> Vec<Value> {
    let text = text.trim();
    let folded = fold(text);
    let pieces: Vec<_> = folded.split_whitespace().collect();
    let amount = amount_text(text);
    let rows = rows(events);
    let mut found = Vec::new();
    for kind in KINDS {
        let mut of_kind: Vec<(&Row, &str, bool)> = Vec::new();
        for row in rows.iter().filter(|row| row.kind == kind && !pieces.is_empty()) {
            let in_id = |piece: &&str| is_in(piece, &row.id);
            let in_names = |piece: &&str| row.names.iter().any(|name| is_in(piece, name));
            let by_text = kind != "payment" && pieces.iter().all(|piece| in_id(piece) || in_names(piece));
            let by_amount = amount.as_ref().is_some_and(|(number, currency)| {
                let equals = |(its, units): &(String, i128)| {
                    currency.as_ref().is_none_or(|currency| currency == its) && minor_units(number, its) == Some(*units)
                };
                row.amounts.iter().any(equals)
            });
            let exact = row.id == text;
            if exact || by_text && pieces.iter().all(in_id) {
                of_kind.push((row, "id", exact));
            } else if by_text {
                of_kind.push((row, "name", false));
            } else if by_amount {
                of_kind.push((row, "amount", false));
            }
        }
        of_kind.sort_by(|(a, _, a_exact), (b, _, b_exact)| {
            let newest = (b_exact, b.waits, &b.time).cmp(&(a_exact, a.waits, &a.time));
            let id = (&b.id, b.tie()).cmp(&(&a.id, a.tie()));
            newest.then(if kind == "customer" { id.reverse() } else { id })
        });
        found.extend((of_kind.into_iter()).map(|(row, matched, exact)| {
            line(
                kind,
                &row.id,
                row.wallet.as_deref(),
                row.order.as_deref(),
                matched,
                exact,
            )
        }));
        if matches!(kind, "reference" | "event" | "correlation") {
            found.extend(carriers(events, &rows, kind, text));
        }
    }
    found
}
