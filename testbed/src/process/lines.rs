//! The connections of one migration to its targets. The server makes the sockets and keeps them from job to job; the first child
//! that uses them connects them, so that a target that is not there yet keeps nobody waiting but the child.

use crate::sys::clock::{Clock, timeout};
use crate::sys::tcp;
use nix::poll::{PollFd, PollFlags, ppoll};
use std::io;
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _, RawFd};
use zerogap_proto::{Duration, Endpoint, Instant, JobFailure, MigrationId};

/// How long a target may take to listen.
const CONNECT_MAX: Duration = Duration::from_secs(3);
const CONNECT_AGAIN: Duration = Duration::from_millis(20);

/// One connection to each target.
#[derive(Debug)]
pub(super) struct Lines {
    migration: MigrationId,
    lines: Vec<(SocketAddrV4, TcpStream)>,
}

impl Lines {
    /// Sockets, not connected yet.
    pub(super) fn to(migration: MigrationId, targets: &[Endpoint]) -> io::Result<Self> {
        let line = |target: &Endpoint| Ok((SocketAddrV4::new(target.addr, target.port), tcp::unconnected()?));
        Ok(Self { migration, lines: targets.iter().map(line).collect::<io::Result<_>>()? })
    }

    /// For which migration they are.
    pub(super) const fn migration(&self) -> MigrationId {
        self.migration
    }

    /// Their descriptors, for a child to keep.
    pub(super) fn fds(&self) -> Vec<RawFd> {
        self.lines.iter().map(|(_, stream)| stream.as_raw_fd()).collect()
    }

    /// Connects those that are not, and lends all. A target that is just about to listen is waited for.
    pub(super) fn connect(&self, clock: Clock) -> Result<impl Iterator<Item = &TcpStream>, JobFailure> {
        let until = clock.now() + CONNECT_MAX;
        for (to, stream) in &self.lines {
            connect_one(stream, *to, until, clock)?;
        }
        Ok(self.lines.iter().map(|(_, stream)| stream))
    }
}

fn connect_one(stream: &TcpStream, to: SocketAddrV4, until: Instant, clock: Clock) -> Result<(), JobFailure> {
    loop {
        let goes_on = match tcp::connect(stream, to) {
            Ok(true) => return Ok(()),
            Ok(false) => {
                let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
                // Interrupted or not, the next call tells how it stands.
                let _ = ppoll(&mut fds, Some(timeout(clock.until(until))), None);
                clock.now() < until
            }
            Err(_) => {
                clock.sleep_until(clock.now() + CONNECT_AGAIN);
                clock.now() < until
            }
        };
        if !goes_on {
            return Err(JobFailure::Unreachable);
        }
    }
}
