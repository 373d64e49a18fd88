//! The services that the switch anchors, each behind a lock of its own. The worker that read a frame runs the service and writes
//! the first copy under that lock, the others as soon as it is free (`later`); nothing is handed to another thread. Only what
//! happens without a frame, a timer's end, is the alarm's.

use super::exits::Exits;
use super::later::{Copy, Later};
use super::out::Out;
use super::record::record_waited;
use super::{Shared, clock};
use crate::anchor::{Anchor, AnchorConfig, Cause, ServiceAccount};
use crate::bridge::Books;
use crate::io::port::Port;
use crate::offload::{Offload, complete_checksum};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use zerogap_proto::{DropReason, Duration, NodeId, PortId, ServiceId};

/// All services of a switch.
pub(super) struct Services(BTreeMap<ServiceId, Slot>);

/// One service.
pub(super) struct Slot {
    pub(super) anchor: Mutex<Anchor>,
    later: Later,
    /// What its servers are called, by node.
    names: Vec<String>,
    /// Those whose address is that of their port's interface.
    followed: Vec<(NodeId, PortId)>,
    /// No deadline is nearer than this when it is set.
    patience: Duration,
}

impl Services {
    pub(super) fn new(configs: Vec<AnchorConfig>, ports: &[Arc<dyn Port>]) -> io::Result<Self> {
        let slots = configs.into_iter().map(|config| Ok((config.service.id, Slot::new(config, ports)?)));
        slots.collect::<io::Result<_>>().map(Self)
    }

    pub(super) fn get(&self, id: ServiceId) -> Option<&Slot> {
        self.0.get(&id)
    }

    pub(super) fn all(&self) -> impl ExactSizeIterator<Item = (&ServiceId, &Slot)> {
        self.0.iter()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ServiceId> {
        self.0.keys().copied()
    }

    pub(super) fn accounts(&self) -> Vec<ServiceAccount> {
        self.0.values().map(|slot| slot.anchor.lock().account()).collect()
    }

    /// The shortest time between a frame and a deadline because of it.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.0.values().map(|slot| slot.patience).min()
    }

    /// Looks where the servers are whose interface may have got another address.
    pub(super) fn follow(&self, ports: &[Arc<dyn Port>]) {
        for slot in self.0.values() {
            for &(server, port) in &slot.followed {
                // One that cannot be asked is where it was.
                if let Ok(Some(mac)) = ports[usize::from(port.0)].host_mac() {
                    slot.anchor.lock().moved(server, mac);
                }
            }
        }
    }
}

impl Slot {
    fn new(config: AnchorConfig, ports: &[Arc<dyn Port>]) -> io::Result<Self> {
        let (mut macs, mut followed) = (Vec::new(), Vec::new());
        for (server, place) in (0..).map(NodeId).zip(&config.servers) {
            if let Some(mac) = place.mac {
                macs.push(mac);
                continue;
            }
            let port = ports.get(usize::from(place.port.0));
            let known = port.map_or(Ok(None), |port| port.host_mac())?;
            macs.push(known.ok_or_else(|| {
                let why = format!("the address of the server {} is not known: give its `mac`", place.name);
                io::Error::new(io::ErrorKind::InvalidInput, why)
            })?);
            followed.push((server, place.port));
        }
        let names = config.servers.iter().map(|place| place.name.clone()).collect();
        let patience = config.service.resend_after.min(config.service.failover_after);
        Ok(Self {
            anchor: Mutex::new(Anchor::new(config, macs)),
            later: Later::default(),
            names,
            followed,
            patience,
        })
    }

    pub(super) fn name(&self, server: NodeId) -> &str {
        self.names.get(usize::from(server.0)).map_or("?", String::as_str)
    }
}

impl Out<'_> {
    /// Hands a frame to a service.
    pub(super) fn service(&mut self, id: ServiceId, frame: &[u8], offload: Offload) {
        let shared = self.shared;
        let Some(slot) = shared.services.get(id) else {
            self.refused = DropReason::NoRoute;
            return;
        };
        let mut complete;
        let frame = match offload.checksum {
            None => frame,
            Some(partial) => {
                complete = frame.to_vec();
                if complete_checksum(&mut complete, partial).is_err() {
                    self.refused = DropReason::Malformed;
                    return;
                }
                &complete
            }
        };
        let mut anchor = slot.anchor.lock();
        let port = self.mine.id;
        let mut first = true;
        let mut sort = |exit, frame: &[u8], cause| {
            let first = std::mem::take(&mut first);
            let mut write = || self.send_own((id, slot), exit, frame, cause);
            let written = match cause {
                Cause::Request { .. } => first && slot.later.write_first(write),
                Cause::Answer { .. } | Cause::Reply => {
                    write();
                    true
                }
            };
            if !written {
                slot.later.put(Copy { exit, frame: frame.to_vec(), cause, from: Some(port) });
                self.tell_waits(slot, exit, cause);
            }
        };
        let taken = anchor.frame(clock::exactly(), port, frame, &mut sort);
        let deadline = anchor.deadline();
        drop(anchor);
        // First the alarm: on a busy core the copies may be written a time slice from now.
        if let Some(at) = deadline {
            shared.alarm.set(at);
        }
        slot.later.write_waiting(|copy| send_waited(shared, self.books, self.exits, (id, slot), copy));
        match taken {
            Ok(taken) => {
                self.taken = true;
                self.tell_taken(id, slot, taken);
            }
            Err(reason) => self.refused = reason,
        }
    }
}

impl Out<'_> {
    /// Sends a frame of a service's own because of the one under way.
    fn send_own(&mut self, of: (ServiceId, &Slot), exit: PortId, frame: &[u8], cause: Cause) {
        let sent = send(self.shared, self.books, self.exits, exit, frame);
        if self.story.is_some() || self.shared.captures[usize::from(exit.0)].is_some() {
            self.record_service_copy(of, exit, frame, cause, sent);
        }
    }
}

/// A service's deadline has come: sends what is overdue.
pub(super) fn send_late(shared: &Shared, books: &Books, exits: &mut Exits, slot: &Slot, id: ServiceId) {
    let put = |exit, frame: &[u8], cause| {
        slot.later.put(Copy { exit, frame: frame.to_vec(), cause, from: None });
    };
    slot.anchor.lock().wake(clock::exactly(), &mut { put });
    slot.later.write_waiting(|copy| send_waited(shared, books, exits, (id, slot), copy));
}

fn send_waited(shared: &Shared, books: &Books, exits: &mut Exits, of: (ServiceId, &Slot), copy: &Copy) {
    let sent = send(shared, books, exits, copy.exit, &copy.frame);
    record_waited(shared, of, copy, sent);
}

/// Sends a frame of a service's own. It is complete.
fn send(
    shared: &Shared,
    books: &Books,
    exits: &mut Exits,
    exit: PortId,
    frame: &[u8],
) -> Result<(), DropReason> {
    books.made(exit);
    exits.send(&shared.ports, books, exit, frame, Offload::default())
}
