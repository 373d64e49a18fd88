//! The migration under way, at the anchor: its phases, its mark, and its end. Before the switch-over is chosen it can be aborted
//! at any time, and then everything is as if it had not been.
//!
//! ```text
//! hot standby   Snapshot ──mark──▶ Transfer ─▶ Restore ──read──▶ Replay ──live──▶ Review ──N agreed──▶ SwitchOver ─▶ Complete
//! redundancy    Prepare ──freeze──▶ Freeze ─▶ Snapshot ──thaw──▶ Transfer ─▶ Restore ──read──▶ … as above
//! stop-and-copy Prepare ──freeze──▶ Freeze ─▶ Transfer ─▶ Restore ──take──▶ SwitchOver ─▶ Complete
//! pre-copy      Prepare ─▶ Rounds ──freeze──▶ … as above
//! post-copy     Prepare ──freeze──▶ Freeze ─▶ Transfer ──take──▶ SwitchOver ─▶ Pull ──pulled──▶ Complete
//! hybrid        Prepare ─▶ Rounds ──freeze──▶ … as above
//!               └──────────────── abort ─────────────────┘       └─── only forward, or fall back ───┘
//! ```
//!
//! A word in an arrow is an order, or in the review what the anchor sees by itself; the others are `Reached`. How the source is
//! frozen stands in `freeze`, the way to the switch-over in `review` or `takeover`, what follows from it in `takeover`, and what
//! if all targets are lost then in `fallback`.

use super::plan::Plan;
use super::reader::Reader;
use super::{Effect, Service};
use zerogap_proto::{
    AbortReason, DropCause, Event, Incarnation, Instant, NodeId, Offset, Outcome, Phase, Refusal,
};

impl Service {
    /// Sets the mark where the snapshotting server says that it cut, and moves the pin there. A frozen source's mark is known
    /// to the anchor, which is not told another one.
    pub(super) fn set_mark(&mut self, mark: Offset) -> Result<(), Refusal> {
        let head = self.log.head();
        let Some(plan) = &mut self.plan else { return Err(Refusal::StaleMigration) };
        if plan.mark == Some(mark) {
            return Ok(());
        }
        if plan.mark.is_some() || plan.freezes() {
            return Err(Refusal::WrongPhase);
        }
        if mark < plan.pinned || mark > head {
            return Err(Refusal::MarkOutOfLog);
        }
        self.note_mark(mark);
        self.enter(Phase::Transfer);
        Ok(())
    }

    pub(super) fn note_mark(&mut self, mark: Offset) {
        let Some(plan) = &mut self.plan else { return };
        plan.mark = Some(mark);
        plan.cursor = mark;
        let migration = plan.migration;
        self.event(Event::Marked { service: self.config.id, migration, mark });
        self.effects.push_back(Effect::StatusChanged);
    }

    /// The servers have begun the work of this phase.
    pub(super) fn reached(&mut self, phase: Phase) -> Result<(), Refusal> {
        let Some(plan) = &self.plan else { return Err(Refusal::StaleMigration) };
        if phase <= plan.phase {
            return Ok(());
        }
        if !plan.may_reach(phase) {
            return Err(Refusal::WrongPhase);
        }
        self.enter(phase);
        Ok(())
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        let Some(plan) = &mut self.plan else { return };
        plan.phase = phase;
        let migration = plan.migration;
        self.event(Event::Phase { service: self.config.id, migration, phase });
        self.effects.push_back(Effect::StatusChanged);
    }

    /// Starts the targets' readers at the mark.
    pub(super) fn start_readers(&mut self, now: Instant, targets: &[(NodeId, Incarnation)], mark: Offset) {
        let (service, head) = (self.config.id, self.log.head());
        for &(server, incarnation) in targets {
            self.readers.insert(server, Reader::new(server, incarnation, mark));
            self.event(Event::Reading { service, server, incarnation, from: mark, head });
        }
        for &(server, _) in targets {
            self.pump(now, server);
        }
    }

    /// Looks at what has become comparable, and goes on with the migration where that allows it.
    pub(super) fn advance_migration(&mut self, now: Instant) {
        if self.compare_targets(now) {
            self.switch_over_if_agreed(now);
            self.complete_if_answered(now);
        }
    }

    /// Ends the migration and leaves everything as if it had not been; a frozen source goes on. Refused after the commit point.
    pub(super) fn abort(&mut self, now: Instant, reason: AbortReason) -> Result<(), Refusal> {
        let Some(plan) = self.plan.as_ref() else { return Err(Refusal::StaleMigration) };
        if plan.committed() {
            return Err(Refusal::WrongPhase);
        }
        let (migration, source, targets) = (plan.migration, plan.snapshotter, plan.targets.clone());
        self.end(Outcome::Aborted(reason));
        for server in targets {
            self.drop_reader(now, server, DropCause::Aborted);
        }
        self.release_source(migration, source);
        self.pump(now, source);
        self.trim();
        Ok(())
    }

    pub(super) fn end(&mut self, outcome: Outcome) {
        if let Some(plan) = self.plan.take() {
            self.end_of(&plan, outcome);
        }
    }

    /// Tells how a migration ended whose plan is no longer followed.
    pub(super) fn end_of(&mut self, plan: &Plan, outcome: Outcome) {
        let replayed = |target: &NodeId| self.readers.get(target).map_or(0, Reader::replayed);
        let replayed = plan.targets.iter().map(replayed).max().unwrap_or(0);
        let (service, migration) = (self.config.id, plan.migration);
        if outcome == Outcome::Complete {
            self.event(Event::Phase { service, migration, phase: Phase::Complete });
        }
        self.event(Event::Ended { service, migration, outcome, review: plan.tally, replayed });
        self.last = Some((migration, outcome));
        self.effects.push_back(Effect::StatusChanged);
    }
}
