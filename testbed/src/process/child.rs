//! A server's child: forked to do what takes time, with an image of the memory as it was at that instant. It tells how far it is
//! over a socket of its own, runs where it is in nobody's way, and ends with the server.

use crate::place::{Placement, Work};
use crate::sys::clock::Clock;
use crate::sys::fd::close_all_from;
use crate::sys::fork::fork_child;
use crate::sys::packet::{Packets, Received, encode};
use crate::sys::pidfd::PidFd;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid, setsid};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, RawFd};
use zerogap_proto::{Duration, Instant, JobFailure, Progress, Pull, Round};

/// How often a child tells how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// What a child tells its server. All but the first two are its last words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Said {
    Taken,
    Progress(Progress),
    Sent {
        bytes: u64,
    },
    /// The server fills in what has been written meanwhile.
    Round(Round),
    Pulled(Pull),
    Failed(JobFailure),
}

/// How a child runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) placement: Placement,
    pub(super) clock: Clock,
    /// Whether clients wait for it, or its time is measured: then it gives way to nobody on its core. The request path has
    /// another.
    pub(super) urgent: bool,
}

/// A child, as the server sees it.
#[derive(Debug)]
pub(super) struct Child {
    pid: Pid,
    process: PidFd,
    report: Packets,
}

impl Child {
    /// Forks; the child keeps `keep` of the descriptors and does `work`, whose result are its last words. It exits with 0 if it has
    /// done it. When this returns, later changes of the server's memory are not in the child's.
    pub(super) fn fork(
        manner: Manner,
        keep: &[RawFd],
        work: impl FnOnce(&mut Teller) -> Result<Said, JobFailure>,
    ) -> io::Result<Self> {
        let (report, theirs) = Packets::pair()?;
        let server = getpid();
        let (pid, process) = fork_child(|| {
            let fds = [keep, &[theirs.as_fd().as_raw_fd()]].concat();
            let mut teller = Teller::new(theirs, manner.clock);
            let said = match settle(server, &fds, manner) {
                Ok(()) => work(&mut teller).unwrap_or_else(Said::Failed),
                Err(_) => Said::Failed(JobFailure::Snapshot),
            };
            u8::from(!teller.say(said) || matches!(said, Said::Failed(_)))
        })?;
        Ok(Self { pid, process, report })
    }

    /// Its pid, as long as it has not been reaped.
    pub(super) const fn pid(&self) -> Pid {
        self.pid
    }

    /// The next thing it tells.
    pub(super) fn said(&self) -> Option<Said> {
        match self.report.try_receive::<Said>() {
            Ok(Received::Nothing) => None,
            Ok(Received::Message(said, _)) => Some(said),
            // It was killed from outside.
            Ok(Received::End) | Err(_) => Some(Said::Failed(JobFailure::Torn)),
        }
    }

    /// It will end by itself; it has to be reaped.
    pub(super) fn let_end(self) -> PidFd {
        self.process
    }

    /// Ends it; it has to be reaped.
    pub(super) fn kill(self) -> PidFd {
        // The only error is that it is dead already.
        let _ = self.process.signal(Signal::SIGKILL);
        self.process
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.report.as_fd()
    }
}

/// The child's way to tell its server something.
#[derive(Debug)]
pub(super) struct Teller {
    report: Packets,
    clock: Clock,
    began: Instant,
    told: Instant,
}

impl Teller {
    fn new(report: Packets, clock: Clock) -> Self {
        let now = clock.now();
        Self { report, clock, began: now, told: now }
    }

    /// The run's clock.
    pub(super) const fn clock(&self) -> Clock {
        self.clock
    }

    /// Time since the child was forked.
    pub(super) fn took(&self) -> Duration {
        self.clock.now().since(self.began)
    }

    /// Tells the server; false if it is gone.
    pub(super) fn say(&self, said: Said) -> bool {
        self.report.send(&said, &[]).is_ok()
    }

    /// Tells how far the transfer is, if it is time. Nothing waits for it: a server that does not listen misses it.
    pub(super) fn progress(&mut self, bytes: u64, total_bytes: u64) {
        let now = self.clock.now();
        if now.since(self.told) < PROGRESS_EVERY {
            return;
        }
        self.told = now;
        let progress = Progress { bytes, total_bytes, took: now.since(self.began) };
        if let Ok(message) = encode(&Said::Progress(progress)) {
            let _ = self.report.try_send_encoded(&message);
        }
    }
}

/// Makes the forked child a process that is in nobody's way.
fn settle(server: Pid, keep: &[RawFd], manner: Manner) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The signal is not sent for a death that came before it was asked for.
    if getppid() != server {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    // The server's sockets must be gone when the server is.
    close_all_from(3, keep)?;
    setsid()?;
    fs::write("/proc/self/oom_score_adj", "1000")?;
    // Both are for the sake of others' latency: a transfer in a worse place is still a transfer.
    let _ = manner.placement.enter(Work::Bulk);
    if !manner.urgent {
        let _ = manner.placement.be_nice();
    }
    Ok(())
}
