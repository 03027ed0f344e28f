//! Folds an operator from the events. Unlike the folds of the ledger, this one fails on an event that it can't read,
//! because permissions must not be guessed. Such an operator can't sign in until a version that knows the event is
//! used.

use serde::Deserialize;

use crate::{
    domain::{
        access::{Limit, OperatorName, OperatorRow, Role, Secret},
        event::Entry,
        ids::Sequence,
    },
    event_log::Unavailable,
};

/// The current state of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    pub name: OperatorName,
    pub title: Option<String>,
    pub role: Role,
    pub(in crate::auth) password_hash: Secret,
    pub(in crate::auth) totp_secret: Option<Secret>,
    pub limits: Vec<Limit>,
    pub disabled: bool,
    pub demo: bool,
    /// A counter that rises when sessions must end: when password, role or authenticator change, and when disabled.
    pub epoch: u64,
    /// The sequence of the last event.
    pub sequence: Sequence,
}

impl Operator {
    /// Whether sign-in needs a code in addition to the password.
    pub const fn has_totp(&self) -> bool {
        self.totp_secret.is_some()
    }

    /// The limit of what the operator may issue without an approval in this currency.
    pub fn limit(&self, currency: crate::domain::money::Currency) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.currency() == currency)
    }

    /// The operator as administrators see it, without hash and secret.
    pub fn row(&self) -> OperatorRow {
        OperatorRow {
            name: self.name.clone(),
            title: self.title.clone(),
            role: self.role,
            disabled: self.disabled,
            demo: self.demo,
            totp: self.has_totp(),
            limits: self.limits.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Added {
    role: Role,
    title: Option<String>,
    password_hash: Secret,
    #[serde(default)]
    demo: bool,
}

#[derive(Deserialize)]
struct PasswordSet {
    password_hash: Secret,
}

#[derive(Deserialize)]
struct RoleSet {
    role: Role,
}

#[derive(Deserialize)]
struct LimitsSet {
    limits: Vec<Limit>,
}

#[derive(Deserialize)]
struct TotpSet {
    secret: Secret,
}

/// The operator of a stream's events; `None` for an empty stream. Fails on an event that can't be read, and on a
/// sequence gap.
pub(super) fn fold(name: &OperatorName, entries: &[Entry]) -> Result<Option<Operator>, Unavailable> {
    let mut operator = None;
    for (sequence, entry) in (1..).zip(entries) {
        let evolved = (entry.sequence() == Some(sequence))
            .then(|| evolve(name, operator, entry))
            .flatten();
        let mut evolved = evolved.ok_or_else(|| {
            Unavailable(format!(
                "the event {sequence} of the operator {name} can't be read by this program"
            ))
        })?;
        evolved.sequence = sequence;
        operator = Some(evolved);
    }
    Ok(operator)
}

fn evolve(name: &OperatorName, operator: Option<Operator>, entry: &Entry) -> Option<Operator> {
    let kind = entry.fields.r#type()?;
    let data = entry.fields.data()?;
    let Some(mut operator) = operator else {
        return (kind == "operator.added").then(|| added(name, data)).flatten();
    };
    match kind {
        "operator.password_set" => {
            operator.password_hash = read::<PasswordSet>(data)?.password_hash;
            operator.epoch += 1;
        }
        "operator.role_set" => {
            operator.role = read::<RoleSet>(data)?.role;
            operator.epoch += 1;
        }
        "operator.limits_set" => operator.limits = read::<LimitsSet>(data)?.limits,
        "operator.totp_set" => {
            operator.totp_secret = Some(read::<TotpSet>(data)?.secret);
            operator.epoch += 1;
        }
        "operator.totp_removed" => {
            operator.totp_secret = None;
            operator.epoch += 1;
        }
        "operator.disabled" => {
            operator.disabled = true;
            operator.epoch += 1;
        }
        "operator.enabled" => operator.disabled = false,
        _ => return None,
    }
    Some(operator)
}

fn added(name: &OperatorName, data: &str) -> Option<Operator> {
    let added: Added = read(data)?;
    Some(Operator {
        name: name.clone(),
        title: added.title,
        role: added.role,
        password_hash: added.password_hash,
        totp_secret: None,
        limits: Vec::new(),
        disabled: false,
        demo: added.demo,
        epoch: 1,
        sequence: 1,
    })
}

fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Option<T> {
    serde_json::from_str(data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Fields, Known, RawDigest};

    fn entry(sequence: u64, kind: &str, data: &str) -> Entry {
        Entry {
            position: crate::domain::ids::Position::new(sequence, 0),
            recorded: chrono::DateTime::UNIX_EPOCH,
            fields: Fields::of([
                (Known::Sequence, sequence.to_string().as_str()),
                (Known::Type, kind),
                (Known::Data, data),
            ]),
            digest: RawDigest::default(),
        }
    }

    fn folded(events: &[(&str, &str)]) -> Result<Option<Operator>, Unavailable> {
        let entries: Vec<_> = (1..)
            .zip(events)
            .map(|(sequence, (kind, data))| entry(sequence, kind, data))
            .collect();
        fold(&OperatorName::new("ada").unwrap(), &entries)
    }

    const ADDED: (&str, &str) = (
        "operator.added",
        r#"{"role":"finance","password_hash":"h1","demo":true}"#,
    );

    #[test]
    fn an_operator_is_folded_from_all_events() {
        assert_eq!(folded(&[]), Ok(None));
        let all = folded(&[
            ADDED,
            (
                "operator.limits_set",
                r#"{"limits":[{"single":{"amount":"5","currency":"EUR"},"daily":{"amount":"9","currency":"EUR"}}]}"#,
            ),
            ("operator.totp_set", r#"{"secret":"S"}"#),
            ("operator.password_set", r#"{"password_hash":"h2"}"#),
            ("operator.role_set", r#"{"role":"support"}"#),
            ("operator.disabled", "{}"),
        ])
        .unwrap()
        .unwrap();
        assert_eq!(
            (
                all.role,
                all.password_hash.0.as_str(),
                all.disabled,
                all.demo,
                all.sequence
            ),
            (Role::Support, "h2", true, true, 6)
        );
        assert!(all.has_totp());
        assert_eq!(all.limit("EUR".parse().unwrap()).unwrap().daily.to_string(), "9.00 EUR");
        assert_eq!(all.limit("GBP".parse().unwrap()), None);
    }

    #[test]
    fn the_epoch_rises_with_what_ends_sessions() {
        let epoch = |kind, data| folded(&[ADDED, (kind, data)]).unwrap().unwrap().epoch;
        assert_eq!(folded(&[ADDED]).unwrap().unwrap().epoch, 1);
        assert_eq!(epoch("operator.disabled", "{}"), 2);
        assert_eq!(epoch("operator.password_set", r#"{"password_hash":"x"}"#), 2);
        assert_eq!(epoch("operator.role_set", r#"{"role":"admin"}"#), 2);
        assert_eq!(epoch("operator.totp_set", r#"{"secret":"S"}"#), 2);
        assert_eq!(epoch("operator.totp_removed", "{}"), 2);
        assert_eq!(epoch("operator.enabled", "{}"), 1);
        assert_eq!(epoch("operator.limits_set", r#"{"limits":[]}"#), 1);
    }

    #[test]
    fn unreadable_events_are_errors() {
        for events in [
            &[("operator.disabled", "{}")][..],
            &[ADDED, ADDED],
            &[ADDED, ("operator.locked", "{}")],
            &[ADDED, ("operator.role_set", r#"{"role":"owner"}"#)],
            &[ADDED, ("operator.role_set", "nonsense")],
        ] {
            assert!(folded(events).is_err(), "{events:?}");
        }
        let gap = [entry(1, ADDED.0, ADDED.1), entry(3, "operator.disabled", "{}")];
        assert!(fold(&OperatorName::new("ada").unwrap(), &gap).is_err());
    }

    #[test]
    fn secrets_are_not_printed() {
        let operator = folded(&[ADDED, ("operator.totp_set", r#"{"secret":"S3CR3T"}"#)])
            .unwrap()
            .unwrap();
        let printed = format!("{operator:?} {}", serde_json::to_string(&operator.row()).unwrap());
        assert!(!printed.contains("h1") && !printed.contains("S3CR3T"), "{printed}");
    }
}
