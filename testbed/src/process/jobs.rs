//! Jobs: the work of a server that takes time. At most one is under way. A snapshot is sent by a forked child, which has
//! a copy-on-write image of the memory; a transfer is received by the process itself, on the core for bulk work.

use crate::place::{Placement, Work};
use crate::process::receive::Receive;
use crate::process::send::Send;
use crate::sys::clock::Clock;
use crate::sys::pidfd::PidFd;
use nix::poll::{PollFd, PollFlags};
use std::os::fd::AsFd as _;
use zerogap_proto::{Endpoint, Instant, Job, JobFailure, JobResult, Kind, Message, MigrationId, Node};
use zerogap_server_app::{Memory, Server};

/// Who carries out a node's jobs.
pub trait Jobs<N> {
    /// A datagram is about to reach the node.
    fn hears(&mut self, node: &N, payload: &[u8]);
    /// Starts a job in place of the one under way.
    fn start(&mut self, node: &N, job: Job);
    /// Ends the job of this migration, if it is the one under way; no result follows.
    fn cancel(&mut self, migration: MigrationId);
    /// Adds what the jobs wait for to what the driver waits for.
    fn waits_for<'a>(&'a self, fds: &mut Vec<PollFd<'a>>);
    /// When to come back even if none of that happens.
    fn deadline(&self) -> Option<Instant>;
    /// Goes on with a bounded part of the work; called at every turn of the driver until it returns `None`.
    fn turn(&mut self, now: Instant, node: &mut N) -> Option<(MigrationId, JobResult)>;
}

/// For nodes that have no jobs.
#[derive(Clone, Copy, Debug)]
pub struct NoJobs;

impl<N: Node> Jobs<N> for NoJobs {
    fn hears(&mut self, _: &N, _: &[u8]) {}
    fn start(&mut self, _: &N, _: Job) {}
    fn cancel(&mut self, _: MigrationId) {}
    fn waits_for<'a>(&'a self, _: &mut Vec<PollFd<'a>>) {}
    fn deadline(&self) -> Option<Instant> {
        None
    }
    fn turn(&mut self, _: Instant, _: &mut N) -> Option<(MigrationId, JobResult)> {
        None
    }
}

/// A server's jobs.
#[derive(Debug)]
pub struct ServerJobs {
    transfer: Endpoint,
    placement: Placement,
    clock: Clock,
    job: Option<(MigrationId, Running)>,
    /// Children that have been killed or are done, until they are reaped: freeing gigabytes takes them a while.
    ending: Vec<PidFd>,
    /// Whether this process is on the core for bulk work.
    on_bulk_core: bool,
}

#[derive(Debug)]
enum Running {
    Send(Send),
    Receive(Receive),
    /// The scan is the node's own work; the job is only its turn.
    Scan,
    Failed(JobFailure),
}

impl ServerJobs {
    /// Jobs of a server that waits for transfers at `transfer`.
    pub const fn new(transfer: Endpoint, placement: Placement, clock: Clock) -> Self {
        Self { transfer, placement, clock, job: None, ending: Vec::new(), on_bulk_core: false }
    }

    /// What is not serving must not take the request path's core from those that are: a spare, a restore, and the replay,
    /// which keeps a core busy for milliseconds.
    fn move_to(&mut self, work: Work) {
        let bulk = work == Work::Bulk;
        if bulk != self.on_bulk_core {
            // The core was there when the process started; if it has gone, any will do.
            let _ = self.placement.enter(work);
            self.on_bulk_core = bulk;
        }
    }

    fn end(&mut self, running: Running) {
        if let Running::Send(send) = running {
            self.ending.push(send.kill());
        }
    }
}

impl<M: Memory> Jobs<Server<M>> for ServerJobs {
    /// The first request that is no replay tells that the server has caught up.
    fn hears(&mut self, node: &Server<M>, payload: &[u8]) {
        if self.on_bulk_core && self.job.is_none() && node.holds_state() {
            let caught_up = Message::parse(payload)
                .is_some_and(|message| message.kind == Kind::Request && !message.stamp.replayed);
            if caught_up {
                self.move_to(Work::Request);
            }
        }
    }

    fn start(&mut self, node: &Server<M>, job: Job) {
        if let Some((_, running)) = self.job.take() {
            self.end(running);
        }
        let migration = job.migration();
        let running = match job {
            Job::Send { header, targets, .. } => {
                let send =
                    Send::fork(migration, &header, &targets, node.memory(), self.placement, self.clock);
                send.map_or(Running::Failed(JobFailure::Snapshot), Running::Send)
            }
            Job::Receive { .. } => {
                self.move_to(Work::Bulk);
                let receive = Receive::listen(migration, self.transfer);
                receive.map_or(Running::Failed(JobFailure::Unreachable), Running::Receive)
            }
            Job::Scan { .. } => Running::Scan,
        };
        self.job = Some((migration, running));
    }

    fn cancel(&mut self, migration: MigrationId) {
        if let Some((_, running)) = self.job.take_if(|(of, _)| *of == migration) {
            self.end(running);
        }
    }

    fn waits_for<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        let job = match &self.job {
            Some((_, Running::Send(send))) => Some(send.as_fd()),
            Some((_, Running::Receive(receive))) => Some(receive.as_fd()),
            Some((_, Running::Scan | Running::Failed(_))) | None => None,
        };
        let all = job.into_iter().chain(self.ending.iter().map(PidFd::as_fd));
        fds.extend(all.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.job {
            Some((_, Running::Receive(receive))) => receive.deadline(),
            Some((_, Running::Scan | Running::Failed(_))) => Some(Instant::ZERO),
            Some((_, Running::Send(_))) | None => None,
        }
    }

    fn turn(&mut self, now: Instant, node: &mut Server<M>) -> Option<(MigrationId, JobResult)> {
        self.ending.retain(|child| matches!(child.try_wait(), Ok(None)));
        let Some((migration, mut running)) = self.job.take() else {
            if !node.holds_state() {
                self.move_to(Work::Bulk);
            }
            return None;
        };
        let result = match &mut running {
            Running::Send(send) => send.result(),
            Running::Receive(receive) => receive.turn(now, node.memory_mut()),
            Running::Scan => Some(JobResult::ScanNow),
            Running::Failed(failure) => Some(JobResult::Failed(*failure)),
        };
        match result {
            Some(result) => {
                self.end(running);
                Some((migration, result))
            }
            None => {
                self.job = Some((migration, running));
                None
            }
        }
    }
}
