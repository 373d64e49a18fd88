//! For tests: one real testbed at a time, because two on the same cores disturb each other's figures. The lock is the name of an abstract
//! socket, so it is gone with its holder however that ends, and no file is left.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;
use std::time::Duration;

const NAME: &[u8] = b"zerogap.one-real-testbed";
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Held as long as it lives. It is per network namespace, which on one machine means: per machine or container.
#[derive(Debug)]
pub struct RealLock {
    _bound: OwnedFd,
}

impl RealLock {
    /// Takes the lock if it is free; `None` if somebody else holds it.
    ///
    /// # Errors
    /// Unix sockets cannot be made here.
    pub fn try_take() -> io::Result<Option<Self>> {
        let bound = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        match bind(bound.as_raw_fd(), &UnixAddr::new_abstract(NAME)?) {
            Ok(()) => Ok(Some(Self { _bound: bound })),
            Err(Errno::EADDRINUSE) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes the lock, waiting for its turn.
    ///
    /// # Errors
    /// As for [`RealLock::try_take`].
    pub fn take() -> io::Result<Self> {
        loop {
            match Self::try_take()? {
                Some(lock) => return Ok(lock),
                None => thread::sleep(LOOK_AGAIN),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_free_again_once_its_holder_is_gone() {
        let held = RealLock::take().unwrap();
        assert!(RealLock::try_take().unwrap().is_none());
        drop(held);
        drop(RealLock::take().unwrap());
    }
}
