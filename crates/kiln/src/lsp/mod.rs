//! The language server for build configurations: `kiln config lsp`.
//!
//! [`server`] is the whole of it as a function from messages to messages; here are only the streams.

mod analysis;
mod complete;
mod document;
mod framing;
mod hover;
mod server;

use std::io::Write as _;
use std::path::PathBuf;

use self::framing::Frame;
use self::server::Server;
use crate::failure::{Answer, Failure};

/// Speaks the language server protocol on the standard streams until the editor ends it.
///
/// # Errors
/// If a stream fails.
pub(crate) fn run() -> Result<Answer, Failure> {
    let mut input = std::io::stdin().lock();
    let mut output = std::io::stdout().lock();
    let mut server = Server::new(read_beside);
    loop {
        let step = match framing::read(&mut input)? {
            Frame::End => return Ok(Answer::Yes),
            Frame::Bad(what) => server.refuse(what),
            Frame::Body(body) => server.handle(&body),
        };
        for message in &step.messages {
            framing::write(&mut output, message)?;
        }
        output.flush()?;
        if let Some(answer) = step.exit {
            return Ok(answer);
        }
    }
}

/// A file in the folder of a document; none if the document is no file.
fn read_beside(uri: &str, name: &str) -> Option<Vec<u8>> {
    let path = uri.strip_prefix("file://")?;
    let path = PathBuf::from(analysis::decoded(path.get(path.find('/')?..)?));
    fs_err::read(path.with_file_name(name)).ok()
}
