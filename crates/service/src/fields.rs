//! Numbers, texts and digests in the files this crate keeps for itself.

use pkg::Sha256;

pub(crate) fn push_number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&(number as u64).to_le_bytes());
}

/// Appends bytes behind their length.
pub(crate) fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_number(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Takes a number from the front; `None` if the bytes end too early, as of all the others.
pub(crate) fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let (number, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u64::from_le_bytes(*number))
}

pub(crate) fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(rest)?).ok()?;
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(bytes)
}

pub(crate) fn take_text(rest: &mut &[u8]) -> Option<String> {
    Some(str::from_utf8(take_bytes(rest)?).ok()?.to_owned())
}

pub(crate) fn take_sha256(rest: &mut &[u8]) -> Option<Sha256> {
    let (digest, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(Sha256::from_bytes(*digest))
}
