//! Pulling in virtual time: the target serves already; pages come run by run, the wanted ones first, and a request that
//! touches one that is not there waits for it, as the process would in a page fault.

use super::flow::full_pages;
use super::times::Effort;
use super::{RETRY_AFTER, TORN_AFTER};
use crate::world::{Actor, Happening, World};
use zerogap_proto::{Duration, Instant, JobResult, MigrationId, NodeId, Pull};
use zerogap_server_app::pull::PullOrder;
use zerogap_server_app::{PAGE_LEN, PageSet, SparseMemory};

/// A target that pulls.
#[derive(Debug)]
pub(crate) struct Pulling {
    migration: MigrationId,
    source: NodeId,
    order: PullOrder,
    /// What it takes the machine.
    effort: Effort,
    /// Pages that have not arrived.
    missing: PageSet,
    /// The page that the process waits for, and since when.
    blocked: Option<(usize, Instant)>,
    /// A run that a link which is down did not take.
    unsent: Option<(usize, usize)>,
    stalled_since: Option<Instant>,
    figures: Pull,
}

impl World<'_> {
    /// The header has arrived: the rest is pulled from now on.
    pub(super) fn begin_pull(
        &mut self,
        now: Instant,
        migration: MigrationId,
        source: NodeId,
        target: NodeId,
        image: &SparseMemory,
        missing: &PageSet,
    ) {
        let Some(Actor::Server(server)) = self.actors.get(&target) else { return };
        let digest = server.digest_without(&PageSet::none(missing.bound()));
        let pages = full_pages(image, missing);
        let figures = Pull { digest, pages, faults: 0, blocked: Duration::ZERO };
        let pulling = Pulling {
            migration,
            source,
            order: PullOrder::new(missing.clone()),
            effort: self.transfers.times.pull(),
            missing: missing.clone(),
            blocked: None,
            unsent: None,
            stalled_since: None,
            figures,
        };
        self.transfers.pulls.insert(target, pulling);
        self.queue.push(now, Happening::Pull(target));
        if missing.is_empty() {
            // Nothing is left to come, and that is all of it.
            self.queue.push(now, Happening::Pages { target, first: 0, count: 0 });
        }
    }

    /// Sends the next run of pages.
    pub(crate) fn go_on_with_pull(&mut self, now: Instant, target: NodeId) {
        let Some(pulling) = self.transfers.pulls.get(&target) else { return };
        let path = self.path(pulling.source, target);
        let Some(pulling) = self.transfers.pulls.get_mut(&target) else { return };
        let Some((first, count)) = pulling.unsent.take().or_else(|| pulling.order.next()) else { return };
        let bytes = (count * PAGE_LEN) as u64;
        let paced = now + pulling.effort.on(bytes);
        let Some(at) = self.convey(now, &path, bytes) else {
            if let Some(pulling) = self.transfers.pulls.get_mut(&target) {
                pulling.unsent = Some((first, count));
            }
            return self.pull_stalls(now, target);
        };
        let free_at = path.first().and_then(|end| self.wires.bulk_free_at(*end)).unwrap_or(at).max(paced);
        if let Some(pulling) = self.transfers.pulls.get_mut(&target) {
            pulling.stalled_since = None;
        }
        self.queue.push(at, Happening::Pages { target, first, count });
        self.queue.push(free_at, Happening::Pull(target));
    }

    fn pull_stalls(&mut self, now: Instant, target: NodeId) {
        let Some(pulling) = self.transfers.pulls.get_mut(&target) else { return };
        let since = *pulling.stalled_since.get_or_insert(now);
        if now.since(since) >= TORN_AFTER {
            self.pull_is_torn(now, target);
        } else {
            self.queue.push(now + RETRY_AFTER, Happening::Pull(target));
        }
    }

    /// The state can never be complete: the process ends, as its pager would see to as soon as it has heard.
    pub(super) fn pull_is_torn(&mut self, now: Instant, target: NodeId) {
        if self.transfers.pulls.remove(&target).is_some() {
            let heard = self.delay.draw(&self.scenario.testbed.sim.control_delay);
            self.queue.push(now + heard + heard, Happening::End(target));
        }
    }

    /// Pages have arrived.
    pub(crate) fn pages_arrive(&mut self, now: Instant, target: NodeId, first: usize, count: usize) {
        let Some(pulling) = self.transfers.pulls.get_mut(&target) else { return };
        pulling.missing.remove_run(first, count);
        let (migration, source) = (pulling.migration, pulling.source);
        let done = pulling.missing.is_empty();
        let released = pulling.blocked.take_if(|(page, _)| (first..first + count).contains(page));
        if let Some((_, since)) = released {
            pulling.figures.blocked = pulling.figures.blocked + now.since(since);
        }
        let figures = pulling.figures;
        if done {
            self.transfers.pulls.remove(&target);
            self.transfers.receiving.remove(&target);
            let bytes = figures.pages * PAGE_LEN as u64;
            self.job_done(now, target, migration, JobResult::Pulled(figures));
            self.job_done(now, source, migration, JobResult::Sent { bytes });
        }
        if released.is_some() {
            self.release_process(now, target);
        }
    }

    /// Whether the process must wait for a page before it can handle this request.
    pub(crate) fn faults(&mut self, now: Instant, node: NodeId, payload: &[u8]) -> bool {
        let Some(pulling) = self.transfers.pulls.get(&node) else { return false };
        if pulling.blocked.is_some() {
            return true;
        }
        let Some(Actor::Server(server)) = self.actors.get(&node) else { return false };
        let missing = |page: &usize| pulling.missing.contains(*page);
        let Some(page) = server.footprint(payload).into_iter().find(missing) else { return false };
        if let Some(pulling) = self.transfers.pulls.get_mut(&node) {
            pulling.blocked = Some((page, now));
            pulling.figures.faults += 1;
        }
        let asked = self.transfers.times.wanted();
        self.queue.push(now + asked, Happening::Fault { target: node, page });
        true
    }

    /// Whether the process waits for a page.
    pub(crate) fn is_blocked(&self, node: NodeId) -> bool {
        self.transfers.pulls.get(&node).is_some_and(|pulling| pulling.blocked.is_some())
    }

    /// The source has heard which page is wanted.
    pub(crate) fn fault_is_heard(&mut self, target: NodeId, page: usize) {
        if let Some(pulling) = self.transfers.pulls.get_mut(&target) {
            pulling.order.fault(page);
        }
    }

    /// The process goes on with what has waited.
    fn release_process(&mut self, now: Instant, node: NodeId) {
        let Some(host) = self.hosts.get(&node) else { return };
        let life = host.life;
        self.serve(now, node, life);
        self.queue.push(now, Happening::Wake(node));
    }

    /// All pulls from this source are torn, and this target's is over.
    pub(super) fn end_pulls_of(&mut self, now: Instant, node: NodeId) {
        self.transfers.pulls.remove(&node);
        let torn = self.transfers.pulls.iter().filter(|(_, pulling)| pulling.source == node);
        for target in torn.map(|(target, _)| *target).collect::<Vec<_>>() {
            self.pull_is_torn(now, target);
        }
    }
}
