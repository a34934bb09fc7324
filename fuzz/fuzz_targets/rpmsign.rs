//! Packages that are signed, and signatures that are checked.
#![no_main]

use std::io::Cursor;
use std::sync::LazyLock;

use pkgfile::rpm::RpmLimits;
use repo::pgp::{Keyring, SigningKey};
use repo::rpmsign::{sign_package, verify_package};

const NOW: i64 = 1_700_000_000;

static KEY: LazyLock<(SigningKey, Keyring)> = LazyLock::new(|| {
    let key = SigningKey::generate("x", [1; 32], NOW).expect("it is valid");
    let keyring = Keyring::parse(&key.public_binary().expect("it is a key")).expect("it is a keyring");
    (key, keyring)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (key, keyring) = &*KEY;
    let limits = RpmLimits { signature_bytes: 1 << 18, header_bytes: 1 << 20, ..RpmLimits::default() };
    // Nobody can sign with this key but us.
    assert!(verify_package(&mut Cursor::new(bytes), keyring, NOW, limits).is_err());
    let mut signed = Vec::new();
    let Ok(result) = sign_package(&mut Cursor::new(bytes), &mut signed, key, NOW, limits) else { return };
    assert_eq!(result.bytes, signed.len() as u64);
    let verified = verify_package(&mut Cursor::new(&signed), keyring, NOW, limits).expect("it is signed");
    assert_eq!(verified.package.meta(), result.package.meta());
});
