//! The hash to which an approval is bound: the SHA-256 of the command and of the stream positions that were seen, as
//! JSON with sorted names and without spaces. Anybody can recompute it from the case (contract §6).

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::domain::compensation::command::{Command, Pin};

/// SHA-256 of `{"command":…,"pins":[…]}`, 64 hexadecimal digits.
pub(super) fn command_hash(command: &Command, pins: &[Pin]) -> String {
    let mut text = String::new();
    write_sorted(&mut text, &json!({"command": command, "pins": pins}));
    HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

/// Writes JSON with sorted names. The recursion depth is that of a command, three levels.
fn write_sorted(text: &mut String, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (number, (name, value)) in fields.into_iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                let _ = write!(text, "{}:", Value::from(name.as_str()));
                write_sorted(text, value);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                write_sorted(text, item);
            }
            text.push(']');
        }
        plain => {
            let _ = write!(text, "{plain}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        compensation::command::Action,
        ids::{Domain, EntityId},
        refund::Reason,
    };

    fn command(refund: &str, note: &str) -> Command {
        Command {
            action: Action::SettleRefund {
                order: EntityId::new("O-1").unwrap(),
                refund: refund.to_owned(),
            },
            reason: Reason::Return,
            note: note.to_owned(),
        }
    }

    fn pin(sequence: u64) -> Pin {
        Pin {
            domain: Domain::Order,
            id: EntityId::new("O-1").unwrap(),
            sequence,
        }
    }

    #[test]
    fn the_hash_is_that_of_sorted_json_without_spaces() {
        // The SHA-256 of the following text, without the line break:
        // {"command":{"name":"settle_refund","note":"so \"it\" is","order":"O-1","reason":"return","refund":"R"},
        // "pins":[{"domain":"order","id":"O-1","sequence":3}]}
        let expected = "363e6e5a899fa339a26ae30db6a8d0e60c343aadc9304f06d7fce6dbe2c17e81";
        assert_eq!(command_hash(&command("R", r#"so "it" is"#), &[pin(3)]), expected);
    }

    #[test]
    fn the_hash_covers_command_and_positions() {
        let whole = command_hash(&command("R", "x"), &[pin(3)]);
        for other in [
            command_hash(&command("R", "y"), &[pin(3)]),
            command_hash(&command("S", "x"), &[pin(3)]),
            command_hash(&command("R", "x"), &[pin(4)]),
            command_hash(&command("R", "x"), &[]),
        ] {
            assert_ne!(whole, other);
        }
    }
}
