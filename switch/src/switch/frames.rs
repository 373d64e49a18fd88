//! What becomes of each frame that comes in: the one place where frames are told apart.
//!
//! | frame | becomes |
//! |---|---|
//! | ARP request or ping for a service's address | answered here |
//! | ARP that speaks for a service's address | dropped: it would poison hosts |
//! | datagram to a service, to a virtual MAC | a request: to the anchor |
//! | datagram from a service's address and a server's MAC | an answer: to the anchor |
//! | any other datagram from a service's address, not by a trunk | dropped: only the service's servers hold it |
//! | "port unreachable" from a server about a service | a hint for the anchor; never to the client |
//! | anything else | forwarded by address, or flooded |

use super::clients::Pass;
use super::{PortKind, Switch};
use crate::icmp;
use smoltcp::wire::{EthernetAddress, EthernetFrame, Ipv4Address};
use zerogap_proto::address::{node_of_mac, service_mac, service_of_mac, virtual_mac};
use zerogap_proto::frame::Datagram;
use zerogap_proto::{DropReason, Endpoint, Frame, Instant, Message, NodeId, PacketIn, PortId, ServiceId};

impl Switch {
    pub(super) fn frame(&mut self, now: Instant, port: PortId, frame: &Frame) {
        let Ok(ethernet) = EthernetFrame::new_checked(&frame[..]) else {
            return self.counters.drop(DropReason::Malformed);
        };
        let (src, dst) = (ethernet.src_addr(), ethernet.dst_addr());
        if !self.is_virtual(src) {
            self.learning.learn(now, src, port);
        }
        if let Some(datagram) = Datagram::parse(frame) {
            // A host that asks for an address learns one MAC address, whichever of the services there it means.
            let to_service = self.routes.get(&datagram.dst).copied();
            if let Some((id, towards)) = to_service.filter(|_| self.is_virtual(dst)) {
                return self.request(now, id, towards, port, frame, &datagram);
            }
            match (self.routes.get(&datagram.src).copied(), node_of_mac(src)) {
                (Some((id, towards)), Some(server)) => {
                    return self.answer(now, id, towards, port, server, frame, &datagram);
                }
                // Beyond a trunk it is the anchor that speaks for the service.
                (Some(_), None)
                    if !matches!(self.ports.get(usize::from(port.0)), Some(PortKind::Trunk(_))) =>
                {
                    return self.counters.drop(DropReason::Spoofed);
                }
                (Some(_) | None, _) => {}
            }
        } else if self.spoken_for_service(port, frame) || self.unreachable_hint(now, src, port, frame) {
            return;
        }
        self.forward(now, port, dst, frame);
    }

    /// A request that waited for the controller's decision goes on.
    pub(super) fn client_frame(&mut self, now: Instant, port: PortId, frame: &Frame) {
        let Some(datagram) = Datagram::parse(frame) else { return };
        if let Some((id, towards)) = self.routes.get(&datagram.dst).copied() {
            self.request_onward(now, id, towards, port, frame, &datagram);
        }
    }

    fn request(
        &mut self,
        now: Instant,
        id: ServiceId,
        towards: Option<PortId>,
        port: PortId,
        frame: &Frame,
        datagram: &Datagram<'_>,
    ) {
        let pass = match (self.ports.get(usize::from(port.0)), node_of_mac(datagram.src_mac)) {
            (Some(PortKind::AccessPoint(_)), Some(client)) => {
                let Some(message) = Message::parse(datagram.payload) else {
                    return self.counters.drop(DropReason::Malformed);
                };
                let waiting = self.clients.waits();
                let packet_in = PacketIn {
                    switch: self.node,
                    port,
                    client,
                    client_id: message.client,
                    service: id,
                    waiting,
                };
                let pass = self.clients.pass(now, packet_in, frame);
                if matches!(pass, Pass::GoAndReport | Pass::HeldAndReport) {
                    self.packet_in(packet_in);
                }
                pass
            }
            (Some(PortKind::Host(_) | PortKind::Trunk(_) | PortKind::AccessPoint(_)) | None, _) => Pass::Go,
        };
        match pass {
            Pass::Go | Pass::GoAndReport => self.request_onward(now, id, towards, port, frame, datagram),
            Pass::Held | Pass::HeldAndReport => {}
            Pass::Full => self.counters.drop(DropReason::HoldQueueFull),
        }
    }

    fn request_onward(
        &mut self,
        now: Instant,
        id: ServiceId,
        towards: Option<PortId>,
        port: PortId,
        frame: &Frame,
        datagram: &Datagram<'_>,
    ) {
        match towards {
            None => self.request_at_anchor(now, id, port, frame, datagram),
            Some(trunk) => self.pass_on(trunk, port, frame),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one frame, parsed once, and where it came from and goes to"
    )]
    fn answer(
        &mut self,
        now: Instant,
        id: ServiceId,
        towards: Option<PortId>,
        port: PortId,
        server: NodeId,
        frame: &Frame,
        datagram: &Datagram<'_>,
    ) {
        if !self.may_speak(port, server) {
            return self.counters.drop(DropReason::Spoofed);
        }
        match towards {
            None => self.answer_at_anchor(now, id, server, frame, datagram),
            Some(trunk) => self.pass_on(trunk, port, frame),
        }
    }

    /// Whether frames with this server's address may come in here: at its own port, or beyond a trunk.
    fn may_speak(&self, port: PortId, server: NodeId) -> bool {
        match self.ports.get(usize::from(port.0)) {
            Some(PortKind::Host(node)) => {
                *node == server || self.learning.is_fixed(service_mac(server), port)
            }
            Some(PortKind::Trunk(_)) => true,
            Some(PortKind::AccessPoint(_)) | None => false,
        }
    }

    /// ARP and ping for a service's address. `true`: the frame is dealt with.
    fn spoken_for_service(&mut self, port: PortId, frame: &Frame) -> bool {
        if let Some(arp) = icmp::parse_arp(frame) {
            if self.service_at(arp.sender).is_some() {
                self.counters.drop(DropReason::Spoofed);
                return true;
            }
            let Some(id) = self.service_at(arp.target) else { return false };
            return self.reply(port, icmp::arp_reply(frame, virtual_mac(id)));
        }
        let addresses: Vec<(Ipv4Address, ServiceId)> =
            self.routes.iter().map(|(endpoint, (id, _))| (endpoint.addr, *id)).collect();
        let reply = addresses.iter().find_map(|(addr, id)| icmp::ping_reply(frame, *addr, virtual_mac(*id)));
        reply.is_some() && self.reply(port, reply)
    }

    fn reply(&mut self, port: PortId, reply: Option<Frame>) -> bool {
        match reply {
            Some(frame) => {
                self.counters.taken += 1;
                self.emit(port, frame);
            }
            None => self.counters.drop(DropReason::Malformed),
        }
        true
    }

    /// "Port unreachable" from a server about a service. `true`: the frame is dealt with.
    fn unreachable_hint(&mut self, now: Instant, src: EthernetAddress, port: PortId, frame: &Frame) -> bool {
        let about = icmp::unreachable_destination(frame).and_then(|addr| self.service_at(addr));
        let (Some(id), Some(server)) = (about, node_of_mac(src)) else { return false };
        if !self.may_speak(port, server) {
            self.counters.drop(DropReason::Spoofed);
            return true;
        }
        let towards = self.routes.values().find(|(other, _)| *other == id).and_then(|(_, towards)| *towards);
        match (towards, self.anchored.touch(id)) {
            (Some(trunk), _) => self.pass_on(trunk, port, frame),
            (None, Some(service)) => match service.unreachable(now, server) {
                Ok(()) => self.counters.taken += 1,
                Err(reason) => self.counters.drop(reason),
            },
            (None, None) => self.counters.drop(DropReason::NoRoute),
        }
        true
    }

    fn forward(&mut self, now: Instant, port: PortId, dst: EthernetAddress, frame: &Frame) {
        match self.learning.port_of(now, dst) {
            Some(exit) => self.pass_on(exit, port, frame),
            None if self.is_virtual(dst) => self.counters.drop(DropReason::NoRoute),
            None => self.flood(port, frame),
        }
    }

    fn pass_on(&mut self, exit: PortId, port: PortId, frame: &Frame) {
        if exit == port {
            return self.counters.drop(DropReason::Hairpin);
        }
        self.counters.forwarded += 1;
        self.emit(exit, frame.clone());
    }

    fn flood(&mut self, port: PortId, frame: &Frame) {
        if self.ports.len() < 2 {
            return self.counters.drop(DropReason::NoRoute);
        }
        self.counters.forwarded += 1;
        for exit in (0..self.ports.len() as u16).map(PortId) {
            if exit != port {
                self.emit(exit, frame.clone());
            }
        }
    }

    fn service_at(&self, addr: Ipv4Address) -> Option<ServiceId> {
        let (endpoint, (id, _)) = self.routes.range(Endpoint { addr, port: 0 }..).next()?;
        (endpoint.addr == addr).then_some(*id)
    }

    fn is_virtual(&self, mac: EthernetAddress) -> bool {
        service_of_mac(mac).is_some_and(|id| self.through.contains(&id))
    }
}
