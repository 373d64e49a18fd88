//! Between a switch and the services that it anchors: requests and answers in, effects out.

use super::{PortKind, Switch};
use crate::service::{Effect, Ingress};
use zerogap_proto::address::service_mac;
use zerogap_proto::frame::Datagram;
use zerogap_proto::{Control, DropReason, Frame, Instant, NodeId, Output, PortId, ServiceId};

impl Switch {
    /// A request has reached its anchor.
    pub(super) fn request_at_anchor(
        &mut self,
        now: Instant,
        id: ServiceId,
        port: PortId,
        frame: &Frame,
        datagram: &Datagram<'_>,
    ) {
        let switch = match self.ports.get(usize::from(port.0)) {
            Some(PortKind::Trunk(beyond)) => *beyond,
            Some(PortKind::Host(_) | PortKind::AccessPoint(_)) | None => self.node,
        };
        let Some(service) = self.anchored.touch(id) else {
            return self.counters.drop(DropReason::NoRoute);
        };
        match service.request_frame(now, frame, datagram, Ingress { port, switch }) {
            Ok(()) => self.counters.taken += 1,
            Err(reason) => self.counters.drop(reason),
        }
    }

    /// An answer has reached its anchor.
    pub(super) fn answer_at_anchor(
        &mut self,
        now: Instant,
        id: ServiceId,
        server: NodeId,
        frame: &Frame,
        datagram: &Datagram<'_>,
    ) {
        let Some(service) = self.anchored.touch(id) else {
            return self.counters.drop(DropReason::NoRoute);
        };
        match service.answer_frame(now, server, frame, datagram) {
            Ok(()) => self.counters.taken += 1,
            Err(reason) => self.counters.drop(reason),
        }
    }

    /// Turns what the services want into outputs, and tells the controller once of all that has changed.
    pub(super) fn collect_effects(&mut self) {
        let mut events = Vec::new();
        let mut frames = Vec::new();
        self.anchored.settle(|id, service| {
            while let Some(effect) = service.poll() {
                match effect {
                    Effect::ToServer(copy) => {
                        frames.push((Some(copy.server), PortId(0), copy.to_frame()));
                    }
                    Effect::ToClient(released) => frames.push((None, released.port, released.frame)),
                    Effect::Event(event) => events.push(event),
                    Effect::StatusChanged => {
                        self.changed.insert(id);
                    }
                }
            }
        });
        for (server, port, frame) in frames {
            match server.map(|server| self.learning.port_of(Instant::ZERO, service_mac(server))) {
                Some(Some(port)) => self.emit(port, frame),
                Some(None) => self.counters.undeliverable += 1,
                None => self.emit(port, frame),
            }
        }
        self.outputs.extend(events.into_iter().map(Output::Event));
        for id in std::mem::take(&mut self.changed) {
            if let Some(status) = self.anchored.get(id).map(crate::Service::status) {
                self.tell_controller(Control::ServiceStatus(status));
            }
        }
    }
}
