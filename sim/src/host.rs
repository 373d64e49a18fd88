//! What a process and its kernel add around a node: a protocol stack, the time until the process runs, work that keeps it
//! busy, being stopped and being killed.

use smoltcp::wire::{EthernetAddress, Ipv4Address};
use std::collections::VecDeque;
use std::ops::Range;
use zerogap_proto::JobResult;
use zerogap_proto::address::{node_at_service_addr, service_addr, service_mac, virtual_mac};
use zerogap_proto::frame::Datagram;
use zerogap_proto::{Control, Duration, Endpoint, Frame, Instant, MigrationId, NodeId, ServiceId};
use zerogap_scenario::Scenario;

/// Messages that sockets keep for a stopped process at the most.
const SOCKET_BUFFER_MAX: usize = 512;
/// The client's own port.
const CLIENT_PORT: u16 = 40_000;

/// Something that waits for the process to run.
#[derive(Clone, Debug)]
pub enum Pending {
    /// A datagram.
    Datagram {
        /// Who sent it.
        from: Endpoint,
        /// What it carries.
        payload: Payload,
    },
    /// A control message.
    Control {
        /// Who sent it.
        from: NodeId,
        /// The message. Boxed, as the result below: both are rare and large, and datagrams are moved often.
        message: Box<Control>,
    },
    /// The end of a job.
    JobDone {
        /// Which job.
        migration: MigrationId,
        /// How it ended.
        result: Box<JobResult>,
    },
}

/// A datagram's payload, where it stands in its frame.
#[derive(Clone, Debug)]
pub struct Payload {
    frame: Frame,
    within: Range<usize>,
}

impl Payload {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.frame[self.within.clone()]
    }
}

/// A host.
#[derive(Debug)]
pub struct Host {
    node: NodeId,
    endpoint: Endpoint,
    service: (Endpoint, ServiceId),
    /// Who else has to do with the service.
    neighbours: Vec<NodeId>,
    /// No input is handled before this: the process is busy.
    pub free_at: Instant,
    /// Datagrams reach the process in order.
    last_arrival: Instant,
    /// The process is stopped.
    pub stopped: bool,
    /// What waits for a process that is busy or stopped.
    pub waiting: VecDeque<Pending>,
    /// The process will look at it when it is free.
    pub called: bool,
    /// The process is there.
    pub alive: bool,
    /// The how-manieth process it is, from 0.
    pub life: u16,
}

impl Host {
    /// The host of a server or of the client.
    pub fn new(scenario: &Scenario, node: NodeId) -> Self {
        let member = scenario.topology.member_of(node).unwrap_or_else(|| scenario.topology.first());
        let service = scenario.endpoint(member);
        let own = Endpoint { addr: service_addr(node), port: CLIENT_PORT };
        Self {
            node,
            endpoint: if node == member.client { own } else { service },
            service: (service, member.service),
            neighbours: member.servers.iter().copied().chain([member.client]).collect(),
            free_at: Instant::ZERO,
            last_arrival: Instant::ZERO,
            stopped: false,
            waiting: VecDeque::new(),
            called: false,
            alive: true,
            life: 0,
        }
    }

    /// The frame that carries a datagram of the process; `None` if the kernel knows no such neighbour.
    pub fn wrap(&self, to: Endpoint, payload: &[u8]) -> Option<Frame> {
        let dst_mac = self.neighbour(to.addr)?;
        let (src_mac, src) = (service_mac(self.node), self.endpoint);
        Some(Datagram { src_mac, dst_mac, src, dst: to, payload_at: 0, payload }.build())
    }

    fn neighbour(&self, addr: Ipv4Address) -> Option<EthernetAddress> {
        let (service, id) = self.service;
        if addr == service.addr {
            return Some(virtual_mac(id));
        }
        node_at_service_addr(addr).filter(|node| self.neighbours.contains(node)).map(service_mac)
    }

    /// The datagram for the process in a frame. Like a kernel, it looks at both addresses, the port and the checksum.
    pub fn unwrap(&self, frame: &Frame) -> Option<Pending> {
        let d = Datagram::parse(frame)?;
        let mine = d.dst_mac == service_mac(self.node) && d.dst == self.endpoint;
        let within = d.payload_at..d.payload_at + d.payload.len();
        (mine && self.alive && Datagram::checksum_ok(frame))
            .then(|| Pending::Datagram { from: d.src, payload: Payload { frame: frame.clone(), within } })
    }

    /// When a datagram that the kernel got now reaches the process, given how long that takes by itself.
    pub fn arrival(&mut self, now: Instant, latency: Duration) -> Instant {
        self.last_arrival = self.last_arrival.max(now + latency);
        self.last_arrival
    }

    /// Whether something that comes now has to wait: for the process, or behind what waits already. The end of a job is no
    /// datagram and overtakes them.
    pub fn must_wait(&self, now: Instant, pending: &Pending) -> bool {
        let behind = match pending {
            Pending::Datagram { .. } | Pending::Control { .. } => !self.waiting.is_empty(),
            Pending::JobDone { .. } => false,
        };
        self.stopped || now < self.free_at || behind
    }

    /// Keeps something until the process takes it. What a socket cannot keep is lost, as with a kernel; the end of a job, of
    /// which a server has one at a time, comes by no socket.
    pub fn keep(&mut self, pending: Pending) {
        let kept = match pending {
            Pending::Datagram { .. } | Pending::Control { .. } => self.waiting.len() < SOCKET_BUFFER_MAX,
            Pending::JobDone { .. } => true,
        };
        if kept {
            self.waiting.push_back(pending);
        }
    }
}
