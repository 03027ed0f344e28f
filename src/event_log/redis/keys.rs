//! The names of keys in a Redis store (contract §2): from an id to its keys, and from a key back to its id. No I/O.

use crate::domain::ids::{EntityId, LogName};

/// Maximum number of partitions: the number of slots of Redis Cluster.
pub(super) const PARTITIONS_MAX: u32 = 16_384;

/// CRC16-XMODEM, Redis Cluster's slot function before its `mod 16384`.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 { shifted } else { shifted ^ 0x1021 }
        })
    })
}

/// The partition of an entity. `partitions` is at least 1.
pub(super) fn partition(id: &EntityId, partitions: u32) -> u32 {
    u32::from(crc16(id.as_str().as_bytes())) % partitions
}

/// The hash whose field `partitions` is the number of partitions.
pub(super) fn meta(domain: LogName) -> String {
    format!("{domain}:meta")
}

pub(super) fn feed(domain: LogName, partition: u32) -> String {
    format!("{domain}:{{{partition}}}:feed")
}

/// The stream of a queue server that the relay writes to.
pub(super) fn queue(domain: LogName, partition: u32) -> String {
    format!("{domain}:{{{partition}}}:events")
}

pub(super) fn entity(domain: LogName, partition: u32, id: &EntityId) -> String {
    format!("{domain}:{{{partition}}}:{id}")
}

pub(super) fn idempotency(entity: &str) -> String {
    format!("{entity}:keys")
}

/// A glob that matches every entity's key and few others. `{` and `:` are literal in it.
pub(super) fn entity_glob(domain: LogName) -> String {
    format!("{domain}:{{*}}:*")
}

/// The id of a key; `None` for a feed, for a key that is not an entity's, and for a key in another partition than that
/// of its id, because no reader would read it.
pub(super) fn entity_of(key: &str, domain: LogName, partitions: u32) -> Option<EntityId> {
    let rest = key.strip_prefix(domain.as_str())?.strip_prefix(":{")?;
    let (written, id) = rest.split_once("}:")?;
    let id = EntityId::new(id).ok()?;
    (written == partition(&id, partitions).to_string()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_every_producer_computes() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn a_key_is_read_back_to_its_id() {
        let id = EntityId::new("W-1").unwrap();
        for partitions in [1, 4, PARTITIONS_MAX] {
            let key = entity(LogName::Wallet, partition(&id, partitions), &id);
            assert_eq!(entity_of(&key, LogName::Wallet, partitions), Some(id.clone()));
        }
        assert_eq!(feed(LogName::Order, 3), "order:{3}:feed");
        assert_eq!(idempotency("order:{3}:O-1"), "order:{3}:O-1:keys");
    }

    #[test]
    fn keys_that_are_not_of_an_entity_have_no_id() {
        for key in [
            "wallet:{0}:feed",
            "wallet:{0}:W-1:keys",
            "wallet:{0}:",
            "wallet:{00}:W-1",
            "wallet:{1}:W-1",
            "wallet:{}:W-1",
            "wallet:0:W-1",
            "order:{0}:W-1",
            "wallets:{0}:W-1",
            "wallet:{0}:a b",
        ] {
            assert_eq!(entity_of(key, LogName::Wallet, 1), None, "{key}");
        }
    }
}
