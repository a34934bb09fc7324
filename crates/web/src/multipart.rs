//! Reads `multipart/form-data` bodies as they arrive, in bounded memory whatever the client sends.
//!
//! Rules: RFC 7578 and RFC 2046 section 5.1.

use axum::body::{Body, Bytes};

use crate::address;
use crate::body::{BodyError, BodyReader};

/// Longest header of one part, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Most parts of one body.
const MAX_PARTS: usize = 256;

/// Why a form could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MultipartError {
    /// The content type names no boundary, or one that is not allowed.
    #[error("the content type names no usable boundary")]
    Boundary,
    /// The body ends in the middle of a part.
    #[error("the form ends in the middle of a part")]
    Truncated,
    /// The header of a part is too long or not readable.
    #[error("the header of a part is not readable")]
    Header,
    /// Too many parts.
    #[error("the form has more than {MAX_PARTS} parts")]
    TooManyParts,
    /// The body could not be read.
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// What the header of a part says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Name of the field.
    pub(crate) name: String,
    /// Name of the file, as the client sent it: not to be trusted.
    pub(crate) file_name: Option<String>,
}

/// A form that is being read.
pub(crate) struct Multipart {
    reader: BodyReader,
    delimiter: Vec<u8>,
    buffer: Vec<u8>,
    position: Position,
    parts: usize,
}

#[derive(PartialEq, Eq)]
enum Position {
    /// Before the first delimiter, or in the content of a part.
    Content,
    /// Right behind a delimiter.
    Delimiter,
    /// Behind the last delimiter.
    End,
}

impl Multipart {
    /// Begins to read a body with this content type.
    ///
    /// # Errors
    /// [`MultipartError::Boundary`].
    pub(crate) fn new(content_type: &str, body: Body, limit_bytes: u64) -> Result<Self, MultipartError> {
        let boundary = parameter(content_type, "boundary").ok_or(MultipartError::Boundary)?;
        if !(1..=70).contains(&boundary.len()) || !boundary.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(MultipartError::Boundary);
        }
        Ok(Self {
            reader: BodyReader::new(body, limit_bytes),
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // The first delimiter has no line before it.
            buffer: b"\r\n".to_vec(),
            position: Position::Content,
            parts: 0,
        })
    }

    /// Goes to the next part, skipping what is left of the current one; `None` at the end of the form.
    ///
    /// # Errors
    /// See [`MultipartError`].
    pub(crate) async fn next_part(&mut self) -> Result<Option<Part>, MultipartError> {
        while self.position == Position::Content {
            self.next_piece().await?;
        }
        if self.position == Position::End {
            return Ok(None);
        }
        while self.buffer.len() < 2 {
            self.fill().await?;
        }
        if self.buffer.starts_with(b"--") {
            self.position = Position::End;
            return Ok(None);
        }
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(MultipartError::TooManyParts);
        }
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            if self.buffer.len() > MAX_HEADER_BYTES {
                return Err(MultipartError::Header);
            }
            self.fill().await?;
        };
        let header: Vec<u8> = self.buffer.drain(..end + 4).collect();
        self.position = Position::Content;
        parse_header(&header)
    }

    /// The next piece of the current part; `None` at its end.
    ///
    /// # Errors
    /// See [`MultipartError`].
    pub(crate) async fn next_piece(&mut self) -> Result<Option<Bytes>, MultipartError> {
        loop {
            if self.position != Position::Content {
                return Ok(None);
            }
            if let Some(start) = find(&self.buffer, &self.delimiter) {
                let piece: Vec<u8> = self.buffer.drain(..start).collect();
                if !piece.is_empty() {
                    return Ok(Some(piece.into()));
                }
                self.buffer.drain(..self.delimiter.len());
                self.position = Position::Delimiter;
                return Ok(None);
            }
            let safe = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
            if safe > 0 {
                return Ok(Some(self.buffer.drain(..safe).collect::<Vec<u8>>().into()));
            }
            self.fill().await?;
        }
    }

    /// The whole content of the current part.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] if it is longer than `limit_bytes`; else see [`MultipartError`].
    pub(crate) async fn read_all(&mut self, limit_bytes: u64) -> Result<Vec<u8>, MultipartError> {
        let mut content = Vec::new();
        while let Some(piece) = self.next_piece().await? {
            content.extend_from_slice(&piece);
            if u64::try_from(content.len()).unwrap_or(u64::MAX) > limit_bytes {
                return Err(BodyError::TooLarge { limit_bytes }.into());
            }
        }
        Ok(content)
    }

    async fn fill(&mut self) -> Result<(), MultipartError> {
        let piece = self.reader.next().await?.ok_or(MultipartError::Truncated)?;
        self.buffer.extend_from_slice(&piece);
        Ok(())
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(offset) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        let start = from + offset;
        let tail = haystack.get(start..)?;
        if tail.len() < needle.len() {
            return None;
        }
        if tail.starts_with(needle) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

fn parse_header(header: &[u8]) -> Result<Option<Part>, MultipartError> {
    let text = String::from_utf8_lossy(header);
    for line in text.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.trim().eq_ignore_ascii_case("content-disposition") {
            let field = parameter(value, "name").ok_or(MultipartError::Header)?;
            let extended = parameter(value, "filename*").and_then(|text| {
                let (charset, rest) = text.split_once('\'')?;
                let (_, encoded) = rest.split_once('\'')?;
                charset.eq_ignore_ascii_case("utf-8").then(|| address::decode(encoded)).flatten()
            });
            let file_name = extended.or_else(|| parameter(value, "filename"));
            return Ok(Some(Part { name: field, file_name }));
        }
    }
    Err(MultipartError::Header)
}

/// The value of a `; name=value` or `; name="value"` parameter of a header.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim().trim_start_matches(';').trim();
        let (value, tail) = parameter_value(after.trim_start());
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = tail;
    }
}

fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, tail) = text.split_at(end);
        return (value.trim().to_owned(), tail);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (value, quoted.get(index + 1..).unwrap_or_default()),
            // Only a quote is escaped; a lone backslash is what old browsers send in paths.
            '\\' if quoted.get(index + 1..).is_some_and(|tail| tail.starts_with('"')) => {
                value.push('"');
                characters.next();
            }
            _ => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(content_type: &str, body: &str, piece_bytes: usize) -> Result<Vec<(Part, String)>, MultipartError> {
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            body.as_bytes().chunks(piece_bytes).map(|piece| Ok(piece.to_vec())).collect();
        let stream = futures_util::stream::iter(pieces);
        let mut form = Multipart::new(content_type, Body::from_stream(stream), 1 << 20)?;
        let mut parts = Vec::new();
        while let Some(part) = form.next_part().await? {
            parts.push((part, String::from_utf8(form.read_all(1 << 20).await?).unwrap()));
        }
        Ok(parts)
    }

    const FORM: &str = "--B\r\nContent-Disposition: form-data; name=\"metadata\"\r\nContent-Type: application/json\r\n\r\n\
        {\"project_id\": 1}\r\n--B\r\nContent-Disposition: form-data; name=\"srpm\"; filename=\"a b.dsc\"\r\n\
        Content-Type: appliction/x-rpm\r\n\r\nline\r\n--no\r\n--B\r\nContent-disposition: form-data; name=empty\r\n\r\n\r\n--B--\r\n";

    #[tokio::test]
    async fn a_form_reads_the_same_however_it_is_cut() {
        for piece_bytes in [1, 2, 3, 7, 64, 4096] {
            let parts = read("multipart/form-data; boundary=B", FORM, piece_bytes).await.unwrap();
            let shown: Vec<_> = parts
                .iter()
                .map(|(part, text)| (part.name.as_str(), part.file_name.as_deref(), text.as_str()))
                .collect();
            let expected = [
                ("metadata", None, "{\"project_id\": 1}"),
                ("srpm", Some("a b.dsc"), "line\r\n--no"),
                ("empty", None, ""),
            ];
            assert_eq!(shown, expected, "in pieces of {piece_bytes}");
        }
    }

    #[tokio::test]
    async fn broken_forms_are_errors() {
        let cases = [
            ("multipart/form-data", ""),
            ("multipart/form-data; boundary=", ""),
            ("multipart/form-data; boundary=B", ""),
            ("multipart/form-data; boundary=B", "--B\r\n"),
            ("multipart/form-data; boundary=B", "--B\r\nX: y\r\n\r\nz\r\n--B--"),
            ("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=x\r\n\r\nz"),
        ];
        for (content_type, body) in cases {
            assert!(read(content_type, body, 5).await.is_err(), "{content_type} {body:?}");
        }
        let endless = format!("--B\r\n{}", "A: b\r\n".repeat(20_000));
        assert!(matches!(read("multipart/x; boundary=B", &endless, 999).await, Err(MultipartError::Header)));
        let part = "--B\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n";
        let many = part.repeat(MAX_PARTS + 1) + "--B--";
        assert!(matches!(read("multipart/x; boundary=B", &many, 999).await, Err(MultipartError::TooManyParts)));
    }

    #[test]
    fn parameters_are_read_as_clients_write_them() {
        let header = "form-data; name=\"a;b\"; filename=\"q\\\"x.dsc\"; filename*=UTF-8''%C3%A4.dsc";
        assert_eq!(parameter(header, "name").as_deref(), Some("a;b"));
        assert_eq!(parameter(header, "filename").as_deref(), Some("q\"x.dsc"));
        assert_eq!(parameter(header, "nothing"), None);
        let part = parse_header(format!("Content-Disposition: {header}\r\n").as_bytes()).unwrap().unwrap();
        assert_eq!(part.file_name.as_deref(), Some("ä.dsc"));
    }

    /// Pieces of which forms, good and bad ones, are made.
    const FRAGMENTS: [&str; 12] = [
        "--B",
        "\r\n",
        "--B--",
        "--",
        "B",
        "Content-Disposition: form-data; name=\"x\"",
        "; filename=\"",
        "\"",
        "\r\n\r\n",
        "text",
        "\r\n--B\r\nContent-Disposition: form-data; name=y\r\n\r\n",
        "\r",
    ];

    proptest::proptest! {
        #[test]
        fn no_body_is_read_differently_in_other_pieces(
            choice in proptest::collection::vec(0..FRAGMENTS.len(), 0..24),
            piece_bytes in 1..9_usize,
        ) {
            let body: String = choice.into_iter().map(|index| FRAGMENTS[index]).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let (cut, whole) = runtime.block_on(async {
                (read("a/b; boundary=B", &body, piece_bytes).await, read("a/b; boundary=B", &body, 1 << 20).await)
            });
            proptest::prop_assert_eq!(cut.map_err(|error| error.to_string()), whole.map_err(|error| error.to_string()));
        }
    }
}
