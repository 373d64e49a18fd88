//! What the testbed orders of a host's init and what the init reports, over their packet socket.

use crate::host::spec::HostSpec;
use nix::sys::wait::WaitStatus;
use serde::{Deserialize, Serialize};
use std::fmt;

/// From the testbed to an init.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// The TAPs are there: configure them and the host.
    Configure(HostSpec),
    /// Start the node's process with the descriptors that come along, from 3 on.
    Start {
        /// Which life of the node this is.
        life: u16,
    },
    /// Send the node's process a signal, if it (still) has this life.
    Signal {
        /// Which life is meant.
        life: u16,
        /// The signal's number.
        signal: i32,
    },
}

/// From an init to the testbed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// The init is there and waits for its TAPs.
    Booted,
    /// All interfaces are up.
    Configured,
    /// The node's process has been started.
    Started {
        /// Which life of the node.
        life: u16,
        /// Its pid in the host.
        pid: i32,
    },
    /// The node's process has ended.
    Ended {
        /// Which life of the node.
        life: u16,
        /// How.
        ending: Ending,
    },
    /// An order could not be carried out.
    Failed(String),
    /// The init has ended, and all in the host with it: close its ports. Comes once and last.
    Gone,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

impl Ending {
    /// `None` for what is no end.
    pub(super) fn of(status: WaitStatus) -> Option<Self> {
        match status {
            WaitStatus::Exited(_, code) => Some(Self::Exited(code)),
            WaitStatus::Signaled(_, signal, _) => Some(Self::Killed(signal as i32)),
            WaitStatus::Stopped(..)
            | WaitStatus::PtraceEvent(..)
            | WaitStatus::PtraceSyscall(_)
            | WaitStatus::Continued(_)
            | WaitStatus::StillAlive => None,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with {code}"),
            Self::Killed(signal) => write!(f, "was killed by signal {signal}"),
        }
    }
}
