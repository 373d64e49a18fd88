//! Roles: who serves, in order of preference, and how that changes without any controller. A server whose answers are missing
//! several times in a row is absent; an absent primary is replaced by the next in order. Every change raises the epoch.

use super::{Disposition, Effect, Service};
use zerogap_proto::{AbortReason, DropCause, DropReason, Event, Health, Instant, NodeId, Offset, Phase};

impl Service {
    /// A server's host says that nobody listens there. A hint: the server is absent at once instead of after some misses.
    pub fn unreachable(&mut self, now: Instant, server: NodeId) -> Disposition {
        if !self.serving.contains(&server) {
            return Err(DropReason::RogueAnswer);
        }
        self.mark_absent(now, server, self.unreleased);
        self.release_all(now);
        Ok(())
    }

    /// Counts, for every offset whose answers are due by now, who has not answered.
    pub(super) fn judge_due(&mut self, now: Instant) {
        while let Some(entry) = self.log.get(self.unjudged) {
            let offset = self.unjudged;
            let ballot = &entry.ballot;
            // Who is held was sent it before, and will answer; or was not, and will not.
            let asked = self.readers.values().filter(|reader| !reader.is_held());
            let complete = asked.map(|reader| reader.server).all(|server| ballot.has_answer_of(server));
            let due = ballot.sent().is_some_and(|sent| sent + self.config.failover_after <= now);
            if !(due || complete && ballot.released().is_some()) {
                return;
            }
            self.unjudged = offset.next();
            self.judge(now, offset);
        }
    }

    fn judge(&mut self, now: Instant, offset: Offset) {
        if let Some(entry) = self.log.get_mut(offset)
            && entry.ballot.released().is_none()
        {
            entry.ballot.time_out();
        }
        let answered =
            |server: &NodeId| self.log.get(offset).is_some_and(|e| e.ballot.has_answer_of(*server));
        let due: Vec<(NodeId, bool)> =
            self.serving.iter().map(|server| (*server, answered(server))).collect();
        for (server, answered) in due {
            let limit = self.config.absences_to_promote;
            let cutting = self.cutting() == Some(server);
            let Some(reader) = self.readers.get_mut(&server) else { continue };
            if answered {
                reader.absences = 0;
                if reader.health == Health::Absent {
                    reader.health = Health::Healthy;
                    self.event(Event::Back { service: self.config.id, server, offset });
                    self.effects.push_back(Effect::StatusChanged);
                    // Somebody who is not believed may have stood in for it.
                    self.promote_if_needed(now);
                }
            } else if offset >= reader.start() && !cutting && !reader.is_held() {
                reader.absences += 1;
                if reader.absences >= limit {
                    self.mark_absent(now, server, offset);
                }
            }
        }
        self.count_target_absences(now, offset);
        self.release_if_chosen(now, offset);
    }

    /// The server that is cutting a snapshot: it may be frozen on purpose, so its absences are not counted.
    fn cutting(&self) -> Option<NodeId> {
        self.plan.as_ref().filter(|plan| plan.phase == Phase::Snapshot).map(|plan| plan.snapshotter)
    }

    fn mark_absent(&mut self, now: Instant, server: NodeId, offset: Offset) {
        let Some(reader) = self.readers.get_mut(&server) else { return };
        if reader.health == Health::Healthy {
            reader.health = Health::Absent;
            self.event(Event::Absent { service: self.config.id, server, offset });
            self.effects.push_back(Effect::StatusChanged);
        }
        self.promote_if_needed(now);
    }

    /// Puts the best standby first if the primary is not healthy. The order of the others stays.
    pub(super) fn promote_if_needed(&mut self, now: Instant) {
        let health = self.serving_health();
        let Some(&(from, primary_health)) = health.first() else { return };
        if primary_health == Health::Healthy {
            return;
        }
        // A quarantined server is better than an absent one, which cannot answer at all.
        let best = health
            .iter()
            .find(|(_, h)| *h == Health::Healthy)
            .or_else(|| health.iter().find(|(_, h)| *h == Health::Quarantined));
        let Some(&(to, _)) = best.filter(|(to, _)| *to != from) else { return };
        self.serving.retain(|server| *server != to);
        self.serving.insert(0, to);
        self.roles_changed(now, from);
    }

    /// A new primary stands first: raise the epoch, start the review over, give waiting requests another chance.
    fn roles_changed(&mut self, now: Instant, from: NodeId) {
        self.epoch = self.epoch.next();
        if let Some(plan) = self.plan.as_mut().filter(|plan| !plan.committed()) {
            (plan.tally.agreed, plan.tally.absent) = (0, 0);
        }
        if let Some(&to) = self.serving.first() {
            self.event(Event::Promoted { service: self.config.id, from, to, epoch: self.epoch });
        }
        self.effects.push_back(Effect::StatusChanged);
        self.release_all(now);
    }

    /// A server is no longer believed: it goes to the end of the order and is not snapshotted.
    pub(super) fn quarantine(&mut self, server: NodeId) {
        let Some(reader) = self.readers.get_mut(&server) else { return };
        if reader.health == Health::Quarantined {
            return;
        }
        reader.health = Health::Quarantined;
        self.event(Event::Quarantined { service: self.config.id, server });
        self.effects.push_back(Effect::StatusChanged);
    }

    /// Takes a server out of the service, whatever its part was.
    pub(super) fn drop_reader(&mut self, now: Instant, server: NodeId, why: DropCause) {
        if self.readers.remove(&server).is_none() {
            return;
        }
        self.event(Event::ReaderDropped { service: self.config.id, server, why });
        self.effects.push_back(Effect::StatusChanged);
        let (was_primary, served) = (self.serving.first() == Some(&server), self.serving.contains(&server));
        self.serving.retain(|other| *other != server);
        let reason = match why {
            DropCause::Lagged => AbortReason::LogOverflow,
            DropCause::ProcessEnded | DropCause::Forgot | DropCause::Aborted | DropCause::Released => {
                AbortReason::TargetLost
            }
        };
        self.target_dropped(now, server, reason);
        self.source_dropped(server);
        self.fall_back_lost();
        if was_primary {
            let healthy = self.serving.iter().position(|s| self.readers[s].health == Health::Healthy);
            if let Some(index) = healthy {
                self.serving[..=index].rotate_right(1);
            }
            self.roles_changed(now, server);
        } else if served {
            // A vote may have waited for its answer alone.
            self.release_all(now);
        }
        // A frozen source may have been let go on.
        self.pump_all(now);
        self.judge_due(now);
        self.advance_migration(now);
        self.trim();
    }
}
