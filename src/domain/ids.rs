//! Identifiers: domains, logs, entity ids and positions. An [`EntityId`] is checked when it is made and trusted
//! afterwards.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The version of an entity after an event: 1, 2, 3, … (contract §3). Zero means "no event yet".
pub type Sequence = u64;

/// The largest sequence that is read. A larger one is unparsable, because SQLite and most producers count in signed 64
/// bits.
pub const SEQUENCE_MAX: Sequence = i64::MAX as u64;

/// The kind of a domain entity. Each domain has its own servers; domains share only ids (contract §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Domain {
    Wallet,
    Order,
}

impl Domain {
    pub const ALL: [Self; 2] = [Self::Wallet, Self::Order];

    /// The word used in keys, event types, URLs and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Order => "order",
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Domain {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|domain| domain.as_str() == text)
            .ok_or(IdError::Domain)
    }
}

/// The log that a store holds: one for each domain of the ledger, one for cases and one for access. Each log has its
/// own stores (contract §1) and is named by the same word as its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogName {
    Wallet,
    Order,
    /// Cases: corrections of wallets and orders (contract §6).
    Compensation,
    /// Operators, what they issued in a day, and the audit trail. Not part of the ledger.
    Access,
}

impl LogName {
    /// The word used in keys and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Order => "order",
            Self::Compensation => "compensation",
            Self::Access => "access",
        }
    }

    /// The domain of the ledger that the log belongs to, if any.
    pub const fn domain(self) -> Option<Domain> {
        match self {
            Self::Wallet => Some(Domain::Wallet),
            Self::Order => Some(Domain::Order),
            Self::Compensation | Self::Access => None,
        }
    }
}

impl From<Domain> for LogName {
    fn from(domain: Domain) -> Self {
        match domain {
            Domain::Wallet => Self::Wallet,
            Domain::Order => Self::Order,
        }
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an id, a domain or a position is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error(
        "an id is 1 to 64 letters, digits, dots, underscores or hyphens, starts with a letter or digit and is not 'feed'"
    )]
    Entity,
    #[error("a domain is 'wallet' or 'order'")]
    Domain,
    #[error("a position is two whole numbers joined by a hyphen")]
    Position,
}

/// The id of one entity: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, not `feed`; case matters (contract §2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntityId(String);

impl EntityId {
    pub const MAX_LENGTH: usize = 64;

    /// Checks the grammar of contract §2.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let goes_on_well = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if starts_well && goes_on_well && text.len() <= Self::MAX_LENGTH && text != "feed" {
            Ok(Self(text))
        } else {
            Err(IdError::Entity)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EntityId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for EntityId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<EntityId> for String {
    fn from(id: EntityId) -> Self {
        id.0
    }
}

/// A position in a stream or a feed, in the order in which the log recorded the entries. In Redis it is the entry id
/// (milliseconds, counter). Other logs count in `major`. Compare positions; do not read a time from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Position {
    pub major: u64,
    pub minor: u64,
}

impl Position {
    /// Before every entry.
    pub const START: Self = Self::new(0, 0);
    /// After every entry.
    pub const END: Self = Self::new(u64::MAX, u64::MAX);

    pub const fn new(major: u64, minor: u64) -> Self {
        Self { major, minor }
    }

    /// The greatest position before this one; `START` for `START`.
    #[must_use]
    pub const fn before(self) -> Self {
        match (self.minor.checked_sub(1), self.major.checked_sub(1)) {
            (Some(minor), _) => Self::new(self.major, minor),
            (None, Some(major)) => Self::new(major, u64::MAX),
            (None, None) => Self::START,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.major, self.minor)
    }
}

impl FromStr for Position {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.split_once('-').ok_or(IdError::Position)?;
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) => Ok(Self { major, minor }),
            _ => Err(IdError::Position),
        }
    }
}

impl TryFrom<String> for Position {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_id_is_checked_by_the_grammar() {
        for good in ["W-1", "a", "0", "Feed", "W.1_2-3", &"x".repeat(64)] {
            assert!(EntityId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "feed", "-1", ".a", "a b", "a/b", "ä", "a:b", "a\n", &"x".repeat(65)] {
            assert_eq!(EntityId::new(bad), Err(IdError::Entity), "{bad}");
        }
    }

    #[test]
    fn a_position_prints_and_parses_and_sorts_as_redis_does() {
        let position: Position = "1700000000000-7".parse().unwrap();
        assert_eq!(position, Position::new(1_700_000_000_000, 7));
        assert_eq!(position.to_string(), "1700000000000-7");
        assert!(Position::new(9, 9) < Position::new(10, 0));
        assert!("17".parse::<Position>().is_err());
    }
}
