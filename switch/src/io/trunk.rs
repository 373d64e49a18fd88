//! A trunk between two switches of one process: what is sent at one end is received at the other, with whatever the frame still
//! needs, so that bulk crosses it uncut. It touches no interface and needs no right; what it holds is bounded by the kernel.

use super::plain_tap::nothing_or;
use super::port::{Lost, Port, Received};
use crate::offload::Offload;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, setsockopt, socketpair, sockopt,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// What may wait in each direction, in bytes: some dozen frames of 64 KB. The kernel grants half of it to those without rights.
const QUEUE_BYTES: usize = 4 << 20;

/// One end of a trunk.
pub struct Trunk {
    name: String,
    socket: OwnedFd,
    unreadable: AtomicU64,
}

impl Trunk {
    /// The two ends of a trunk of this name.
    ///
    /// # Errors
    /// The kernel's: no descriptors are left.
    pub fn pair(name: &str) -> io::Result<(Self, Self)> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        let end = |socket: OwnedFd| {
            setsockopt(&socket, sockopt::SndBuf, &QUEUE_BYTES)?;
            Ok::<_, io::Error>(Self { name: name.to_owned(), socket, unreadable: AtomicU64::new(0) })
        };
        Ok((end(one)?, end(other)?))
    }
}

impl Port for Trunk {
    fn name(&self) -> &str {
        &self.name
    }

    fn takes_offload(&self) -> bool {
        true
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let mut header = [0; Offload::HEADER_LEN];
        loop {
            let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(buffer)];
            let received = recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, None, MsgFlags::empty());
            let (len, flags) = match received {
                Ok(received) => (received.bytes, received.flags),
                Err(errno) => return nothing_or(errno.into()),
            };
            if len == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the trunk's other end is gone"));
            }
            match (len.checked_sub(Offload::HEADER_LEN), Offload::parse(&header)) {
                (Some(len), Ok(offload)) if !flags.contains(MsgFlags::MSG_TRUNC) => {
                    return Ok(Some(Received { len, offload }));
                }
                _ => self.unreadable.fetch_add(1, Ordering::Relaxed),
            };
        }
    }

    fn send(&self, frame: &[u8], offload: Offload) -> io::Result<()> {
        let mut header = [0; Offload::HEADER_LEN];
        offload.emit(&mut header);
        let parts = [IoSlice::new(&header), IoSlice::new(frame)];
        // The reader of this end may have made the descriptor one that blocks; who sends never waits.
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let sent = sendmsg::<()>(self.socket.as_raw_fd(), &parts, &[], flags, None);
        sent.map(|_| ()).map_err(|errno| {
            let error = io::Error::from(errno);
            let gone = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
            if gone.contains(&error.kind()) { io::Error::from_raw_os_error(libc::EIO) } else { error }
        })
    }

    fn is_up(&self) -> io::Result<bool> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::empty())];
        poll(&mut fds, PollTimeout::ZERO)?;
        Ok(fds[0].revents().is_none_or(|said| !said.contains(PollFlags::POLLHUP)))
    }

    /// Nothing gets lost in between: what there is no room for is refused.
    fn lost(&self) -> io::Result<Lost> {
        Ok(Lost { rx: self.unreadable.load(Ordering::Relaxed), tx: 0 })
    }
}

impl AsFd for Trunk {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::BUFFER_LEN;
    use crate::offload::{Gso, GsoKind, Partial};

    #[test]
    fn a_frame_crosses_with_what_it_still_needs_and_each_direction_keeps_its_order() {
        let (a, b) = Trunk::pair("t").expect("a trunk");
        let gso = Some(Gso { kind: GsoKind::TcpV4, size: 1_448, header_len: 66, ecn: false });
        let bulk = Offload { checksum: Some(Partial { start: 34, offset: 16 }), gso };
        a.send(&vec![1; 65_000], bulk).expect("sent");
        a.send(&[2; 60], Offload::default()).expect("sent");
        b.send(&[3; 60], Offload::default()).expect("sent");
        let mut buffer = vec![0; BUFFER_LEN];
        let mut take = |end: &Trunk| {
            let received = end.receive(&mut buffer).expect("the other end is there");
            received.map(|Received { len, offload }| (buffer[0], len, offload))
        };
        assert_eq!(take(&b), Some((1, 65_000, bulk)));
        assert_eq!(take(&b), Some((2, 60, Offload::default())));
        assert_eq!((take(&b), take(&a)), (None, Some((3, 60, Offload::default()))));
    }

    #[test]
    fn a_full_trunk_refuses_and_one_whose_other_end_is_gone_is_down() {
        let (a, b) = Trunk::pair("t").expect("a trunk");
        let frame = vec![0; 65_000];
        let sent = (0..10_000).find_map(|_| a.send(&frame, Offload::default()).err());
        assert_eq!(sent.map(|error| error.kind()), Some(io::ErrorKind::WouldBlock));
        assert!(a.is_up().expect("asked"));
        drop(b);
        assert!(!a.is_up().expect("asked"));
        let error = a.send(&frame, Offload::default()).expect_err("nobody is there");
        assert_eq!(error.raw_os_error(), Some(libc::EIO));
        assert!(a.receive(&mut vec![0; BUFFER_LEN]).is_err());
    }
}
