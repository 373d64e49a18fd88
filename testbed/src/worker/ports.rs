//! The TAPs of one worker, by the nodes that they lead to, with what the kernel refused. A host whose process plays several nodes has
//! one interface: by its source address a frame gets the sender's own MAC address on its way in, and the host's on its way out.

use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::fd::{AsFd as _, BorrowedFd};
use zerogap_proto::address::{Endpoint, service_mac};
use zerogap_proto::frame::Datagram;
use zerogap_proto::{DropReason, Frame, NodeId};
use zerogap_switch::Counters;
use zerogap_switch::io::TapPort;

/// Length of a MAC address in bytes; a frame begins with the receiver's.
const MAC_LEN: usize = 6;

/// The TAPs of one worker.
#[derive(Default)]
pub struct Ports {
    taps: Vec<Tap>,
    /// The TAP that leads to each node.
    index: BTreeMap<NodeId, usize>,
    refused: BTreeMap<NodeId, Counters>,
    scratch: Vec<u8>,
}

struct Tap {
    host: NodeId,
    port: TapPort,
    /// Who speaks from which address, if the host has several nodes.
    speakers: BTreeMap<Endpoint, NodeId>,
}

impl Ports {
    /// Adds the TAP of a host, which is called after its first node. `speakers` are all its nodes if there are several, and where
    /// each speaks from.
    ///
    /// # Errors
    /// The kernel's.
    pub fn add(
        &mut self,
        host: NodeId,
        iface: tun_tap::Iface,
        speakers: impl IntoIterator<Item = (Endpoint, NodeId)>,
    ) -> Result<()> {
        let port = TapPort::attach(iface).with_context(|| format!("cannot use the TAP of node {host}"))?;
        let speakers: BTreeMap<Endpoint, NodeId> = speakers.into_iter().collect();
        let nodes = speakers.values().copied().chain([host]);
        self.index.extend(nodes.map(|node| (node, self.taps.len())));
        self.taps.push(Tap { host, port, speakers });
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.taps.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.taps.is_empty()
    }

    /// Their descriptors, in order.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.taps.iter().map(|tap| tap.port.as_fd())
    }

    /// The next frame from the `n`-th TAP and the node that sent it.
    pub fn receive(&mut self, n: usize) -> Option<(NodeId, Frame)> {
        let tap = self.taps.get_mut(n)?;
        match tap.port.receive() {
            Ok(frame) => frame.map(|frame| tap.as_its_speakers(frame)),
            Err(_) => {
                self.refused.entry(tap.host).or_default().drop(DropReason::PortError);
                None
            }
        }
    }

    /// Hands a frame to a node's host. What the kernel does not take is counted: a full queue, or an interface that is down.
    pub fn send(&mut self, node: NodeId, frame: &[u8]) {
        let Some(tap) = self.index.get(&node).and_then(|n| self.taps.get(*n)) else { return };
        let sent = if tap.speakers.is_empty() || frame.len() < MAC_LEN || is_group(frame) {
            tap.port.send(frame)
        } else {
            self.scratch.clear();
            self.scratch.extend_from_slice(service_mac(tap.host).as_bytes());
            self.scratch.extend_from_slice(&frame[MAC_LEN..]);
            tap.port.send(&self.scratch)
        };
        match sent {
            Ok(()) => {}
            Err(error) => {
                let full = error.kind() == ErrorKind::WouldBlock;
                let reason = if full { DropReason::QueueFull } else { DropReason::PortError };
                self.refused.entry(tap.host).or_default().drop(reason);
            }
        }
    }

    /// What each host's kernel refused.
    pub fn refused(&self) -> &BTreeMap<NodeId, Counters> {
        &self.refused
    }
}

impl Tap {
    /// The frame as its speaker would have sent it alone. What comes from no known address is the host's.
    fn as_its_speakers(&self, frame: Frame) -> (NodeId, Frame) {
        if self.speakers.is_empty() {
            return (self.host, frame);
        }
        match Datagram::parse(&frame).and_then(|datagram| self.speakers.get(&datagram.src)) {
            Some(&speaker) if speaker != self.host => (speaker, frame.sent_by(service_mac(speaker))),
            Some(_) | None => (self.host, frame),
        }
    }
}

/// Whether a frame is for several interfaces.
fn is_group(frame: &[u8]) -> bool {
    frame[0] & 1 != 0
}
