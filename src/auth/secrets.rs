//! Random secrets and digests. Random numbers come from `rand`'s thread generator, a stream cipher that the operating
//! system seeds. Secrets are neither stored nor logged here.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// Crockford's base 32 in lower case: it has no letters that look like digits or like each other.
const READABLE: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The number of groups of a random password, and of letters per group: 24 letters of 5 bits are 120 bits.
const GROUPS: usize = 6;
const GROUP: usize = 4;

/// `N` random bytes in hexadecimal.
pub(super) fn random_hex<const N: usize>() -> String {
    HEXLOWER.encode(&rand::random::<[u8; N]>())
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// A password of 120 random bits that can be read out: `k7mq-0x3v-…`.
pub(super) fn random_password() -> String {
    let letters: [u8; GROUPS * GROUP] = rand::random();
    let groups: Vec<String> = letters
        .chunks(GROUP)
        .map(|group| {
            group
                .iter()
                // 256 is a multiple of 32, so all letters are equally likely.
                .map(|byte| char::from(READABLE[usize::from(byte % 32)]))
                .collect()
        })
        .collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_password_is_long_readable_and_new() {
        let password = random_password();
        assert_eq!(password.len(), 29);
        assert!(password.split('-').all(|group| group.len() == 4));
        assert!(password.bytes().all(|b| b == b'-' || READABLE.contains(&b)));
        assert_ne!(password, random_password());
        assert_eq!(random_hex::<16>().len(), 32);
        assert_ne!(random_hex::<16>(), random_hex::<16>());
    }

    #[test]
    fn a_digest_is_that_of_fips_180() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
