//! A server as the anchor may expect one to be: it applies requests strictly in offset order, remembers its last answers as
//! part of its state, and answers each with a digest of everything it has applied. A snapshot of it is a clone.

use super::{life, open, server_frame};
use std::collections::VecDeque;
use zerogap_proto::address::{service_mac, virtual_mac};
use zerogap_proto::message::BODY_LEN;
use zerogap_proto::{Frame, Incarnation, Kind, Message, NodeId, Offset, Sequence, Stamp};

#[derive(Clone, Debug)]
pub(crate) struct FakeServer {
    pub(crate) node: NodeId,
    pub(crate) incarnation: Incarnation,
    /// A hash of the requests applied, in their order.
    pub(crate) state: u64,
    pub(crate) next: Offset,
    /// What was applied in this life, and from where on.
    pub(crate) start: Offset,
    pub(crate) applied: Vec<Sequence>,
    remembered: VecDeque<(Sequence, u64)>,
    remembered_max: usize,
}

/// What a server sends back, and whether it had to work for it.
pub(crate) struct Reply {
    pub(crate) frame: Frame,
    pub(crate) worked: bool,
}

impl FakeServer {
    /// A server with the initial state, which remembers as many answers as the anchor's window is wide.
    pub(crate) fn new(node: NodeId, window: usize) -> Self {
        Self {
            node,
            incarnation: life(node),
            state: 0x5eed,
            next: Offset(0),
            start: Offset(0),
            applied: Vec::new(),
            remembered: VecDeque::new(),
            remembered_max: window,
        }
    }

    /// This server's state in another server, in a life of its own.
    pub(crate) fn restored_as(&self, node: NodeId, incarnation: Incarnation) -> Self {
        Self { node, incarnation, start: self.next, applied: Vec::new(), ..self.clone() }
    }

    pub(crate) fn receive(&mut self, frame: &Frame) -> Option<Reply> {
        let (datagram, request) = open(frame);
        assert_eq!(datagram.dst_mac, service_mac(self.node), "sent to somebody else");
        assert_eq!(datagram.src_mac, virtual_mac(super::SERVICE));
        if request.kind != Kind::Request || request.stamp.incarnation != self.incarnation {
            return None;
        }
        let (offset, next) = (request.stamp.offset, self.next);
        if offset > next {
            return Some(self.say(Kind::Expect, &request, next, request.sequence, 0, false));
        }
        if offset == next {
            self.state = mix(self.state ^ mix(request.sequence.0) ^ u64::from(request.body[7]));
            self.applied.push(request.sequence);
            self.remembered.push_back((request.sequence, self.state));
            if self.remembered.len() > self.remembered_max {
                self.remembered.pop_front();
            }
            self.next = next.next();
            let worked = !request.stamp.replayed;
            return Some(self.say(Kind::Answer, &request, offset, request.sequence, self.state, worked));
        }
        let back = next.from(offset) as usize;
        let held = self.remembered.len().checked_sub(back).map(|at| self.remembered[at]);
        Some(match held {
            Some((sequence, digest)) => self.say(Kind::Answer, &request, offset, sequence, digest, false),
            None => self.say(Kind::Forgotten, &request, offset, request.sequence, 0, false),
        })
    }

    fn say(
        &self,
        kind: Kind,
        request: &Message<'_>,
        offset: Offset,
        sequence: Sequence,
        digest: u64,
        worked: bool,
    ) -> Reply {
        let mut body = [0; BODY_LEN];
        body[..8].copy_from_slice(&digest.to_be_bytes());
        let stamp = Stamp { offset, ..request.stamp };
        let message = Message { kind, sequence, stamp, body: &body, ..*request };
        Reply { frame: server_frame(self.node, &message), worked }
    }
}

/// SplitMix64's finaliser: one bit that differs makes all differ.
pub(crate) const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
