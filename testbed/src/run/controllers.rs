//! The controllers' thread: it drives the SDN controller and the edge controller. No request ever waits for it.

use crate::sys::clock::{Clock, timeout};
use crate::worker::{Mail, Mailbox, Post};
use anyhow::Result;
use nix::poll::{PollFd, PollFlags, ppoll};
use std::os::fd::AsFd as _;
use zerogap_controller::{EdgeController, SdnController};
use zerogap_proto::{Control, Input, Node, NodeId, Output};
use zerogap_scenario::{SERVICE, Scenario};

/// Both controllers.
pub(super) struct Controllers {
    scenario: Scenario,
    sdn: SdnController,
    edge: EdgeController,
    post: Post,
    mailbox: Mailbox,
    clock: Clock,
}

impl Controllers {
    /// Controllers that know nothing yet.
    pub(super) fn new(scenario: &Scenario, post: Post, mailbox: Mailbox, clock: Clock) -> Result<Self> {
        let (sdn, edge) = make(scenario)?;
        Ok(Self { scenario: scenario.clone(), sdn, edge, post, mailbox, clock })
    }

    /// Works until told to stop.
    pub(super) fn run(mut self) {
        self.start();
        loop {
            while let Some(mail) = self.mailbox.take() {
                match mail {
                    Mail::Control { from, to, message } => self.feed(to, Input::Control { from, message }),
                    Mail::Restart => {
                        if let Ok((sdn, edge)) = make(&self.scenario) {
                            (self.sdn, self.edge) = (sdn, edge);
                            self.start();
                        }
                    }
                    Mail::Stop => return,
                    // Not for controllers.
                    Mail::Event { .. } | Mail::Wire { .. } => {}
                }
            }
            if self.mailbox.take_resync() {
                // Something was lost: read it back from the one who owns it.
                let (sdn, anchor) = (self.sdn_node(), self.scenario.sdn.anchors.get(&SERVICE).copied());
                if let Some(anchor) = anchor {
                    self.post.control(sdn, anchor, Control::QueryService(SERVICE));
                }
            }
            self.wake();
            self.wait();
        }
    }

    fn start(&mut self) {
        self.feed(self.sdn_node(), Input::Start);
        self.feed(self.edge_node(), Input::Start);
    }

    fn wake(&mut self) {
        let now = self.clock.now();
        for node in [self.sdn_node(), self.edge_node()] {
            if let Some((_, timer)) = self.node(node).deadline().filter(|(at, _)| *at <= now) {
                self.feed(node, Input::Wake(timer));
            }
        }
    }

    fn wait(&mut self) {
        let deadlines = [self.sdn.deadline(), self.edge.deadline()];
        let until = deadlines.into_iter().flatten().map(|(at, _)| at).min();
        let mut fds = [PollFd::new(self.mailbox.as_fd(), PollFlags::POLLIN)];
        // An interrupted wait is a short one.
        let _ = ppoll(&mut fds, until.map(|at| timeout(self.clock.until(at))), None);
    }

    fn feed(&mut self, node: NodeId, input: Input<'_>) {
        let now = self.clock.now();
        self.node(node).handle(now, input);
        while let Some(output) = self.node(node).poll() {
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
    }

    fn node(&mut self, node: NodeId) -> &mut dyn Node {
        if node == self.scenario.sdn.node { &mut self.sdn } else { &mut self.edge }
    }

    fn sdn_node(&self) -> NodeId {
        self.scenario.sdn.node
    }

    fn edge_node(&self) -> NodeId {
        self.scenario.topology.first().edge
    }
}

fn make(scenario: &Scenario) -> Result<(SdnController, EdgeController)> {
    Ok((SdnController::new(scenario.sdn.clone()), EdgeController::new(scenario.edges[0].clone())?))
}
