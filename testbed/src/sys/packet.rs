//! SOCK_SEQPACKET pairs: reliable, ordered, with message boundaries, and with an end that is noticed. They carry postcard
//! messages between the testbed, its hosts and their processes, and descriptors with them where needed.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    socketpair, sockopt,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The longest message.
pub const MESSAGE_MAX: usize = 128 * 1024;
/// The most descriptors that go with one message.
pub const FDS_MAX: usize = 8;
const BUFFER_LEN: usize = 1 << 20;

/// One end of a pair. Close-on-exec.
#[derive(Debug)]
pub struct Packets(OwnedFd);

/// What a read found.
#[derive(Debug)]
pub enum Received<T> {
    /// A message and the descriptors that came with it.
    Message(T, Vec<OwnedFd>),
    /// Nothing yet.
    Nothing,
    /// The other end is closed and everything has been read.
    End,
}

impl Packets {
    /// A new pair.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        for end in [&a, &b] {
            // The kernel's limit may be lower: then it gives what it allows.
            nix::sys::socket::setsockopt(end, sockopt::SndBuf, &BUFFER_LEN)?;
        }
        Ok((Self(a), Self(b)))
    }

    /// An end that was inherited or received.
    pub const fn from_owned(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Sends a message and copies of `fds`, waiting for room.
    ///
    /// # Errors
    /// `EPIPE`: the other end is closed. `InvalidData`: the message is too long.
    pub fn send<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_bytes(&encode(message)?, fds, MsgFlags::empty())
    }

    /// Sends an encoded message if there is room for it: `WouldBlock` otherwise.
    ///
    /// # Errors
    /// `EPIPE`: the other end is closed.
    pub fn try_send_encoded(&self, bytes: &[u8]) -> io::Result<()> {
        self.send_bytes(bytes, &[], MsgFlags::MSG_DONTWAIT)
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// `InvalidData`: not a message of this type.
    pub fn receive<T: DeserializeOwned>(&self) -> io::Result<Received<T>> {
        self.receive_with(MsgFlags::empty())
    }

    /// The next message, if it is there.
    ///
    /// # Errors
    /// `InvalidData`: not a message of this type.
    pub fn try_receive<T: DeserializeOwned>(&self) -> io::Result<Received<T>> {
        self.receive_with(MsgFlags::MSG_DONTWAIT)
    }

    fn send_bytes(&self, bytes: &[u8], fds: &[BorrowedFd<'_>], flags: MsgFlags) -> io::Result<()> {
        let numbers: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&numbers)];
        let control = if fds.is_empty() { &[][..] } else { &rights[..] };
        loop {
            let flags = flags | MsgFlags::MSG_NOSIGNAL;
            match sendmsg::<()>(self.0.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None) {
                Err(Errno::EINTR) => {}
                other => return other.map(|_| ()).map_err(Into::into),
            }
        }
    }

    fn receive_with<T: DeserializeOwned>(&self, flags: MsgFlags) -> io::Result<Received<T>> {
        BUFFER.with_borrow_mut(|bytes| {
            bytes.resize(MESSAGE_MAX, 0);
            let Some((len, fds)) = self.receive_into(bytes, flags)? else { return Ok(Received::Nothing) };
            if len == 0 {
                return Ok(Received::End);
            }
            let message = postcard::from_bytes(&bytes[..len]).map_err(io::Error::other)?;
            Ok(Received::Message(message, fds))
        })
    }

    /// The length of the next message and its descriptors; a length of 0 is the end.
    fn receive_into(&self, bytes: &mut [u8], flags: MsgFlags) -> io::Result<Option<(usize, Vec<OwnedFd>)>> {
        let mut space = cmsg_space!([RawFd; FDS_MAX]);
        let flags = flags | MsgFlags::MSG_CMSG_CLOEXEC;
        loop {
            let mut parts = [IoSliceMut::new(bytes)];
            match recvmsg::<()>(self.0.as_raw_fd(), &mut parts, Some(&mut space), flags) {
                Ok(message) => return Ok(Some((message.bytes, received_fds(message.cmsgs()?)))),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::ECONNRESET) => return Ok(Some((0, Vec::new()))),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

thread_local! {
    /// Where messages are received before they are decoded.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Packets> for OwnedFd {
    fn from(packets: Packets) -> Self {
        packets.0
    }
}

/// A message's bytes.
///
/// # Errors
/// `InvalidData`: it is longer than [`MESSAGE_MAX`].
pub fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let bytes = postcard::to_stdvec(message).map_err(io::Error::other)?;
    if bytes.len() > MESSAGE_MAX {
        let what = format!("a message of {} bytes is longer than {MESSAGE_MAX}", bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(bytes)
}

#[allow(unsafe_code, reason = "takes ownership of the descriptors that the kernel put into a message")]
fn received_fds(messages: impl Iterator<Item = ControlMessageOwned>) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    for message in messages {
        if let ControlMessageOwned::ScmRights(numbers) = message {
            // SAFETY: the kernel has just made these descriptors for this process, and they are listed once.
            fds.extend(numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }));
        }
    }
    fds
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn messages_keep_their_boundaries_and_carry_descriptors() {
        let (a, b) = Packets::pair().unwrap();
        assert!(matches!(b.try_receive::<u32>(), Ok(Received::Nothing)));
        let (reader, writer) = std::io::pipe().unwrap();
        a.send(&"first".to_string(), &[writer.as_fd()]).unwrap();
        a.send(&"second".to_string(), &[]).unwrap();
        drop(writer);
        let Ok(Received::Message(first, mut fds)) = b.receive::<String>() else { panic!("no message") };
        let Ok(Received::Message(second, none)) = b.receive::<String>() else { panic!("no message") };
        assert_eq!((first.as_str(), second.as_str(), none.len()), ("first", "second", 0));
        std::fs::File::from(fds.remove(0)).write_all(b"x").unwrap();
        assert_eq!(std::io::read_to_string(reader).unwrap(), "x");
    }

    #[test]
    fn the_end_of_the_other_side_is_noticed_in_both_directions() {
        let (a, b) = Packets::pair().unwrap();
        drop(a);
        assert!(matches!(b.receive::<u32>(), Ok(Received::End)));
        assert_eq!(b.send(&1_u32, &[]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_full_socket_says_so_instead_of_blocking() {
        let (a, _b) = Packets::pair().unwrap();
        let message = vec![0; 1_000];
        let full = (0..100_000).find_map(|_| a.try_send_encoded(&message).err());
        assert_eq!(full.map(|e| e.kind()), Some(io::ErrorKind::WouldBlock));
    }
}
