//! Messages on the socket between engine and helper: JSON in packets, long ones in pieces, descriptors beside.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of content in one packet; well below every kernel's bound.
const PIECE_BYTES: usize = 32 << 10;
/// Bytes of one message; a root of ten thousand packages stays below.
const MESSAGE_BYTES: usize = 64 << 20;

/// First byte of a packet: more follow.
const MORE: u8 = b'+';
/// First byte of a packet: the message is whole.
const LAST: u8 = b'.';

/// Sends a message, with a descriptor beside its last packet if given.
pub(super) fn send<T: Serialize>(socket: BorrowedFd<'_>, message: &T, fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let mut pieces = bytes.chunks(PIECE_BYTES).peekable();
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        send_packet(socket, if last { LAST } else { MORE }, piece, fd.filter(|_| last))?;
    }
    Ok(())
}

fn send_packet(socket: BorrowedFd<'_>, tag: u8, piece: &[u8], fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
    if !fds.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&fds));
    }
    let tag = [tag];
    let slices = [IoSlice::new(&tag), IoSlice::new(piece)];
    rustix::io::retry_on_intr(|| sendmsg(socket, &slices, &mut control, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Waits for the next message; `None` when the other side is gone.
pub(super) fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<Option<(T, Option<OwnedFd>)>> {
    let mut bytes = Vec::new();
    let mut packet = vec![0; PIECE_BYTES + 1];
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut packet)];
        let received =
            rustix::io::retry_on_intr(|| recvmsg(socket, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC));
        let count = match received {
            Ok(message) => message.bytes,
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let fd = first_descriptor(&mut control);
        let Some((tag, piece)) = packet.get(..count).and_then(<[u8]>::split_first) else { return Ok(None) };
        bytes.extend_from_slice(piece);
        if bytes.len() > MESSAGE_BYTES {
            return Err(io::Error::other("a message of the sandbox helper is too long"));
        }
        if *tag == LAST {
            return Ok(Some((serde_json::from_slice(&bytes)?, fd)));
        }
    }
}

fn first_descriptor(control: &mut RecvAncillaryBuffer<'_>) -> Option<OwnedFd> {
    let mut first = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            for fd in fds {
                first.get_or_insert(fd);
            }
        }
    }
    first
}

/// A pair of connected packet sockets, closed on exec.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Whether something can be read, or the other side is gone, before the time is over.
pub(super) fn readable(fd: impl AsFd, timeout: std::time::Duration) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)];
    let timeout = rustix::event::Timespec::try_from(timeout).map_err(io::Error::other)?;
    match poll(&mut fds, Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_arrives_whole_with_its_descriptor() {
        let (left, right) = pair().unwrap();
        let text = "x".repeat(3 * PIECE_BYTES + 7);
        let sender = std::thread::spawn({
            let text = text.clone();
            move || send(left.as_fd(), &text, Some(std::io::stdin().as_fd())).unwrap()
        });
        let (heard, fd) = receive::<String>(right.as_fd()).unwrap().unwrap();
        sender.join().unwrap();
        assert_eq!(heard, text);
        assert!(fd.is_some());
        assert!(receive::<String>(right.as_fd()).unwrap().is_none(), "the sender is gone");
    }
}
