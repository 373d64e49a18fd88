//! The controllers' thread: it drives the SDN controller and the edge controllers, one a service. No request ever waits for it.

use crate::agenda::Agenda;
use crate::sys::clock::{Clock, timeout};
use crate::worker::{Mail, Mailbox, Post};
use anyhow::Result;
use nix::poll::{PollFd, PollFlags, ppoll};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use zerogap_controller::{EdgeConfig, EdgeController, SdnController};
use zerogap_proto::{Control, Input, Node, NodeId, Output};
use zerogap_scenario::Scenario;
use zerogap_scenario::load::Load;
use zerogap_scenario::results::{FleetFigures, SdnFigures};

/// All controllers.
pub(super) struct Controllers {
    scenario: Scenario,
    sdn: SdnController,
    edges: BTreeMap<NodeId, EdgeController>,
    /// When each wants to be woken.
    agenda: Agenda<NodeId>,
    /// Messages to the SDN controller.
    to_sdn: Load,
    post: Post,
    mailbox: Mailbox,
    clock: Clock,
}

impl Controllers {
    /// Controllers that know nothing yet.
    pub(super) fn new(scenario: &Scenario, post: Post, mailbox: Mailbox, clock: Clock) -> Result<Self> {
        let (sdn, edges) = make(scenario)?;
        let (agenda, to_sdn) = (Agenda::default(), Load::default());
        Ok(Self { scenario: scenario.clone(), sdn, edges, agenda, to_sdn, post, mailbox, clock })
    }

    /// Works until told to stop, and leaves what the SDN controller had to do.
    pub(super) fn run(mut self, shared: &Mutex<FleetFigures>) {
        self.start();
        loop {
            while let Some(mail) = self.mailbox.take() {
                match mail {
                    Mail::Control { from, to, message } => {
                        if to == self.scenario.sdn.node {
                            self.to_sdn.add(self.clock.now(), 1);
                        }
                        self.feed(to, Input::Control { from, message });
                    }
                    Mail::Restart => {
                        if let Ok((sdn, edges)) = make(&self.scenario) {
                            (self.sdn, self.edges) = (sdn, edges);
                            self.start();
                        }
                    }
                    Mail::Stop => return self.leave_figures(shared),
                    // Not for controllers.
                    Mail::Event { .. } | Mail::Wire { .. } => {}
                }
            }
            if self.mailbox.take_resync() {
                // Something was lost: read it back from the one who owns it.
                for (service, anchor) in &self.scenario.sdn.anchors {
                    self.post.control(self.scenario.sdn.node, *anchor, Control::QueryService(*service));
                }
            }
            self.wake();
            self.wait();
        }
    }

    fn leave_figures(&self, shared: &Mutex<FleetFigures>) {
        let (messages, busiest_second) = (self.to_sdn.total(), self.to_sdn.busiest());
        shared.lock().sdn = SdnFigures { messages, busiest_second, dropped: self.sdn.dropped() };
    }

    fn start(&mut self) {
        let edges: Vec<NodeId> = self.edges.keys().copied().collect();
        for node in [self.scenario.sdn.node].into_iter().chain(edges) {
            self.feed(node, Input::Start);
        }
    }

    /// Each that wants it, once.
    fn wake(&mut self) {
        for node in self.agenda.due(self.clock.now()) {
            if let Some((_, timer)) = self.node(node).and_then(|node| node.deadline()) {
                self.feed(node, Input::Wake(timer));
            }
        }
    }

    fn wait(&mut self) {
        let until = self.agenda.first().map(|(at, _)| at);
        let mut fds = [PollFd::new(self.mailbox.as_fd(), PollFlags::POLLIN)];
        // An interrupted wait is a short one.
        let _ = ppoll(&mut fds, until.map(|at| timeout(self.clock.until(at))), None);
    }

    fn feed(&mut self, node: NodeId, input: Input<'_>) {
        let now = self.clock.now();
        let Some(controller) = self.node(node) else { return };
        controller.handle(now, input);
        while let Some(output) = self.node(node).and_then(Node::poll) {
            match output {
                Output::Control { to, message } => self.post.control(node, to, message),
                Output::Event(event) => self.post.event(now, node, event),
                // Controllers have no ports, sockets, jobs or measurements.
                Output::Frame { .. }
                | Output::Datagram { .. }
                | Output::Start(_)
                | Output::CancelJob(_)
                | Output::Record(_) => {}
            }
        }
        let deadline = self.node(node).and_then(|node| node.deadline()).map(|(at, _)| at);
        self.agenda.set(node, deadline);
    }

    fn node(&mut self, node: NodeId) -> Option<&mut dyn Node> {
        if node == self.scenario.sdn.node {
            return Some(&mut self.sdn);
        }
        self.edges.get_mut(&node).map(|edge| edge as &mut dyn Node)
    }
}

fn make(scenario: &Scenario) -> Result<(SdnController, BTreeMap<NodeId, EdgeController>)> {
    let edge = |config: &EdgeConfig| Ok((config.node, EdgeController::new(config.clone())?));
    let edges = scenario.edges.iter().map(edge).collect::<Result<_>>()?;
    Ok((SdnController::new(scenario.sdn.clone()), edges))
}
