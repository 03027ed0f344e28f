//! Raw digests: hashes of stored entries, computed by the adapter while it reads. The hash is XXH3 with 128 bits, which
//! costs little beside reading. It detects loss and change. It does not withstand somebody who constructs collisions.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::domain::{event::RawDigest, ids::Position};

/// The digest of a stream after one more entry. A stream without entries has the default.
#[must_use]
pub fn roll(digest: RawDigest, next: RawDigest) -> RawDigest {
    let mut both = [0; 32];
    both[..16].copy_from_slice(&digest.0);
    both[16..].copy_from_slice(&next.0);
    hash(&both)
}

fn hash(bytes: &[u8]) -> RawDigest {
    RawDigest(xxh3_128(bytes).to_be_bytes())
}

/// A hash of 64 bits, for checksums of rows that this program writes.
pub(super) fn short_hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Computes the digests of entries, one after another. The hashed bytes are the position (two big-endian `u64`) and
/// then, for each field in stored order, the length (big-endian `u32`) and the bytes of its name and of its value.
#[derive(Default)]
pub(super) struct Digester {
    bytes: Vec<u8>,
}

impl Digester {
    pub(super) fn begin(&mut self, position: Position) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&position.major.to_be_bytes());
        self.bytes.extend_from_slice(&position.minor.to_be_bytes());
    }

    pub(super) fn field(&mut self, name: &[u8], value: &[u8]) {
        self.string(name);
        self.string(value);
    }

    pub(super) fn finish(&self) -> RawDigest {
        hash(&self.bytes)
    }

    fn string(&mut self, string: &[u8]) {
        let length = u32::try_from(string.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(string);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(position: Position, fields: &[(&[u8], &[u8])]) -> RawDigest {
        let mut digester = Digester::default();
        digester.begin(Position::new(9, 9));
        digester.field(b"an entry", b"before");
        digester.begin(position);
        for (name, value) in fields {
            digester.field(name, value);
        }
        digester.finish()
    }

    #[test]
    fn every_byte_and_its_position_change_the_digest() {
        let at = Position::new(1, 2);
        let one = digest(at, &[(b"id", b"e-1"), (b"data", b"{}")]);
        assert_eq!(one, digest(at, &[(b"id", b"e-1"), (b"data", b"{}")]));
        let others = [
            digest(Position::new(2, 1), &[(b"id", b"e-1"), (b"data", b"{}")]),
            digest(at, &[(b"data", b"{}"), (b"id", b"e-1")]),
            digest(at, &[(b"id", b"e-2"), (b"data", b"{}")]),
            digest(at, &[(b"ide", b"-1"), (b"data", b"{}")]),
            digest(at, &[(b"id", b"e-1"), (b"data", b"{}"), (b"data", b"{}")]),
            digest(at, &[(b"id", b"e-1"), (b"data", b"{}"), (b"", b"")]),
            digest(at, &[(b"id", b"e-1"), (b"data", b"\xff")]),
            digest(at, &[(b"id", b"e-1"), (b"data", "\u{fffd}".as_bytes())]),
            digest(at, &[]),
        ];
        for (number, other) in others.iter().enumerate() {
            assert_ne!(*other, one, "{number}");
            assert!(!others[..number].contains(other), "{number}");
        }
    }

    #[test]
    fn a_digest_never_changes_between_versions() {
        // The digest is stored in the read model. Another value would make every stream look changed.
        let one = digest(Position::new(1, 2), &[(b"id", b"e-1"), (b"data", b"{}")]);
        assert_eq!(
            format!("{:032x}", u128::from_be_bytes(one.0)),
            "943a35d03cc041d6ba3dd893a58129b9"
        );
        let rolled = roll(RawDigest::default(), one);
        assert_eq!(
            format!("{:032x}", u128::from_be_bytes(rolled.0)),
            "dbf54142a939afdf9ca0bc8806e85f52"
        );
        assert_ne!(roll(rolled, one), roll(one, rolled));
    }
}
