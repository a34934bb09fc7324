//! Messages of the language server protocol in a stream: headers, an empty line, a body.
//!
//! Own, because the usual crate ends at the first message it does not understand; this one goes on.

use std::io::{self, BufRead, Read as _, Write};

/// Largest body that is read, in bytes.
const MAX_BODY_BYTES: u64 = 64 << 20;

/// Longest header line that is read, in bytes.
const MAX_HEADER_BYTES: u64 = 4 << 10;

/// What the stream had next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A body.
    Body(Vec<u8>),
    /// Something that is no message; the stream can be read on.
    Bad(&'static str),
    /// Nothing more will come.
    End,
}

/// Reads the next message.
///
/// # Errors
/// If the stream fails; nonsense in it is no error.
pub(super) fn read(mut stream: &mut dyn BufRead) -> io::Result<Frame> {
    let mut length = None;
    let mut seen_any = false;
    loop {
        let mut line = Vec::new();
        let count = (&mut stream).take(MAX_HEADER_BYTES).read_until(b'\n', &mut line)?;
        if count == 0 {
            return Ok(Frame::End);
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            if seen_any {
                break;
            }
            continue;
        }
        seen_any = true;
        if let Some((name, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':'))
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<u64>().ok();
        }
    }
    let Some(length) = length else { return Ok(Frame::Bad("a message without Content-Length")) };
    if length > MAX_BODY_BYTES {
        io::copy(&mut stream.take(length), &mut io::sink())?;
        return Ok(Frame::Bad("a message that is too large"));
    }
    let mut body = Vec::new();
    let count = stream.take(length).read_to_end(&mut body)?;
    let whole = u64::try_from(count).is_ok_and(|count| count == length);
    Ok(if whole { Frame::Body(body) } else { Frame::End })
}

/// Writes a message.
///
/// # Errors
/// If the stream fails.
pub(super) fn write(stream: &mut dyn Write, message: &serde_json::Value) -> io::Result<()> {
    let body = message.to_string();
    write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(mut bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Ok(frame) = read(&mut bytes) {
            if frame == Frame::End {
                break;
            }
            frames.push(frame);
        }
        frames
    }

    #[test]
    fn messages_are_read_as_they_were_written() {
        let mut bytes = Vec::new();
        write(&mut bytes, &serde_json::json!({"a": "ä"})).unwrap();
        bytes.extend_from_slice(b"content-length:2\nContent-Type: x\n\n{}");
        assert_eq!(frames(&bytes), [Frame::Body("{\"a\":\"ä\"}".into()), Frame::Body(b"{}".to_vec())]);
    }

    #[test]
    fn nonsense_between_messages_is_passed_over() {
        let bytes = b"garbage\r\n\r\nContent-Length: x\r\n\r\nContent-Length: 2\r\n\r\n{}Content-Length: 9999\r\n\r\n{";
        let bad = || Frame::Bad("a message without Content-Length");
        assert_eq!(frames(bytes), [bad(), bad(), Frame::Body(b"{}".to_vec())]);
        assert_eq!(frames(b"Content-Length: 99999999999999\r\n\r\n{}"), [Frame::Bad("a message that is too large")]);
        assert_eq!(frames(&[b'x'; 100_000]), []);
    }
}
