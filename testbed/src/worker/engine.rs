//! One worker's loop: mail, frames that are due on a link, deadlines, frames from the TAPs, then one `ppoll` until the next of
//! these. It carries; the nodes decide.

use super::flights::{Flights, Landing};
use super::mail::{Mail, Mailbox, Post};
use super::ports::Ports;
use super::wires::SharedWires;
use crate::sys::clock::{Clock, timeout};
use nix::poll::{PollFd, PollFlags, ppoll};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use zerogap_proto::{DropReason, Duration, Frame, Input, Instant, Node, NodeId, Output, PortId};
use zerogap_scenario::results::{FleetFigures, TrunkFigures};
use zerogap_scenario::topology::End;
use zerogap_switch::link::{Class, Fate};
use zerogap_switch::{Counters, Radio, Switch};

/// Frames taken from one TAP before the next is looked at.
const BATCH: usize = 32;
/// Bulk that waits on a link longer than this (256 KB at 1 Gbit/s) keeps the TAPs from being read.
const BULK_BACKLOG: Duration = Duration::from_millis(2);
/// A node of a worker.
pub enum Device {
    /// A switch.
    Switch(Box<Switch>),
    /// The radio.
    Radio(Box<Radio>),
}

/// What a worker needs.
pub struct WorkerSetup {
    /// Its nodes.
    pub devices: BTreeMap<NodeId, Device>,
    /// Its TAPs.
    pub ports: Ports,
    /// Its links.
    pub wires: SharedWires,
    /// What it carries.
    pub class: Class,
    /// Where its mail comes in.
    pub mailbox: Mailbox,
    /// How it reaches others.
    pub post: Post,
    /// The run's clock.
    pub clock: Clock,
    /// Where it leaves its counters at the end.
    pub counters: Arc<Mutex<BTreeMap<NodeId, Counters>>>,
    /// Where it leaves what its links dropped.
    pub link_drops: Arc<Mutex<BTreeMap<NodeId, Counters>>>,
    /// Where it leaves what its services share.
    pub shared: Arc<Mutex<FleetFigures>>,
}

/// A worker.
pub struct Worker {
    setup: WorkerSetup,
    flights: Flights,
    ready: VecDeque<(End, Frame)>,
    /// Ports that may have something to read.
    readable: Vec<usize>,
    bulk_busy_until: Instant,
    /// Frames for which there was no room on their way.
    overflowed: Counters,
}

impl Worker {
    /// A worker that has not started yet.
    pub fn new(setup: WorkerSetup) -> Self {
        Self {
            setup,
            flights: Flights::default(),
            ready: VecDeque::new(),
            readable: Vec::new(),
            bulk_busy_until: Instant::ZERO,
            overflowed: Counters::default(),
        }
    }

    /// Its ports, for plugging in TAPs before it starts.
    pub fn ports(&mut self) -> &mut Ports {
        &mut self.setup.ports
    }

    /// Works until it is told to stop.
    pub fn run(mut self) {
        let nodes: Vec<NodeId> = self.setup.devices.keys().copied().collect();
        for node in nodes {
            self.feed(node, Input::Start);
        }
        loop {
            if !self.read_mail() {
                return self.leave_counters();
            }
            self.land();
            self.wake_nodes();
            self.read_ports();
            self.wait();
        }
    }

    /// `false`: told to stop.
    fn read_mail(&mut self) -> bool {
        for _ in 0..BATCH {
            match self.setup.mailbox.take() {
                Some(Mail::Control { from, to, message }) => self.feed(to, Input::Control { from, message }),
                Some(Mail::Wire { name, up }) => self.setup.wires.wires().set_up(&name, up),
                Some(Mail::Stop) => return false,
                // Not for workers.
                Some(Mail::Event { .. } | Mail::Restart) => {}
                None => break,
            }
        }
        true
    }

    /// Delivers what has reached the end of its link.
    fn land(&mut self) {
        let now = self.setup.clock.now();
        while let Some(landed) = self.flights.land(now) {
            self.ready.push_back(landed);
            self.deliver_ready();
        }
    }

    fn wake_nodes(&mut self) {
        let now = self.setup.clock.now();
        let due = self.setup.devices.iter().filter_map(|(node, device)| {
            let (at, timer) = device.node().deadline()?;
            (at <= now).then_some((*node, timer))
        });
        let due: Vec<_> = due.collect();
        for (node, timer) in due {
            self.feed(node, Input::Wake(timer));
        }
    }

    fn read_ports(&mut self) {
        let readable = std::mem::take(&mut self.readable);
        for &n in &readable {
            for _ in 0..BATCH {
                let Some((host, frame)) = self.setup.ports.receive(n) else { break };
                self.send(End { node: host, port: PortId(0) }, frame);
                self.deliver_ready();
            }
        }
        self.readable = readable;
    }

    /// Whether bulk must wait in the TAPs because the links have enough.
    fn held_back(&self) -> bool {
        self.setup.class == Class::Bulk && self.bulk_busy_until > self.setup.clock.now() + BULK_BACKLOG
    }

    /// Until there is something to do, and which ports that may be at.
    fn wait(&mut self) {
        let now = self.setup.clock.now();
        self.readable.clear();
        let landing = self.flights.next_at();
        let nodes = self.setup.devices.values().filter_map(|device| Some(device.node().deadline()?.0)).min();
        let held_back = self.held_back();
        let relief = held_back.then_some(self.bulk_busy_until);
        let until = [landing, nodes, relief].into_iter().flatten().min();
        let mut fds = vec![PollFd::new(self.setup.mailbox.as_fd(), PollFlags::POLLIN)];
        if !held_back {
            fds.extend(self.setup.ports.fds().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        }
        // An interrupted wait is a short one.
        let _ = ppoll(&mut fds, until.map(|at| timeout(at.since(now))), None);
        let ports = (0..).zip(&fds[1..]);
        self.readable.extend(ports.filter(|(_, fd)| fd.any() == Some(true)).map(|(n, _)| n));
    }

    fn feed(&mut self, node: NodeId, input: Input<'_>) {
        let now = self.setup.clock.now();
        let Some(device) = self.setup.devices.get_mut(&node) else { return };
        device.node_mut().handle(now, input);
        while let Some(output) = self.setup.devices.get_mut(&node).and_then(|device| device.node_mut().poll())
        {
            match output {
                Output::Frame { port, frame } => self.send(End { node, port }, frame),
                Output::Control { to, message } => self.setup.post.control(node, to, message),
                Output::Event(event) => self.setup.post.event(now, node, event),
                // Switches and radios have no sockets, jobs or measurements.
                Output::Datagram { .. } | Output::Start(_) | Output::CancelJob(_) | Output::Record(_) => {}
            }
        }
        self.deliver_ready();
    }

    /// Puts a frame on the link that begins at `from`.
    fn send(&mut self, from: End, frame: Frame) {
        let now = self.setup.clock.now();
        let Some((to, Fate::Arrives { at, again })) = self.setup.wires.send(now, from, frame.len()) else {
            return;
        };
        if self.setup.class == Class::Bulk {
            self.bulk_busy_until = self.bulk_busy_until.max(at);
        }
        for at in again.into_iter().chain([at]) {
            match self.flights.depart(now, at, to, &frame) {
                Landing::Now => self.ready.push_back((to, frame.clone())),
                Landing::Later => {}
                Landing::Full => self.overflowed.drop(DropReason::QueueFull),
            }
        }
    }

    fn deliver_ready(&mut self) {
        while let Some((to, frame)) = self.ready.pop_front() {
            if self.setup.devices.contains_key(&to.node) {
                self.feed(to.node, Input::Frame { port: to.port, frame });
            } else {
                self.setup.ports.send(to.node, &frame);
            }
        }
    }

    fn leave_counters(mut self) {
        let mut counters = self.setup.counters.lock();
        for (node, device) in &self.setup.devices {
            if let Device::Switch(switch) = device {
                counters.entry(*node).or_default().add(&switch.counters());
            }
        }
        drop(counters);
        self.leave_shared();
        let mut drops = self.setup.link_drops.lock();
        for (node, dropped) in self.setup.wires.wires().drops() {
            drops.entry(*node).or_default().add(dropped);
        }
        // Nobody knows any more at which switch these were; the first one answers for them.
        if let Some(first) = self.setup.devices.keys().next() {
            drops.entry(*first).or_default().add(&self.overflowed);
        }
        // What a host's kernel refused is a loss at the switch that the host is plugged into.
        for (host, refused) in self.setup.ports.refused() {
            if let Some(switch) = self.setup.wires.wires().peer_of(*host) {
                drops.entry(switch).or_default().add(refused);
            }
        }
    }
}

impl Worker {
    fn leave_shared(&mut self) {
        let mut shared = self.setup.shared.lock();
        for device in self.setup.devices.values() {
            if let Device::Switch(switch) = device {
                switch.services().for_each(|service| shared.log.add(service.log_peak() as u64));
            }
        }
        for (name, rate_bps, loads) in self.setup.wires.wires().trunks() {
            let figures = TrunkFigures::of(rate_bps, loads);
            match shared.trunks.get_mut(name) {
                Some(trunk) => trunk.add(&figures),
                None => drop(shared.trunks.insert(name.to_owned(), figures)),
            }
        }
    }
}

impl Device {
    fn node(&self) -> &dyn Node {
        match self {
            Self::Switch(switch) => &**switch,
            Self::Radio(radio) => &**radio,
        }
    }

    fn node_mut(&mut self) -> &mut dyn Node {
        match self {
            Self::Switch(switch) => &mut **switch,
            Self::Radio(radio) => &mut **radio,
        }
    }
}
