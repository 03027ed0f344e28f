//! Parses the query part of an address. Parsing never fails: a name or value that is not understood has no effect and
//! becomes a note for the reader of the page.
//!
//! The input is the raw query. The router's own map decodes it twice, which breaks ids with a percent sign.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;

use super::{Parsed, SENT_ERROR, SENT_PATH};
use crate::{
    domain::event::parse_time,
    views::lists::{CURSOR_MAX, PageAt, SEARCH_MAX},
};

/// Maximum number of characters of a value that a note quotes.
const QUOTED_MAX: usize = 40;
/// Maximum number of pairs of name and value that are parsed.
const PAIRS_MAX: usize = 64;

/// Parses a time as people and date inputs write it: RFC 3339, also without seconds or zone. The default zone is UTC.
fn parse_moment(text: &str) -> Option<DateTime<Utc>> {
    parse_time(text)
        .or_else(|| parse_time(&format!("{text}Z")))
        .or_else(|| parse_time(&format!("{text}:00Z")))
}

/// Takes names out of a query one after the other. Names that are left at the end become notes.
pub(super) struct Reader {
    pairs: Vec<(String, String)>,
    ignored: Vec<String>,
}

impl Reader {
    pub(super) fn new(search: &str) -> Self {
        let search = search.strip_prefix('?').unwrap_or(search);
        let pairs = search
            .split('&')
            .filter(|pair| !pair.is_empty())
            .take(PAIRS_MAX)
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value).trim().to_owned()))
            // Some browsers send buttons without a name.
            .filter(|(name, _)| !name.is_empty())
            .collect();
        Self {
            pairs,
            ignored: Vec::new(),
        }
    }

    /// A reader of the names and values of a command's flags.
    pub(super) const fn of_flags(pairs: Vec<(String, String)>) -> Self {
        Self {
            pairs,
            ignored: Vec::new(),
        }
    }

    /// Removes a name and returns its values that are not empty. Forms send an empty value for a field left blank.
    pub(super) fn all(&mut self, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        self.pairs.retain(|(other, value)| {
            let mine = other == name;
            if mine && !value.is_empty() {
                values.push(value.clone());
            }
            !mine
        });
        values
    }

    pub(super) fn last(&mut self, name: &str) -> Option<String> {
        self.all(name).pop()
    }

    /// Parses a value. If `read` returns `None`, adds a note.
    pub(super) fn read<T>(&mut self, name: &str, value: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let read = read(value);
        if read.is_none() {
            self.ignored.push(format!("{name}: '{}'", quoted(value)));
        }
        read
    }

    /// All values of a name that are understood, sorted, each once.
    pub(super) fn each<T: FromStr + Ord>(&mut self, name: &str) -> Vec<T> {
        let mut values = Vec::new();
        for value in self.all(name) {
            values.extend(self.read(name, &value, |value| value.parse().ok()));
        }
        values.sort_unstable();
        values.dedup();
        values
    }

    pub(super) fn parsed<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let value = self.last(name)?;
        self.read(name, &value, |value| value.parse().ok())
    }

    pub(super) fn named<T: Copy + Default>(&mut self, name: &str, names: &[(&str, T)]) -> T {
        let value = self.last(name);
        let find = |value: &str| names.iter().find(|(known, _)| *known == value).map(|(_, value)| *value);
        value
            .and_then(|value| self.read(name, &value, find))
            .unwrap_or_default()
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        let value = self.last(name);
        let read = |value: &str| match value {
            "1" | "true" | "on" | "yes" => Some(true),
            "0" | "false" | "off" | "no" => Some(false),
            _ => None,
        };
        value
            .and_then(|value| self.read(name, &value, read))
            .unwrap_or_default()
    }

    pub(super) fn moment(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let value = self.last(name)?;
        self.read(name, &value, parse_moment)
    }

    /// The search text, cut to [`SEARCH_MAX`] characters.
    pub(super) fn text(&mut self) -> String {
        let text = self.last("q").unwrap_or_default();
        if text.chars().count() <= SEARCH_MAX {
            return text;
        }
        self.ignored
            .push(format!("the search text after its first {SEARCH_MAX} characters"));
        text.chars().take(SEARCH_MAX).collect::<String>().trim_end().to_owned()
    }

    pub(super) fn page(&mut self) -> u32 {
        self.page_of("page")
    }

    /// The page number of a list, by the name of the list.
    pub(super) fn page_of(&mut self, name: &str) -> u32 {
        self.last(name)
            .and_then(|value| self.read(name, &value, |value| value.parse().ok().filter(|page| *page >= 1)))
            .unwrap_or(1)
    }

    /// The page of a list with cursors: `after` or `before`. Old addresses have a page number, which has no effect.
    pub(super) fn page_at(&mut self) -> PageAt {
        let at = match (self.cursor("after"), self.cursor("before")) {
            (Some(after), before) => {
                if before.is_some() {
                    self.ignored
                        .push("before, because the address also has after".to_owned());
                }
                PageAt::After(after)
            }
            (None, Some(before)) => PageAt::Before(before),
            (None, None) => PageAt::First,
        };
        if self.last("page").is_some() {
            let first = if at == PageAt::First {
                "; the first page is shown"
            } else {
                ""
            };
            self.ignored.push(format!("page: pages are no longer numbered{first}"));
        }
        at
    }

    fn cursor(&mut self, name: &str) -> Option<String> {
        let value = self.last(name)?;
        let is_cursor = value.len() <= CURSOR_MAX
            && value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        self.read(name, &value, |value| is_cursor.then(|| value.to_owned()))
    }

    pub(super) fn done<Q>(mut self, query: Q) -> Parsed<Q> {
        for (name, _) in self.pairs {
            if name == SENT_PATH || name == SENT_ERROR {
                continue;
            }
            self.ignored.push(format!("'{}', an unknown name", quoted(&name)));
        }
        self.ignored.dedup();
        Parsed {
            query,
            ignored: self.ignored,
        }
    }
}

fn quoted(text: &str) -> String {
    if text.chars().count() <= QUOTED_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(QUOTED_MAX).collect();
    format!("{start}…")
}

/// Decodes one name or value of a query: `+` is a space, `%` with two hexadecimal digits is a byte. Bytes that are not
/// UTF-8 are replaced. A percent sign without two digits stays.
fn decode(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_parsed_as_inputs_write_them() {
        let full = parse_moment("2026-01-02T03:04:00Z");
        assert!(full.is_some());
        assert_eq!(parse_moment("2026-01-02T03:04"), full);
        assert_eq!(parse_moment("2026-01-02T03:04:00"), full);
        assert_eq!(parse_moment("2026-01-02T05:04:00+02:00"), full);
        assert_eq!(parse_moment("yesterday"), None);
    }

    fn page_at(search: &str) -> Parsed<PageAt> {
        let mut reader = Reader::new(search);
        let at = reader.page_at();
        reader.done(at)
    }

    #[test]
    fn after_wins_over_before() {
        let both = page_at("before=b&after=a-_9");
        assert_eq!(both.query, PageAt::After("a-_9".to_owned()));
        assert_eq!(both.ignored, ["before, because the address also has after"]);
        let unreadable = page_at("before=b&after=a.b");
        assert_eq!(unreadable.query, PageAt::Before("b".to_owned()));
        assert_eq!(unreadable.ignored, ["after: 'a.b'"]);
    }

    #[test]
    fn a_value_that_cannot_be_a_cursor_is_noted() {
        let longest = "x".repeat(CURSOR_MAX);
        assert_eq!(
            page_at(&format!("after={longest}")).query,
            PageAt::After(longest.clone())
        );
        for value in [format!("{longest}x"), "a%2Fb".to_owned(), "%C3%A9".to_owned()] {
            let parsed = page_at(&format!("before={value}"));
            assert_eq!((parsed.query, parsed.ignored.len()), (PageAt::First, 1), "{value}");
        }
        assert_eq!(page_at("after=&before="), Parsed::default());
    }

    #[test]
    fn a_page_number_of_an_old_address_is_noted() {
        let number = page_at("page=2");
        assert_eq!(number.query, PageAt::First);
        assert_eq!(
            number.ignored,
            ["page: pages are no longer numbered; the first page is shown"]
        );
        assert_eq!(
            page_at("page=2&after=a").ignored,
            ["page: pages are no longer numbered"]
        );
    }
}
