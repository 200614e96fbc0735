//! What two processes say to each other: each message is its length in 32 bits, the highest first, and a JSON object;
//! open files may come with it.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use crate::server::sockets::Purpose;

/// How many open files come with one message.
pub(super) const FILES: usize = 64;

/// The longest message.
const MAX_BYTES: u32 = 4096;

/// A message.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub(super) enum Message {
    /// There are no more sockets.
    AllSockets,
    /// The directories are unlocked; audit records follow.
    LetGo,
    /// The new process has everything that it can have beside the old one.
    Ready,
    /// The old process does not hand over.
    Refused { reason: String },
    /// Sockets come with this.
    Sockets { purpose: Purpose },
    /// A new process asks for the sockets.
    TakeOver { version: u32 },
}

/// Sends a message with at most [`FILES`] open files.
pub(super) fn send(
    mut stream: &UnixStream,
    message: &Message,
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let json = serde_json::to_vec(message)?;
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
    let frame = [&length.to_be_bytes(), json.as_slice()].concat();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut attached = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !attached.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let sent =
        sendmsg(stream.as_fd(), &[IoSlice::new(&frame)], &mut attached, SendFlags::NOSIGNAL)?;
    // The files go with the first byte; the rest is only bytes.
    stream.write_all(frame.get(sent..).unwrap_or_default())
}

/// The next message, and the open files that come with it; they are closed on exec.
pub(super) fn receive(mut stream: &UnixStream) -> io::Result<(Message, Vec<OwnedFd>)> {
    let mut length = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut attached = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        stream.as_fd(),
        &mut [IoSliceMut::new(&mut length)],
        &mut attached,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut files = Vec::new();
    for attachment in attached.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = attachment {
            files.extend(more);
        }
    }
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    stream.read_exact(length.get_mut(received.bytes..).unwrap_or_default())?;
    let length = u32::from_be_bytes(length);
    if length > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long"));
    }
    let mut json = vec![0; usize::try_from(length).unwrap_or_default()];
    stream.read_exact(&mut json)?;
    Ok((serde_json::from_slice(&json)?, files))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn open_files_come_with_their_message() {
        let (here, there) = UnixStream::pair().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let sockets = Message::Sockets { purpose: Purpose::Https };
        send(&here, &sockets, &[socket.as_fd(); FILES]).unwrap();
        send(&here, &Message::AllSockets, &[]).unwrap();
        let (message, files) = receive(&there).unwrap();
        assert_eq!((message, files.len()), (sockets, FILES));
        for file in files {
            let passed = TcpListener::from(file);
            assert_eq!(passed.local_addr().unwrap(), socket.local_addr().unwrap());
        }
        let (message, files) = receive(&there).unwrap();
        assert_eq!((message, files.len()), (Message::AllSockets, 0));
        assert!(send(&here, &Message::Ready, &[socket.as_fd(); FILES + 40]).is_err());
        drop(here);
        assert_eq!(receive(&there).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_no_message_is_not_taken() {
        for (bytes, expected) in [
            (&[0, 0, 0x10, 1][..], "a message is too long"),
            (b"\0\0\0\x02{}", "missing field `message` at line 1 column 2"),
            (b"\0\0\0\x02{", "failed to fill whole buffer"),
        ] {
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(bytes).unwrap();
            drop(here);
            assert_eq!(receive(&there).unwrap_err().to_string(), expected);
        }
    }
}
