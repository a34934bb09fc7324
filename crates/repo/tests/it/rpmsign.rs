//! Signed packages: what rpm and dnf say of our signatures, what we say of theirs, and what is refused.

use std::io::Cursor;
use std::path::Path;

use pkg::Sha256;
use pkgfile::rpm::{HeaderWriter, RpmError, RpmLimits, RpmReader, SignatureKind, Tag};
use repo::pgp::{Keyring, SigningKey, VerifyError};
use repo::rpmsign::{SignPackageError, SignedPackage, VerifyPackageError, sign_package, verify_package};

use crate::pgp::{NOW, key};
use crate::tools::run;

/// The main header of a small package, and its payload.
fn main_header(has_payload_digest: bool, extra: impl FnOnce(&mut HeaderWriter)) -> (Vec<u8>, Vec<u8>) {
    let payload = vec![7; 100_000];
    let mut header = HeaderWriter::main_header();
    for (tag, text) in [
        (Tag::NAME, "kiln-small"),
        (Tag::VERSION, "1"),
        (Tag::RELEASE, "2"),
        (Tag::OS, "linux"),
        (Tag::ARCH, "noarch"),
        (Tag::SOURCE_RPM, "kiln-small-1-2.src.rpm"),
        (Tag::PAYLOAD_FORMAT, "cpio"),
        (Tag::PAYLOAD_COMPRESSOR, "gzip"),
    ] {
        header.text(tag, text);
    }
    if has_payload_digest {
        header.texts(Tag::PAYLOAD_DIGEST, &[&Sha256::of(&payload).to_string()]);
        header.numbers(Tag::PAYLOAD_DIGEST_ALGO, &[8]);
    }
    extra(&mut header);
    (header.finish().unwrap(), payload)
}

/// A package as rpmbuild leaves it: digests, and space for a signature.
fn package((header, payload): (Vec<u8>, Vec<u8>), extra: impl FnOnce(&mut HeaderWriter)) -> Vec<u8> {
    let mut lead = vec![0_u8; 96];
    lead[..8].copy_from_slice(&[0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0]);
    lead[9] = 1;
    lead[10..20].copy_from_slice(b"kiln-small");
    lead[77] = 1;
    lead[79] = 5;
    let whole = [header.as_slice(), &payload].concat();
    let mut signature = HeaderWriter::signature_header();
    signature.text(Tag::SIG_SHA256, &Sha256::of(&header).to_string());
    signature.numbers(Tag::SIG_SIZE, &[u32::try_from(whole.len()).unwrap()]);
    signature.binary(Tag::SIG_MD5, pkg::Md5::of(&whole).as_bytes());
    signature.binary(Tag::SIG_RESERVED_SPACE, &[0; 4128]);
    extra(&mut signature);
    let mut bytes = [lead, signature.finish().unwrap()].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    [bytes, whole].concat()
}

fn small() -> Vec<u8> {
    package(main_header(true, |_| {}), |_| {})
}

fn sign(package: &[u8], key: &SigningKey) -> Result<(Vec<u8>, SignedPackage), SignPackageError> {
    let mut signed = Vec::new();
    let result = sign_package(&mut Cursor::new(package), &mut signed, key, NOW, RpmLimits::default())?;
    assert_eq!((Sha256::of(&signed), signed.len() as u64), (result.sha256, result.bytes));
    Ok((signed, result))
}

fn verify(package: &[u8], keyring: &Keyring) -> Result<(SignatureKind, String), VerifyPackageError> {
    let verified = verify_package(&mut Cursor::new(package), keyring, NOW, RpmLimits::default())?;
    assert_eq!(verified.signed_at, NOW);
    Ok((verified.kind, verified.fingerprint))
}

fn keyring(key: &SigningKey) -> Keyring {
    Keyring::parse(&key.public_binary().unwrap()).unwrap()
}

fn other_key() -> SigningKey {
    SigningKey::generate("other", [8; 32], NOW - 1000).unwrap()
}

#[test]
fn what_is_signed_verifies_and_keeps_its_place_and_digests() {
    let unsigned = small();
    let (signed, result) = sign(&unsigned, &key()).unwrap();
    assert_eq!(verify(&signed, &keyring(&key())).unwrap(), (SignatureKind::Header, key().fingerprint()));
    assert_eq!(signed.len(), unsigned.len());
    let before = RpmReader::open(unsigned.as_slice(), RpmLimits::default()).unwrap().into_package();
    assert_eq!(result.package.header_range(), before.header_range());
    let start = usize::try_from(before.header_range().0).unwrap();
    assert_eq!((&signed[start..], &signed[..96]), (&unsigned[start..], &unsigned[..96]));
    assert_eq!(result.package.identity(), before.identity());
    assert_eq!(result.package.header_check(), before.header_check());
    assert!(matches!(verify(&unsigned, &keyring(&key())), Err(VerifyPackageError::Unsigned { .. })));
}

#[test]
fn the_same_package_key_and_time_give_the_same_bytes_whoever_signed_before() {
    let (first, _) = sign(&small(), &key()).unwrap();
    assert_eq!(sign(&small(), &key()).unwrap().0, first);
    let (others, _) = sign(&small(), &other_key()).unwrap();
    assert_ne!(others, first);
    assert_eq!(sign(&others, &key()).unwrap().0, first);
    let error = verify(&first, &keyring(&other_key())).unwrap_err();
    assert!(
        matches!(&error, VerifyPackageError::Signature { source: VerifyError::UnknownKey { issuers }, .. } if *issuers == key().fingerprint()),
        "{error:?}"
    );
}

#[test]
fn signatures_of_others_and_unknown_entries_do_not_stay() {
    let bytes = package(main_header(true, |_| {}), |signature| {
        for tag in [Tag::SIG_RSA, Tag::SIG_PGP, Tag::SIG_GPG, Tag::SIG_OPENPGP, Tag(266), Tag(4711)] {
            signature.binary(tag, b"whatever");
        }
        signature.binary(Tag::SIG_FILE_SIGNATURES, b"kept");
    });
    let (_, result) = sign(&bytes, &key()).unwrap();
    let tags: Vec<u32> = result.package.signature_header().tags().map(|tag| tag.0).collect();
    assert_eq!(tags, [62, 267, 273, 274, 1000, 1004, 1008]);
}

#[test]
fn a_package_without_room_gets_a_longer_header_and_one_with_too_much_a_short_one() {
    let bare = package(main_header(true, |_| {}), |signature| signature.binary(Tag::SIG_RESERVED_SPACE, &[0]));
    let (signed, result) = sign(&bare, &key()).unwrap();
    assert!(signed.len() > bare.len() && !result.package.signature_header().has(Tag::SIG_RESERVED_SPACE));
    assert!(verify(&signed, &keyring(&key())).is_ok());
    let wasteful = package(main_header(true, |_| {}), |signature| {
        signature.binary(Tag::SIG_RESERVED_SPACE, &[0; 1 << 20]);
    });
    let (signed, _) = sign(&wasteful, &key()).unwrap();
    assert!(signed.len() < small().len(), "{} bytes", signed.len());
    assert!(verify(&signed, &keyring(&key())).is_ok());
}

#[test]
fn a_package_without_payload_digest_is_signed_as_a_whole() {
    let (signed, result) = sign(&package(main_header(false, |_| {}), |_| {}), &key()).unwrap();
    assert_eq!(result.package.signatures(), [SignatureKind::Header, SignatureKind::HeaderAndPayload]);
    assert_eq!(verify(&signed, &keyring(&key())).unwrap().0, SignatureKind::HeaderAndPayload);
    let mut changed = signed;
    *changed.last_mut().unwrap() ^= 1;
    let error = verify(&changed, &keyring(&key())).unwrap_err();
    assert!(matches!(error, VerifyPackageError::Signature { source: VerifyError::Bad { .. }, .. }), "{error:?}");
}

#[test]
fn a_signature_that_does_not_reach_the_payload_is_not_enough() {
    let (header, payload) = main_header(false, |_| {});
    let signature = key().detached_packet(&header, NOW).unwrap();
    let bytes = package((header, payload), |entries| entries.binary(Tag::SIG_DSA, &signature));
    assert!(matches!(verify(&bytes, &keyring(&key())), Err(VerifyPackageError::PayloadNotCovered { .. })));
}

#[test]
fn damage_is_neither_signed_nor_verified() {
    let (signed, result) = sign(&small(), &key()).unwrap();
    let (start, end) = result.package.header_range();
    let keyring = keyring(&key());
    // A byte of the header's store, and one of the payload.
    for place in [usize::try_from(end).unwrap() - 40, signed.len() - 1] {
        let mut damaged = signed.clone();
        damaged[place] ^= 1;
        assert!(matches!(verify(&damaged, &keyring), Err(VerifyPackageError::Package(_))), "at {place}");
        assert!(matches!(sign(&damaged, &key()), Err(SignPackageError::Package(_))), "at {place}");
    }
    // One of the signature header: whatever it was, nothing else verifies.
    for place in (96..usize::try_from(start).unwrap()).step_by(7) {
        let mut damaged = signed.clone();
        damaged[place] ^= 0x41;
        if let Ok((_, fingerprint)) = verify(&damaged, &keyring) {
            assert_eq!(fingerprint, key().fingerprint(), "at {place}");
        }
    }
    for length in [0, 50, 96, 5000, signed.len() - 1] {
        assert!(verify(&signed[..length], &keyring).is_err() && sign(&signed[..length], &key()).is_err());
    }
}

#[test]
fn packages_of_a_later_format_and_writers_that_fail_are_errors() {
    let later = package(main_header(true, |header| header.numbers(Tag::RPM_FORMAT, &[6])), |_| {});
    assert!(matches!(sign(&later, &key()), Err(SignPackageError::Format { format: 6 })));
    let mut full = [0_u8; 1000];
    let result = sign_package(&mut Cursor::new(small()), &mut full.as_mut_slice(), &key(), NOW, RpmLimits::default());
    assert!(matches!(result, Err(SignPackageError::Package(RpmError::Write(_)))));
}

/// A database of rpm with a key in it; its folder and option. `None` without rpm.
fn rpm_database(folder: &Path, key: &SigningKey) -> Option<String> {
    let file = folder.join(format!("{}.asc", key.fingerprint()));
    std::fs::write(&file, key.public_armoured().unwrap()).unwrap();
    let database = folder.join(key.fingerprint()).to_string_lossy().into_owned();
    let file = file.to_string_lossy().into_owned();
    let (is_good, _, words) = run("rpmkeys", &["--dbpath", &database, "--import", &file])?;
    assert!(is_good, "{words}");
    Some(database)
}

/// An RSA key, as gpg makes them; `None`, with a word about it, without gpg.
pub(crate) fn rsa_key(folder: &Path) -> Option<SigningKey> {
    let home = folder.join("gnupg").to_string_lossy().into_owned();
    let script = format!(
        "mkdir -m 700 {home} && cd {home} && export GNUPGHOME=. && gpg --batch --quiet --faked-system-time 20260601T000000 \
         --passphrase '' --quick-generate-key 'RSA <rsa@example.org>' rsa2048 sign never && gpg --batch --export-secret-keys -a \
         && gpgconf --kill gpg-agent"
    );
    let (is_good, secret, words) = run("sh", &["-c", &script])?;
    if !is_good {
        eprintln!("skipped: gpg makes no key: {words}");
        return None;
    }
    Some(SigningKey::from_armoured(&secret).unwrap())
}

#[test]
fn rpm_verifies_our_signatures_of_both_kinds_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let keys = [Some(key()), rsa_key(folder.path())];
    for key in keys.into_iter().flatten() {
        let Some(database) = rpm_database(folder.path(), &key) else { return };
        for (name, unsigned) in [("new", small()), ("old", package(main_header(false, |_| {}), |_| {}))] {
            let (signed, _) = sign(&unsigned, &key).unwrap();
            assert!(verify(&signed, &keyring(&key)).is_ok());
            let path = folder.path().join("signed.rpm");
            std::fs::write(&path, &signed).unwrap();
            let check = || {
                let path = path.to_string_lossy();
                run("rpmkeys", &["--dbpath", &database, "--define", "_pkgverify_level all", "-Kv", &path]).unwrap()
            };
            let (is_good, out, words) = check();
            let kinds: Vec<&str> = out.lines().filter(|line| line.contains("ignature")).collect();
            let expected = if name == "new" { 1 } else { 2 };
            assert!(
                is_good && kinds.len() == expected && kinds.iter().all(|line| line.contains(": OK")),
                "{out}{words}"
            );
            assert_eq!(out.contains("RSA"), key.is_rsa(), "{out}");
            let mut damaged = signed;
            *damaged.last_mut().unwrap() ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert!(!check().0, "{name}");
        }
    }
}
