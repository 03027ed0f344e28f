//! Counts the readers of the live stream, per session and per process, and limits their number.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};

/// The most readers of this process, and of one session (tabs of a browser).
pub const READERS_MAX: usize = 1_000;
pub const READERS_OF_SESSION_MAX: usize = 8;

/// The number of readers of this process, by session.
#[derive(Default)]
pub struct Readers(Mutex<HashMap<String, usize>>);

impl Readers {
    pub fn count(&self) -> usize {
        self.seats().values().sum()
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock()
    }

    /// Takes a slot for a reader of this session. Returns `false` if all are taken.
    pub fn take(&self, session: &str) -> bool {
        let mut seats = self.seats();
        let all: usize = seats.values().sum();
        let own = seats.get(session).copied().unwrap_or_default();
        let free = all < READERS_MAX && own < READERS_OF_SESSION_MAX;
        if free {
            seats.insert(session.to_owned(), own + 1);
        }
        free
    }

    /// Frees a slot of this session.
    pub fn leave(&self, session: &str) {
        let mut seats = self.seats();
        if let Some(own) = seats.get_mut(session) {
            *own -= 1;
            if *own == 0 {
                seats.remove(session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_limited_per_process_and_per_session() {
        let readers = Readers::default();
        let sessions = READERS_MAX / READERS_OF_SESSION_MAX;
        for session in 0..sessions {
            for _ in 0..READERS_OF_SESSION_MAX {
                assert!(readers.take(&session.to_string()));
            }
            assert!(!readers.take(&session.to_string()), "a session has its own limit");
        }
        assert_eq!(readers.count(), READERS_MAX);
        assert!(!readers.take("another"));
        readers.leave("0");
        assert!(readers.take("another"));
        assert!(!readers.take("0"));
        for session in 0..sessions {
            (0..READERS_OF_SESSION_MAX).for_each(|_| readers.leave(&session.to_string()));
        }
        assert_eq!(readers.count(), 1);
        assert_eq!(readers.seats().len(), 1, "sessions without readers are removed");
    }
}
