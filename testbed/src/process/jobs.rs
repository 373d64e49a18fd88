//! Jobs: the work of a node that takes time, as its driver sees it. At most one is under way.

use nix::poll::PollFd;
use zerogap_proto::{Instant, Job, JobResult, MigrationId, Node};

/// Who carries out a node's jobs.
pub trait Jobs<N> {
    /// A datagram is about to reach the node.
    fn hears(&mut self, node: &N, payload: &[u8]);
    /// Starts a job in place of the one under way.
    fn start(&mut self, node: &mut N, job: Job);
    /// Ends what is done for this migration; no result follows.
    fn cancel(&mut self, node: &mut N, migration: MigrationId);
    /// Adds what the jobs wait for to what the driver waits for.
    fn waits_for<'a>(&'a self, fds: &mut Vec<PollFd<'a>>);
    /// When to come back even if none of that happens.
    fn deadline(&self) -> Option<Instant>;
    /// Whether there is something to go on with, or to wait for.
    fn are_busy(&self, node: &N) -> bool;
    /// Goes on with a bounded part of the work; called at every turn of the driver, while they are busy, until it returns `None`.
    fn turn(&mut self, now: Instant, node: &mut N) -> Option<(MigrationId, JobResult)>;
}

/// For nodes that have no jobs.
#[derive(Clone, Copy, Debug)]
pub struct NoJobs;

impl<N: Node> Jobs<N> for NoJobs {
    fn hears(&mut self, _: &N, _: &[u8]) {}
    fn start(&mut self, _: &mut N, _: Job) {}
    fn cancel(&mut self, _: &mut N, _: MigrationId) {}
    fn waits_for<'a>(&'a self, _: &mut Vec<PollFd<'a>>) {}
    fn deadline(&self) -> Option<Instant> {
        None
    }
    fn are_busy(&self, _: &N) -> bool {
        false
    }
    fn turn(&mut self, _: Instant, _: &mut N) -> Option<(MigrationId, JobResult)> {
        None
    }
}
