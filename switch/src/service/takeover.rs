//! The take-over: from the commit point to the end. Without a review a frozen source's targets go on from the mark at once, and
//! the source stays frozen as their fall-back; with one the old pair goes on reading. Either way the targets serve, and those whom
//! they replace are let go when every target has answered an offset from X on, and holds all of its state.
//!
//! ```text
//! SwitchOver ──answered from X on──▶ (Pull ──pulled──▶) Complete
//!     │                                │
//!     ├── targets lost ────────────────┴──▶ fall-back
//!     └── source lost, state not pulled ──▶ lost with it
//! ```

use super::Service;
use super::plan::SwitchOver;
use zerogap_proto::{
    AbortReason, DropCause, Duration, Event, Goal, Incarnation, Instant, NodeId, Offset, Outcome, Phase,
    Refusal,
};

impl Service {
    /// The targets go on from the mark in the frozen source's place: the commit point of schemes without a review.
    pub(super) fn take(
        &mut self,
        now: Instant,
        targets: &[(NodeId, Incarnation)],
        lazy: bool,
        within: Duration,
    ) -> Result<(), Refusal> {
        let Some(plan) = &self.plan else { return Err(Refusal::StaleMigration) };
        let takes = !plan.scheme.reviews() && plan.goal == Goal::SwitchOver;
        let Some(at) = plan.mark.filter(|_| takes) else { return Err(Refusal::WrongPhase) };
        if plan.committed() {
            return Ok(());
        }
        let servers: Vec<NodeId> = targets.iter().map(|(server, _)| *server).collect();
        let has_source = self.readers.contains_key(&plan.snapshotter);
        if servers != plan.targets || lazy && !has_source {
            return Err(Refusal::WrongServer);
        }
        self.serving = servers;
        self.commit(now, SwitchOver { at, within, pulling: lazy });
        self.start_readers(now, targets, at);
        Ok(())
    }

    /// The targets have been put first: from here only forward.
    pub(super) fn commit(&mut self, now: Instant, switch: SwitchOver) {
        let Some(plan) = &mut self.plan else { return };
        plan.switch = Some(switch);
        plan.deadline = Some(now + switch.within);
        let (service, migration, at) = (self.config.id, plan.migration, switch.at);
        self.epoch = self.epoch.next();
        self.enter(Phase::SwitchOver);
        self.event(Event::SwitchedOver { service, migration, at, epoch: self.epoch });
    }

    /// The targets have all of their state.
    pub(super) fn pulled(&mut self, now: Instant) -> Result<(), Refusal> {
        let Some(plan) = &mut self.plan else { return Err(Refusal::StaleMigration) };
        let Some(switch) = &mut plan.switch else { return Err(Refusal::WrongPhase) };
        switch.pulling = false;
        self.complete_if_answered(now);
        Ok(())
    }

    /// When every target has answered an offset from X on, whoever they have replaced is let go; not while they still need the
    /// source's pages.
    pub(super) fn complete_if_answered(&mut self, now: Instant) {
        let Some(plan) = &mut self.plan else { return };
        let Some(SwitchOver { at, pulling, .. }) = plan.switch else { return };
        let answered = |target: &NodeId| {
            let from = at.max(self.log.base());
            let past = self.readers.get(target).is_some_and(|reader| reader.unanswered() > at);
            past || (from.0..self.log.head().0)
                .any(|o| self.log.get(Offset(o)).is_some_and(|entry| entry.ballot.has_answer_of(*target)))
        };
        if !plan.targets.iter().all(answered) {
            return;
        }
        if pulling {
            if plan.phase == Phase::SwitchOver {
                plan.deadline = None;
                self.enter(Phase::Pull);
            }
            return;
        }
        let targets = plan.targets.clone();
        let frozen = plan.frozen.then_some(plan.snapshotter);
        self.completed += 1;
        self.end(Outcome::Complete);
        let replaced = self.serving.iter().copied().filter(|server| !targets.contains(server));
        let replaced: Vec<NodeId> = replaced.chain(frozen).collect();
        for server in replaced {
            self.drop_reader(now, server, DropCause::Released);
        }
    }

    /// When the time of the migration is up. After the commit point it runs anew from when X is first sent to anybody: who was
    /// asked nothing cannot have answered.
    pub(super) fn plan_deadline(&self) -> Option<Instant> {
        let plan = self.plan.as_ref()?;
        let Some(switch) = plan.switch else { return plan.deadline };
        let asked = self.log.get(switch.at)?.ballot.sent()?;
        Some((asked + switch.within).max(plan.deadline?))
    }

    /// Time is up: before the commit point abort; after it, go on with the targets that answered, or fall back.
    pub(super) fn deadline_passed(&mut self, now: Instant) {
        if self.plan_deadline().is_none_or(|at| at > now) {
            return;
        }
        let Some(plan) = &mut self.plan else { return };
        plan.deadline = None;
        let Some(SwitchOver { at, .. }) = plan.switch else {
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

    /// Somebody asks for the migration's end. Targets that still pull have nothing that the source lacks: they are given up.
    pub(super) fn cancel(&mut self, now: Instant, reason: AbortReason) -> Result<(), Refusal> {
        let Some(plan) = self.plan.as_ref().filter(|plan| plan.pulling()) else {
            return self.abort(now, reason);
        };
        for server in plan.targets.clone() {
            self.drop_reader(now, server, DropCause::Aborted);
        }
        Ok(())
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
            self.fall_back(now);
        }
    }

    /// A reader is gone: if it was the source from which the targets still pull, their state will never be whole. They stay, as
    /// nobody else is left, and answer what they can.
    pub(super) fn source_dropped(&mut self, server: NodeId) {
        if self.plan.as_ref().is_some_and(|plan| plan.pulling() && plan.snapshotter == server) {
            self.end(Outcome::Aborted(AbortReason::SourceLostInPull));
        }
    }
}
