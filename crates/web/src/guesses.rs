//! Slows down who guesses tokens: so many wrong ones from an address for a login, then nothing is looked at for a while.
//!
//! A login is not shut for everybody: whoever knows one could else keep its owner out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens in a row before the wait begins.
const MOST: u32 = 20;

/// How long one wrong token counts.
const MEMORY: Duration = Duration::from_secs(60);

/// Most pairs of address and login that are remembered.
const PLACES: usize = 10_000;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Wrong tokens of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Guesses(Mutex<HashMap<Place, (u32, Instant)>>);

/// Where guesses come from and for which login.
type Place = (Option<Peer>, String);

impl Guesses {
    /// Whether so many wrong ones came that the next is not even looked at.
    pub(crate) fn is_exhausted(&self, peer: Option<Peer>, login: &str, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&(peer, cut(login)));
        found.is_some_and(|(count, since)| *count >= MOST && now.saturating_duration_since(*since) < MEMORY)
    }

    /// Counts a wrong one.
    pub(crate) fn note(&self, peer: Option<Peer>, login: &str, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PLACES {
            known.retain(|_, (_, since)| now.saturating_duration_since(*since) < MEMORY);
        }
        if known.len() >= PLACES {
            // Somebody tries thousands of logins a minute: start afresh rather than grow.
            known.clear();
        }
        let entry = known.entry((peer, cut(login))).or_insert((0, now));
        if now.saturating_duration_since(entry.1) >= MEMORY {
            *entry = (0, now);
        }
        entry.0 += 1;
        if entry.0 == MOST {
            entry.1 = now;
            tracing::warn!("{MOST} wrong tokens came for one login from one address: more are refused for a minute");
        }
    }
}

/// As much of a login as tells it from others: no real one is longer.
fn cut(login: &str) -> String {
    login.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_stops_after_a_few_and_only_for_who_guesses() {
        let (guesses, begun) = (Guesses::default(), Instant::now());
        let peer = |last| Some(Peer(IpAddr::from([10, 0, 0, last])));
        for _ in 0..MOST {
            assert!(!guesses.is_exhausted(peer(1), "a", begun));
            guesses.note(peer(1), "a", begun);
        }
        assert!(guesses.is_exhausted(peer(1), "a", begun));
        assert!(!guesses.is_exhausted(peer(2), "a", begun) && !guesses.is_exhausted(peer(1), "b", begun));
        assert!(!guesses.is_exhausted(peer(1), "a", begun + MEMORY));
    }

    #[test]
    fn memory_is_bounded() {
        let (guesses, begun) = (Guesses::default(), Instant::now());
        for number in 0..=PLACES {
            guesses.note(None, &number.to_string(), begun);
        }
        assert!(guesses.0.lock().unwrap().len() <= PLACES);
    }
}
