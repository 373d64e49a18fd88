//! The freeze: nothing more is sent to the source, so that what it has applied ends at a known offset, the mark. Requests stay in
//! the log meanwhile and are answered late rather than lost, by the source that goes on or by the target that takes over.
//!
//! ```text
//! held at ─┐
//!          ▼
//!   answered | in flight: still answered, or sent again | waits in the log
//!            └── all answered: drained, the mark is here ┘
//! ```

use super::Service;
use super::reader::Reader;
use zerogap_proto::{Event, Instant, MigrationId, NodeId, Phase, Refusal, Scheme};

impl Service {
    /// Holds the source's reader.
    pub(super) fn freeze(&mut self) -> Result<(), Refusal> {
        let Some(plan) = &mut self.plan else { return Err(Refusal::StaleMigration) };
        if !plan.freezes() {
            return Err(Refusal::WrongPhase);
        }
        if plan.phase >= Phase::Freeze {
            return Ok(());
        }
        let (migration, server) = (plan.migration, plan.snapshotter);
        let reader = self.readers.get_mut(&server).ok_or(Refusal::WrongServer)?;
        reader.hold();
        plan.frozen = true;
        self.enter(Phase::Freeze);
        self.event(Event::Frozen { service: self.config.id, migration, server });
        self.mark_if_drained();
        Ok(())
    }

    /// Sets the mark once the frozen source has answered all that was sent to it.
    pub(super) fn mark_if_drained(&mut self) {
        let Some(plan) = self.plan.as_ref().filter(|plan| plan.frozen && plan.mark.is_none()) else { return };
        if let Some(mark) = self.readers.get(&plan.snapshotter).and_then(Reader::drained_at) {
            self.note_mark(mark);
        }
    }

    /// The frozen source is copied, and goes on while the copy travels. Only with a replay can a target make up for that.
    pub(super) fn thaw(&mut self, now: Instant) -> Result<(), Refusal> {
        let Some(plan) = &mut self.plan else { return Err(Refusal::StaleMigration) };
        if plan.scheme != Scheme::Redundancy || plan.mark.is_none() {
            return Err(Refusal::WrongPhase);
        }
        if !plan.frozen {
            return Ok(());
        }
        plan.frozen = false;
        let (migration, source) = (plan.migration, plan.snapshotter);
        self.release_source(migration, source);
        self.enter(Phase::Transfer);
        self.pump(now, source);
        Ok(())
    }

    /// Lets a held reader go on from where it stands; sending is the caller's. A no-op for any other reader.
    pub(super) fn release_source(&mut self, migration: MigrationId, server: NodeId) {
        let Some(reader) = self.readers.get_mut(&server).filter(|reader| reader.is_held()) else { return };
        reader.release();
        let waiting = self.log.head().from(reader.next());
        self.event(Event::Thawed { service: self.config.id, migration, server, waiting });
    }
}
