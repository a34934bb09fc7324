//! Keyrings and signatures.
#![no_main]

use repo::pgp::{Keyring, SigningKey};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Keyring::parse(bytes);
    let key = SigningKey::generate("x", [1; 32], 1_700_000_000).expect("it is valid");
    let keyring = Keyring::parse(&key.public_binary().expect("it is a key")).expect("it is a keyring");
    // Nobody can sign with this key but us.
    assert!(keyring.verify_clearsigned(bytes, 1_700_000_000).is_err());
    assert!(keyring.verify_detached(b"content", bytes, 1_700_000_000).is_err());
});
