//! Carrying out a flow's actions on one frame. The frame is copied, into a buffer that the worker keeps, only when a field
//! is changed; the changes of a bucket end with the bucket.

use super::action::{Action, Output};
use super::key::Key;
use super::layout::{Layout, Network, TCP};
use super::rewrite::{self, Unfit};
use super::tables::Tables;
use crate::offload::Offload;
use zerogap_proto::{Instant, PortId, ServiceId};

/// A frame that came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Its key.
    pub key: &'a Key,
    /// Its bytes.
    pub frame: &'a [u8],
    /// What it still needs.
    pub offload: Offload,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A port.
    Port(PortId),
    /// All ports but the one that it came in by.
    Flood,
    /// Where a learning switch would send it.
    Normal,
    /// A service that is anchored here.
    Service(ServiceId),
    /// The controller.
    Controller,
}

/// Who takes the frames, and knows the ports.
pub trait Outlet {
    /// Takes a frame as it stands after the actions so far.
    fn send(&mut self, to: Destination, frame: &[u8], offload: Offload);
    /// Whether a port is up, for groups that watch it.
    fn is_up(&self, port: PortId) -> bool;
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was handed to the outlet, so many times.
    Sent(u32),
    /// It went nowhere.
    Unsent(Unsent),
}

/// Why a frame went nowhere; if there are several reasons, the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unsent {
    /// The flow says so: it drops, or has no action that sends.
    ByFlow,
    /// A meter had no tokens left.
    Metered,
    /// No bucket of the group is live.
    NoLiveBucket,
    /// A field was to be changed that it does not have, or not soundly.
    Unfit,
    /// It would have left by the port it came in by.
    Hairpin,
}

impl Tables {
    /// Does `actions` to a frame. `scratch` is the worker's and is left empty; it allocates only until it has grown to twice
    /// the longest frame.
    pub fn execute<O: Outlet>(
        &self,
        now: Instant,
        arrival: Arrival<'_>,
        actions: &[Action],
        scratch: &mut Vec<u8>,
        outlet: &mut O,
    ) -> Fate {
        scratch.clear();
        let mut run = Run { tables: self, now, arrival, scratch, outlet, sent: 0, unsent: Unsent::ByFlow };
        let whole = Current { changed_at: None, is_own: true, offload: arrival.offload };
        if let Err(reason) = run.list(actions, whole) {
            run.unsent = reason;
        }
        let (sent, unsent) = (run.sent, run.unsent);
        scratch.clear();
        if sent > 0 { Fate::Sent(sent) } else { Fate::Unsent(unsent) }
    }
}

struct Run<'a, O> {
    tables: &'a Tables,
    now: Instant,
    arrival: Arrival<'a>,
    /// Changed copies, one after the other: the list's, then the bucket's.
    scratch: &'a mut Vec<u8>,
    outlet: &'a mut O,
    sent: u32,
    unsent: Unsent,
}

/// The frame as it stands in a list of actions.
#[derive(Clone, Copy)]
struct Current {
    /// Where its changed copy begins, which ends with the scratch buffer; `None` while it is as it came in.
    changed_at: Option<usize>,
    /// Whether this list may change that copy.
    is_own: bool,
    offload: Offload,
}

impl<O: Outlet> Run<'_, O> {
    fn list(&mut self, actions: &[Action], mut current: Current) -> Result<(), Unsent> {
        for action in actions {
            match action {
                Action::Output(output) => self.output(*output, current),
                Action::Service(id) => self.send(Destination::Service(*id), current),
                Action::Controller => self.send(Destination::Controller, current),
                Action::Set(fields) => {
                    let base = self.own(&mut current);
                    rewrite::set(&mut self.scratch[base..], current.offload, fields)?;
                }
                Action::PushVlan(id) => {
                    let base = self.own(&mut current);
                    rewrite::push_vlan(self.scratch, base, &mut current.offload, *id)?;
                }
                Action::PopVlan => {
                    let base = self.own(&mut current);
                    rewrite::pop_vlan(self.scratch, base, &mut current.offload)?;
                }
                Action::Group(id) => {
                    let Some(group) = self.tables.group(*id) else { return Err(Unsent::NoLiveBucket) };
                    let (hash, len) = (self.arrival.key.flow_hash(), self.frame(current).len());
                    let taken = group.take(hash, len, |port| self.outlet.is_up(port));
                    if taken.is_empty() {
                        self.unsent = Unsent::NoLiveBucket;
                    }
                    let end = self.scratch.len();
                    for bucket in taken {
                        if let Err(reason) = self.list(&bucket.actions, Current { is_own: false, ..current })
                        {
                            self.unsent = reason;
                        }
                        self.scratch.truncate(end);
                    }
                }
                Action::Meter(id) => {
                    let (packets, bytes) = on_the_wire(self.frame(current), current.offload);
                    let meter = self.tables.meter(*id);
                    if !meter.is_some_and(|meter| meter.take(self.now, packets, bytes)) {
                        return Err(Unsent::Metered);
                    }
                }
                Action::Drop => return Err(Unsent::ByFlow),
            }
        }
        Ok(())
    }

    fn output(&mut self, output: Output, current: Current) {
        let in_port = self.arrival.key.in_port();
        match output {
            Output::Port(port) if port == in_port => self.unsent = Unsent::Hairpin,
            Output::Port(port) => self.send(Destination::Port(port), current),
            Output::InPort => self.send(Destination::Port(in_port), current),
            Output::Flood => self.send(Destination::Flood, current),
            Output::Normal => self.send(Destination::Normal, current),
        }
    }

    fn send(&mut self, to: Destination, current: Current) {
        let frame = match current.changed_at {
            Some(base) => &self.scratch[base..],
            None => self.arrival.frame,
        };
        self.outlet.send(to, frame, current.offload);
        self.sent += 1;
    }

    fn frame(&self, current: Current) -> &[u8] {
        current.changed_at.map_or(self.arrival.frame, |base| &self.scratch[base..])
    }

    /// Where the copy is that this list may change; made now if there is none.
    fn own(&mut self, current: &mut Current) -> usize {
        let base = match (current.changed_at, current.is_own) {
            (Some(base), true) => return base,
            (Some(base), false) => {
                let end = self.scratch.len();
                self.scratch.extend_from_within(base..);
                end
            }
            (None, _) => {
                let end = self.scratch.len();
                self.scratch.extend_from_slice(self.arrival.frame);
                end
            }
        };
        *current = Current { changed_at: Some(base), is_own: true, offload: current.offload };
        base
    }
}

impl From<Unfit> for Unsent {
    fn from(_: Unfit) -> Self {
        Self::Unfit
    }
}

/// The packets that a frame stands for, and their bytes with a header each.
fn on_the_wire(frame: &[u8], offload: Offload) -> (u64, u64) {
    let len = frame.len();
    let Some(gso) = offload.gso else { return (1, len as u64) };
    let tcp_at = match Layout::of(frame).map(|layout| layout.network) {
        Some(Network::Ipv4(ip)) if ip.proto == TCP => ip.transport_at,
        Some(Network::Ipv6(ip)) if ip.proto == TCP => ip.transport_at,
        Some(Network::Ipv4(_) | Network::Ipv6(_) | Network::Arp | Network::Other) | None => None,
    };
    let header_len =
        tcp_at.map_or(usize::from(gso.header_len), |at| at + usize::from(frame[at + 12] >> 4) * 4).min(len);
    let packets = (len - header_len).div_ceil(usize::from(gso.size).max(1)).max(1);
    (packets as u64, (len + (packets - 1) * header_len) as u64)
}
