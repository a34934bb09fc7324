//! A web server on a loopback port that serves files from memory or a folder and misbehaves on demand. See [`HttpServer`].

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct HttpServer {
    port: u16,
    state: Arc<Mutex<State>>,
}

/// How an answer goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// This status, without a useful body.
    Status(u16),
    /// The head and half of the body, then the connection closes.
    Truncate,
    /// The head and half of the body, then silence until the client gives up.
    Stall,
    /// As many bytes as the file has, but others.
    Garble,
    /// These bytes instead of the file's.
    Replace(Vec<u8>),
    /// A redirect to this address.
    Redirect(String),
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    folders: Vec<(String, PathBuf)>,
    trouble: HashMap<String, (Trouble, u32)>,
    requests: Vec<String>,
    stopped: bool,
}

impl State {
    fn read_below_folders(&self, path: &str) -> Option<Vec<u8>> {
        // A folder has no answers to questions, only files.
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let is_safe = path.split('/').all(|part| part != "..");
        let mut places = self.folders.iter().filter(|_| is_safe);
        places.find_map(|(prefix, folder)| std::fs::read(folder.join(path.strip_prefix(prefix.as_str())?)).ok())
    }
}

impl HttpServer {
    /// Starts a server without files on a free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || accept(&listener, &shared));
        Self { port, state }
    }

    /// Address of a path; `path` without a slash in front.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Serves a file, in place of the one that was there.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().files.insert(path.to_owned(), bytes.into());
    }

    /// Serves what lies below a folder whenever it is asked for, at paths below `path`; files of [`Self::put`] come first.
    pub fn put_folder(&self, path: &str, folder: &Path) {
        self.state.lock().unwrap().folders.push((format!("{path}/"), folder.to_owned()));
    }

    /// Serves exactly these files from now on.
    pub fn replace_all(&self, files: BTreeMap<String, Vec<u8>>) {
        self.state.lock().unwrap().files = files;
    }

    /// Serves a file no longer.
    pub fn remove(&self, path: &str) {
        self.state.lock().unwrap().files.remove(path);
    }

    /// Content of a file that is served.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn get(&self, path: &str) -> Vec<u8> {
        self.state.lock().unwrap().files.get(path).unwrap().clone()
    }

    /// Paths of the files that are served.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.state.lock().unwrap().files.keys().cloned().collect()
    }

    /// Lets the next `times` answers for a path go wrong.
    pub fn misbehave(&self, path: &str, trouble: Trouble, times: u32) {
        self.state.lock().unwrap().trouble.insert(path.to_owned(), (trouble, times));
    }

    /// How many requests there were since [`Self::take_requests`] was last called.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.state.lock().unwrap().requests.len()
    }

    /// What was asked since the last call, in order: `PATH STATUS`.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.state.lock().unwrap().stopped = true;
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn accept(listener: &TcpListener, state: &Arc<Mutex<State>>) {
    for connection in listener.incoming() {
        if state.lock().unwrap().stopped {
            return;
        }
        let Ok(connection) = connection else { continue };
        let state = Arc::clone(state);
        // A client that goes away in the middle is no failure of the test.
        std::thread::spawn(move || answer(connection, &state).ok());
    }
}

/// The request's path and `If-None-Match`.
fn read_request(connection: &TcpStream) -> std::io::Result<(String, Option<String>)> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    let mut known = None;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok((path, known));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("if-none-match")
        {
            known = Some(value.trim().to_owned());
        }
    }
}

fn answer(mut connection: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let (path, known) = read_request(&connection)?;
    let (trouble, file) = {
        let mut state = state.lock().unwrap();
        let trouble = state.trouble.get_mut(&path).filter(|(_, times)| *times > 0).map(|(trouble, times)| {
            *times -= 1;
            trouble.clone()
        });
        (trouble, state.files.get(&path).cloned().or_else(|| state.read_below_folders(&path)))
    };
    let etag = file.as_ref().map(|bytes| format!("\"{}\"", pkg::Sha256::of(bytes)));
    let status = match (&trouble, &file) {
        (Some(Trouble::Status(status)), _) => *status,
        (Some(Trouble::Redirect(_)), _) => 302,
        (_, None) => 404,
        (None, Some(_)) if known == etag => 304,
        _ => 200,
    };
    state.lock().unwrap().requests.push(format!("{path} {status}"));
    let mut body = if status == 200 { file.unwrap_or_default() } else { Vec::new() };
    match &trouble {
        Some(Trouble::Replace(bytes)) => body.clone_from(bytes),
        Some(Trouble::Garble) => body.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1)),
        _ => {}
    }
    let mut head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
    if status != 304 {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    // Readers of an index of packages want to know that a listing is one.
    if path.ends_with('/') || path.ends_with(".html") {
        head += "Content-Type: text/html\r\n";
    }
    if let Some(etag) = etag {
        head += &format!("ETag: {etag}\r\n");
    }
    if let Some(Trouble::Redirect(target)) = &trouble {
        head += &format!("Location: {target}\r\n");
    }
    connection.write_all((head + "\r\n").as_bytes())?;
    let half = body.get(..body.len() / 2).unwrap_or_default();
    match trouble {
        Some(Trouble::Truncate) => connection.write_all(half)?,
        Some(Trouble::Stall) => {
            connection.write_all(half)?;
            // Ends when the client closes.
            let _ = connection.read(&mut [0]);
        }
        _ => connection.write_all(&body)?,
    }
    connection.shutdown(Shutdown::Write)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(server: &HttpServer, path: &str) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        connection.write_all(format!("GET /{path} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn folders_are_served_as_they_are_and_files_put_come_first() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("below/file"), "one").unwrap();
        let server = HttpServer::start();
        server.put_folder("repo", &folder.path().join("below"));
        assert!(get(&server, "repo/file").ends_with("\r\n\r\none"));
        std::fs::write(folder.path().join("below/file"), "two").unwrap();
        assert!(get(&server, "repo/file").ends_with("\r\n\r\ntwo"));
        server.put("repo/file", "three");
        assert!(get(&server, "repo/file").ends_with("\r\n\r\nthree"));
        for path in ["repo/other", "repo/../below/file", "file"] {
            assert!(get(&server, path).starts_with("HTTP/1.1 404"), "{path}");
        }
    }
}
