//! Signatures: our own, checked by gpgv and rpm; Debian's, checked by us.

use repo::debian::Release;
use repo::pgp::{Keyring, KeyringError, Signer as _, SigningKey, VerifyError};

use crate::tools::{apt_lists, run};

pub(crate) const NOW: i64 = 1_783_764_997;

pub(crate) fn key() -> SigningKey {
    SigningKey::generate("Project home:alice <alice@example.org>", [7; 32], NOW - 1000).unwrap()
}

fn keyring(key: &SigningKey) -> Keyring {
    Keyring::parse(&key.public_binary().unwrap()).unwrap()
}

const TEXT: &str = "Origin: Kiln\nSuite: stable\n- dash\nDescription: trailing  \n";

#[test]
fn what_a_key_signs_its_keyring_verifies() {
    let key = key();
    let verified = keyring(&key).verify_clearsigned(key.clearsign(TEXT, NOW).unwrap().as_bytes(), NOW).unwrap();
    assert_eq!(verified.text, TEXT.replace("  \n", "\n"));
    assert_eq!((verified.fingerprint, verified.signed_at), (key.fingerprint(), NOW));
    let detached = key.detached(b"content", NOW).unwrap();
    assert!(keyring(&key).verify_detached(b"content", detached.as_bytes(), NOW).is_ok());
    let packet = key.detached_packet(b"content", NOW).unwrap();
    assert!(keyring(&key).verify_detached(b"content", &packet, NOW).is_ok());
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let again = SigningKey::from_armoured(&key().secret_armoured().unwrap()).unwrap();
    assert_eq!(again.public_armoured().unwrap(), key().public_armoured().unwrap());
    assert_eq!(again.clearsign(TEXT, NOW).unwrap(), key().clearsign(TEXT, NOW).unwrap());
    assert_eq!(again.detached(b"x", NOW).unwrap(), key().detached(b"x", NOW).unwrap());
    assert!(!format!("{again:?}").contains("ecret"));
}

#[test]
fn changed_content_other_keys_and_wrong_times_are_refused() {
    let key = key();
    let message = key.clearsign(TEXT, NOW).unwrap();
    let changed = message.replace("stable", "unstab");
    let check = |message: &str, now| keyring(&key).verify_clearsigned(message.as_bytes(), now);
    assert!(matches!(check(&changed, NOW), Err(VerifyError::Bad { .. })));
    assert!(matches!(check(TEXT, NOW), Err(VerifyError::NotClearsigned)));
    assert!(matches!(check(&message, NOW - 2 * 86_400), Err(VerifyError::NotAcceptable { .. })));
    let other = SigningKey::generate("other", [8; 32], NOW).unwrap();
    let error = keyring(&other).verify_clearsigned(message.as_bytes(), NOW).unwrap_err();
    assert!(matches!(&error, VerifyError::UnknownKey { issuers } if *issuers == key.fingerprint()), "{error}");
    let both = keyring(&other).joined(&keyring(&key));
    assert!(both.verify_clearsigned(message.as_bytes(), NOW).is_ok());
}

#[test]
fn damaged_keyrings_are_errors() {
    assert!(matches!(Keyring::parse(b""), Err(KeyringError::NoKey | KeyringError::Malformed(_))));
    assert!(Keyring::parse(b"no keyring at all").is_err());
    let binary = key().public_binary().unwrap();
    assert!(Keyring::parse(&binary[..40]).is_err());
    // Without its self-signature a key is nothing.
    let mut forged = binary.clone();
    let last = forged.len() - 5;
    forged[last] ^= 1;
    assert!(Keyring::parse(&forged).is_err());
}

#[test]
fn random_damage_never_panics_and_never_verifies_other_text() {
    let key = key();
    let message = key.clearsign(TEXT, NOW).unwrap().into_bytes();
    let keyring = keyring(&key);
    let original = keyring.verify_clearsigned(&message, NOW).unwrap().text;
    for place in 0..message.len() {
        for flip in [1, 0x20, 0x80] {
            let mut damaged = message.clone();
            damaged[place] ^= flip;
            if let Ok(verified) = keyring.verify_clearsigned(&damaged, NOW) {
                assert_eq!(verified.text, original, "at {place}");
            }
        }
    }
}

#[test]
fn gpgv_verifies_our_signatures() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let key = key();
    std::fs::write(path("key.gpg"), key.public_binary().unwrap()).unwrap();
    std::fs::write(path("InRelease"), key.clearsign(TEXT, NOW).unwrap()).unwrap();
    std::fs::write(path("Release"), TEXT).unwrap();
    std::fs::write(path("Release.gpg"), key.detached(TEXT.as_bytes(), NOW).unwrap()).unwrap();
    for files in [vec![path("InRelease")], vec![path("Release.gpg"), path("Release")]] {
        let keyring = path("key.gpg");
        let mut arguments = vec!["--ignore-time-conflict", "--keyring", &keyring];
        arguments.extend(files.iter().map(String::as_str));
        let Some((is_good, _, words)) = run("gpgv", &arguments) else { return };
        assert!(is_good && words.contains("Good signature"), "{words}");
    }
}

#[test]
fn rpm_imports_our_key() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db").to_string_lossy().into_owned();
    let key_file = folder.path().join("key.asc").to_string_lossy().into_owned();
    std::fs::write(&key_file, key().public_armoured().unwrap()).unwrap();
    let Some((is_good, _, words)) = run("rpmkeys", &["--dbpath", &database, "--import", &key_file]) else { return };
    assert!(is_good, "{words}");
}

#[test]
fn debian_archives_of_this_machine_verify_against_the_distribution_keyring() {
    let Ok(bytes) = std::fs::read("/usr/share/keyrings/debian-archive-keyring.gpg") else {
        eprintln!("skipped: no keyring of the Debian archive");
        return;
    };
    let keyring = Keyring::parse(&bytes).unwrap();
    for (path, in_release) in apt_lists("_InRelease") {
        let now = i64::from(u32::MAX / 2);
        let date = |text: &str| Release::parse(text).unwrap().dated_at.unwrap();
        let unsigned = String::from_utf8_lossy(&in_release).into_owned();
        let now = unsigned.find("\nOrigin:").map_or(now, |start| date(&unsigned[start + 1..]));
        let verified = keyring.verify_clearsigned(&in_release, now);
        let verified = verified.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let release = Release::parse(&verified.text).unwrap();
        assert!(release.files.len() > 10 && release.check_time(now).is_ok(), "{}", path.display());
    }
}
