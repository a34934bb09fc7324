//! What only a server process of its own shows: its memory, and its folder, when clients send much or stop in the middle.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::kit::{Server, offer_targets};

/// Bytes of the upload.
const UPLOAD: u64 = 300 << 20;

/// Most the server may need more than before, in kilobytes: a tenth of it.
const MOST_KILOBYTES: u64 = 30 << 10;

fn server_with_project(folder: &std::path::Path) -> Server {
    let server = Server::start(folder, &["--workers=0"]);
    offer_targets(folder);
    server.json(&["project", "create", "home:admin:p", "--target", "debian-12-x86_64"]);
    server
}

#[test]
fn memory_does_not_grow_with_an_upload() {
    let folder = tempfile::tempdir().unwrap();
    let server = server_with_project(folder.path());
    let before = server.peak_kilobytes();
    let path = folder.path().join("large-1-1.src.rpm");
    std::fs::File::create(&path).unwrap().set_len(UPLOAD).unwrap();
    let build = server.json(&["submit", "home:admin:p", path.to_str().unwrap()])["build"].as_i64().unwrap();
    // Nothing that could be a source package; it is looked at, and its build fails.
    server.wait_for(build, "failed");
    let grown = server.peak_kilobytes() - before;
    println!("an upload of {} MB: {before} kB before, {grown} kB more at most", UPLOAD >> 20);
    assert!(grown < MOST_KILOBYTES, "{grown} kB more after an upload of {UPLOAD} bytes");
}

#[test]
fn half_an_upload_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = server_with_project(folder.path());
    let waiting = folder.path().join("data/blobs/tmp");
    let files = || std::fs::read_dir(&waiting).unwrap().count();
    let address = server.url.trim_start_matches("http://").to_owned();
    let authorization = format!("Basic {}", base64(&server.credentials()));
    let mut sockets = Vec::new();
    for number in 0..5 {
        let mut socket = TcpStream::connect(&address).unwrap();
        let head = format!(
            "PUT /source/home:admin:p/pkg{number}/file HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\
             Content-Length: 104857600\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        // The server may refuse at once, for there is no such package; then it reads no more.
        let _ = socket.write_all(&vec![b'x'; 4 << 20]);
        sockets.push(socket);
    }
    drop(sockets);
    let begun = Instant::now();
    while files() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} half files stay", files());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_crowd_of_clients_that_guess_is_slowed_down_and_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let server = server_with_project(folder.path());
    let address = server.url.trim_start_matches("http://").to_owned();
    let ask = move |number: usize| {
        let mut socket = TcpStream::connect(&address).unwrap();
        // Each a name of its own, so that each costs a password's work.
        let name = base64(&format!("guess{number}:wrong"));
        let head = format!(
            "GET /api/kiln/v1/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic {name}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = socket.read_to_string(&mut answer);
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let before = server.peak_kilobytes();
    let ask = &ask;
    let answers: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..100).map(|number| scope.spawn(move || ask(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|status| status == "401" || status == "503"), "{answers:?}");
    assert!(answers.iter().any(|status| status == "401"), "{answers:?}");
    assert!(server.peak_kilobytes() - before < 100 << 10, "two passwords at once, each with 19 MiB");
    assert_eq!(server.json(&["user", "show"])["user"], "admin");
}

/// A text in base64.
fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |some: &[u8]| {
        let three = [0, 1, 2].map(|place| usize::from(some.get(place).copied().unwrap_or(0)));
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | byte);
        let letters = [18, 12, 6, 0].map(|shift| char::from(LETTERS[bits >> shift & 63]));
        let (used, rest) = (some.len() + 1, 3 - some.len());
        letters.into_iter().take(used).chain(std::iter::repeat_n('=', rest)).collect::<String>()
    };
    text.as_bytes().chunks(3).map(encode).collect()
}
