//! Who drives, and who may stop: an AGV whose service is being moved drives on until that is over, for a service without
//! requests never proves itself.

use crate::build::SERVICE;
use std::collections::BTreeSet;
use zerogap_proto::ServiceId;

/// The AGVs of a run, each called by its service.
#[derive(Debug)]
pub(super) struct Drivers {
    driving: BTreeSet<ServiceId>,
    /// Those whose service is being moved.
    moving: BTreeSet<ServiceId>,
    /// How many have not closed their records.
    open: usize,
    /// Whoever is not being moved is to stop.
    closing: bool,
}

impl Drivers {
    pub(super) fn new(agvs: usize) -> Self {
        let services = (0..agvs as u16).map(|nth| ServiceId(SERVICE.0 + nth));
        Self { driving: services.collect(), moving: BTreeSet::new(), open: agvs, closing: false }
    }

    pub(super) const fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether all have been told to stop.
    pub(super) fn all_stopped(&self) -> bool {
        self.driving.is_empty()
    }

    pub(super) fn begins(&mut self, service: ServiceId) {
        self.moving.insert(service);
    }

    /// A migration is over: who is to stop now.
    pub(super) fn ends(&mut self, service: ServiceId) -> Option<ServiceId> {
        self.moving.remove(&service);
        (self.closing && self.driving.remove(&service)).then_some(service)
    }

    /// The wanted time is over: who is to stop now.
    pub(super) fn close(&mut self) -> BTreeSet<ServiceId> {
        self.closing = true;
        let stay: BTreeSet<ServiceId> = self.driving.intersection(&self.moving).copied().collect();
        let mut stop = std::mem::replace(&mut self.driving, stay);
        stop.retain(|service| !self.moving.contains(service));
        stop
    }

    /// All who drive are to stop.
    pub(super) fn stop_all(&mut self) -> BTreeSet<ServiceId> {
        std::mem::take(&mut self.driving)
    }

    /// A client has closed its records; whether it was the last.
    pub(super) fn done(&mut self) -> bool {
        self.open = self.open.saturating_sub(1);
        self.open == 0
    }
}
