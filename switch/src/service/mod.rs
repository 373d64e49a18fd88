//! One service at its anchor: the log, its readers, the ballots, the roles, the migration under way. All input of a service
//! comes through here, one at a time, so answers never race; everything it wants done comes out as [`Effect`]s.
//!
//! ```text
//! request ─▶ admission ─▶ log ─▶ readers ─▶ servers
//!                          │        ▲          │ answers
//!                          │        │ held     ▼
//!                  retention (trim) │ ◀──── ballots ─▶ selection ─▶ client
//!                                   │          │
//!                 orders ─▶ plan ─▶ freeze     └─▶ review ─┐
//!                            │                             ├─▶ switch-over ─▶ takeover
//!                            └─▶ take (frozen, no review) ─┘        └─▶ fall-back
//! ```

pub mod admission;
pub mod ballot;
mod copy;
mod fallback;
mod flow;
mod freeze;
mod intake;
pub mod log;
mod migration;
mod orders;
mod pace;
mod patience;
mod plan;
pub mod reader;
mod release;
mod retention;
mod review;
mod roles;
pub mod selection;
mod takeover;

pub use admission::{ClientKey, Ingress};
pub use copy::{Released, RequestCopy};
pub use reader::Reader;
pub use selection::Selection;

use admission::Admission;
use fallback::FallBack;
use log::Log;
use plan::Plan;
use std::collections::{BTreeMap, VecDeque};
use zerogap_proto::node::earlier;
use zerogap_proto::{
    DropReason, Duration, Endpoint, Epoch, Event, Health, Incarnation, Instant, MigrationId, NodeId, Offset,
    Outcome, PlanStatus, ServiceId, ServiceStatus, Serving, Timer,
};

/// What a service is, and its timers and bounds.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Its id.
    pub id: ServiceId,
    /// Its virtual address and UDP port.
    pub endpoint: Endpoint,
    /// Who serves at the start, in order of preference, and in which life.
    pub servers: Vec<(NodeId, Incarnation)>,
    /// Which answer goes out.
    pub selection: Selection,
    /// How long after a request was sent the preferred answer may be missing before the standby's goes out.
    pub failover_after: Duration,
    /// Missing answers in a row after which the standby is promoted.
    pub absences_to_promote: u32,
    /// W: entries a reader may have in flight.
    pub window: usize,
    /// When an unanswered request is first sent again, if the server has not shown that it needs longer.
    pub resend_after: Duration,
    /// Entries of the log.
    pub log_entries: usize,
    /// Sequence numbers of a client that are remembered.
    pub admission_window: u32,
    /// Clients that are remembered.
    pub clients_max: usize,
}

/// What a service wants done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send a request to a server.
    ToServer(RequestCopy),
    /// Send an answer to the client.
    ToClient(Released),
    /// Write the journal.
    Event(Event),
    /// Controllers should see the new status.
    StatusChanged,
}

/// What a service has counted from its beginning on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answers that went to clients.
    pub released: u64,
    /// Copies of requests and of answers that it had already.
    pub duplicates: u64,
    /// Answers of serving servers that were equal to the one that went to the client.
    pub agreed: u64,
    /// And those that were not.
    pub disagreed: u64,
}

/// How a service disposed of an answer or a request: what happened to the frame, for the switch's accounting.
pub type Disposition = Result<(), DropReason>;

/// A service at its anchor.
#[derive(Debug)]
pub struct Service {
    config: ServiceConfig,
    admission: Admission,
    log: Log,
    readers: BTreeMap<NodeId, Reader>,
    /// Who serves, in order of preference; each has a reader.
    serving: Vec<NodeId>,
    epoch: Epoch,
    /// The lowest offset with no answer released.
    unreleased: Offset,
    /// The lowest offset whose answers have not been counted as due.
    unjudged: Offset,
    plan: Option<Plan>,
    /// A migration whose targets are gone, until somebody has answered in their place.
    falling_back: Option<FallBack>,
    attempts: u32,
    completed: u32,
    last: Option<(MigrationId, Outcome)>,
    ingress: Option<NodeId>,
    log_full_told: bool,
    tally: Tally,
    effects: VecDeque<Effect>,
}

impl Service {
    /// A service with an empty log, whose servers all hold the initial state.
    pub fn new(config: ServiceConfig) -> Self {
        let reader = |&(server, incarnation): &(NodeId, Incarnation)| {
            let mut reader = Reader::new(server, incarnation, Offset(0));
            reader.reach(Offset(0));
            (server, reader)
        };
        Self {
            admission: Admission::new(config.admission_window, config.clients_max),
            log: Log::new(config.log_entries),
            readers: config.servers.iter().map(reader).collect(),
            serving: config.servers.iter().map(|&(server, _)| server).collect(),
            epoch: Epoch(0),
            unreleased: Offset(0),
            unjudged: Offset(0),
            plan: None,
            falling_back: None,
            attempts: 0,
            completed: 0,
            last: None,
            ingress: None,
            log_full_told: false,
            tally: Tally::default(),
            effects: VecDeque::new(),
            config,
        }
    }

    /// The service's configuration.
    pub fn config(&self) -> &ServiceConfig {
        &self.config
    }

    /// Whether this server has a reader here.
    pub fn has_reader(&self, server: NodeId) -> bool {
        self.readers.contains_key(&server)
    }

    /// Requests that wait for an answer to be released.
    pub fn held(&self) -> u64 {
        let before = self.unreleased;
        self.log.head().from(before)
    }

    /// The most requests that its log has held.
    pub fn log_peak(&self) -> usize {
        self.log.peak()
    }

    /// The offset that the next request gets.
    pub fn head(&self) -> Offset {
        self.log.head()
    }

    /// What it has counted.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Its readers: those that serve in order of preference, then the others.
    pub fn readers(&self) -> impl Iterator<Item = &Reader> {
        let others = self.readers.values().filter(|reader| !self.serving.contains(&reader.server));
        self.serving.iter().filter_map(|server| self.readers.get(server)).chain(others)
    }

    /// What it wants done next.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When to come back.
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        let resend =
            self.readers.values().filter_map(|reader| reader.resend_at(self.config.resend_after)).min();
        let due = self.log.get(self.unjudged).and_then(|entry| entry.ballot.sent());
        let overdue = due.map(|sent| (sent + self.config.failover_after, Timer::Failover));
        let deadline = self.plan_deadline().or(self.fall_back_deadline()).map(|at| (at, Timer::Deadline));
        earlier(earlier(resend.map(|at| (at, Timer::Resend)), overdue), deadline)
    }

    /// All that controllers need to know.
    pub fn status(&self) -> ServiceStatus {
        let serving = self.serving.iter().filter_map(|server| self.readers.get(server));
        ServiceStatus {
            service: self.config.id,
            epoch: self.epoch,
            head: self.log.head(),
            serving: serving
                .map(|r| Serving { server: r.server, incarnation: r.incarnation, health: r.health })
                .collect(),
            plan: self.plan.as_ref().map(|plan| PlanStatus {
                migration: plan.migration,
                scheme: plan.scheme,
                goal: plan.goal,
                snapshotter: plan.snapshotter,
                targets: plan.targets.clone(),
                phase: plan.phase,
                mark: plan.mark,
                review: plan.tally,
            }),
            attempts: self.attempts,
            completed: self.completed,
            last: self.last,
            ingress: self.ingress,
        }
    }

    fn event(&mut self, event: Event) {
        self.effects.push_back(Effect::Event(event));
    }

    fn serving_health(&self) -> Vec<(NodeId, Health)> {
        let health = |server: &NodeId| self.readers.get(server).map(|reader| (*server, reader.health));
        self.serving.iter().filter_map(health).collect()
    }
}
