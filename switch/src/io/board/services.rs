//! The services that the switch anchors, each behind a lock of its own. The worker that read a frame runs the service and writes
//! the copies itself, under that lock, so that every server gets its requests in the order of the log; nothing is handed to another
//! thread. Only what happens without a frame, a timer's end, is the alarm's.

use super::exits::Exits;
use super::out::Out;
use super::record::record_late;
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
        Ok(Self { anchor: Mutex::new(Anchor::new(config, macs)), names, followed, patience })
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
        let mut send = |exit, frame: &[u8], cause| {
            let sent = send(shared, self.books, self.exits, exit, frame);
            if self.story.is_some() || shared.captures[usize::from(exit.0)].is_some() {
                self.record_service_copy((id, slot), exit, frame, cause, sent);
            }
        };
        let taken = anchor.frame(clock::exactly(), port, frame, &mut send);
        let deadline = anchor.deadline();
        drop(anchor);
        if let Some(at) = deadline {
            shared.alarm.set(at);
        }
        match taken {
            Ok(taken) => {
                self.taken = true;
                self.tell_taken(id, slot, taken);
            }
            Err(reason) => self.refused = reason,
        }
    }
}

/// A timer's copy: nothing came in that it is due to.
pub(super) fn send_late(shared: &Shared, books: &Books, exits: &mut Exits, slot: &Slot, id: ServiceId) {
    let now = clock::exactly();
    let mut send = |exit, frame: &[u8], cause: Cause| {
        let sent = send(shared, books, exits, exit, frame);
        record_late(shared, (id, slot), exit, frame, cause, sent);
    };
    slot.anchor.lock().wake(now, &mut send);
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
