//! Which sockets of a process have something to read. One socket is simply waited for; of many, the kernel keeps a list of those that
//! are ready, so that the wait costs what there is to hear and not how many there are. It hands them out in turn: a socket
//! that never falls silent does not come before its neighbours again.

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};

/// Sockets told of in one turn.
const READY_MAX: usize = 64;

/// Who is waited for.
#[derive(Debug)]
pub(super) enum Ears {
    /// The only socket.
    One,
    /// All of them.
    Many(Epoll),
}

impl Ears {
    /// For these sockets, each of which is called by its place.
    ///
    /// # Errors
    /// No descriptors are left.
    pub(super) fn of<'a>(sockets: impl ExactSizeIterator<Item = &'a UdpSocket>) -> io::Result<Self> {
        if sockets.len() == 1 {
            return Ok(Self::One);
        }
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (place, socket) in (0..).zip(sockets) {
            epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, place))?;
        }
        Ok(Self::Many(epoll))
    }

    /// What to wait for: it is readable when a socket is. `only` is the first socket.
    pub(super) fn fd<'a>(&'a self, only: &'a UdpSocket) -> BorrowedFd<'a> {
        match self {
            Self::One => only.as_fd(),
            Self::Many(epoll) => epoll.0.as_fd(),
        }
    }

    /// Calls each socket that may have something to read, a bounded number of them.
    ///
    /// # Errors
    /// The kernel refused what it never refuses in order.
    pub(super) fn ready(&self, places: &mut Vec<usize>) -> io::Result<()> {
        places.clear();
        match self {
            Self::One => places.push(0),
            Self::Many(epoll) => {
                let mut events = [EpollEvent::empty(); READY_MAX];
                let count = match epoll.wait(&mut events, EpollTimeout::ZERO) {
                    Err(Errno::EINTR) => 0,
                    other => other?,
                };
                places.extend(events[..count].iter().map(|event| event.data() as usize));
            }
        }
        Ok(())
    }

    /// How many datagrams to take from each of them in one turn.
    pub(super) const fn each(&self, batch: usize) -> usize {
        match self {
            Self::One => batch,
            Self::Many(_) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_socket_that_never_falls_silent_gets_no_more_turns_than_its_neighbours() {
        let sockets: Vec<UdpSocket> =
            (0..3 * READY_MAX).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let ears = Ears::of(sockets.iter()).unwrap();
        let (noisy, mut turns) = (0, vec![0; sockets.len()]);
        let quiet: BTreeSet<usize> = (1..sockets.len()).collect();
        for place in quiet.iter().copied().chain(std::iter::repeat_n(noisy, 100)) {
            sockets[0].send_to(&[0], sockets[place].local_addr().unwrap()).unwrap();
        }
        let (mut places, mut buffer) = (Vec::new(), [0; 8]);
        while quiet.iter().any(|place| turns[*place] == 0) {
            ears.ready(&mut places).unwrap();
            assert!(!places.is_empty(), "all that was sent is there");
            for &place in &places {
                sockets[place].recv(&mut buffer).unwrap();
                turns[place] += 1;
            }
        }
        assert!(turns[noisy] <= 4, "it had {} turns before the last of its neighbours had one", turns[noisy]);
    }
}
