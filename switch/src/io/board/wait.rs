//! How a worker waits for frames. Which way is best depends on the cores and on the number of ports: docs/performance.md has
//! the measurements behind the default.

use super::clock;
use crate::io::port::Port;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::str::FromStr;
use zerogap_proto::{Duration, Instant};

/// How long an adaptive worker looks again and again after the last frame, before it sleeps: about what waking it would take.
const SPIN: Duration = Duration::from_micros(50);

/// How a worker waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// In the kernel: in `read` with one port, in `poll` with several. Costs nothing while nothing comes.
    #[default]
    Block,
    /// Looks again and again for a while after each frame, then as `Block`.
    Adaptive,
    /// Looks again and again for ever: costs a core.
    Spin,
}

/// One worker's waiting.
pub(super) struct Waiting {
    wait: Wait,
    in_read: bool,
    last: Instant,
}

impl Waiting {
    /// For a worker that reads these ports. Alone with one port it waits in `read`: half as many system calls a frame.
    pub(super) fn new<'a>(
        wait: Wait,
        ports: impl ExactSizeIterator<Item = &'a dyn Port>,
    ) -> io::Result<Self> {
        let in_read = wait == Wait::Block && ports.len() == 1;
        for port in ports.filter(|_| in_read) {
            let flags = OFlag::from_bits_truncate(fcntl(port.as_fd(), FcntlArg::F_GETFL)?);
            fcntl(port.as_fd(), FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
        }
        Ok(Self { wait, in_read, last: clock::exactly() })
    }

    /// Frames of one port to take before the next is looked at. One that waits in `read` would wait for the second already.
    pub(super) fn batch(&self, most: usize) -> usize {
        if self.in_read { 1 } else { most }
    }

    /// There were frames.
    pub(super) fn busy(&mut self) {
        if self.wait == Wait::Adaptive {
            self.last = clock::exactly();
        }
    }

    /// There were none: waits until there may be some, or until it is kicked.
    pub(super) fn idle<'a>(&self, ports: impl Iterator<Item = &'a dyn Port>) {
        let looks_again = match self.wait {
            Wait::Block => self.in_read,
            Wait::Adaptive => clock::exactly().since(self.last) < SPIN,
            Wait::Spin => true,
        };
        if looks_again {
            return std::hint::spin_loop();
        }
        let mut fds: Vec<PollFd<'_>> =
            ports.map(|port| PollFd::new(port.as_fd(), PollFlags::POLLIN)).collect();
        // Being kicked out of it is one of its ends.
        let _ = poll(&mut fds, PollTimeout::NONE);
    }
}

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "block" => Ok(Self::Block),
            "adaptive" => Ok(Self::Adaptive),
            "spin" => Ok(Self::Spin),
            _ => Err(format!("{text:?} is none of block, adaptive, spin")),
        }
    }
}
