//! Reads what an archive signs.

use repo::debian::Release;
use repo::pgp::Keyring;

/// Reads an `InRelease`, if one of the keys has signed it; else says why not. `now` is in seconds since 1970.
pub(super) fn read_release(bytes: &[u8], keyring: &Keyring, now: i64) -> Result<Release, String> {
    let verified = keyring.verify_clearsigned(bytes, now).map_err(|error| error.to_string())?;
    Release::parse(&verified.text).map_err(|error| error.to_string())
}
