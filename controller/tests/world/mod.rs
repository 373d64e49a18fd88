//! A small world for the controllers: both of them, an anchor, two switches and four servers, joined by channels that
//! take a millisecond and lose what a test wants lost. It watches, at every step, that no state is taken from a server
//! that serves, reads or is the fall-back, that only a drained source is copied as a frozen one, and that targets read or take
//! over only with what was cut.

pub(crate) mod anchor;
pub(crate) mod server;
pub(crate) mod words;

use anchor::Anchor;
use server::{Parcel, Reaction, Server};
use std::collections::BTreeMap;
use zerogap_controller::{EdgeConfig, EdgeController, SdnConfig, SdnController};
use zerogap_proto::*;

pub(crate) const S1: NodeId = NodeId(1);
pub(crate) const S2: NodeId = NodeId(2);
pub(crate) const A1: NodeId = NodeId(11);
pub(crate) const A2: NodeId = NodeId(12);
pub(crate) const B1: NodeId = NodeId(21);
pub(crate) const B2: NodeId = NodeId(22);
pub(crate) const SDN: NodeId = NodeId(90);
pub(crate) const EDGE: NodeId = NodeId(91);
const DRIVER: NodeId = NodeId(99);
const AGV: NodeId = NodeId(40);
const SERVICE: ServiceId = ServiceId(1);

const CHANNEL: Duration = Duration::from_millis(1);
const JOB: Duration = Duration::from_millis(30);
const TICK: Duration = Duration::from_millis(10);

/// When the controllers are replaced by new ones that know nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Restart {
    Never,
    /// After these inputs to the edge controller, counted from 0.
    After(Vec<u64>),
    /// After every time that the edge controller has given orders.
    AfterOrders,
}

enum Happening {
    Message { from: NodeId, to: NodeId, message: Control },
    WorkDone(NodeId, MigrationId),
    Tick,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) anchor: Anchor,
    pub(crate) servers: BTreeMap<NodeId, Server>,
    /// Every order that the edge controller gave.
    pub(crate) orders: Vec<Control>,
    /// Messages sent so far, the lost ones included.
    pub(crate) sent: u64,
    /// Inputs to the edge controller so far.
    pub(crate) inputs: u64,
    pub(crate) restart: Restart,
    pub(crate) is_lost: Box<dyn Fn(u64) -> bool>,
    pub(crate) config: EdgeConfig,
    edge: EdgeController,
    sdn: SdnController,
    queue: BTreeMap<(Instant, u64), Happening>,
    happened: u64,
}

impl World {
    pub(crate) fn new(config: EdgeConfig) -> Self {
        let serve: Vec<NodeId> = [A1, A2].into_iter().take(config.scheme.replicas()).collect();
        let servers: BTreeMap<_, _> =
            [A1, A2, B1, B2].map(|id| (id, Server::new(id, serve.contains(&id)))).into();
        let serving =
            |s| Serving { server: s, incarnation: Incarnation::of_life(1), health: Health::Healthy };
        let anchor = Anchor::new(ServiceStatus {
            service: SERVICE,
            epoch: Epoch(0),
            head: Offset(100),
            serving: serve.into_iter().map(serving).collect(),
            plan: None,
            attempts: 0,
            completed: 0,
            last: None,
            ingress: Some(S1),
        });
        let mut world = Self {
            now: Instant::ZERO,
            anchor,
            servers,
            orders: Vec::new(),
            sent: 0,
            inputs: 0,
            restart: Restart::Never,
            is_lost: Box::new(|_| false),
            edge: EdgeController::new(config.clone()).expect("a configuration that makes sense"),
            sdn: sdn(),
            config,
            queue: BTreeMap::new(),
            happened: 0,
        };
        world.edge.handle(world.now, Input::Start);
        world.sdn.handle(world.now, Input::Start);
        world.drain();
        world
    }

    /// The client's frames enter at this switch from now on.
    pub(crate) fn client_moves_to(&mut self, switch: NodeId) {
        self.anchor.status.ingress = Some(switch);
        self.anchor_reports();
        let (port, client_id, waiting) = (PortId(0), ClientId(1), false);
        let packet_in = PacketIn { switch, port, client: AGV, client_id, service: SERVICE, waiting };
        self.send(switch, SDN, Control::PacketIn(packet_in));
    }

    /// Ends a server's process. Those who are pulling from it see that before the controller hears why.
    pub(crate) fn kill(&mut self, server: NodeId) {
        self.server(server).alive = false;
        if let Some(plan) = self.anchor.status.plan.clone().filter(|plan| plan.snapshotter == server) {
            for target in plan.targets {
                let pulls = matches!(self.server(target).status.task, Task::Pulling { .. });
                if pulls && self.server(target).arrive(plan.migration, Parcel::Torn) {
                    self.report(target);
                }
            }
        }
        self.send(DRIVER, EDGE, Control::ServerLost { server });
    }

    pub(crate) fn revive(&mut self, server: NodeId) {
        self.server(server).restart();
        self.report(server);
    }

    pub(crate) fn server(&mut self, server: NodeId) -> &mut Server {
        self.servers.get_mut(&server).expect("one of the four servers")
    }

    /// Lets time pass until `done`, at most for `limit`; whether it came to that.
    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            let wake = node::earlier(self.edge.deadline(), self.sdn.deadline()).map(|(at, _)| at);
            let event = self.queue.keys().next().map(|&(at, _)| at);
            let Some(next) = wake.into_iter().chain(event).min().filter(|&at| at <= end) else {
                self.now = end;
                return done(self);
            };
            self.now = self.now.max(next);
            match self.queue.first_entry().filter(|first| first.key().0 <= next) {
                Some(first) => {
                    let happening = first.remove();
                    self.happens(happening);
                }
                None => self.wake_controllers(),
            }
            self.drain();
        }
        true
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Message { to: EDGE, from, message } => {
                self.edge.handle(self.now, Input::Control { from, message });
                self.edge_has_handled();
            }
            Happening::Message { to: SDN, from, message } => {
                self.sdn.handle(self.now, Input::Control { from, message });
            }
            Happening::Message { to, message, .. } => self.at_switch_or_server(to, message),
            Happening::WorkDone(server, migration) => {
                let reaction = self.server(server).work_done(migration);
                self.react(server, reaction);
            }
            Happening::Tick => {
                if self.anchor.tick() {
                    self.anchor_reports();
                    self.later(TICK, Happening::Tick);
                }
            }
        }
    }

    fn at_switch_or_server(&mut self, to: NodeId, message: Control) {
        match message {
            Control::Barrier(barrier) => self.send(to, SDN, Control::BarrierDone(barrier)),
            Control::QueryService(_) => self.anchor_reports(),
            Control::Service(command) => self.order(&command),
            Control::Server(command) if self.server(to).alive => {
                let before = self.server(to).status;
                self.check_frozen(to, &command, before.task);
                let reaction = self.server(to).command(&command);
                let reset = self.server(to).status.incarnation != before.incarnation;
                let needed = self.anchor.needs(to, before.incarnation);
                assert!(!(reset && needed), "{command:?} took the state of {to}, which serves or reads");
                self.react(to, reaction);
            }
            Control::FlowMod(_) | Control::Server(_) => {} // A dead server hears nothing.
            Control::PacketIn(_)
            | Control::BarrierDone(_)
            | Control::ServiceStatus(_)
            | Control::Refused { .. }
            | Control::ClientAt { .. }
            | Control::ServerStatus(_)
            | Control::ServerLost { .. }
            | Control::Associate { .. }
            | Control::Stop => panic!("{message:?} to {to}"),
        }
    }

    /// A source that is copied as a frozen one must be one, unless the order is for a migration that has ended.
    fn check_frozen(&self, to: NodeId, command: &ServerCommand, task: Task) {
        let migration = match *command {
            ServerCommand::Finish { migration, .. } => migration,
            ServerCommand::Snapshot { migration, image: Image::FullCopy, .. } => migration,
            ServerCommand::Snapshot { .. } | ServerCommand::Prepare { .. } | ServerCommand::Rounds { .. } => {
                return;
            }
            ServerCommand::Cancel { .. } | ServerCommand::Discard { .. } => return,
            ServerCommand::Report | ServerCommand::FlipBit { .. } => return,
        };
        let is_repeat = task.migration() == Some(migration) && !matches!(task, Task::Rounds { .. });
        let is_due = self.anchor.status.plan.as_ref().is_some_and(|plan| plan.migration == migration);
        assert!(is_repeat || !is_due || self.anchor.has_drained(to), "{command:?} while {to} may be serving");
    }

    fn check_targets(&self, order: &ServiceOrder) {
        if let ServiceOrder::Read { targets, .. } | ServiceOrder::Take { targets, .. } = order {
            for (target, life) in targets {
                let status = self.servers[target].status;
                assert_eq!((status.digest, status.incarnation), (server::STATE, *life), "{order:?}");
            }
        }
        if let (ServiceOrder::Thaw { .. }, Some(plan)) = (order, &self.anchor.status.plan) {
            let copying = matches!(self.servers[&plan.snapshotter].status.task, Task::Cutting { .. });
            assert!(!copying, "its memory would change under the copy");
        }
    }

    fn order(&mut self, command: &ServiceCommand) {
        self.check_targets(&command.order);
        match self.anchor.order(command.epoch, &command.order) {
            Ok(true) => {
                let goes_on = matches!(
                    command.order,
                    ServiceOrder::Freeze { .. }
                        | ServiceOrder::Read { .. }
                        | ServiceOrder::Take { .. }
                        | ServiceOrder::Cancel { .. }
                        | ServiceOrder::Remove { .. }
                );
                if goes_on {
                    self.later(TICK, Happening::Tick);
                }
                self.anchor_reports();
            }
            Ok(false) => self.anchor_reports(),
            Err(refusal) => self.send(S1, SDN, Control::Refused { service: SERVICE, refusal }),
        }
    }

    fn react(&mut self, server: NodeId, reaction: Reaction) {
        if !self.server(server).alive {
            return;
        }
        match reaction {
            Reaction::Nothing => {}
            Reaction::Report => self.report(server),
            Reaction::Work(migration) => {
                self.later(JOB, Happening::WorkDone(server, migration));
                self.report(server);
            }
            Reaction::Deliver { migration, targets, parcel } => {
                targets.into_iter().for_each(|endpoint| self.deliver(server, migration, endpoint, parcel));
                if matches!(parcel, Parcel::Header(..)) {
                    self.later(JOB, Happening::WorkDone(server, migration));
                }
                self.report(server);
            }
        }
    }

    fn deliver(&mut self, from: NodeId, migration: MigrationId, to: Endpoint, parcel: Parcel) {
        let waiting = self.servers.iter().find(|(_, s)| s.waits_at(to));
        let target = *waiting.expect("an endpoint of one of the four servers").0;
        if self.server(target).arrive(migration, parcel) {
            self.later(JOB, Happening::WorkDone(target, migration));
            self.report(target);
        } else {
            let reason = JobFailure::Unreachable;
            self.server(from).status.task = Task::Failed { migration, reason };
        }
    }

    fn report(&mut self, server: NodeId) {
        let status = self.server(server).status;
        self.send(server, EDGE, Control::ServerStatus(status));
    }

    fn anchor_reports(&mut self) {
        self.send(S1, SDN, Control::ServiceStatus(self.anchor.status.clone()));
    }

    fn wake_controllers(&mut self) {
        if let Some((_, timer)) = self.edge.deadline().filter(|(at, _)| *at <= self.now) {
            self.edge.handle(self.now, Input::Wake(timer));
            assert!(self.edge.deadline().is_some_and(|(at, _)| at > self.now), "it would be woken for ever");
            self.edge_has_handled();
        }
        if let Some((_, timer)) = self.sdn.deadline().filter(|(at, _)| *at <= self.now) {
            self.sdn.handle(self.now, Input::Wake(timer));
            let later = self.sdn.deadline().is_none_or(|(at, _)| at > self.now);
            assert!(later, "it would be woken for ever");
        }
    }

    fn edge_has_handled(&mut self) {
        let gave_orders = self.drain();
        let restarts = match &self.restart {
            Restart::Never => false,
            Restart::After(inputs) => inputs.contains(&self.inputs),
            Restart::AfterOrders => gave_orders,
        };
        self.inputs += 1;
        if restarts {
            self.edge = EdgeController::new(self.config.clone()).expect("a configuration that makes sense");
            self.sdn = sdn();
            self.edge.handle(self.now, Input::Start);
            self.sdn.handle(self.now, Input::Start);
        }
    }

    /// Sends what the controllers want sent; whether there was an order of the edge controller's among it.
    fn drain(&mut self) -> bool {
        let orders_before = self.orders.len();
        while let Some(output) = self.edge.poll() {
            let Output::Control { to, message } = output else { continue };
            let asks = matches!(message, Control::QueryService(_) | Control::Server(ServerCommand::Report));
            if !asks {
                self.orders.push(message.clone());
            }
            self.send(EDGE, to, message);
        }
        while let Some(output) = self.sdn.poll() {
            let Output::Control { to, message } = output else { continue };
            self.send(SDN, to, message);
        }
        self.orders.len() > orders_before
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: Control) {
        self.sent += 1;
        if !(self.is_lost)(self.sent - 1) {
            self.later(CHANNEL, Happening::Message { from, to, message });
        }
    }

    fn later(&mut self, after: Duration, happening: Happening) {
        self.happened += 1;
        self.queue.insert((self.now + after, self.happened), happening);
    }
}

fn sdn() -> SdnController {
    SdnController::new(SdnConfig {
        node: SDN,
        edges: [(SERVICE, EDGE)].into(),
        domains: vec![vec![S1, S2]],
        anchors: [(SERVICE, S1)].into(),
        handover: control::HandoverMode::Notify,
        decision_time: control::DecisionTime::default(),
        refresh: Duration::from_millis(100),
    })
}
