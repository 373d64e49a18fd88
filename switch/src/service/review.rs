//! The review: the targets read the log from the mark while the source serves, and the switch-over is chosen once they have
//! agreed with what was released often enough. Not every scheme has one; those without come to the switch-over in `takeover`.
//!
//! Every ballot from the mark on is compared as soon as it is closed, replayed ones too: the cursor is the offset below which
//! every ballot is closed and equal. X may be chosen where the cursor meets the lowest unreleased offset.

use super::Service;
use super::plan::SwitchOver;
use super::reader::Reader;
use zerogap_proto::{
    AbortReason, Event, Goal, Incarnation, Instant, NodeId, Offset, Outcome, Phase, Refusal, ReviewRule,
};

impl Service {
    /// Starts the targets' readers and arms the review.
    pub(super) fn start_reading(
        &mut self,
        now: Instant,
        targets: &[(NodeId, Incarnation)],
        rule: ReviewRule,
    ) -> Result<(), Refusal> {
        let Some(plan) = &mut self.plan else { return Err(Refusal::StaleMigration) };
        // Where nobody serves there is nothing to be held against; schemes without a review never thaw.
        let Some(mark) = plan.mark.filter(|_| !plan.frozen) else { return Err(Refusal::WrongPhase) };
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
        self.start_readers(now, targets, mark);
        Ok(())
    }

    /// A reader has reached the head: if it was the last target to do so, the review begins.
    pub(super) fn targets_may_be_live(&mut self, now: Instant) {
        let Some(plan) = &mut self.plan else { return };
        let live = |server: &NodeId| self.readers.get(server).is_some_and(Reader::is_live);
        if plan.phase == Phase::Replay && plan.targets.iter().all(live) {
            plan.live_from = Some(self.log.head());
            self.enter(Phase::Review);
            self.advance_migration(now);
        }
    }

    /// Moves the cursor over closed ballots. `false` if a disagreement ended the migration. What is compared while a target has
    /// fallen behind its window counts as no agreement: it shows nothing about a target that keeps up.
    pub(super) fn compare_targets(&mut self, now: Instant) -> bool {
        let id = self.config.id;
        let Some(plan) = self.plan.as_mut().filter(|plan| plan.rule.is_some() && !plan.committed()) else {
            return true;
        };
        let live = |server: &NodeId| self.readers.get(server).is_some_and(Reader::is_live);
        let all_live = plan.targets.iter().all(live);
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
            let counts = all_live && plan.live_from.is_some_and(|from| offset >= from);
            plan.tally.agreed += u32::from(counts);
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
    pub(super) fn switch_over_if_agreed(&mut self, now: Instant) {
        let at = self.unreleased;
        let Some(plan) = self.plan.as_mut().filter(|plan| !plan.committed()) else { return };
        let Some(rule) = plan.rule.filter(|rule| plan.tally.agreed >= rule.agreements) else { return };
        if plan.phase != Phase::Review || plan.cursor != at {
            return;
        }
        let targets = plan.targets.clone();
        match plan.goal {
            Goal::Reseed => {
                self.serving.extend(targets);
                self.asked_as_targets(now);
                self.end(Outcome::Complete);
                // The primary may have lost all belief since its state was cut.
                self.promote_if_needed(now);
            }
            Goal::SwitchOver => {
                self.serving.splice(0..0, targets);
                self.asked_as_targets(now);
                self.commit(now, SwitchOver { at, within: rule.deadline, pulling: false });
                self.release_all(now);
            }
        }
    }

    /// What targets were sent in the review, and no serving server before them, is due from when they serve.
    fn asked_as_targets(&mut self, now: Instant) {
        let sent = self.serving.iter().filter_map(|server| self.readers.get(server)).map(Reader::next);
        let end = sent.max().unwrap_or(self.unreleased);
        for offset in self.unreleased.0..end.0 {
            if let Some(entry) = self.log.get_mut(Offset(offset)) {
                entry.ballot.note_sent(now);
            }
        }
    }
}
