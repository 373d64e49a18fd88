//! One switch as a [`Node`]: it tells the frames of a service from all others, hands the service's to its anchor (its own
//! [`Service`], or the switch beyond a trunk) and forwards the rest as a learning switch.

use crate::counters::Counters;
use crate::learning::Learning;
use crate::service::{Service, ServiceConfig};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use zerogap_proto::address::service_mac;
use zerogap_proto::control::HandoverMode;
use zerogap_proto::node::earlier;
use zerogap_proto::{
    Control, Endpoint, Event, FlowMod, Frame, Input, Instant, Node, NodeId, Output, PacketIn, PortId,
    Refusal, ServiceId, Timer,
};

mod anchored;
mod clients;
mod frames;
mod services;

use anchored::Anchored;
use clients::Clients;

/// What a port leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortKind {
    /// A host's interface.
    Host(NodeId),
    /// An access point, behind which clients come and go.
    AccessPoint(NodeId),
    /// Another switch.
    Trunk(NodeId),
}

/// Where a service is anchored.
#[derive(Clone, Debug)]
pub enum Anchoring {
    /// Here.
    Here(ServiceConfig),
    /// At the switch beyond this port.
    Beyond {
        /// The service.
        id: ServiceId,
        /// Its virtual address and port.
        endpoint: Endpoint,
        /// The trunk port that leads towards the anchor.
        port: PortId,
    },
}

/// What a switch is.
#[derive(Clone, Debug)]
pub struct SwitchConfig {
    /// Its node.
    pub node: NodeId,
    /// The SDN controller.
    pub controller: NodeId,
    /// Its ports; the index is the port's number.
    pub ports: Vec<PortKind>,
    /// Hosts that no port names, and where their frames go: those beyond trunks, and processes that share a host's port.
    pub remote_hosts: Vec<(NodeId, PortId)>,
    /// The services that pass through it.
    pub services: Vec<Anchoring>,
    /// Whether a client's first frames wait for the controller.
    pub handover: HandoverMode,
}

/// One switch.
#[derive(Debug)]
pub struct Switch {
    node: NodeId,
    controller: NodeId,
    ports: Vec<PortKind>,
    learning: Learning,
    anchored: Anchored,
    /// Endpoint of every service that passes through, and the trunk port towards its anchor (`None`: here).
    routes: BTreeMap<Endpoint, (ServiceId, Option<PortId>)>,
    /// All of them.
    through: BTreeSet<ServiceId>,
    clients: Clients,
    counters: Counters,
    changed: BTreeSet<ServiceId>,
    outputs: VecDeque<Output>,
}

impl Switch {
    /// A switch that knows where its own and the remote hosts are.
    pub fn new(config: SwitchConfig) -> Self {
        let mut learning = Learning::default();
        for (port, kind) in (0..).map(PortId).zip(&config.ports) {
            if let PortKind::Host(node) = kind {
                learning.fix(service_mac(*node), port);
            }
        }
        for &(node, port) in &config.remote_hosts {
            learning.fix(service_mac(node), port);
        }
        let mut anchored = Anchored::default();
        let mut routes = BTreeMap::new();
        for service in config.services {
            match service {
                Anchoring::Here(service) => {
                    routes.insert(service.endpoint, (service.id, None));
                    anchored.add(service);
                }
                Anchoring::Beyond { id, endpoint, port } => {
                    routes.insert(endpoint, (id, Some(port)));
                }
            }
        }
        Self {
            node: config.node,
            controller: config.controller,
            ports: config.ports,
            learning,
            anchored,
            through: routes.values().map(|(id, _)| *id).collect(),
            routes,
            clients: Clients::new(config.handover),
            counters: Counters::default(),
            changed: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// The counters as they stand.
    pub fn counters(&self) -> Counters {
        Counters { held: self.clients.held(), ..self.counters.clone() }
    }

    /// A service that is anchored here.
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.anchored.get(id)
    }

    /// All services that are anchored here.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.anchored.all()
    }

    fn emit(&mut self, port: PortId, frame: Frame) {
        self.counters.frames_out += 1;
        self.outputs.push_back(Output::Frame { port, frame });
    }

    fn tell_controller(&mut self, message: Control) {
        self.outputs.push_back(Output::Control { to: self.controller, message });
    }

    fn control(&mut self, now: Instant, message: Control) {
        match message {
            Control::Barrier(number) => self.tell_controller(Control::BarrierDone(number)),
            Control::FlowMod(FlowMod::Admit { client }) => {
                for frame in self.clients.admit(client) {
                    self.client_frame(now, frame.port, &frame.frame);
                }
            }
            Control::FlowMod(FlowMod::Forget { client }) => self.clients.forget(client),
            Control::QueryService(id) => match self.anchored.get(id).map(Service::status) {
                Some(status) => self.tell_controller(Control::ServiceStatus(status)),
                None => {
                    self.tell_controller(Control::Refused { service: id, refusal: Refusal::UnknownService })
                }
            },
            Control::Service(command) => {
                let id = command.service;
                let result = match self.anchored.touch(id) {
                    Some(service) => service.order(now, command),
                    None => Err(Refusal::UnknownService),
                };
                if let Err(refusal) = result {
                    self.tell_controller(Control::Refused { service: id, refusal });
                }
            }
            // Not for a switch.
            Control::PacketIn(_)
            | Control::BarrierDone(_)
            | Control::ServiceStatus(_)
            | Control::Refused { .. }
            | Control::ClientAt { .. }
            | Control::Server(_)
            | Control::ServerStatus(_)
            | Control::ServerLost { .. }
            | Control::Associate { .. }
            | Control::Stop => {}
        }
    }

    fn packet_in(&mut self, packet_in: PacketIn) {
        let PacketIn { client, switch, waiting, .. } = packet_in;
        self.outputs.push_back(Output::Event(Event::PacketIn { client, switch, waiting }));
        self.tell_controller(Control::PacketIn(packet_in));
    }
}

impl Node for Switch {
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Frame { port, frame } => {
                self.counters.frames_in += 1;
                self.frame(now, port, &frame);
            }
            Input::Control { from, message } if from == self.controller => self.control(now, message),
            Input::Wake(_) => {
                self.anchored.wake(now);
                if let Some(packet_in) = self.clients.remind(now) {
                    self.packet_in(packet_in);
                }
            }
            Input::Start => self.changed.extend(self.anchored.ids()),
            Input::Control { .. } | Input::Datagram { .. } | Input::JobDone { .. } => {}
        }
        self.collect_effects();
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        earlier(self.clients.deadline(), self.anchored.deadline())
    }
}

#[cfg(test)]
mod tests;
