//! Jobs in virtual time: what each costs, what is sent for it, and what a server is told when it is done.

use super::flow::{Cargo, Flow};
use crate::host::Pending;
use crate::world::{Actor, Happening, World};
use zerogap_proto::address::node_at_transfer_addr;
use zerogap_proto::{Endpoint, Image, Instant, Job, JobFailure, JobResult, MigrationId, NodeId};
use zerogap_server_app::{Memory as _, PAGE_LEN, PageSet, SparseMemory};

impl World<'_> {
    pub(crate) fn start_job(&mut self, now: Instant, node: NodeId, job: Job) {
        match job {
            Job::Send { migration, header, targets, image } => {
                let at = self.cut(now, node, migration, image);
                let cargo = Cargo::Image { header, frozen: false };
                self.send_all(at, node, migration, &targets, cargo);
            }
            Job::Round { migration, targets } => {
                let at = self.stand_still(now, node, migration);
                self.send_rest(at, node, migration, &targets, Cargo::Round);
            }
            Job::Finish { migration, header, targets, lazy } => {
                let cargo = if lazy { Cargo::Lazy { header } } else { Cargo::Image { header, frozen: true } };
                let at = self.stand_still(now, node, migration);
                self.send_rest(at, node, migration, &targets, cargo);
            }
            Job::Receive { migration } => {
                self.transfers.receiving.insert(node, migration);
            }
            Job::Scan { migration } => {
                let scanned = self.transfers.scanned.remove(&node);
                let bytes = if scanned { 0 } else { self.scenario.testbed.state.size.0 };
                let takes = self.transfers.times.restore(bytes);
                self.job_done(now + takes, node, migration, JobResult::ScanNow);
            }
        }
    }

    /// Takes the image; gives when that is done. The process stands still meanwhile, but for a full copy, for which it is
    /// frozen anyway.
    fn cut(&mut self, now: Instant, node: NodeId, migration: MigrationId, image: Image) -> Instant {
        match image {
            Image::CopyOnWrite => self.stand_still(now, node, migration),
            Image::FullCopy => {
                let at = now + self.transfers.times.copy();
                self.job_done(at, node, migration, JobResult::Taken);
                at
            }
        }
    }

    /// Forks a child that sends: gives when that is done. Until then the process handles nothing.
    fn stand_still(&mut self, now: Instant, node: NodeId, migration: MigrationId) -> Instant {
        let followed = self.transfers.rounds.get(&node).is_some_and(|(of, _)| *of == migration);
        let times = &mut self.transfers.times;
        let at = now + if followed { times.round() } else { times.snapshot() };
        if let Some(host) = self.hosts.get_mut(&node) {
            host.free_at = host.free_at.max(at);
        }
        at
    }

    /// All of the memory as it is now.
    fn send_all(
        &mut self,
        at: Instant,
        source: NodeId,
        migration: MigrationId,
        targets: &[Endpoint],
        cargo: Cargo,
    ) {
        let Some(image) = self.image(source) else { return };
        let pages = PageSet::all(page_count(&image));
        self.begin_flow(at, source, migration, targets, image, pages, cargo);
    }

    /// What has been written since the migration's latest round, or all.
    fn send_rest(
        &mut self,
        now: Instant,
        source: NodeId,
        migration: MigrationId,
        targets: &[Endpoint],
        cargo: Cargo,
    ) {
        let Some(image) = self.image(source) else { return };
        let sent = self.transfers.rounds.get(&source).filter(|(of, _)| *of == migration);
        let pages = sent
            .map_or_else(|| PageSet::all(page_count(&image)), |(_, earlier)| image.changed_since(earlier));
        self.begin_flow(now, source, migration, targets, image, pages, cargo);
    }

    fn image(&self, node: NodeId) -> Option<SparseMemory> {
        let Some(Actor::Server(server)) = self.actors.get(&node) else { return None };
        Some(server.memory().clone())
    }

    #[allow(clippy::too_many_arguments, reason = "it puts together what a flow is made of")]
    fn begin_flow(
        &mut self,
        at: Instant,
        source: NodeId,
        migration: MigrationId,
        targets: &[Endpoint],
        image: SparseMemory,
        pages: PageSet,
        cargo: Cargo,
    ) {
        let Some(nodes) = self.waiting_targets(migration, targets) else {
            return self.job_done(at, source, migration, JobResult::Failed(JobFailure::Unreachable));
        };
        let id = self.transfers.next_id;
        self.transfers.next_id += 1;
        let effort = self.transfers.times.transfer();
        let flow = Flow::new(migration, source, nodes, image, pages, cargo, effort, at);
        self.transfers.flows.insert(id, flow);
        self.queue.push(at + effort.base, Happening::Transfer(id));
    }

    /// The nodes behind the endpoints, if all of them wait for this migration.
    fn waiting_targets(&self, migration: MigrationId, targets: &[Endpoint]) -> Option<Vec<NodeId>> {
        let t = &self.scenario.topology;
        let at = |to: &Endpoint| node_at_transfer_addr(to.addr).filter(|node| t.switch_of(*node).is_some());
        let waiting = |target: &NodeId| self.transfers.receiving.get(target) == Some(&migration);
        targets.iter().map(|to| at(to).filter(waiting)).collect()
    }

    pub(super) fn job_done(&mut self, at: Instant, node: NodeId, migration: MigrationId, result: JobResult) {
        let Some(life) = self.hosts.get(&node).map(|host| host.life) else { return };
        let pending = Pending::JobDone { migration, result: Box::new(result) };
        self.queue.push(at, Happening::Process { host: node, life, pending });
    }
}

fn page_count(image: &SparseMemory) -> usize {
    image.len().div_ceil(PAGE_LEN)
}
