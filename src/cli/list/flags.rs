//! The flags of a list, with the names of contract §8: parsing, help texts, and the errors for values that are not
//! understood.

use std::marker::PhantomData;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::Listed;
use crate::{
    cli::{CliError, filter::FilterArgs, output::plain},
    domain::findings::{FindingKind, Severity},
    views::{
        lists::{FILTER_MAX, FILTER_VALUES_MAX, Filter, ListName, ListQuery, SEARCH_MAX},
        query::list_of_flags,
    },
};

const TEXT: &str = "q";
const SORT: &str = "sort";
const LIMIT: &str = "limit";
const JSON: &str = "json";

/// The flags of the list with rows of this type.
#[derive(Debug)]
pub struct ListArgs<Row> {
    /// Names and values, as they were given.
    given: Vec<(&'static str, String)>,
    limit: Option<String>,
    pub json: bool,
    /// The filters by time and sequence. Only `refunds` has them; for other lists they are empty.
    pub times: FilterArgs,
    row: PhantomData<fn() -> Row>,
}

/// The parsed flags.
pub struct Asked {
    pub query: ListQuery,
    /// Maximum number of rows; `None` means all.
    pub limit: Option<usize>,
}

impl<Row: Listed> ListArgs<Row> {
    /// Parses the flags. A value that is not understood is wrong usage.
    pub fn asked(&self) -> Result<Asked, CliError> {
        let asked = || {
            for (name, value) in &self.given {
                check(name, value)?;
            }
            Ok(Asked {
                query: query(Row::LIST, &self.given)?,
                limit: self.limit.as_deref().map(limit).transpose()?,
            })
        };
        asked().map_err(CliError::Usage)
    }
}

/// Refuses an empty value, which a page would ignore, and a search text that a page would truncate.
pub fn check(name: &str, value: &str) -> Result<(), String> {
    if value.trim().is_empty() {
        return Err(format!(
            "--{name} has an empty value; give a value, or leave --{name} out"
        ));
    }
    let characters = value.trim().chars().count();
    if name == TEXT && characters > SEARCH_MAX {
        return Err(format!(
            "the text of --{name} has {characters} characters; use at most {SEARCH_MAX}"
        ));
    }
    Ok(())
}

fn query(list: ListName, given: &[(&str, String)]) -> Result<ListQuery, String> {
    let flags = given.iter().map(|(name, value)| {
        let value = if *name == TEXT { value.trim() } else { value };
        ((*name).to_owned(), value.to_owned())
    });
    let parsed = list_of_flags(list, flags.collect());
    match parsed.ignored.first() {
        Some(note) => Err(complaint(list, note)),
        None => Ok(parsed.query),
    }
}

/// Turns a note of the query's parser into an error that says what to write.
fn complaint(list: ListName, note: &str) -> String {
    if let Some(name) = note.strip_suffix(" needs exactly one currency") {
        return format!("--{name} needs exactly one --currency");
    }
    let Some((name, value)) = note.split_once(": ") else {
        return plain(note);
    };
    let filter = list.filters().iter().find(|filter| list.word(**filter) == name);
    let expected = filter.map_or_else(|| sorts(list), |filter| values(list, *filter));
    not_understood(name, &plain(value), &expected)
}

/// The error for an invalid value of a flag.
pub fn not_understood(name: &str, value: &str, expected: &str) -> String {
    format!("--{name} {value} is invalid; use {expected}")
}

/// Parses the maximum number of rows.
pub fn limit(text: &str) -> Result<usize, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large for `usize` is more rows than there are.
    let rows = if digits { text.parse().unwrap_or(usize::MAX) } else { 0 };
    if rows == 0 {
        let value = format!("'{}'", plain(text));
        return Err(not_understood(LIMIT, &value, "a whole number from 1 on"));
    }
    Ok(rows)
}

/// The values that a filter takes, for help and errors.
fn values(list: ListName, filter: Filter) -> String {
    match filter {
        Filter::State => format!("{}, or all", one_of(list.states())),
        Filter::Currency => "an ISO 4217 code such as EUR".to_owned(),
        Filter::Min | Filter::Max => "a decimal number such as 12.50".to_owned(),
        Filter::From | Filter::To => {
            "a date such as 2026-01-31, or an RFC 3339 time such as 2026-01-31T12:00:00Z".to_owned()
        }
        Filter::Customer | Filter::Wallet | Filter::Operator => format!("an id of at most {FILTER_MAX} characters"),
        Filter::Overdue => "a flag without a value".to_owned(),
        Filter::Age => "a whole number of hours such as 48".to_owned(),
        Filter::Destination | Filter::Reason => {
            format!("a code of at most {FILTER_MAX} characters, one of at most {FILTER_VALUES_MAX}")
        }
        Filter::Kind => one_of(FindingKind::ALL.iter().map(|kind| kind.as_str())),
        Filter::Severity => one_of(Severity::ALL.iter().map(|severity| severity.as_str())),
    }
}

fn sorts(list: ListName) -> String {
    one_of(list.sorts().iter().map(|sort| sort.as_str()))
}

/// The values of a flag that takes one of these words, for help and errors.
pub fn one_of(words: impl IntoIterator<Item = &'static str>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    format!("one of {}", words.join(", "))
}

/// The amount that the `--min` and `--max` of a list compare, for help.
const fn amount(list: ListName) -> &'static str {
    match list {
        ListName::Wallets => "the available balance",
        ListName::Orders => "the total",
        ListName::Findings => "the amount at risk, without its sign,",
        ListName::Refunds | ListName::Holds | ListName::Cases | ListName::Customers => "the amount",
    }
}

/// The time that the `--from` and `--to` of a list compare, for help.
const fn time(list: ListName) -> &'static str {
    match list {
        ListName::Wallets | ListName::Orders | ListName::Customers => "whose last event happened",
        ListName::Refunds => "requested",
        ListName::Findings => "that began",
        ListName::Holds => "held",
        ListName::Cases => "proposed",
    }
}

fn help(list: ListName, filter: Filter) -> String {
    let (amount, time) = (amount(list), time(list));
    match filter {
        Filter::State => {
            let default = match list {
                ListName::Refunds => "the pending ones",
                ListName::Holds => "the open ones",
                _ => "all",
            };
            format!("Only in this state: {}; by default {default}", values(list, filter))
        }
        Filter::Currency => "Only in this currency".to_owned(),
        Filter::Min => format!("Only where {amount} is at least this; needs exactly one --currency"),
        Filter::Max => format!("Only where {amount} is at most this; needs exactly one --currency"),
        Filter::From => format!("Only those {time} at this time or later: RFC 3339, or a date (its start, UTC)"),
        Filter::To => format!("Only those {time} before this time"),
        Filter::Customer => "Only those of the customer or wallet owner with this id".to_owned(),
        Filter::Wallet => "Only those of this wallet".to_owned(),
        Filter::Operator => "Only those that this operator proposed or decided on".to_owned(),
        Filter::Overdue => "Only overdue refunds: in their state for longer than its limit".to_owned(),
        Filter::Age => "Only those that have been in their state for at least this many whole hours".to_owned(),
        Filter::Destination => "Only those with this destination, such as wallet".to_owned(),
        Filter::Reason => "Only those with this reason, such as return".to_owned(),
        Filter::Kind => format!("Only of this kind: {}", values(list, filter)),
        Filter::Severity => format!("Only of this severity: {}", values(list, filter)),
    }
}

const fn value_name(list: ListName, filter: Filter) -> &'static str {
    match filter {
        Filter::State => match list {
            ListName::Wallets | ListName::Orders => "STATUS",
            _ => "STATE",
        },
        Filter::Currency | Filter::Destination | Filter::Reason => "CODE",
        Filter::Min | Filter::Max => "AMOUNT",
        Filter::From | Filter::To => "TIME",
        Filter::Customer | Filter::Wallet => "ID",
        Filter::Operator => "NAME",
        Filter::Overdue => "",
        Filter::Age => "HOURS",
        Filter::Kind => "KIND",
        Filter::Severity => "SEVERITY",
    }
}

/// Whether a filter takes several values: repeated, or separated by commas.
const fn has_many(filter: Filter) -> bool {
    matches!(
        filter,
        Filter::State | Filter::Currency | Filter::Destination | Filter::Reason | Filter::Kind | Filter::Severity
    )
}

fn filter_arg(list: ListName, filter: Filter) -> Arg {
    let word = list.word(filter);
    let several = if has_many(filter) { "; several with commas" } else { "" };
    let arg = Arg::new(word).long(word).help(help(list, filter) + several);
    match filter {
        Filter::Overdue => arg.action(ArgAction::SetTrue),
        _ if has_many(filter) => arg
            .action(ArgAction::Append)
            .value_delimiter(',')
            .value_name(value_name(list, filter)),
        _ => arg.allow_negative_numbers(true).value_name(value_name(list, filter)),
    }
}

impl<Row: Listed> Args for ListArgs<Row> {
    fn augment_args(command: Command) -> Command {
        let list = Row::LIST;
        let text = Arg::new(TEXT)
            .long(TEXT)
            .value_name("TEXT")
            .allow_hyphen_values(true)
            .help("Only rows that have every word of this text in one of their fields");
        let sort = Arg::new(SORT).long(SORT).value_name("ORDER").help(format!(
            "The order: {}; by default {}",
            sorts(list),
            list.default_sort().as_str()
        ));
        let limit = Arg::new(LIMIT)
            .long(LIMIT)
            .value_name("N")
            .allow_negative_numbers(true)
            .help("Maximum number of rows; by default all");
        let json = Arg::new(JSON)
            .long(JSON)
            .action(ArgAction::SetTrue)
            .help("Print JSON, one object a line");
        let mut command = command
            .arg(text)
            .args(list.filters().iter().map(|filter| filter_arg(list, *filter)))
            .args([sort, limit]);
        if list == ListName::Refunds {
            command = FilterArgs::augment_args(command);
        }
        command.arg(json)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<Row: Listed> FromArgMatches for ListArgs<Row> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let list = Row::LIST;
        let mut given = Vec::new();
        let words = list.filters().iter().filter(|filter| **filter != Filter::Overdue);
        for name in words.map(|filter| list.word(*filter)).chain([TEXT, SORT]) {
            let values = matches.get_many::<String>(name).into_iter().flatten();
            given.extend(values.map(|value| (name, value.clone())));
        }
        if list.filters().contains(&Filter::Overdue) && matches.get_flag(list.word(Filter::Overdue)) {
            given.push((list.word(Filter::Overdue), "1".to_owned()));
        }
        Ok(Self {
            given,
            limit: matches.get_one::<String>(LIMIT).cloned(),
            json: matches.get_flag(JSON),
            times: match list {
                ListName::Refunds => FilterArgs::from_arg_matches(matches)?,
                _ => FilterArgs::default(),
            },
            row: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
