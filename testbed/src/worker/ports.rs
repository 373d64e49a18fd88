//! The TAPs of one worker, by the host that they lead to, with what the kernel refused.

use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::fd::{AsFd as _, BorrowedFd};
use zerogap_proto::{DropReason, Frame, NodeId};
use zerogap_switch::Counters;
use zerogap_switch::io::TapPort;

/// The TAPs of one worker.
#[derive(Default)]
pub struct Ports {
    taps: Vec<(NodeId, TapPort)>,
    index: BTreeMap<NodeId, usize>,
    refused: BTreeMap<NodeId, Counters>,
}

impl Ports {
    /// Adds the TAP of a host.
    ///
    /// # Errors
    /// The kernel's.
    pub fn add(&mut self, host: NodeId, iface: tun_tap::Iface) -> Result<()> {
        let tap = TapPort::attach(iface).with_context(|| format!("cannot use the TAP of node {host}"))?;
        self.index.insert(host, self.taps.len());
        self.taps.push((host, tap));
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
        self.taps.iter().map(|(_, tap)| tap.as_fd())
    }

    /// The next frame from the `n`-th TAP and the host that sent it.
    pub fn receive(&mut self, n: usize) -> Option<(NodeId, Frame)> {
        let (host, tap) = self.taps.get_mut(n)?;
        match tap.receive() {
            Ok(frame) => frame.map(|frame| (*host, frame)),
            Err(_) => {
                self.refused.entry(*host).or_default().drop(DropReason::PortError);
                None
            }
        }
    }

    /// Hands a frame to a host. What the kernel does not take is counted: a full queue, or an interface that is down.
    pub fn send(&mut self, host: NodeId, frame: &[u8]) {
        let Some((_, tap)) = self.index.get(&host).and_then(|n| self.taps.get(*n)) else { return };
        match tap.send(frame) {
            Ok(()) => {}
            Err(error) => {
                let full = error.kind() == ErrorKind::WouldBlock;
                let reason = if full { DropReason::QueueFull } else { DropReason::PortError };
                self.refused.entry(host).or_default().drop(reason);
            }
        }
    }

    /// What each host's kernel refused.
    pub fn refused(&self) -> &BTreeMap<NodeId, Counters> {
        &self.refused
    }
}
