//! What reaches the processes of servers and of the client: through the kernel's stack, late if the process sleeps, not before it
//! is free, not at all if it is gone. How a process is stands in [`Host`](crate::host::Host).

use crate::host::Pending;
use crate::world::{Happening, World};
use zerogap_proto::{Frame, Input, Instant, Kind, Message, NodeId};
use zerogap_scenario::topology::End;

impl World<'_> {
    /// A frame has come out of a wire: a switch or radio has it at once, a process when its host's kernel has looked at it.
    pub(crate) fn frame_arrives(&mut self, now: Instant, end: End, frame: Frame) {
        let end = if self.scenario.testbed.fleet.is_one() { end } else { self.wires.addressee(end, &frame) };
        let Some(host) = self.hosts.get_mut(&end.node) else {
            return self.feed(end.node, Input::Frame { port: end.port, frame });
        };
        if let Some(pending) = host.unwrap(&frame) {
            let latency = self.latency.draw(&self.scenario.testbed.sim.host_latency);
            let (at, life) = (host.arrival(now, latency), host.life);
            self.queue.push(at, Happening::Process { host: end.node, life, pending });
        }
    }

    /// Something reaches a process: it takes it, or it waits because the process is busy or stopped.
    pub(crate) fn reach(&mut self, now: Instant, node: NodeId, life: u16, pending: Pending) {
        let blocked = self.is_blocked(node);
        let Some(host) = self.hosts.get_mut(&node) else { return };
        if !host.alive || host.life != life {
            return;
        }
        if blocked || host.must_wait(now, &pending) {
            host.keep(pending);
            return self.call(now, node);
        }
        self.take(now, node, pending);
    }

    /// Has the process look at what waits as soon as it is free.
    fn call(&mut self, now: Instant, node: NodeId) {
        let blocked = self.is_blocked(node);
        if let Some(host) = self.hosts.get_mut(&node)
            && !(blocked || host.stopped || host.called || host.waiting.is_empty())
        {
            host.called = true;
            let (at, life) = (host.free_at.max(now), host.life);
            self.queue.push(at, Happening::Free { host: node, life });
        }
    }

    /// A process takes what has waited, as far as it is free to.
    pub(crate) fn serve(&mut self, now: Instant, node: NodeId, life: u16) {
        let Some(host) = self.hosts.get_mut(&node).filter(|host| host.life == life && host.alive) else {
            return;
        };
        host.called = false;
        loop {
            let blocked = self.is_blocked(node);
            let Some(host) = self.hosts.get_mut(&node) else { return };
            if blocked || host.stopped || now < host.free_at {
                return self.call(now, node);
            }
            let Some(pending) = host.waiting.pop_front() else { return };
            self.take(now, node, pending);
        }
    }

    fn take(&mut self, now: Instant, node: NodeId, pending: Pending) {
        if let Pending::Datagram { payload, .. } = &pending
            && self.faults(now, node, payload.bytes())
        {
            if let Some(host) = self.hosts.get_mut(&node) {
                host.waiting.push_front(pending);
            }
            return;
        }
        match pending {
            Pending::Datagram { from, payload } => {
                if replays(payload.bytes()) && !self.scenario.topology.is_client(node) {
                    let takes = self.replay.draw(&self.scenario.testbed.sim.replay);
                    if let Some(host) = self.hosts.get_mut(&node) {
                        host.free_at = now + takes;
                    }
                }
                self.feed(node, Input::Datagram { from, payload: payload.bytes() });
            }
            Pending::Control { from, message } => self.feed(node, Input::Control { from, message: *message }),
            Pending::JobDone { migration, result } => {
                self.feed(node, Input::JobDone { migration, result: *result });
            }
        }
    }
}

fn replays(payload: &[u8]) -> bool {
    Message::parse(payload).is_some_and(|message| message.kind == Kind::Request && message.stamp.replayed)
}
