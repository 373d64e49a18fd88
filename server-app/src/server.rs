//! The server node: applies the requests of the log strictly in offset order, answers after the emulated service time,
//! answers repeats from memory, and reports to its edge controller. What it does for migrations is in `server/tasks.rs`,
//! as their source in `server/source.rs`, as their target in `server/target.rs`.

mod source;
mod target;
mod tasks;

use crate::config::{ConfigError, ServerConfig};
use crate::memory::Memory;
use crate::outbox::Outbox;
use crate::replica::Replica;
use crate::rounds::Precopy;
use std::collections::VecDeque;
use zerogap_proto::agv::Report;
use zerogap_proto::message::BODY_LEN;
use zerogap_proto::node::earlier;
use zerogap_proto::{
    Control, Duration, Endpoint, Event, Incarnation, Input, Instant, Kind, Message, MigrationId, Node,
    Offset, Output, ServerStatus, Stamp, Task, Timer,
};

/// An edge server of one service. See the crate's introduction for what it promises.
#[derive(Debug)]
pub struct Server<M> {
    config: ServerConfig,
    incarnation: Incarnation,
    holds_state: bool,
    replica: Replica<M>,
    task: Task,
    work: Work,
    armed_flip: Option<(u64, u8)>,
    /// Orders for migrations before this one come too late.
    oldest_migration: MigrationId,
    scrub_at: Option<Instant>,
    scrub_failed: bool,
    outbox: Outbox,
    outputs: VecDeque<Output>,
    counters: Counters,
}

/// What a task needs to know and nobody else.
#[derive(Clone, Debug)]
enum Work {
    Nothing,
    /// Pre-copying to these targets.
    Rounds {
        precopy: Precopy,
        targets: Vec<Endpoint>,
    },
    /// Frozen since this offset, with this digest of the state.
    Cutting {
        mark: Offset,
        digest: u64,
    },
    /// The header that came with a transfer, until the scan.
    Received(Vec<u8>),
    /// Digest of the memory that is being pulled, by the source's word.
    Pulling {
        memory_digest: u64,
    },
}

/// What a server did with all that came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests applied.
    pub applied: u64,
    /// Requests answered again from memory.
    pub repeated: u64,
    /// Requests that came too early.
    pub too_early: u64,
    /// Requests whose answer is no longer remembered.
    pub forgotten: u64,
    /// Datagrams that are no request.
    pub not_requests: u64,
    /// Requests for another life.
    pub other_life: u64,
    /// Requests for this life while it held no state.
    pub no_state: u64,
    /// Requests not taken because too many answers waited.
    pub busy: u64,
    /// Orders and results for a migration that is over.
    pub stale: u64,
    /// Inputs that are not for servers.
    pub misdirected: u64,
}

impl<M: Memory> Server<M> {
    /// A server as configured. `memory` is of the configured size and holds nothing but the configured prior.
    pub fn new(config: ServerConfig, memory: M) -> Result<Self, ConfigError> {
        config.check_with(&memory)?;
        Ok(Self {
            incarnation: Incarnation::of_life(config.life),
            holds_state: config.holds_state,
            replica: Replica::new(&config, memory),
            task: Task::None,
            work: Work::Nothing,
            armed_flip: None,
            oldest_migration: MigrationId(0),
            scrub_at: None,
            scrub_failed: false,
            outbox: Outbox::new(config.answers_remembered as usize),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            config,
        })
    }

    /// Its report.
    pub fn status(&self) -> ServerStatus {
        let (next, digest) =
            if self.holds_state { (self.replica.next(), self.replica.digest()) } else { (Offset(0), 0) };
        ServerStatus {
            server: self.config.node,
            incarnation: self.incarnation,
            holds_state: self.holds_state,
            next,
            digest,
            scrub_failed: self.scrub_failed,
            task: self.task,
        }
    }

    /// Whether it has a state, its first or a restored one; without one it is a spare.
    pub const fn holds_state(&self) -> bool {
        self.holds_state
    }

    /// What it did with all that came in.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// How it was started.
    pub const fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// The memory, for jobs that send it.
    pub const fn memory(&self) -> &M {
        self.replica.app().memory()
    }

    /// The pages that a datagram, if it is the next request, will touch, in order. For virtual time.
    pub fn footprint(&self, payload: &[u8]) -> Vec<usize> {
        let request = Message::parse(payload).filter(|message| message.kind == Kind::Request);
        let next = request.filter(|request| self.holds_state && request.stamp.offset == self.replica.next());
        next.map_or_else(Vec::new, |request| self.replica.app().footprint(&Report::from_body(request.body)))
    }

    fn on_datagram(&mut self, now: Instant, from: Endpoint, payload: &[u8]) {
        let Some(request) = Message::parse(payload).filter(|message| message.kind == Kind::Request) else {
            self.counters.not_requests += 1;
            return;
        };
        if request.stamp.incarnation != self.incarnation {
            self.counters.other_life += 1;
        } else if !self.holds_state {
            self.counters.no_state += 1;
        } else if self.outbox.is_full() {
            self.counters.busy += 1;
        } else {
            let (service_time, reply) = self.serve(&request);
            self.outbox.push(now, service_time, (from, reply));
        }
    }

    fn serve(&mut self, request: &Message<'_>) -> (Duration, Vec<u8>) {
        let (asked, next) = (request.stamp.offset, self.replica.next());
        if asked > next {
            self.counters.too_early += 1;
            let stamp = Stamp { offset: next, ..request.stamp };
            let message = Message { kind: Kind::Expect, stamp, body: &[0; BODY_LEN], ..*request };
            return (Duration::ZERO, message.to_bytes());
        }
        if asked == next {
            let answer = self.replica.apply(request);
            self.counters.applied += 1;
            let service_time = if request.stamp.replayed { Duration::ZERO } else { self.config.service_time };
            let body = answer.command().to_body();
            return (service_time, Message { kind: Kind::Answer, body: &body, ..*request }.to_bytes());
        }
        let Some(answer) = self.replica.answer_at(asked) else {
            self.counters.forgotten += 1;
            let message = Message { kind: Kind::Forgotten, body: &[0; BODY_LEN], ..*request };
            return (Duration::ZERO, message.to_bytes());
        };
        self.counters.repeated += 1;
        let message = Message {
            kind: Kind::Answer,
            client: answer.client,
            client_incarnation: answer.client_incarnation,
            sequence: answer.sequence,
            stamp: request.stamp,
            body: &answer.command().to_body(),
        };
        (Duration::ZERO, message.to_bytes())
    }

    fn on_control(&mut self, message: Control) {
        match message {
            Control::Server(command) => self.on_command(command),
            Control::FlowMod(_)
            | Control::Barrier(_)
            | Control::Service(_)
            | Control::QueryService(_)
            | Control::PacketIn(_)
            | Control::BarrierDone(_)
            | Control::ServiceStatus(_)
            | Control::Refused { .. }
            | Control::ClientAt { .. }
            | Control::ServerStatus(_)
            | Control::ServerLost { .. }
            | Control::Associate { .. }
            | Control::Stop => self.counters.misdirected += 1,
        }
    }

    fn scrub_if_due(&mut self, now: Instant) {
        if self.scrub_at.is_none_or(|at| at > now) {
            return;
        }
        if self.replica.app_mut().scrub_next_chunk() {
            self.start_scrub(now);
        } else {
            // It will not get better; the controller decides what becomes of this server.
            self.scrub_at = None;
            self.scrub_failed = true;
            self.event(Event::ScrubFailed { server: self.config.node });
            self.report();
        }
    }

    fn start_scrub(&mut self, now: Instant) {
        let wanted = self.holds_state && self.config.scrub_interval > Duration::ZERO;
        self.scrub_at = wanted.then(|| now + self.config.scrub_interval);
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn report(&mut self) {
        let message = Control::ServerStatus(self.status());
        self.outputs.push_back(Output::Control { to: self.config.controller, message });
    }
}

impl<M: Memory> Node for Server<M> {
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Start => {
                self.start_scrub(now);
                self.report();
            }
            Input::Datagram { from, payload } => self.on_datagram(now, from, payload),
            Input::Control { from: _, message } => self.on_control(message),
            Input::Wake(_) => self.scrub_if_due(now),
            Input::JobDone { migration, result } => self.on_job_done(now, migration, result),
            Input::Frame { .. } => self.counters.misdirected += 1,
        }
        while let Some((to, payload)) = self.outbox.pop_due(now) {
            self.outputs.push_back(Output::Datagram { to, payload });
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        let answer = self.outbox.due().map(|at| (at, Timer::Answer));
        earlier(answer, self.scrub_at.map(|at| (at, Timer::Scrub)))
    }
}
