//! What the checkers see of a run. The [`Decoder`] turns what passes between nodes into these words once for all of them: it
//! looks at the frames themselves, at the anchor and at the servers, and believes no counter.

use crate::observe::Remains;
use std::collections::BTreeMap;
use zerogap_proto::address::{node_of_mac, virtual_mac};
use zerogap_proto::frame::HEADERS_LEN;
use zerogap_proto::message::{BODY_AT, MESSAGE_LEN, STAMP_AT};
use zerogap_proto::{
    Control, Event, FlowMod, Frame, Incarnation, Input, Kind, Message, NodeId, Offset, Output, Sequence,
    ServerStatus, ServiceStatus, Stamp,
};
use zerogap_scenario::{SERVICE, Scenario};

/// Something that the checkers see.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    /// A line of the journal.
    Event(Event),
    /// A request of the client has come to the anchor.
    Reached(Sequence),
    /// The anchor has sent a server a request of the log.
    Asked {
        /// To whom.
        server: NodeId,
        /// What the anchor wrote into it.
        stamp: Stamp,
        /// Whose place in the log it is.
        sequence: Sequence,
    },
    /// A server's answer has come to the anchor.
    Answered {
        /// Whose.
        server: NodeId,
        /// What it echoes.
        stamp: Stamp,
        /// The request that it answers.
        sequence: Sequence,
        /// Digest of what it says outside the stamp.
        content: u64,
    },
    /// The anchor has sent an answer towards the client.
    Released {
        /// The offset that it answers.
        offset: Offset,
        /// The request that it answers.
        sequence: Sequence,
        /// Digest of what it says outside the stamp.
        content: u64,
    },
    /// A request of the client has come to a switch on its way to the anchor, and has not gone on at once.
    Kept {
        /// The switch.
        switch: NodeId,
        /// The request.
        sequence: Sequence,
    },
    /// The anchor has reported the service's status.
    Status(ServiceStatus),
    /// The anchor has done all that came of one input.
    Settled,
    /// A server has another life, state or place in the log than before.
    Served {
        /// How it is now.
        status: ServerStatus,
        /// The request that it handled, if it was one.
        asked: Option<(Stamp, Sequence)>,
    },
    /// The SDN controller orders a change of a flow table.
    FlowMod {
        /// Of which switch.
        switch: NodeId,
        /// Which change.
        flow_mod: FlowMod,
    },
    /// The SDN controller asks a switch for a confirmation.
    Barrier {
        /// Which switch.
        switch: NodeId,
        /// The number that it will answer with.
        number: u32,
    },
    /// The SDN controller has heard a confirmation.
    BarrierDone {
        /// Of which switch.
        switch: NodeId,
        /// The number that it was asked with.
        number: u32,
    },
    /// The run is over.
    Over(Box<Ending>),
}

/// What is known when the run is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// What there is.
    pub remains: Remains,
    /// Frames that were seen to enter and to leave each switch.
    pub frames: BTreeMap<NodeId, (u64, u64)>,
}

/// Where a server is, so that only changes are passed on.
type Place = (Incarnation, bool, Offset);

/// Turns what passes between nodes into sights.
#[derive(Debug)]
pub(super) struct Decoder {
    anchor: Option<NodeId>,
    sdn: NodeId,
    frames: BTreeMap<NodeId, (u64, u64)>,
    asked: Option<(Stamp, Sequence)>,
    /// A request that has come to a switch which is not the anchor, until that puts a frame out.
    passing: Option<Sequence>,
    places: BTreeMap<NodeId, Place>,
}

impl Decoder {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let t = &scenario.topology;
        Self {
            anchor: t.names.id(&scenario.testbed.service.anchor),
            sdn: t.sdn,
            frames: t.switches.iter().map(|switch| (*switch, (0, 0))).collect(),
            asked: None,
            passing: None,
            places: BTreeMap::new(),
        }
    }

    pub(super) fn given(&mut self, node: NodeId, input: &Input<'_>) -> Option<Sight> {
        match input {
            Input::Frame { frame, .. } => {
                self.frames.get_mut(&node)?.0 += 1;
                if self.anchor == Some(node) {
                    return into_anchor(frame);
                }
                let request = message(frame).filter(|message| message.kind == Kind::Request);
                self.passing =
                    request.filter(|message| message.stamp == Stamp::default()).map(|m| m.sequence);
                None
            }
            Input::Datagram { payload, .. } => {
                let request = Message::parse(payload).filter(|message| message.kind == Kind::Request);
                self.asked = request.map(|message| (message.stamp, message.sequence));
                None
            }
            Input::Control { from, message: Control::BarrierDone(number) } if node == self.sdn => {
                Some(Sight::BarrierDone { switch: *from, number: *number })
            }
            Input::Start | Input::Control { .. } | Input::Wake(_) | Input::JobDone { .. } => None,
        }
    }

    pub(super) fn put_out(&mut self, node: NodeId, output: &Output) -> Option<Sight> {
        match output {
            Output::Frame { frame, .. } => {
                self.frames.get_mut(&node)?.1 += 1;
                self.passing = None;
                if self.anchor == Some(node) { out_of_anchor(frame) } else { None }
            }
            Output::Control { to, message } => self.control(node, *to, message),
            Output::Datagram { .. }
            | Output::Start(_)
            | Output::CancelJob(_)
            | Output::Event(_)
            | Output::Record(_) => None,
        }
    }

    fn control(&self, from: NodeId, to: NodeId, message: &Control) -> Option<Sight> {
        match message {
            Control::ServiceStatus(status) if self.anchor == Some(from) => {
                Some(Sight::Status(status.clone()))
            }
            Control::FlowMod(flow_mod) if from == self.sdn => {
                Some(Sight::FlowMod { switch: to, flow_mod: *flow_mod })
            }
            Control::Barrier(number) if from == self.sdn => {
                Some(Sight::Barrier { switch: to, number: *number })
            }
            Control::ServiceStatus(_)
            | Control::FlowMod(_)
            | Control::Barrier(_)
            | Control::Service(_)
            | Control::QueryService(_)
            | Control::PacketIn(_)
            | Control::BarrierDone(_)
            | Control::Refused { .. }
            | Control::ClientAt { .. }
            | Control::Server(_)
            | Control::ServerStatus(_)
            | Control::ServerLost { .. }
            | Control::Associate { .. }
            | Control::Stop => None,
        }
    }

    pub(super) fn settled(&mut self, node: NodeId, server: Option<ServerStatus>) -> Option<Sight> {
        if self.anchor == Some(node) {
            return Some(Sight::Settled);
        }
        if let Some(sequence) = self.passing.take() {
            return Some(Sight::Kept { switch: node, sequence });
        }
        let asked = self.asked.take();
        let status = server?;
        let place = (status.incarnation, status.holds_state, status.next);
        (self.places.insert(node, place) != Some(place)).then_some(Sight::Served { status, asked })
    }

    pub(super) fn over(&mut self, remains: &Remains) -> Sight {
        let frames = std::mem::take(&mut self.frames);
        Sight::Over(Box::new(Ending { remains: remains.clone(), frames }))
    }
}

/// The message in a frame of a service, as hosts here build them: without IPv4 options.
fn message(frame: &Frame) -> Option<Message<'_>> {
    Message::parse(frame.get(HEADERS_LEN..HEADERS_LEN + MESSAGE_LEN)?)
}

fn into_anchor(frame: &Frame) -> Option<Sight> {
    let message = message(frame)?;
    let (stamp, sequence) = (message.stamp, message.sequence);
    match message.kind {
        Kind::Request => Some(Sight::Reached(sequence)),
        Kind::Answer => {
            let server = node_of_mac(mac(frame, 6)?)?;
            Some(Sight::Answered { server, stamp, sequence, content: content(&frame[HEADERS_LEN..]) })
        }
        Kind::Expect | Kind::Forgotten => None,
    }
}

fn out_of_anchor(frame: &Frame) -> Option<Sight> {
    if mac(frame, 6)? != virtual_mac(SERVICE) {
        return None;
    }
    let message = message(frame)?;
    let (stamp, sequence) = (message.stamp, message.sequence);
    match message.kind {
        Kind::Request => Some(Sight::Asked { server: node_of_mac(mac(frame, 0)?)?, stamp, sequence }),
        Kind::Answer => {
            let content = content(&frame[HEADERS_LEN..]);
            Some(Sight::Released { offset: stamp.offset, sequence, content })
        }
        Kind::Expect | Kind::Forgotten => None,
    }
}

fn mac(frame: &Frame, at: usize) -> Option<smoltcp::wire::EthernetAddress> {
    let bytes: [u8; 6] = frame.get(at..at + 6)?.try_into().ok()?;
    Some(smoltcp::wire::EthernetAddress(bytes))
}

/// Digest of a message's bytes outside its stamp: what two answers that agree have in common.
fn content(message: &[u8]) -> u64 {
    let words = |bytes: &[u8], seed: u64| {
        let (whole, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        whole.iter().chain([&last]).fold(seed, |hash, &word| {
            (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95)
        })
    };
    words(&message[BODY_AT..MESSAGE_LEN], words(&message[..STAMP_AT], 0))
}
