//! The migration under way, at the anchor: pin and mark, the review, and the switch-over at an offset X.
//!
//! ```text
//! Snapshot ─mark─▶ Transfer ─▶ Restore ─read─▶ Replay ─all live─▶ Review ─N agreed─▶ SwitchOver ─all answered ≥ X─▶ Complete
//!     └───────────────┴───────────┴──────────────┴─────────────────┘                    (only forward from here)
//!                                 abort
//! ```
//!
//! Every ballot from the mark on is compared as soon as it is closed, replayed ones too: the cursor is the offset below which
//! every ballot is closed and equal. X may be chosen where the cursor meets the lowest unreleased offset.

use super::{Effect, Service};
use zerogap_proto::{
    AbortReason, DropCause, Event, Goal, Incarnation, Instant, MigrationId, NodeId, Offset, Outcome, Phase,
    Refusal, ReviewRule, ReviewTally, Scheme,
};

/// A migration plan.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) migration: MigrationId,
    pub(super) scheme: Scheme,
    pub(super) goal: Goal,
    pub(super) snapshotter: NodeId,
    /// The targets that are still in it, the future primary first.
    pub(super) targets: Vec<NodeId>,
    pub(super) phase: Phase,
    /// The snapshotting server's oldest unanswered offset when the plan began.
    pub(super) pinned: Offset,
    pub(super) mark: Option<Offset>,
    pub(super) rule: Option<ReviewRule>,
    pub(super) tally: ReviewTally,
    pub(super) deadline: Option<Instant>,
    /// Below it every ballot from the mark on is closed and equal.
    cursor: Offset,
    /// The first offset that counts as reviewed: the head when all targets had become live.
    live_from: Option<Offset>,
    /// X, once chosen.
    switch_at: Option<Offset>,
}

impl Plan {
    pub(super) fn new(
        migration: MigrationId,
        scheme: Scheme,
        goal: Goal,
        snapshotter: NodeId,
        targets: Vec<NodeId>,
        pinned: Offset,
    ) -> Self {
        Self {
            migration,
            scheme,
            goal,
            snapshotter,
            targets,
            phase: Phase::Snapshot,
            pinned,
            mark: None,
            rule: None,
            tally: ReviewTally::default(),
            deadline: None,
            cursor: pinned,
            live_from: None,
            switch_at: None,
        }
    }

    /// The offset from which the migration needs the log: what it will read, or has yet to compare.
    pub(super) fn pin(&self) -> Offset {
        self.cursor
    }

    /// Whether X is chosen: only forward from here.
    pub(super) fn committed(&self) -> bool {
        self.switch_at.is_some()
    }
}

impl Service {
    /// Sets the mark and moves the pin there.
    pub(super) fn set_mark(&mut self, mark: Offset) -> Result<(), Refusal> {
        let head = self.log.head();
        let id = self.config.id;
        let Some(plan) = &mut self.plan else { return Err(Refusal::StaleMigration) };
        if plan.mark == Some(mark) {
            return Ok(());
        }
        if plan.mark.is_some() {
            return Err(Refusal::WrongPhase);
        }
        if mark < plan.pinned || mark > head {
            return Err(Refusal::MarkOutOfLog);
        }
        plan.mark = Some(mark);
        plan.cursor = mark;
        let migration = plan.migration;
        self.event(Event::Marked { service: id, migration, mark });
        self.enter(Phase::Transfer);
        Ok(())
    }

    /// Starts the targets' readers at the mark.
    pub(super) fn start_reading(
        &mut self,
        now: Instant,
        targets: &[(NodeId, Incarnation)],
        rule: ReviewRule,
    ) -> Result<(), Refusal> {
        let (id, head) = (self.config.id, self.log.head());
        let Some(plan) = &mut self.plan else { return Err(Refusal::StaleMigration) };
        let Some(mark) = plan.mark else { return Err(Refusal::WrongPhase) };
        if plan.rule.is_some() {
            return Ok(());
        }
        if !targets.iter().map(|(server, _)| *server).eq(plan.targets.iter().copied()) {
            return Err(Refusal::WrongServer);
        }
        plan.rule = Some(rule);
        plan.tally.required = rule.agreements;
        plan.deadline = Some(now + rule.deadline);
        self.enter(Phase::Replay);
        for &(server, incarnation) in targets {
            self.readers.insert(server, super::Reader::new(server, incarnation, mark));
            self.event(Event::Reading { service: id, server, incarnation, from: mark, head });
        }
        for &(server, _) in targets {
            self.pump(now, server);
        }
        Ok(())
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        let Some(plan) = &mut self.plan else { return };
        plan.phase = phase;
        let migration = plan.migration;
        self.event(Event::Phase { service: self.config.id, migration, phase });
        self.effects.push_back(Effect::StatusChanged);
    }

    /// A reader has reached the head: if it was the last target to do so, the review begins.
    pub(super) fn targets_may_be_live(&mut self, now: Instant) {
        let Some(plan) = &mut self.plan else { return };
        let live = |server: &NodeId| self.readers.get(server).is_some_and(super::Reader::is_live);
        if plan.phase == Phase::Replay && plan.targets.iter().all(live) {
            plan.live_from = Some(self.log.head());
            self.enter(Phase::Review);
            self.advance_migration(now);
        }
    }

    /// Looks at what has become comparable, and goes on with the migration where that allows it.
    pub(super) fn advance_migration(&mut self, now: Instant) {
        if self.compare_targets(now) {
            self.switch_over_if_agreed(now);
            self.complete_if_answered(now);
        }
    }

    /// Moves the cursor over closed ballots. `false` if a disagreement ended the migration.
    fn compare_targets(&mut self, now: Instant) -> bool {
        let id = self.config.id;
        let Some(plan) = self.plan.as_mut().filter(|plan| plan.rule.is_some() && !plan.committed()) else {
            return true;
        };
        while let Some(entry) = self.log.get(plan.cursor) {
            let verdicts: Option<Vec<_>> =
                plan.targets.iter().map(|target| Some((*target, entry.ballot.compare(*target)?))).collect();
            let Some(verdicts) = verdicts else { break };
            let offset = plan.cursor;
            let wrong = verdicts.into_iter().find_map(|(server, difference)| Some((server, difference?)));
            if let Some((server, difference)) = wrong {
                plan.tally.disagreed += 1;
                self.event(Event::Disagreed { service: id, server, offset, difference });
                // Before the commit point, which `filter` above has made sure of, an abort cannot be refused.
                let _ = self.abort(now, AbortReason::Disagreement);
                return false;
            }
            plan.tally.agreed += u32::from(plan.live_from.is_some_and(|live| offset >= live));
            plan.cursor = offset.next();
        }
        true
    }

    /// Counts the targets' missing answers at an offset that is due.
    pub(super) fn count_target_absences(&mut self, now: Instant, offset: Offset) {
        let Some(plan) = &mut self.plan else { return };
        let reviewed = plan.live_from.is_some_and(|live| offset >= live) && !plan.committed();
        let missing =
            |target: &NodeId| !self.log.get(offset).is_some_and(|e| e.ballot.has_answer_of(*target));
        if reviewed && plan.targets.iter().any(missing) {
            plan.tally.absent += 1;
            if plan.rule.is_some_and(|rule| plan.tally.absent > rule.absences_max) {
                let _ = self.abort(now, AbortReason::TooManyAbsences);
            }
        }
    }

    /// The commit point: X is the lowest offset with no answer released, and every ballot below it is closed and equal.
    fn switch_over_if_agreed(&mut self, now: Instant) {
        let (id, at) = (self.config.id, self.unreleased);
        let Some(plan) = self.plan.as_mut().filter(|plan| !plan.committed()) else { return };
        let enough = plan.rule.is_some_and(|rule| plan.tally.agreed >= rule.agreements);
        if plan.phase != Phase::Review || !enough || plan.cursor != at {
            return;
        }
        let (migration, targets) = (plan.migration, plan.targets.clone());
        match plan.goal {
            Goal::Reseed => {
                self.serving.extend(targets);
                self.end(Outcome::Complete);
            }
            Goal::SwitchOver => {
                plan.switch_at = Some(at);
                plan.deadline = plan.rule.map(|rule| now + rule.deadline);
                self.epoch = self.epoch.next();
                self.serving.splice(0..0, targets);
                self.enter(Phase::SwitchOver);
                self.event(Event::SwitchedOver { service: id, migration, at, epoch: self.epoch });
                self.release_all(now);
            }
        }
    }

    /// When every target has answered an offset from X on, the old pair is let go.
    fn complete_if_answered(&mut self, now: Instant) {
        let Some(plan) = &self.plan else { return };
        let Some(at) = plan.switch_at else { return };
        let answered = |target: &NodeId| {
            let from = at.max(self.log.base());
            let past = self.readers.get(target).is_some_and(|reader| reader.unanswered() > at);
            past || (from.0..self.log.head().0)
                .any(|o| self.log.get(Offset(o)).is_some_and(|entry| entry.ballot.has_answer_of(*target)))
        };
        if !plan.targets.iter().all(answered) {
            return;
        }
        let targets = plan.targets.clone();
        self.completed += 1;
        self.end(Outcome::Complete);
        let old: Vec<NodeId> = self.serving.iter().copied().filter(|s| !targets.contains(s)).collect();
        for server in old {
            self.drop_reader(now, server, DropCause::Released);
        }
    }

    /// When the time of the migration is up. After the commit point it runs anew from when X is first sent to anybody: who was
    /// asked nothing cannot have answered.
    pub(super) fn plan_deadline(&self) -> Option<Instant> {
        let plan = self.plan.as_ref()?;
        let Some(at) = plan.switch_at else { return plan.deadline };
        let asked = self.log.get(at)?.ballot.sent()?;
        Some((asked + plan.rule?.deadline).max(plan.deadline?))
    }

    /// Time is up: before the commit point abort; after it, go on with the targets that answered, or fall back.
    pub(super) fn deadline_passed(&mut self, now: Instant) {
        if self.plan_deadline().is_none_or(|at| at > now) {
            return;
        }
        let Some(plan) = &mut self.plan else { return };
        plan.deadline = None;
        let Some(at) = plan.switch_at else {
            let _ = self.abort(now, AbortReason::Deadline);
            return;
        };
        let silent =
            |target: &&NodeId| self.readers.get(target).is_none_or(|reader| reader.unanswered() <= at);
        let silent: Vec<NodeId> = plan.targets.iter().filter(silent).copied().collect();
        for server in silent {
            self.drop_reader(now, server, DropCause::Lagged);
        }
    }

    /// A reader is gone: if it was a target, the migration ends, or after the commit point goes on without it.
    pub(super) fn target_dropped(&mut self, now: Instant, server: NodeId, reason: AbortReason) {
        let Some(plan) = &mut self.plan else { return };
        if !plan.targets.contains(&server) {
            return;
        }
        if !plan.committed() {
            let _ = self.abort(now, reason);
            return;
        }
        plan.targets.retain(|target| *target != server);
        if plan.targets.is_empty() {
            self.end(Outcome::Aborted(AbortReason::FellBack));
        }
    }

    /// Ends the migration and leaves everything as if it had not been. Refused after the commit point.
    pub(super) fn abort(&mut self, now: Instant, reason: AbortReason) -> Result<(), Refusal> {
        let Some(plan) = self.plan.as_ref() else { return Err(Refusal::StaleMigration) };
        if plan.committed() {
            return Err(Refusal::WrongPhase);
        }
        let targets = plan.targets.clone();
        self.end(Outcome::Aborted(reason));
        for server in targets {
            self.drop_reader(now, server, DropCause::Aborted);
        }
        self.trim();
        Ok(())
    }

    fn end(&mut self, outcome: Outcome) {
        let Some(plan) = self.plan.take() else { return };
        let replayed = |target: &NodeId| self.readers.get(target).map_or(0, super::Reader::replayed);
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
