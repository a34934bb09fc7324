//! The names of files in addresses.

use model::{FailureCause, FileName};
use url::Url;

/// The file name at the end of an address, decoded.
pub(super) fn file_name(url: &Url) -> Result<FileName, FailureCause> {
    let invalid = |detail: &str| FailureCause::SourceInvalid { file: url.to_string(), detail: detail.to_owned() };
    let last = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    let name = decode(last).ok_or_else(|| invalid("the end of the address is no text"))?;
    FileName::parse(&name).map_err(|_| invalid("the address does not end with a file name"))
}

/// The address of a file beside another one.
pub(super) fn beside(url: &Url, name: &FileName) -> Url {
    let mut beside = url.clone();
    beside.set_query(None);
    beside.set_fragment(None);
    if let Ok(mut segments) = beside.path_segments_mut() {
        segments.pop().push(name.as_str());
    }
    beside
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_name_is_the_decoded_end_of_the_path() {
        assert_eq!(file_name(&url("http://example.org/p/a%2Bb_1~2.dsc?x=/y")).unwrap().as_str(), "a+b_1~2.dsc");
        for bad in ["http://example.org", "http://example.org/a/", "http://example.org/%2e%2e", "http://example.org/%ff"] {
            assert!(file_name(&url(bad)).is_err(), "{bad}");
        }
        assert!(file_name(&url("http://example.org/a%2Fb")).is_err());
    }

    #[test]
    fn a_neighbour_replaces_the_name_and_nothing_else() {
        let name = FileName::parse("a+b 1.tar.xz").unwrap();
        let found = beside(&url("http://user@example.org:81/pool/x.dsc?query#part"), &name);
        assert_eq!(found.as_str(), "http://user@example.org:81/pool/a+b%201.tar.xz");
    }
}
