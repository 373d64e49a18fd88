//! The world: all nodes, the queue, the wires. It hands each node what happens to it, drains it, and schedules what comes of
//! that. It decides nothing about migrations.

use crate::by_node::ByNode;
use crate::host::{Host, Pending};
use crate::observe::{Observer, Remains};
use crate::queue::Queue;
use crate::radio::air::Air;
use crate::radio::hook::cables;
use crate::transfers::Transfers;
use std::collections::BTreeMap;
use zerogap_client_agv::Agv;
use zerogap_controller::{EdgeController, SdnController};
use zerogap_proto::{Control, Event, Frame, Input, Instant, Node, NodeId, Output, PortId, ServerStatus};
use zerogap_scenario::draw::{Sampler, stream};
use zerogap_scenario::file::Fault;
use zerogap_scenario::load::Load;
use zerogap_scenario::results::World as Kindness;
use zerogap_scenario::topology::End;
use zerogap_scenario::{
    Action, Director, Ending, Finished, Recorder, SERVICE, Scenario, ScenarioError, Wires,
};
use zerogap_server_app::{Server, SparseMemory};
use zerogap_switch::link::{Class, Fate};
use zerogap_switch::{Radio, Service, Switch};

/// What can be scheduled.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A frame arrives.
    Frame(End, Frame),
    /// A control message arrives.
    Control { to: NodeId, from: NodeId, message: Box<Control> },
    /// Something reaches the process of a host's given life.
    Process { host: NodeId, life: u16, pending: Pending },
    /// A busy process of a host's given life is free.
    Free { host: NodeId, life: u16 },
    /// A node's deadline.
    Wake(NodeId),
    /// The radio channel of an access point goes on.
    Air(usize),
    /// A transfer goes on.
    Transfer(u64),
    /// A transfer's last piece arrives at a target.
    TransferArrives(u64, NodeId),
    /// A pull goes on.
    Pull(NodeId),
    /// Pages that were pulled arrive.
    Pages { target: NodeId, first: usize, count: usize },
    /// A source hears which page is wanted.
    Fault { target: NodeId, page: usize },
    /// A process ends itself.
    End(NodeId),
    /// A killed server's host starts a new process.
    Respawn(NodeId),
    /// A stopped process goes on.
    Resume(NodeId),
    /// A wire is up again.
    WireUp(String),
    /// The director wants to look.
    Director,
}

/// The nodes.
pub(crate) enum Actor {
    Switch(Box<Switch>),
    Radio(Radio),
    Sdn(Box<SdnController>),
    Edge(Box<EdgeController>),
    Server(Box<Server<SparseMemory>>),
    Agv(Box<Agv>),
}

impl Actor {
    pub(crate) fn node(&mut self) -> &mut dyn Node {
        match self {
            Self::Switch(node) => &mut **node,
            Self::Radio(node) => node,
            Self::Sdn(node) => &mut **node,
            Self::Edge(node) => &mut **node,
            Self::Server(node) => &mut **node,
            Self::Agv(node) => &mut **node,
        }
    }

    /// How the server is, if it is one.
    fn server_status(&self) -> Option<ServerStatus> {
        let Self::Server(server) = self else { return None };
        Some(server.status())
    }
}

/// One run in virtual time.
pub struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) queue: Queue<Happening>,
    pub(crate) actors: ByNode<Actor>,
    pub(crate) hosts: ByNode<Host>,
    pub(crate) wires: Wires,
    /// The radio channels, where the testbed file has some.
    pub(crate) air: Option<Air<'a>>,
    pub(crate) transfers: Transfers,
    pub(crate) recorder: Recorder,
    director: Director,
    /// When the director will be woken.
    director_wake: Option<Instant>,
    /// When each node will be woken.
    wakes: ByNode<Instant>,
    fresh_events: Vec<(Instant, NodeId, Event)>,
    pub(crate) latency: Sampler,
    pub(crate) replay: Sampler,
    pub(crate) delay: Sampler,
    /// When the last message of each control channel arrives: channels keep their order.
    channels: BTreeMap<(NodeId, NodeId), Instant>,
    /// Messages to the SDN controller.
    pub(crate) to_sdn: Load,
    over: bool,
    observers: Vec<&'a mut dyn Observer>,
}

impl<'a> World<'a> {
    /// A world in which nothing has happened yet.
    pub fn new(scenario: &'a Scenario) -> Result<Self, ScenarioError> {
        let seed = scenario.testbed.seed;
        let mut world = Self {
            scenario,
            queue: Queue::default(),
            actors: ByNode::new(),
            hosts: ByNode::new(),
            wires: Wires::new(&cables(scenario), seed),
            air: Air::new(scenario),
            transfers: Transfers::new(&scenario.testbed),
            recorder: Recorder::new(scenario),
            director: Director::new(&scenario.testbed, Instant::ZERO),
            director_wake: None,
            wakes: ByNode::new(),
            fresh_events: Vec::new(),
            latency: stream(seed, "sim.host_latency"),
            replay: stream(seed, "sim.replay"),
            delay: stream(seed, "sim.control_delay"),
            channels: BTreeMap::new(),
            to_sdn: Load::default(),
            over: false,
            observers: Vec::new(),
        };
        world.populate()?;
        Ok(world)
    }

    fn populate(&mut self) -> Result<(), ScenarioError> {
        let t = &self.scenario.topology;
        for config in &self.scenario.switches {
            self.actors.insert(config.node, Actor::Switch(Box::new(Switch::new(config.clone()))));
        }
        for (hall, config) in t.halls.iter().zip(&self.scenario.radios) {
            self.actors.insert(hall.radio, Actor::Radio(Radio::new(config.clone())));
        }
        self.controllers()?;
        for &node in &t.servers {
            self.hosts.insert(node, Host::new(self.scenario, node));
            self.new_server(node, 0)?;
        }
        for config in &self.scenario.agvs {
            self.hosts.insert(config.node, Host::new(self.scenario, config.node));
            self.actors.insert(config.node, Actor::Agv(Box::new(Agv::new(config.clone())?)));
        }
        Ok(())
    }

    /// Puts new controllers, which know nothing, in their place.
    pub(crate) fn controllers(&mut self) -> Result<(), ScenarioError> {
        let sdn = SdnController::new(self.scenario.sdn.clone());
        for config in &self.scenario.edges {
            let edge = EdgeController::new(config.clone())?;
            self.actors.insert(config.node, Actor::Edge(Box::new(edge)));
        }
        self.actors.insert(self.scenario.sdn.node, Actor::Sdn(Box::new(sdn)));
        Ok(())
    }

    /// Puts a server's `life`-th process in its host.
    pub(crate) fn new_server(&mut self, node: NodeId, life: u16) -> Result<(), ScenarioError> {
        let Some(config) = self.scenario.server(node, life) else { return Ok(()) };
        let memory = SparseMemory::new(config.state_bytes as usize, config.prior);
        let server = Server::new(config, memory)?;
        self.actors.insert(node, Actor::Server(Box::new(server)));
        Ok(())
    }

    /// From now on shows this observer what happens.
    pub fn watched_by(&mut self, observer: &'a mut dyn Observer) {
        self.observers.push(observer);
    }

    fn show(&mut self, shown: impl Fn(&mut dyn Observer)) {
        self.observers.iter_mut().for_each(|observer| shown(&mut **observer));
    }

    /// Runs until the director says that it is over. `watch` sees each event.
    pub fn run(&mut self, watch: &mut dyn FnMut(Instant, NodeId, &Event)) {
        let nodes: Vec<NodeId> = self.actors.iter().map(|(node, _)| node).collect();
        for node in nodes {
            self.feed(node, Input::Start);
        }
        self.direct(watch);
        while !self.over {
            let Some(happening) = self.queue.pop() else { return };
            let looks = matches!(happening, Happening::Director);
            self.happen(happening);
            if looks || !self.fresh_events.is_empty() {
                self.direct(watch);
            }
        }
    }

    /// How many things have happened so far.
    pub fn happened(&self) -> u64 {
        self.queue.happened()
    }

    /// The results.
    pub fn finish(mut self) -> Finished {
        let mut remains = Remains::default();
        for (node, actor) in self.actors.iter() {
            match actor {
                Actor::Switch(switch) => {
                    remains.counters.insert(node, switch.counters());
                    remains.service = remains.service.or(switch.service(SERVICE).map(Service::status));
                }
                Actor::Server(server) => {
                    remains.servers.insert(node, server.status());
                    self.recorder.server(server.status());
                }
                Actor::Radio(_) | Actor::Sdn(_) | Actor::Edge(_) | Actor::Agv(_) => {}
            }
        }
        let now = self.queue.now();
        self.show(|observer| observer.over(now, &remains));
        let counters = remains.counters;
        let link_drops = self.wires.drops().clone();
        let ending = Ending { counters, link_drops, fleet: self.shared(), ..Ending::default() };
        let mut result = self.recorder.result(self.scenario, Kindness::Simulated, ending);
        result.radio = self.air.as_ref().map(Air::figures).unwrap_or_default();
        Finished { result, recorder: self.recorder }
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.queue.now();
        match happening {
            Happening::Frame(end, frame) => self.frame_arrives(now, end, frame),
            Happening::Control { to, from, message } => match self.hosts.get(&to).map(|host| host.life) {
                Some(life) => self.reach(now, to, life, Pending::Control { from, message }),
                None => self.feed(to, Input::Control { from, message: *message }),
            },
            Happening::Process { host, life, pending } => self.reach(now, host, life, pending),
            Happening::Free { host, life } => self.serve(now, host, life),
            Happening::Wake(node) => self.wake(now, node),
            Happening::Air(point) => self.air_goes_on(now, point),
            Happening::Transfer(id) => self.go_on_with_transfer(now, id),
            Happening::TransferArrives(id, target) => self.transfer_arrives(now, id, target),
            Happening::Pull(target) => self.go_on_with_pull(now, target),
            Happening::Pages { target, first, count } => self.pages_arrive(now, target, first, count),
            Happening::Fault { target, page } => self.fault_is_heard(target, page),
            Happening::End(node) => self.end_process(now, node),
            Happening::Respawn(node) => self.respawn(now, node),
            Happening::Resume(node) => self.resume(now, node),
            Happening::WireUp(name) => self.wires.set_up(&name, true),
            Happening::Director => {
                if self.director_wake.is_some_and(|at| at <= now) {
                    self.director_wake = None;
                }
                self.director.tick(now);
            }
        }
    }

    /// Shows the director what is new and does what it says.
    fn direct(&mut self, watch: &mut dyn FnMut(Instant, NodeId, &Event)) {
        let now = self.queue.now();
        for (at, who, event) in std::mem::take(&mut self.fresh_events) {
            watch(at, who, &event);
            self.director.watch(now, &event);
            self.recorder.event(at, who, event);
        }
        while let Some(action) = self.director.poll() {
            match action {
                Action::Strike(fault) => self.strike(now, &fault),
                Action::StopClient(service) => {
                    let t = &self.scenario.topology;
                    if let Some(member) = t.member(service) {
                        self.send_control(now, t.driver, member.client, Control::Stop);
                    }
                }
                Action::End { .. } => self.over = true,
            }
        }
        if let Some(at) = self.director.deadline()
            && self.director_wake.is_none_or(|scheduled| at < scheduled)
        {
            self.director_wake = Some(at);
            self.queue.push(at, Happening::Director);
        }
    }

    fn strike(&mut self, now: Instant, fault: &Fault) {
        let before = self.fresh_events.len();
        self.carry_out(now, fault);
        debug_assert!(self.fresh_events.len() > before, "a fault leaves a trace in the journal");
    }

    fn wake(&mut self, now: Instant, node: NodeId) {
        if self.wakes.get(&node).is_some_and(|at| *at <= now) {
            self.wakes.remove(&node);
        }
        if let Some(host) = self.hosts.get(&node)
            && (!host.alive || host.stopped || self.is_blocked(node))
        {
            return;
        }
        let deadline = self.actors.get_mut(&node).and_then(|actor| actor.node().deadline());
        match deadline {
            Some((at, timer)) if at <= now => self.feed(node, Input::Wake(timer)),
            Some(_) | None => self.schedule_wake(node),
        }
    }

    /// One input, then everything that comes of it.
    pub(crate) fn feed(&mut self, node: NodeId, input: Input<'_>) {
        let now = self.queue.now();
        self.show(|observer| observer.given(now, node, &input));
        let Some(actor) = self.actors.get_mut(&node) else { return };
        actor.node().handle(now, input);
        while let Some(output) = self.actors.get_mut(&node).and_then(|actor| actor.node().poll()) {
            self.carry(now, node, output);
        }
        self.settled(now, node);
        self.schedule_wake(node);
    }

    fn settled(&mut self, now: Instant, node: NodeId) {
        if !self.observers.is_empty() {
            let server = self.actors.get(&node).and_then(Actor::server_status);
            self.show(|observer| observer.settled(now, node, server));
        }
    }

    pub(crate) fn schedule_wake(&mut self, node: NodeId) {
        let Some((at, _)) = self.actors.get_mut(&node).and_then(|actor| actor.node().deadline()) else {
            return;
        };
        if self.wakes.get(&node).is_none_or(|scheduled| at < *scheduled) {
            self.wakes.insert(node, at);
            self.queue.push(at, Happening::Wake(node));
        }
    }

    fn carry(&mut self, now: Instant, node: NodeId, output: Output) {
        self.show(|observer| observer.put_out(now, node, &output));
        match output {
            Output::Frame { port, frame } => self.send_frame(now, End { node, port }, frame),
            Output::Datagram { to, payload } => {
                if let Some(frame) = self.hosts.get(&node).and_then(|host| host.wrap(to, &payload)) {
                    self.send_frame(now, End { node, port: PortId(0) }, frame);
                }
            }
            Output::Control { to, message } => self.send_control(now, node, to, message),
            Output::Start(job) => self.start_job(now, node, job),
            Output::CancelJob(migration) => self.cancel_transfer(now, node, migration),
            Output::Event(event) => self.tell(now, node, event),
            Output::Record(record) => self.recorder.record(node, record),
        }
    }

    pub(crate) fn tell(&mut self, now: Instant, who: NodeId, event: Event) {
        self.show(|observer| observer.event(now, who, &event));
        self.fresh_events.push((now, who, event));
    }

    pub(crate) fn send_control(&mut self, now: Instant, from: NodeId, to: NodeId, message: Control) {
        self.recorder.sniff(&message);
        if to == self.scenario.topology.sdn {
            self.to_sdn.add(now, 1);
        }
        let delay = self.delay.draw(&self.scenario.testbed.sim.control_delay);
        let last = self.channels.entry((from, to)).or_default();
        *last = (*last).max(now + delay);
        self.queue.push(*last, Happening::Control { to, from, message: Box::new(message) });
    }

    fn send_frame(&mut self, now: Instant, from: End, frame: Frame) {
        let Some((to, Fate::Arrives { at, again })) = self.wires.send(now, from, frame.len(), Class::Request)
        else {
            return;
        };
        if self.is_by_air(from, to) {
            if again.is_some() {
                self.send_by_air(now, to, frame.clone());
            }
            return self.send_by_air(now, to, frame);
        }
        if let Some(again) = again {
            self.queue.push(again, Happening::Frame(to, frame.clone()));
        }
        self.queue.push(at, Happening::Frame(to, frame));
    }
}
