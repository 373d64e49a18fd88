//! State transfers in virtual time: flows that share the links with the requests, stall with a link and are torn after a
//! while. The image is a clone of the sending server's memory, so what arrives is really its state.

mod flow;
mod jobs;
mod path;
mod pull;
mod times;

use crate::world::{Actor, Happening, World};
use flow::{Cargo, Flow};
use pull::Pulling;
use std::collections::{BTreeMap, BTreeSet};
use times::Times;
use zerogap_proto::{Duration, Instant, JobFailure, JobResult, MigrationId, NodeId, Round};
use zerogap_scenario::file::Testbed;
use zerogap_server_app::SparseMemory;

/// How much of the state is sent at one time.
const PIECE_BYTES: u64 = 256 * 1_024;
/// How soon a transfer over a link that is down tries again.
const RETRY_AFTER: Duration = Duration::from_millis(10);
/// How long a transfer may stall before it is torn.
const TORN_AFTER: Duration = Duration::from_secs(5);

/// The transfers under way.
#[derive(Debug)]
pub struct Transfers {
    times: Times,
    next_id: u64,
    flows: BTreeMap<u64, Flow>,
    receiving: BTreeMap<NodeId, MigrationId>,
    /// The image of each source's latest round.
    rounds: BTreeMap<NodeId, (MigrationId, SparseMemory)>,
    pulls: BTreeMap<NodeId, Pulling>,
    /// Targets that have scanned what arrived while it did.
    scanned: BTreeSet<NodeId>,
}

impl Transfers {
    /// None yet.
    pub(crate) fn new(testbed: &Testbed) -> Self {
        Self {
            times: Times::new(testbed),
            next_id: 0,
            flows: BTreeMap::new(),
            receiving: BTreeMap::new(),
            rounds: BTreeMap::new(),
            pulls: BTreeMap::new(),
            scanned: BTreeSet::new(),
        }
    }
}

impl World<'_> {
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
        let Some(at) = self.convey(now, &path, piece) else { return self.stall(now, id) };
        let free_at = path.first().and_then(|end| self.wires.bulk_free_at(*end)).unwrap_or(at);
        let Some(flow) = self.transfers.flows.get_mut(&id) else { return };
        let free_at = free_at.max(now + flow.effort.on(piece));
        let at = at.max(free_at);
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
        let all = flow.arrived as usize == flow.sent.len();
        let (migration, source) = (flow.migration, flow.source);
        let (header, complete) = match &flow.cargo {
            Cargo::Image { header, frozen } => {
                if *frozen {
                    self.transfers.scanned.insert(target);
                }
                (Some(header.clone()), true)
            }
            Cargo::Lazy { header } => (Some(header.clone()), false),
            Cargo::Round => (None, false),
        };
        if let Some(header) = header {
            let (image, missing) = (flow.image.clone(), flow.pages.clone());
            if let Some(Actor::Server(server)) = self.actors.get_mut(&target) {
                *server.memory_mut() = image.clone();
            }
            if complete {
                self.transfers.receiving.remove(&target);
                self.job_done(now, target, migration, JobResult::Received { header });
            } else {
                self.job_done(now, target, migration, JobResult::Usable { header });
                self.begin_pull(now, migration, source, target, &image, &missing);
            }
        }
        if all {
            self.all_arrived(now, id);
        }
    }

    /// The source's part is done, or goes on with the next round.
    fn all_arrived(&mut self, now: Instant, id: u64) {
        let Some(flow) = self.transfers.flows.remove(&id) else { return };
        let (source, migration) = (flow.source, flow.migration);
        let bytes = flow.bytes * flow.sent.len() as u64;
        match flow.cargo {
            Cargo::Image { .. } => self.job_done(now, source, migration, JobResult::Sent { bytes }),
            // Its end is that of the pull.
            Cargo::Lazy { .. } => {}
            Cargo::Round => {
                let Some(Actor::Server(server)) = self.actors.get(&source) else { return };
                let dirty_pages = server.memory().changed_since(&flow.image).len() as u64;
                let took = now.since(flow.began);
                let round = Round { pages: flow.full_pages, bytes, took, dirty_pages };
                self.transfers.rounds.insert(source, (migration, flow.image));
                self.job_done(now, source, migration, JobResult::Round(round));
            }
        }
    }

    /// A server has given its part up.
    pub(crate) fn cancel_transfer(&mut self, now: Instant, node: NodeId, migration: MigrationId) {
        self.transfers.receiving.remove(&node);
        self.transfers.rounds.remove(&node);
        self.end_pulls_of(now, node);
        let concerned = |flow: &Flow| flow.migration == migration && flow.concerns(node);
        let ids = self.transfers.flows.iter().filter(|(_, flow)| concerned(flow)).map(|(id, _)| *id);
        for id in ids.collect::<Vec<_>>() {
            self.tear(now, id, Some(node));
        }
    }

    /// A server's process has ended.
    pub(crate) fn tear_transfers_of(&mut self, now: Instant, node: NodeId) {
        self.transfers.receiving.remove(&node);
        self.transfers.rounds.remove(&node);
        self.end_pulls_of(now, node);
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
}
