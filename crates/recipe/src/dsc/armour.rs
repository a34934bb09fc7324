//! The armour of a clearsigned text (RFC 9580, section 7): found and taken off, not checked.

/// A text, with or without armour around it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stripped<'a> {
    /// What was signed. Dash escapes stay: no line of a control file starts with a dash.
    pub(super) text: &'a str,
    /// Where it starts in the file.
    pub(super) start: usize,
    pub(super) is_signed: bool,
    /// There is a beginning of a signed text without the end it needs.
    pub(super) is_cut_off: bool,
}

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "\n-----BEGIN PGP SIGNATURE-----";
const END: &str = "\n-----END PGP SIGNATURE-----";

/// Takes the armour off. Only a text whose first line that is not blank begins the armour counts as signed, so nothing
/// unsigned can stand before what is read.
pub(super) fn strip(file: &str) -> Stripped<'_> {
    let plain = Stripped { text: file, start: 0, is_signed: false, is_cut_off: false };
    let lead = file.len() - file.trim_start().len();
    let Some(behind) = file.get(lead..).and_then(|rest| rest.strip_prefix(BEGIN)) else { return plain };
    // Armour headers (`Hash:`) end at the first blank line.
    let mut start = lead + BEGIN.len();
    for (number, line) in behind.split_inclusive('\n').enumerate() {
        start += line.len();
        if number > 0 && line.trim().is_empty() {
            break;
        }
    }
    let body = file.get(start..).unwrap_or_default();
    let Some(end) = body.find(SIGNATURE) else {
        return Stripped { text: body, start, is_signed: false, is_cut_off: true };
    };
    let (text, signature) = body.split_at(end + 1);
    Stripped { text, start, is_signed: true, is_cut_off: !signature.contains(END) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsigned_text_stays_as_it_is() {
        let stripped = strip("A: 1\n-----BEGIN PGP SIGNED MESSAGE-----\n\nB: 2\n");
        assert!(!stripped.is_signed && stripped.start == 0);
    }

    #[test]
    fn the_signed_text_lies_between_headers_and_signature() {
        let file = format!("\n{BEGIN}\r\nHash: SHA256\r\n\r\nA: 1\r\n{}\n\nabc\n{}\n", &SIGNATURE[1..], &END[1..]);
        let stripped = strip(&file);
        assert_eq!(stripped.text, "A: 1\r\n");
        assert_eq!(&file[stripped.start..stripped.start + 4], "A: 1");
        assert!(stripped.is_signed && !stripped.is_cut_off);
    }

    #[test]
    fn a_cut_off_signature_is_told() {
        let file = format!("{BEGIN}\n\nA: 1\n");
        let stripped = strip(&file);
        assert_eq!((stripped.text, stripped.is_cut_off, stripped.is_signed), ("A: 1\n", true, false));
        assert!(strip(&format!("{BEGIN}\n\nA: 1{SIGNATURE}\n")).is_cut_off);
    }
}
