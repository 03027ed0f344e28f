//! Authorisation: roles, acts, and the one matrix of which role is allowed which act. Pages read the matrix to offer
//! only what is allowed; the server reads the same matrix to refuse the rest. Authentication is not part of the domain.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    money::{Currency, Money},
    payload::states,
};

states! {
    /// The role of an operator.
    Role {
        Viewer = "viewer",
        Support = "support",
        Finance = "finance",
        Admin = "admin",
    }
}

states! {
    /// The acts that need a permission.
    Act {
        /// Look at wallets, orders, refunds, findings, and at cases.
        Read = "read",
        /// Read names and other personal data unmasked.
        ReadPersonal = "read_personal",
        /// Find a customer by the whole name and one more fact. For roles that read the ledger with masked names. A
        /// role that reads names uses the search instead.
        LookUp = "look_up",
        /// Export lists as a file.
        Export = "export",
        /// Preview a compensation and ask for it.
        Propose = "propose",
        /// Issue a compensation without an approval, up to a limit.
        Issue = "issue",
        /// Approve or decline a compensation that somebody else proposed.
        Approve = "approve",
        /// Search and export the audit trail.
        Audit = "audit",
        /// Add, disable and reset operators, and set their limits.
        ManageOperators = "manage_operators",
    }
}

impl Role {
    /// The permission matrix. It is defined only here.
    pub const fn can(self, act: Act) -> bool {
        match act {
            Act::Read => matches!(self, Self::Viewer | Self::Support | Self::Finance),
            Act::ReadPersonal | Act::Export => matches!(self, Self::Viewer | Self::Finance),
            Act::LookUp => self.can(Act::Read) && !self.can(Act::ReadPersonal),
            Act::Propose => matches!(self, Self::Support | Self::Finance),
            Act::Issue | Act::Approve => matches!(self, Self::Finance),
            Act::Audit | Act::ManageOperators => matches!(self, Self::Admin),
        }
    }
}

/// The name that an operator signs in with, and the `actor` of the events that they cause: `[a-z0-9][a-z0-9._-]{0,31}`.
/// A name is never given to another person, because the records under it stay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperatorName(String);

/// The text is not an operator's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an operator's name is 1 to {} lower case letters, digits, dots, underscores or hyphens, and starts with a letter or digit",
    OperatorName::MAX_LENGTH
)]
pub struct OperatorNameError;

impl OperatorName {
    pub const MAX_LENGTH: usize = 32;

    pub fn new(text: impl Into<String>) -> Result<Self, OperatorNameError> {
        let text = text.into();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let starts_well = text.bytes().next().is_some_and(plain);
        let goes_on_well = text.bytes().all(|b| plain(b) || matches!(b, b'.' | b'_' | b'-'));
        (starts_well && goes_on_well && text.len() <= Self::MAX_LENGTH)
            .then_some(Self(text))
            .ok_or(OperatorNameError)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for OperatorName {
    type Err = OperatorNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for OperatorName {
    type Error = OperatorNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<OperatorName> for String {
    fn from(name: OperatorName) -> Self {
        name.0
    }
}

/// What an operator may issue in one currency without an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// At most this much in one compensation.
    pub single: Money,
    /// At most this much in one UTC day, all compensations together. In the currency of `single`.
    pub daily: Money,
}

impl Limit {
    pub const fn currency(&self) -> Currency {
        self.single.currency()
    }
}

/// A password, a code or a person's name in transit. `Debug` does not print it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(empty)" } else { "(secret)" })
    }
}

/// An operator, as administrators see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRow {
    pub name: OperatorName,
    /// The person's display name, if one was given.
    pub title: Option<String>,
    pub role: Role,
    pub disabled: bool,
    pub demo: bool,
    pub totp: bool,
    pub limits: Vec<Limit>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_the_documented_permissions() {
        let row = |act| {
            Role::ALL
                .iter()
                .map(|role| if role.can(act) { 'x' } else { '-' })
                .collect::<String>()
        };
        // Columns: viewer, support, finance, admin.
        let matrix: Vec<_> = Act::ALL.iter().map(|act| (act.as_str(), row(*act))).collect();
        let expected = [
            ("read", "xxx-"),
            ("read_personal", "x-x-"),
            ("look_up", "-x--"),
            ("export", "x-x-"),
            ("propose", "-xx-"),
            ("issue", "--x-"),
            ("approve", "--x-"),
            ("audit", "---x"),
            ("manage_operators", "---x"),
        ];
        assert_eq!(matrix, expected.map(|(act, row)| (act, row.to_owned())));
    }

    #[test]
    fn an_operators_name_is_checked_by_its_grammar() {
        for good in ["ada", "a", "0", "ada.lovelace-2_x", &"x".repeat(32)] {
            assert!(OperatorName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "Ada", ".a", "-a", "a b", "a/b", "ä", "a\n", &"x".repeat(33)] {
            assert!(OperatorName::new(bad).is_err(), "{bad}");
        }
    }
}
