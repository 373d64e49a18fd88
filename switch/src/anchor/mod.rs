//! A service at a switch by itself: the very same [`Service`] as the testbed's switch runs, between frames of ports instead of nodes
//! of an address plan. Frames come in one at a time; what they lead to is sent at once, the primary's copy first, all copies from
//! one buffer. Pure: whoever calls has the clock and the ports.
//!
//! ```text
//! frame ─▶ to the address:   request ─▶ Service ─▶ copies to servers
//!      ├─▶ from the address: answer  ─▶ Service ─▶ answer to the client
//!      └─▶ about the address: ARP, ping ─▶ reply
//! ```

mod account;

pub use account::{ReaderAccount, ServiceAccount};

use crate::icmp;
use crate::service::{Effect, Ingress, Service, ServiceConfig, Tally};
use smoltcp::wire::{EthernetAddress, EthernetFrame};
use std::collections::VecDeque;
use zerogap_proto::address::virtual_mac;
use zerogap_proto::frame::Datagram;
use zerogap_proto::{DropReason, Event, Frame, Instant, Message, NodeId, Offset, PortId};

/// Events that are remembered for whoever asks.
const EVENTS_MAX: usize = 16;
/// What the service knows this switch by. It never sees another one.
const HERE: NodeId = NodeId(0);

/// A service, and where its servers are. A server's node is its place in the list.
#[derive(Clone, Debug)]
pub struct AnchorConfig {
    /// The service.
    pub service: ServiceConfig,
    /// In order of preference.
    pub servers: Vec<ServerPlace>,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPlace {
    /// What it is called.
    pub name: String,
    /// The port behind which it is.
    pub port: PortId,
    /// Its MAC address; if none is given, that of the port's own interface, whichever it is at the time.
    pub mac: Option<EthernetAddress>,
}

/// What became of a frame that the service took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A request has got this offset.
    Request(Offset),
    /// A server's answer has come to its ballot.
    Answer {
        /// Whose.
        server: NodeId,
        /// To which request.
        offset: Offset,
        /// Whether it and the ballot's other answers are equal, as far as they were compared because of it.
        agrees: Option<bool>,
    },
    /// A server has said something else: which request it expects, that it has forgotten an answer, that nobody listens there.
    Word(NodeId),
    /// ARP or ping: answered.
    Asked,
}

/// Why a frame is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A request on its way to a server.
    Request {
        /// To whom.
        server: NodeId,
        /// Its place in the log.
        offset: Offset,
        /// Not for the first time, or late.
        again: bool,
    },
    /// The answer to a request on its way to the client.
    Answer {
        /// Whose.
        server: NodeId,
        /// To which request.
        offset: Offset,
    },
    /// The switch's own answer to ARP or ping.
    Reply,
}

/// A service at its anchor.
#[derive(Debug)]
pub struct Anchor {
    service: Service,
    servers: Vec<ServerPlace>,
    /// Where each server is now.
    macs: Vec<EthernetAddress>,
    /// For the copy that is being sent.
    buffer: Vec<u8>,
    /// What has happened last to its servers, in words, and when.
    events: VecDeque<(Instant, String)>,
}

impl Anchor {
    /// An anchor whose log is empty. `macs`: where each server is, in their order.
    pub fn new(config: AnchorConfig, macs: Vec<EthernetAddress>) -> Self {
        let AnchorConfig { service, servers } = config;
        let (buffer, events) = (Vec::new(), VecDeque::with_capacity(EVENTS_MAX));
        Self { service: Service::new(service), servers, macs, buffer, events }
    }

    /// The service.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Where its servers are, as configured.
    pub fn servers(&self) -> &[ServerPlace] {
        &self.servers
    }

    /// What a server is called.
    pub fn name(&self, server: NodeId) -> &str {
        self.servers.get(usize::from(server.0)).map_or("?", |place| &place.name)
    }

    /// The interface of this server has another address now.
    pub fn moved(&mut self, server: NodeId, mac: EthernetAddress) {
        if let Some(known) = self.macs.get_mut(usize::from(server.0)) {
            *known = mac;
        }
    }

    /// Takes a complete frame that came in by `port`, and sends what it leads to.
    ///
    /// # Errors
    /// Why it goes no further.
    pub fn frame(
        &mut self,
        now: Instant,
        port: PortId,
        frame: &[u8],
        send: &mut impl FnMut(PortId, &[u8], Cause),
    ) -> Result<Taken, DropReason> {
        let taken = match Datagram::parse(frame) {
            Some(datagram) if datagram.dst == self.service.config().endpoint => {
                self.request(now, port, frame, &datagram)
            }
            Some(datagram) if datagram.src == self.service.config().endpoint => {
                self.answer(now, port, frame, &datagram)
            }
            Some(_) | None => self.about_the_address(now, port, frame, send),
        };
        self.carry_out(now, send);
        taken
    }

    /// Its time has come: sends again what is overdue, fails over.
    pub fn wake(&mut self, now: Instant, send: &mut impl FnMut(PortId, &[u8], Cause)) {
        self.service.wake(now);
        self.carry_out(now, send);
    }

    /// When to wake it.
    pub fn deadline(&self) -> Option<Instant> {
        self.service.deadline().map(|(at, _)| at)
    }

    fn request(
        &mut self,
        now: Instant,
        port: PortId,
        frame: &[u8],
        datagram: &Datagram<'_>,
    ) -> Result<Taken, DropReason> {
        let offset = self.service.head();
        let ingress = Ingress { port, switch: HERE };
        self.service.request_frame(now, &Frame::new(frame), datagram, ingress)?;
        Ok(Taken::Request(offset))
    }

    fn answer(
        &mut self,
        now: Instant,
        port: PortId,
        frame: &[u8],
        datagram: &Datagram<'_>,
    ) -> Result<Taken, DropReason> {
        let server = self.server_at(port, datagram.src_mac).ok_or(DropReason::Spoofed)?;
        let before = self.service.tally();
        self.service.answer_frame(now, server, &Frame::new(frame), datagram)?;
        let message = Message::parse(datagram.payload).ok_or(DropReason::Malformed)?;
        if message.kind != zerogap_proto::Kind::Answer {
            return Ok(Taken::Word(server));
        }
        let agrees = agreement(before, self.service.tally());
        Ok(Taken::Answer { server, offset: message.stamp.offset, agrees })
    }

    /// What is neither a request nor an answer.
    fn about_the_address(
        &mut self,
        now: Instant,
        port: PortId,
        frame: &[u8],
        send: &mut impl FnMut(PortId, &[u8], Cause),
    ) -> Result<Taken, DropReason> {
        let (id, addr) = (self.service.config().id, self.service.config().endpoint.addr);
        let reply = match icmp::parse_arp(frame) {
            // It would poison hosts.
            Some(arp) if arp.sender == addr => return Err(DropReason::Spoofed),
            Some(arp) if arp.target == addr => icmp::arp_reply(frame, virtual_mac(id)),
            Some(_) | None => icmp::ping_reply(frame, addr, virtual_mac(id)),
        };
        if let Some(reply) = reply {
            send(port, &reply, Cause::Reply);
            return Ok(Taken::Asked);
        }
        if icmp::unreachable_destination(frame) != Some(addr) {
            return Err(DropReason::NoRoute);
        }
        let src = EthernetFrame::new_checked(frame).map_err(|_| DropReason::Malformed)?.src_addr();
        let server = self.server_at(port, src).ok_or(DropReason::Spoofed)?;
        self.service.unreachable(now, server)?;
        Ok(Taken::Word(server))
    }

    fn server_at(&self, port: PortId, mac: EthernetAddress) -> Option<NodeId> {
        let mut places = self.servers.iter().zip(&self.macs);
        let nth = places.position(|(place, known)| place.port == port && *known == mac)?;
        Some(NodeId(nth as u16))
    }

    fn carry_out(&mut self, now: Instant, send: &mut impl FnMut(PortId, &[u8], Cause)) {
        while let Some(effect) = self.service.poll() {
            match effect {
                Effect::ToServer(copy) => {
                    let (server, nth) = (copy.server, usize::from(copy.server.0));
                    let (Some(place), Some(mac)) = (self.servers.get(nth), self.macs.get(nth)) else {
                        continue;
                    };
                    copy.write(*mac, &mut self.buffer);
                    let (offset, again) = (copy.stamp.offset, copy.stamp.replayed);
                    send(place.port, &self.buffer, Cause::Request { server, offset, again });
                }
                Effect::ToClient(released) => {
                    let (server, offset) = (released.server, released.offset);
                    send(released.port, &released.frame, Cause::Answer { server, offset });
                }
                Effect::Event(event) => self.note(now, &event),
                // There is no controller that would see it; whoever asks sees it as it is.
                Effect::StatusChanged => {}
            }
        }
    }
}

impl Anchor {
    fn note(&mut self, now: Instant, event: &Event) {
        let Some(words) = self.words(event) else { return };
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back((now, words));
    }

    /// An event that changes who serves, or that no request gets in; others are counted, not remembered.
    fn words(&self, event: &Event) -> Option<String> {
        if let Event::Promoted { from, to, .. } = event {
            return Some(format!("{} promoted instead of {}", self.name(*to), self.name(*from)));
        }
        if let Event::LogFull { head, .. } = event {
            return Some(format!("the log is full at {head}"));
        }
        let (server, what) = if let Event::Absent { server, offset, .. } = event {
            (server, format!("absent at {offset}"))
        } else if let Event::Back { server, offset, .. } = event {
            (server, format!("back at {offset}"))
        } else if let Event::Disagreed { server, offset, difference, .. } = event {
            (server, format!("differs at {offset} from byte {} on", difference.at))
        } else if let Event::Quarantined { server, .. } = event {
            (server, "quarantined".to_owned())
        } else if let Event::ReaderDropped { server, why, .. } = event {
            (server, format!("given up: {why:?}").to_lowercase())
        } else {
            return None;
        };
        Some(format!("{} {what}", self.name(*server)))
    }
}

/// What comparing has come to between two tallies.
fn agreement(before: Tally, after: Tally) -> Option<bool> {
    if after.disagreed > before.disagreed {
        return Some(false);
    }
    (after.agreed > before.agreed).then_some(true)
}

#[cfg(test)]
mod tests;
