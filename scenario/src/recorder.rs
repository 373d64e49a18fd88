//! What a driver writes down while a run lasts: the journal, the client's records, and the last reports that passed by. Both
//! drivers fill one in and hand it to the results.

use crate::build::Scenario;
use crate::journal::Journal;
use crate::results::{self, Facts, FleetFigures, RunResult, Stall, SwitchFigures, Tally, World};
use std::collections::{BTreeMap, BTreeSet};
use zerogap_proto::{
    Control, Duration, Event, Instant, MigrationId, NodeId, Record, ServerStatus, ServiceId, ServiceStatus,
    Task,
};
use zerogap_switch::Counters;

/// The notes of a run.
#[derive(Debug, Default)]
pub struct Recorder {
    /// What happened.
    pub journal: Journal,
    /// What the client measured, if there is one: a fleet's requests are counted, not kept.
    pub records: Vec<Record>,
    servers: BTreeMap<NodeId, ServerStatus>,
    services: BTreeMap<ServiceId, ServiceStatus>,
    bytes_sent: BTreeMap<MigrationId, u64>,
    fleet: Option<Box<Tally>>,
}

/// A run that is over.
#[derive(Debug)]
pub struct Finished {
    /// Its result.
    pub result: RunResult,
    /// Its journal and records.
    pub recorder: Recorder,
}

/// What a driver knows when a run is over, beside its recorder.
#[derive(Debug, Default)]
pub struct Ending {
    /// When the run began, since the Unix epoch; zero in virtual time.
    pub started: Duration,
    /// When the machine stalled.
    pub stalls: Vec<Stall>,
    /// What each switch counted.
    pub counters: BTreeMap<NodeId, Counters>,
    /// What the links at each switch dropped.
    pub link_drops: BTreeMap<NodeId, Counters>,
    /// What a fleet shared.
    pub fleet: FleetFigures,
}

impl Recorder {
    /// A recorder for a run of this scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let testbed = &scenario.testbed;
        let tally = || Box::new(Tally::new(&scenario.topology, testbed.threshold.0));
        Self { fleet: (!testbed.fleet.is_one()).then(tally), ..Self::default() }
    }

    /// Writes an event down.
    pub fn event(&mut self, at: Instant, who: NodeId, event: Event) {
        if let Some(tally) = &mut self.fleet {
            tally.event(at, &event);
        }
        self.journal.add(at, who, event);
    }

    /// Takes what a client measured of a request.
    pub fn record(&mut self, client: NodeId, record: Record) {
        match &mut self.fleet {
            Some(tally) => tally.record(client, &record),
            None => self.records.push(record),
        }
    }

    /// Looks at a control message that passes by.
    pub fn sniff(&mut self, message: &Control) {
        match message {
            Control::ServerStatus(status) => self.server(*status),
            Control::ServiceStatus(status) => {
                self.services.insert(status.service, status.clone());
            }
            Control::FlowMod(_)
            | Control::Barrier(_)
            | Control::Service(_)
            | Control::QueryService(_)
            | Control::PacketIn(_)
            | Control::BarrierDone(_)
            | Control::Refused { .. }
            | Control::ClientAt { .. }
            | Control::Server(_)
            | Control::ServerLost { .. }
            | Control::Associate { .. }
            | Control::Stop => {}
        }
    }

    /// Takes a server's report.
    pub fn server(&mut self, status: ServerStatus) {
        if let Some(tally) = &mut self.fleet {
            tally.server(&status);
        } else if let Task::Sent { migration, bytes, .. } = status.task {
            self.bytes_sent.insert(migration, bytes);
        }
        self.servers.insert(status.server, status);
    }

    /// The last report of each server.
    pub fn servers(&self) -> &BTreeMap<NodeId, ServerStatus> {
        &self.servers
    }

    /// The anchor's last report of the first AGV's service.
    pub fn service(&self) -> Option<&ServiceStatus> {
        self.services.values().next()
    }

    /// The anchors' last reports of all services.
    pub fn services(&self) -> &BTreeMap<ServiceId, ServiceStatus> {
        &self.services
    }

    /// The result of the run.
    pub fn result(&mut self, scenario: &Scenario, world: World, mut ending: Ending) -> RunResult {
        self.records.sort_by_key(|record| record.sequence);
        let figures = |(node, counters): (NodeId, Counters)| {
            let mut dropped = counters.dropped;
            for (reason, count) in ending.link_drops.get(&node).map(|c| &c.dropped).into_iter().flatten() {
                *dropped.entry(*reason).or_default() += count;
            }
            let (frames_in, frames_out) = (counters.frames_in, counters.frames_out);
            (node, SwitchFigures { frames_in, frames_out, dropped })
        };
        let testbed = &scenario.testbed;
        // Of a fleet only those that should be equal and are not.
        let digests = self.services.values().map(|service| self.serving_digests(service));
        let one = testbed.fleet.is_one();
        let wrong = |of: &BTreeMap<NodeId, u64>| of.values().collect::<BTreeSet<_>>().len() > 1;
        let shown: Vec<BTreeMap<NodeId, u64>> = digests.filter(|of| one || wrong(of)).collect();
        ending.fleet.states_differ = shown.len() as u64;
        let state_digests = shown.into_iter().flatten().collect();
        let facts = Facts {
            world,
            scheme: testbed.scheme,
            seed: testbed.seed,
            state_bytes: testbed.state.size.0,
            threshold: testbed.threshold.0,
            migrations_wanted: if testbed.fleet.is_one() { testbed.migrations } else { 0 },
            links_duplicate: scenario.topology.cables.iter().any(|cable| cable.link.duplicate > 0.0),
            started: ending.started,
            stalls: ending.stalls,
            switches: ending.counters.into_iter().map(figures).collect(),
            state_digests,
            state_bytes_sent: self.bytes_sent.clone(),
        };
        match self.fleet.take() {
            None => results::compute(&self.records, &self.journal, &facts, &scenario.topology.names),
            Some(tally) => tally.finish(&facts, &scenario.topology, &self.journal, ending.fleet),
        }
    }

    /// The digests of the serving servers of one service. A driver asks for the last reports after the client has stopped, when
    /// all that serve have applied the whole log; one that has not (because it is stopped, say) is left out.
    fn serving_digests(&self, service: &ServiceStatus) -> BTreeMap<NodeId, u64> {
        let holds = |server: &NodeId| self.servers.get(server).filter(|status| status.holds_state);
        let serving = service.serving.iter().filter_map(|serving| holds(&serving.server));
        let common = serving.clone().map(|status| status.next).max();
        serving.filter(|s| Some(s.next) == common).map(|s| (s.server, s.digest)).collect()
    }
}
