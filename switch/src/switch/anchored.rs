//! The services that a switch anchors, and when each wants to be woken. Whatever happens concerns one service, so nothing
//! here looks at all of them: with thousands a switch still does the work of one a frame.

use crate::service::{Service, ServiceConfig};
use std::collections::{BTreeMap, BTreeSet};
use zerogap_proto::{Instant, ServiceId, Timer};

/// Services by id, and by the time at which they are to be woken.
#[derive(Debug, Default)]
pub(super) struct Anchored {
    services: BTreeMap<ServiceId, Slot>,
    due: BTreeSet<(Instant, ServiceId)>,
    /// Those that may have changed since they were last settled.
    touched: Vec<ServiceId>,
}

#[derive(Debug)]
struct Slot {
    service: Service,
    /// As it stands in `due`.
    deadline: Option<(Instant, Timer)>,
}

impl Anchored {
    pub(super) fn add(&mut self, config: ServiceConfig) {
        let (id, service) = (config.id, Service::new(config));
        let deadline = service.deadline();
        self.due.extend(deadline.map(|(at, _)| (at, id)));
        self.services.insert(id, Slot { service, deadline });
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ServiceId> {
        self.services.keys().copied()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Service> {
        self.services.values().map(|slot| &slot.service)
    }

    pub(super) fn get(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(&id).map(|slot| &slot.service)
    }

    /// A service that is about to change. [`Anchored::settle`] must follow.
    pub(super) fn touch(&mut self, id: ServiceId) -> Option<&mut Service> {
        let slot = self.services.get_mut(&id)?;
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        Some(&mut slot.service)
    }

    /// Wakes those whose time has come.
    pub(super) fn wake(&mut self, now: Instant) {
        let due: Vec<ServiceId> =
            self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        for id in due {
            if let Some(service) = self.touch(id) {
                service.wake(now);
            }
        }
    }

    /// Shows each service that was touched, in the order of their ids, and takes note of its new deadline.
    pub(super) fn settle(&mut self, mut show: impl FnMut(ServiceId, &mut Service)) {
        self.touched.sort_unstable();
        self.touched.dedup();
        for id in self.touched.drain(..) {
            let Some(slot) = self.services.get_mut(&id) else { continue };
            show(id, &mut slot.service);
            let deadline = slot.service.deadline();
            if deadline.map(|(at, _)| at) != slot.deadline.map(|(at, _)| at) {
                slot.deadline.iter().for_each(|(at, _)| {
                    self.due.remove(&(*at, id));
                });
                self.due.extend(deadline.map(|(at, _)| (at, id)));
            }
            slot.deadline = deadline;
        }
    }

    /// When the first of them wants to be woken.
    pub(super) fn deadline(&self) -> Option<(Instant, Timer)> {
        let (_, id) = self.due.first()?;
        self.services.get(id)?.deadline
    }
}
