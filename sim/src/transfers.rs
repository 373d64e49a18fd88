//! State transfers in virtual time: flows that share the links with the requests, stall with a link and are torn after a
//! while. The image is a clone of the sending server's memory, so what arrives is really its state.

use crate::host::Pending;
use crate::world::{Actor, Happening, World};
use std::collections::BTreeMap;
use zerogap_proto::address::transfer_addr;
use zerogap_proto::{Duration, Endpoint, Instant, Job, JobFailure, JobResult, MigrationId, NodeId, PortId};
use zerogap_scenario::topology::End;
use zerogap_server_app::SparseMemory;
use zerogap_switch::link::{Class, Fate};

/// How much of the state is sent at one time.
const PIECE_BYTES: u64 = 256 * 1_024;
/// How soon a transfer over a link that is down tries again.
const RETRY_AFTER: Duration = Duration::from_millis(10);
/// How long a transfer may stall before it is torn.
const TORN_AFTER: Duration = Duration::from_secs(5);

/// The transfers under way.
#[derive(Debug, Default)]
pub struct Transfers {
    next_id: u64,
    flows: BTreeMap<u64, Flow>,
    receiving: BTreeMap<NodeId, MigrationId>,
}

#[derive(Debug)]
struct Flow {
    migration: MigrationId,
    source: NodeId,
    header: Vec<u8>,
    image: SparseMemory,
    bytes: u64,
    /// Bytes that have been sent to each target.
    sent: BTreeMap<NodeId, u64>,
    arrived: u32,
    stalled_since: Option<Instant>,
}

impl World<'_> {
    pub(crate) fn start_job(&mut self, now: Instant, node: NodeId, job: Job) {
        let bytes = self.scenario.testbed.state.size.0;
        match job {
            Job::Send { migration, header, targets } => {
                // The process stands still while the image is taken.
                let freeze = self.jobs.job(&self.scenario.testbed.sim.snapshot, bytes);
                if let Some(host) = self.hosts.get_mut(&node) {
                    host.free_at = host.free_at.max(now + freeze);
                }
                self.begin_transfer(now + freeze, node, migration, header, &targets);
            }
            Job::Receive { migration } => {
                self.transfers.receiving.insert(node, migration);
            }
            Job::Scan { migration } => {
                let takes = self.jobs.job(&self.scenario.testbed.sim.restore, bytes);
                self.job_done(now + takes, node, migration, JobResult::ScanNow);
            }
        }
    }

    fn begin_transfer(
        &mut self,
        at: Instant,
        source: NodeId,
        migration: MigrationId,
        header: Vec<u8>,
        targets: &[Endpoint],
    ) {
        let Some(Actor::Server(server)) = self.actors.get(&source) else { return };
        let image = server.memory().clone();
        let servers = &self.scenario.topology.servers;
        let node_at =
            |to: &Endpoint| servers.iter().copied().find(|server| transfer_addr(*server) == to.addr);
        let waiting = |target: &NodeId| self.transfers.receiving.get(target) == Some(&migration);
        let nodes: Option<Vec<NodeId>> = targets.iter().map(|to| node_at(to).filter(waiting)).collect();
        let Some(nodes) = nodes else {
            return self.job_done(at, source, migration, JobResult::Failed(JobFailure::Unreachable));
        };
        let flow = Flow {
            migration,
            source,
            header,
            image,
            bytes: self.scenario.testbed.state.size.0,
            sent: nodes.into_iter().map(|target| (target, 0)).collect(),
            arrived: 0,
            stalled_since: None,
        };
        let id = self.transfers.next_id;
        self.transfers.next_id += 1;
        self.transfers.flows.insert(id, flow);
        self.queue.push(at, Happening::Transfer(id));
    }

    /// Sends the next piece, to the target that has got the least.
    pub(crate) fn go_on_with_transfer(&mut self, now: Instant, id: u64) {
        let Some(flow) = self.transfers.flows.get(&id) else { return };
        let (source, total) = (flow.source, flow.bytes);
        let Some((&target, &sent)) = flow.sent.iter().min_by_key(|(_, sent)| **sent) else { return };
        if sent >= total {
            return;
        }
        let piece = PIECE_BYTES.min(total - sent);
        let path = self.path(source, target);
        let mut at = now;
        for &end in &path {
            match self.wires.send(at, end, piece as usize, Class::Bulk) {
                Some((_, Fate::Arrives { at: then, .. })) => at = then,
                Some((_, Fate::Dropped(_))) | None => return self.stall(now, id),
            }
        }
        let free_at = path.first().and_then(|end| self.wires.bulk_free_at(*end)).unwrap_or(at);
        let Some(flow) = self.transfers.flows.get_mut(&id) else { return };
        flow.stalled_since = None;
        flow.sent.insert(target, sent + piece);
        if sent + piece == total {
            self.queue.push(at, Happening::TransferArrives(id, target));
        }
        self.queue.push(free_at, Happening::Transfer(id));
    }

    /// A piece was lost. TCP would send it again; a link that stays down tears the connection.
    fn stall(&mut self, now: Instant, id: u64) {
        let Some(flow) = self.transfers.flows.get_mut(&id) else { return };
        let since = *flow.stalled_since.get_or_insert(now);
        if now.since(since) >= TORN_AFTER {
            self.tear(now, id, None);
        } else {
            self.queue.push(now + RETRY_AFTER, Happening::Transfer(id));
        }
    }

    pub(crate) fn transfer_arrives(&mut self, now: Instant, id: u64, target: NodeId) {
        let Some(flow) = self.transfers.flows.get_mut(&id) else { return };
        flow.arrived += 1;
        let (migration, source, header) = (flow.migration, flow.source, flow.header.clone());
        let all = flow.arrived as usize == flow.sent.len();
        let bytes = flow.bytes * flow.sent.len() as u64;
        let image = flow.image.clone();
        self.transfers.receiving.remove(&target);
        if let Some(Actor::Server(server)) = self.actors.get_mut(&target) {
            *server.memory_mut() = image;
        }
        self.job_done(now, target, migration, JobResult::Received { header });
        if all {
            self.transfers.flows.remove(&id);
            self.job_done(now, source, migration, JobResult::Sent { bytes });
        }
    }

    /// A server has given its part up.
    pub(crate) fn cancel_transfer(&mut self, now: Instant, node: NodeId, migration: MigrationId) {
        self.transfers.receiving.remove(&node);
        let concerned = |flow: &Flow| flow.migration == migration && flow.concerns(node);
        let ids = self.transfers.flows.iter().filter(|(_, flow)| concerned(flow)).map(|(id, _)| *id);
        for id in ids.collect::<Vec<_>>() {
            self.tear(now, id, Some(node));
        }
    }

    /// A server's process has ended.
    pub(crate) fn tear_transfers_of(&mut self, now: Instant, node: NodeId) {
        self.transfers.receiving.remove(&node);
        let ids = self.transfers.flows.iter().filter(|(_, flow)| flow.concerns(node)).map(|(id, _)| *id);
        for id in ids.collect::<Vec<_>>() {
            self.tear(now, id, Some(node));
        }
    }

    /// Ends a transfer; all who took part learn of it but `except`, who knows.
    fn tear(&mut self, now: Instant, id: u64, except: Option<NodeId>) {
        let Some(flow) = self.transfers.flows.remove(&id) else { return };
        for node in flow.sent.keys().copied().chain([flow.source]) {
            let waits = node == flow.source || self.transfers.receiving.remove(&node).is_some();
            if Some(node) != except && waits {
                self.job_done(now, node, flow.migration, JobResult::Failed(JobFailure::Torn));
            }
        }
    }

    fn job_done(&mut self, at: Instant, node: NodeId, migration: MigrationId, result: JobResult) {
        let Some(life) = self.hosts.get(&node).map(|host| host.life) else { return };
        let pending = Pending::JobDone { migration, result };
        self.queue.push(at, Happening::Process { host: node, life, pending });
    }

    /// The ends at which a piece goes in, hop by hop.
    fn path(&self, source: NodeId, target: NodeId) -> Vec<End> {
        let t = &self.scenario.topology;
        let mut path = vec![End { node: source, port: PortId(0) }];
        let (Some(mut here), Some(there)) = (t.switch_of(source), t.switch_of(target)) else { return path };
        while here != there {
            let Some(port) = t.towards(here, there) else { break };
            path.push(End { node: here, port });
            let beyond = t.cables.iter().find_map(|cable| match cable.ends {
                [a, b] if a == (End { node: here, port }) => Some(b.node),
                [a, b] if b == (End { node: here, port }) => Some(a.node),
                _ => None,
            });
            let Some(beyond) = beyond else { break };
            here = beyond;
        }
        let last = t
            .cables
            .iter()
            .flat_map(|cable| [(cable.ends[0], cable.ends[1]), (cable.ends[1], cable.ends[0])]);
        path.extend(last.filter(|(from, to)| from.node == there && to.node == target).map(|(from, _)| from));
        path
    }
}

impl Flow {
    fn concerns(&self, node: NodeId) -> bool {
        self.source == node || self.sent.contains_key(&node)
    }
}
