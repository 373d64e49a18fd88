//! Retention: the log keeps what some reader, the migration's pin or the client still needs, and no more. When it is full,
//! whoever holds it up pays, in this order: readers that do not serve, the migration, a standby; for the primary, and for a
//! source that is frozen, new requests are refused. So overflow can end a migration but never the service.

use super::Service;
use zerogap_proto::{AbortReason, DropCause, Event, Health, Instant, NodeId, Offset};

impl Service {
    /// Forgets what nobody needs any more.
    pub(super) fn trim(&mut self) {
        let until = self.needed_from();
        self.log.trim(until);
    }

    fn needed_from(&self) -> Offset {
        let readers = self.readers.values().map(super::Reader::unanswered);
        let pin = self.plan.as_ref().and_then(super::Plan::pin);
        readers.chain(pin).chain([self.unreleased, self.unjudged]).min().unwrap_or(self.unreleased)
    }

    /// Makes room for one more request; `false` if the primary or an unanswered client needs everything there is.
    pub(super) fn make_room(&mut self, now: Instant) -> bool {
        while self.log.is_full() {
            self.trim();
            if !self.log.is_full() {
                break;
            }
            if !self.shed_load(now) {
                if !self.log_full_told {
                    self.log_full_told = true;
                    self.event(Event::LogFull { service: self.config.id, head: self.log.head() });
                }
                return false;
            }
        }
        self.log_full_told = false;
        true
    }

    /// Lets go of one who holds the log up; `false` if there is nobody to let go of. While the source is frozen there is not: the
    /// service goes on from the mark, there or at the targets.
    fn shed_load(&mut self, now: Instant) -> bool {
        let base = self.log.base();
        if self.plan.as_ref().is_some_and(|plan| plan.frozen) {
            return false;
        }
        let held_by_plan =
            self.plan.as_ref().is_some_and(|plan| plan.pin() == Some(base) || self.target_at(base, plan));
        if held_by_plan && self.abort(now, AbortReason::LogOverflow).is_ok() {
            return true;
        }
        match self.laggard(base) {
            Some(server) => {
                self.drop_reader(now, server, DropCause::Lagged);
                true
            }
            None => false,
        }
    }

    fn target_at(&self, base: Offset, plan: &super::Plan) -> bool {
        plan.targets.iter().any(|target| self.readers.get(target).is_some_and(|r| r.unanswered() == base))
    }

    /// A reader that stands at `base` and is not needed to serve: any but the primary, and the primary too if it has been
    /// given up while somebody healthy is there. Nobody, if that would make no room: the primary or the client needs `base` too.
    fn laggard(&self, base: Offset) -> Option<NodeId> {
        let healthy = |server: &NodeId| self.readers.get(server).is_some_and(|r| r.health == Health::Healthy);
        let primary =
            self.serving.first().copied().filter(|p| healthy(p) || !self.serving.iter().any(healthy));
        let stuck = |server| self.readers.get(&server).is_some_and(|r| r.unanswered() == base);
        if self.unreleased == base || primary.is_some_and(stuck) {
            return None;
        }
        let standing = self.readers.values().filter(|reader| reader.unanswered() == base);
        standing.map(|reader| reader.server).find(|server| Some(*server) != primary)
    }
}
