//! The cleartext signature framework (RFC 9580, section 7).

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// A clearsigned message in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// What was signed: without dash escapes and trailing blanks, lines joined by CR LF, without the last line's end.
    pub(super) signed: String,
    /// The armoured signatures.
    pub(super) signature: &'a str,
}

/// Takes a message apart; `None` if it is not exactly one clearsigned message.
///
/// Nothing but white space may stand around it, so that nobody can take unsigned text for signed.
pub(super) fn split(message: &str) -> Option<Parts<'_>> {
    let behind = message.trim_start().strip_prefix(BEGIN)?;
    let (first, mut rest) = behind.split_once('\n')?;
    first.trim().is_empty().then_some(())?;
    // Armour headers.
    loop {
        let (line, behind) = rest.split_once('\n')?;
        rest = behind;
        if line.trim().is_empty() {
            break;
        }
        line.starts_with("Hash:").then_some(())?;
    }
    let mut signed = String::with_capacity(rest.len() + rest.len() / 32);
    let mut start = 0;
    for line in rest.split_inclusive('\n') {
        if line.starts_with(SIGNATURE) {
            let signature = rest.get(start..)?.trim_end();
            signature.ends_with(END).then_some(())?;
            (signature.matches("-----BEGIN").count() == 1).then_some(())?;
            return Some(Parts { signed, signature });
        }
        if start > 0 {
            signed.push_str("\r\n");
        }
        start += line.len();
        let line = line.trim_end_matches(['\n', '\r', ' ', '\t']);
        match line.strip_prefix("- ") {
            Some(escaped) => signed.push_str(escaped),
            // A dash that is not escaped can only be armour in the wrong place.
            None if line.starts_with('-') => return None,
            None => signed.push_str(line),
        }
    }
    None
}

/// Text ready to be signed: its last line end removed, for that is not part of what is signed.
pub(super) fn body(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

/// Puts a message together: `text` as [`body`] gave it, and an armoured signature over it.
pub(super) fn join(text: &str, hash: &str, signature: &str) -> String {
    let mut message = format!("{BEGIN}\nHash: {hash}\n\n");
    for line in text.split('\n') {
        if line.starts_with('-') {
            message.push_str("- ");
        }
        message.push_str(line);
        message.push('\n');
    }
    message.push_str(signature);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armour() -> String {
        format!("{SIGNATURE}\n\nabc\n{END}\n")
    }

    #[test]
    fn a_joined_message_splits_into_the_same_text() {
        for text in ["A: 1\nB: 2", "- dash\n-x\n", "", "a\n\nb"] {
            let message = join(text, "SHA512", &armour());
            assert_eq!(split(&message).unwrap().signed, text.replace('\n', "\r\n"), "{text:?}");
        }
    }

    #[test]
    fn nothing_unsigned_may_stand_around_the_message() {
        let good = join("A: 1", "SHA512", &armour());
        assert!(split(&good).is_some());
        assert!(split(&format!("\n{good}\n\n")).is_some());
        for bad in [
            format!("X: y\n{good}"),
            format!("{good}X: y\n"),
            format!("{good}{good}"),
            good.replace("A: 1", "A: 1\n-----BEGIN PGP SIGNED MESSAGE-----"),
            good.replace("Hash: SHA512", "Other: x"),
            good.replace(END, ""),
            good.replace(SIGNATURE, ""),
            "A: 1\n".to_owned(),
        ] {
            assert!(split(&bad).is_none(), "{bad}");
        }
    }
}
