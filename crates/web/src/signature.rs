//! The header in which a client says who it is by a signature, and what keeps a stolen one from being used elsewhere.
//!
//! Rule: the scheme `Signature` of Open Build Service's client, after the drafts on signing HTTP messages; only the time is
//! signed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkg::Sha256;

use crate::guesses::Peer;

/// How long a signature is remembered: longer than its time may lie in the past and the future together.
const MEMORY: Duration = Duration::from_secs(660);

/// Most signatures that are remembered.
const MOST: usize = 10_000;

/// What a header of the scheme `Signature` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignatureHeader {
    /// Name of the user.
    pub(crate) key_id: String,
    /// When it was signed, in seconds since 1970.
    pub(crate) created: i64,
    /// What `ssh-keygen` made.
    pub(crate) blob: Vec<u8>,
}

impl SignatureHeader {
    /// Reads what follows the name of the scheme: `keyId="..",algorithm="ssh",headers="(created)",created=..,signature=".."`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut fields: HashMap<&str, &str> = HashMap::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_at(after.find(',').unwrap_or(after.len())),
            };
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(after) => after.trim_start(),
                None if after.is_empty() => after,
                None => return None,
            };
            if fields.insert(name.trim(), value.trim()).is_some() {
                return None;
            }
        }
        let field = |name: &str| fields.get(name).copied();
        if field("algorithm")? != "ssh" || field("headers")? != "(created)" {
            return None;
        }
        let key_id = field("keyId").filter(|name| !name.is_empty())?.to_owned();
        let blob = STANDARD.decode(field("signature")?).ok()?;
        Some(Self { key_id, created: field("created")?.parse().ok()?, blob })
    }
}

/// Signatures of the last minutes, and where each came from first.
///
/// The time in a signature has whole seconds, so a client that sends two requests at once signs the same for both: the same
/// signature is fine again from the same address, and from no other.
#[derive(Debug, Default)]
pub(crate) struct Replays(Mutex<HashMap<Sha256, (Option<Peer>, Instant)>>);

impl Replays {
    /// Whether a signature may come from there.
    pub(crate) fn admit(&self, blob: &[u8], peer: Option<Peer>, now: Instant) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.retain(|_, (_, since)| now.saturating_duration_since(*since) < MEMORY);
        }
        let digest = Sha256::of(blob);
        if seen.len() >= MOST && !seen.contains_key(&digest) {
            // Rather nobody new for a while than a stolen one.
            return false;
        }
        let (first, _) = seen.entry(digest).or_insert((peer, now));
        *first == peer
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn headers_of_the_client_are_read_and_others_are_none() {
        let good = r#"keyId="alice",algorithm="ssh",headers="(created)",created=1795259576,signature="U1NI""#;
        let read = SignatureHeader::parse(good).unwrap();
        assert_eq!((&*read.key_id, read.created, &*read.blob), ("alice", 1_795_259_576, &b"SSH"[..]));
        assert_eq!(SignatureHeader::parse(&good.replace(',', " , ")), Some(read));
        for (from, to) in [
            ("ssh", "rsa"),
            ("(created)", "(created) host"),
            ("1795259576", "x"),
            ("U1NI", "!"),
            ("alice", ""),
            ("keyId=\"alice\",", ""),
            ("created=1795259576,", "created=1,created=2,"),
            ("signature=\"U1NI\"", "signature=\"U1NI"),
            ("\"alice\"", "\"alice\" x"),
        ] {
            assert_eq!(SignatureHeader::parse(&good.replace(from, to)), None, "{from} {to}");
        }
        assert_eq!(SignatureHeader::parse(""), None);
    }

    #[test]
    fn a_signature_is_good_where_it_came_from_first_and_nowhere_else() {
        let (replays, now) = (Replays::default(), Instant::now());
        let peer = |last| Some(Peer(IpAddr::from([10, 0, 0, last])));
        assert!(replays.admit(b"a", peer(1), now) && replays.admit(b"a", peer(1), now));
        assert!(!replays.admit(b"a", peer(2), now) && replays.admit(b"b", peer(2), now));
        for number in 0..MOST + 10 {
            replays.admit(number.to_string().as_bytes(), None, now);
        }
        assert!(replays.0.lock().unwrap().len() <= MOST);
        assert!(!replays.admit(b"a", peer(2), now), "a full memory forgets nothing that is fresh");
    }
}
