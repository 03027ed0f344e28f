//! One-time codes of authenticator apps (TOTP, RFC 6238): SHA-1, six digits, steps of 30 seconds, one step of tolerance
//! either way. The caller makes sure that a code is used only once; [`step`] returns the step of a code.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use totp_rs::{Builder, Secret as TotpSecret, Totp};

use super::secrets;
use crate::domain::access::{OperatorName, Secret};

/// RFC 4226 §4 recommends 160 bits.
const SECRET_BYTES: usize = 20;
/// The issuer name in authenticator apps.
const ISSUER: &str = "Ledgerscope";

/// A new random secret in base 32.
pub(super) fn new_secret() -> Secret {
    let bytes: [u8; SECRET_BYTES] = rand::random();
    Secret(TotpSecret::new_stack(bytes).to_base32())
}

/// The `otpauth://` URI of a secret, which authenticator apps read, for instance from a QR code.
pub fn uri(name: &OperatorName, secret: &Secret) -> String {
    // Operator names contain no characters that need escaping.
    let mut uri = format!("otpauth://totp/{ISSUER}:{name}?secret={}", secret.0);
    // Writing to a String does not fail.
    let _ = write!(uri, "&issuer={ISSUER}&algorithm=SHA1&digits=6&period=30");
    uri
}

/// The time step (of 30 seconds since 1970) of a code that is valid at `now`; `None` for an invalid code. White space
/// is ignored.
pub(super) fn step(secret: &Secret, code: &Secret, now: DateTime<Utc>) -> Option<u64> {
    let code: String = code
        .0
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .take(7)
        .collect();
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    totp(secret)?.check(&code, u64::try_from(now.timestamp()).ok()?)
}

fn totp(secret: &Secret) -> Option<Totp> {
    let bytes = TotpSecret::try_from_base32(&secret.0).ok()?;
    Builder::new().with_secret(bytes).build().ok()
}

/// The record key that marks a code as used.
pub(super) fn used_key(name: &OperatorName, secret: &Secret, step: u64) -> String {
    // The key contains the secret's digest, so that a new secret starts without used codes.
    let which = secrets::sha256(secret.0.as_bytes());
    format!("totp:{name}:{}:{step}", which.get(..16).unwrap_or_default())
}

/// The code that an authenticator shows at `now`.
#[cfg(test)]
pub(super) fn code(secret: &Secret, now: DateTime<Utc>) -> Secret {
    let time = u64::try_from(now.timestamp()).unwrap();
    Secret(totp(secret).unwrap().generate(time).to_string())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    /// RFC 6238, appendix B: the secret of the table for SHA-1, and its last six digits at 59 s and 1111111109 s.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = Secret(TotpSecret::new_stack(*b"12345678901234567890").to_base32());
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let code = |text: &str| Secret(text.to_owned());
        assert_eq!(step(&secret, &code("287082"), at(59)), Some(1));
        assert_eq!(step(&secret, &code("081 804"), at(1_111_111_109)), Some(37_037_036));
        for wrong in ["287083", "28708", "0287082", "", "abcdef", "٢٨٧٠٨٢"] {
            assert_eq!(step(&secret, &code(wrong), at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn a_code_counts_one_step_early_and_late() {
        let (secret, now) = (new_secret(), DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let code = code(&secret, now);
        let counts = |seconds| step(&secret, &code, now + TimeDelta::seconds(seconds)).is_some();
        assert_eq!(
            [-31, -30, 0, 29, 30, 59, 60].map(counts),
            [false, true, true, true, true, true, false]
        );
    }

    #[test]
    fn the_uri_has_the_format_of_authenticators() {
        let name = OperatorName::new("ada").unwrap();
        assert_eq!(
            uri(&name, &Secret("ABC".into())),
            "otpauth://totp/Ledgerscope:ada?secret=ABC&issuer=Ledgerscope&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(new_secret().0.len(), 32);
    }
}
