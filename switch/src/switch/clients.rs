//! The clients that enter the network at this switch. The first frame of each is reported to the SDN controller; in reactive
//! mode it and those after it wait for the answer, which is asked for again until it comes.

use std::collections::{BTreeMap, BTreeSet};
use zerogap_proto::control::HandoverMode;
use zerogap_proto::{Duration, Frame, Instant, NodeId, PacketIn, PortId, Timer};

/// Frames of one client that may wait.
const HELD_MAX: usize = 64;
/// Clients that are remembered; more are served without being reported.
const CLIENTS_MAX: usize = 65_536;
/// How long the controller may take before it is asked again.
const REMIND_AFTER: Duration = Duration::from_millis(20);

/// A frame that waits.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) port: PortId,
    pub(super) frame: Frame,
}

/// What is to be done with a client's frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Pass it on.
    Go,
    /// Pass it on, and report that the client is here.
    GoAndReport,
    /// It waits now, and the client is to be reported.
    HeldAndReport,
    /// It waits now.
    Held,
    /// Too many wait already.
    Full,
}

#[derive(Debug)]
enum Client {
    Admitted,
    Waiting { frames: Vec<Held>, packet_in: PacketIn, asked: Instant },
}

/// The clients at this switch.
#[derive(Debug)]
pub(super) struct Clients {
    mode: HandoverMode,
    clients: BTreeMap<NodeId, Client>,
    /// Those that wait, by when the controller was last asked.
    asked: BTreeSet<(Instant, NodeId)>,
}

impl Clients {
    pub(super) fn new(mode: HandoverMode) -> Self {
        Self { mode, clients: BTreeMap::new(), asked: BTreeSet::new() }
    }

    /// Whether first frames wait for the controller.
    pub(super) fn waits(&self) -> bool {
        self.mode == HandoverMode::Reactive
    }

    /// Decides on a client's frame that came in by an access point.
    pub(super) fn pass(&mut self, now: Instant, packet_in: PacketIn, frame: &Frame) -> Pass {
        let full = self.clients.len() >= CLIENTS_MAX;
        match self.clients.get_mut(&packet_in.client) {
            Some(Client::Admitted) => Pass::Go,
            Some(Client::Waiting { frames, .. }) if frames.len() >= HELD_MAX => Pass::Full,
            Some(Client::Waiting { frames, .. }) => {
                frames.push(Held { port: packet_in.port, frame: frame.clone() });
                Pass::Held
            }
            None if full => Pass::Go,
            None => match self.mode {
                HandoverMode::Notify => {
                    self.clients.insert(packet_in.client, Client::Admitted);
                    Pass::GoAndReport
                }
                HandoverMode::Reactive => {
                    let frames = vec![Held { port: packet_in.port, frame: frame.clone() }];
                    self.asked.insert((now, packet_in.client));
                    self.clients.insert(packet_in.client, Client::Waiting { frames, packet_in, asked: now });
                    Pass::HeldAndReport
                }
            },
        }
    }

    /// The controller has set the route: what waited may go, in order.
    pub(super) fn admit(&mut self, client: NodeId) -> Vec<Held> {
        match self.clients.insert(client, Client::Admitted) {
            Some(Client::Waiting { frames, asked, .. }) => {
                self.asked.remove(&(asked, client));
                frames
            }
            Some(Client::Admitted) | None => Vec::new(),
        }
    }

    /// The client has gone elsewhere: its next frame is a first one again. One that waits is here, so it stays.
    pub(super) fn forget(&mut self, client: NodeId) {
        if matches!(self.clients.get(&client), Some(Client::Admitted)) {
            self.clients.remove(&client);
        }
    }

    /// A report that has waited too long for its answer, to be sent again.
    pub(super) fn remind(&mut self, now: Instant) -> Option<PacketIn> {
        let &(at, client) = self.asked.first().filter(|(at, _)| *at + REMIND_AFTER <= now)?;
        self.asked.remove(&(at, client));
        let Some(Client::Waiting { packet_in, asked, .. }) = self.clients.get_mut(&client) else {
            return None;
        };
        *asked = now;
        self.asked.insert((now, client));
        Some(*packet_in)
    }

    pub(super) fn deadline(&self) -> Option<(Instant, Timer)> {
        self.asked.first().map(|(at, _)| (*at + REMIND_AFTER, Timer::Refresh))
    }

    pub(super) fn held(&self) -> u64 {
        let waiting = self.clients.values().map(|client| match client {
            Client::Waiting { frames, .. } => frames.len() as u64,
            Client::Admitted => 0,
        });
        waiting.sum()
    }
}
