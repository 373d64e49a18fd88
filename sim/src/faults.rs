//! The testbed file's faults, carried out in virtual time: processes that are killed or stopped, flipped bits, controllers
//! that forget, wires that are down.

use crate::world::{Happening, World};
use zerogap_proto::{Control, Event, Incarnation, Input, Instant, NodeId, ServerCommand};
use zerogap_scenario::director::RESPAWN_AFTER;
use zerogap_scenario::file::Fault;

impl World<'_> {
    pub(crate) fn carry_out(&mut self, now: Instant, fault: &Fault) {
        let id = |name: &str| self.scenario.topology.names.id(name).unwrap_or(self.scenario.topology.driver);
        match fault {
            Fault::Kill { node, .. } => {
                self.tell(now, id(node), Event::Fault { node: id(node), what: "killed".into() });
                self.end_process(now, id(node));
            }
            Fault::Stop { node, r#for, .. } => {
                let node = id(node);
                self.tell(now, node, Event::Fault { node, what: format!("stopped for {}", r#for.0) });
                if let Some(host) = self.hosts.get_mut(&node) {
                    host.stopped = true;
                    self.queue.push(now + r#for.0, Happening::Resume(node));
                }
            }
            Fault::FlipBit { node, byte, bit, at_restore, .. } => {
                let node = id(node);
                let edge = self.edge_of(node);
                let (byte, bit, at_restore) = (*byte, *bit, *at_restore);
                let when = if at_restore { "armed for the restore" } else { "now" };
                self.tell(
                    now,
                    node,
                    Event::Fault { node, what: format!("bit {bit} of byte {byte} flips, {when}") },
                );
                let command = ServerCommand::FlipBit { byte, bit, at_restore };
                self.send_control(now, edge, node, Control::Server(command));
            }
            Fault::RestartControllers { .. } => {
                let edges = self.scenario.topology.fleet.iter().map(|member| member.edge);
                let restarted: Vec<NodeId> = [self.scenario.topology.sdn].into_iter().chain(edges).collect();
                for &node in &restarted {
                    self.tell(now, node, Event::Fault { node, what: "restarted".into() });
                }
                if self.controllers().is_ok() {
                    restarted.into_iter().for_each(|node| self.feed(node, Input::Start));
                }
            }
            Fault::LinkDown { link, r#for, .. } => {
                let driver = self.scenario.topology.driver;
                let what = format!("link {link} is down for {}", r#for.0);
                self.tell(now, driver, Event::Fault { node: driver, what });
                self.wires.set_up(link, false);
                self.queue.push(now + r#for.0, Happening::WireUp(link.clone()));
            }
        }
    }

    /// The edge controller that cares for a server.
    fn edge_of(&self, server: NodeId) -> NodeId {
        let t = &self.scenario.topology;
        t.member_of(server).unwrap_or_else(|| t.first()).edge
    }

    /// A server's process ends, and with it all that it had.
    pub(crate) fn end_process(&mut self, now: Instant, node: NodeId) {
        let Some(host) = self.hosts.get_mut(&node) else { return };
        if !host.alive {
            return;
        }
        host.alive = false;
        host.stopped = false;
        host.waiting.clear();
        host.called = false;
        let (driver, edge) = (self.scenario.topology.driver, self.edge_of(node));
        self.tell(now, driver, Event::ServerLost { server: node });
        self.send_control(now, driver, edge, Control::ServerLost { server: node });
        self.queue.push(now + RESPAWN_AFTER, Happening::Respawn(node));
        self.tear_transfers_of(now, node);
    }

    pub(crate) fn respawn(&mut self, now: Instant, node: NodeId) {
        let Some(host) = self.hosts.get_mut(&node) else { return };
        host.life += 1;
        host.alive = true;
        host.free_at = now;
        let life = host.life;
        // The first life of this server was built from the same configuration.
        if self.new_server(node, life).is_ok() {
            let incarnation = Incarnation::of_life(life);
            self.tell(now, self.scenario.topology.driver, Event::ServerUp { server: node, incarnation });
            self.feed(node, Input::Start);
        }
    }

    pub(crate) fn resume(&mut self, now: Instant, node: NodeId) {
        let Some(host) = self.hosts.get_mut(&node) else { return };
        if !std::mem::take(&mut host.stopped) {
            return;
        }
        let life = host.life;
        self.tell(now, node, Event::Fault { node, what: "goes on".into() });
        self.serve(now, node, life);
        self.queue.push(now, Happening::Wake(node));
    }
}
