//! The fall-back: all targets of a migration are lost after its commit point, and whoever served before goes on in their place.
//! Until one of those has shown that it is there the migration has no outcome, as word of their end may be on its way, too.
//!
//! ```text
//! targets lost ──▶ the old servers serve, a frozen one from the mark ──┬── one answers ────────────────▶ fell back
//!                                                                      ├── asked nothing, time passed ─▶ fell back
//!                                                                      └── all lost ───────────────────▶ lost
//! ```
//!
//! An answer shows it only for an offset that was asked after the targets were lost: others may have been under way for long.
//! Who is asked nothing cannot answer; it is believed when the time has passed in which it would have had to.

use super::plan::Plan;
use super::{Effect, Reader, Service};
use zerogap_proto::{AbortReason, Instant, NodeId, Offset, Outcome};

/// A migration whose targets are gone, until one of those who serve in their place has answered.
#[derive(Debug)]
pub(super) struct FallBack {
    plan: Plan,
    /// Only from here on does an answer show that its server is there.
    from: Offset,
    /// When it is believed of who is asked nothing.
    believed_at: Option<Instant>,
}

impl Service {
    /// All targets are gone. A frozen source goes on from the mark, as if they had never been asked; what has gone out to the
    /// client stays so, and does not go out again. Sending is the caller's, in the epoch that this begins, and so is
    /// [`Service::fall_back_lost`].
    pub(super) fn fall_back(&mut self, now: Instant) {
        let Some(plan) = self.plan.take() else { return };
        let goes_on_from = plan.mark.filter(|_| plan.frozen && self.has_reader(plan.snapshotter));
        if let Some(mark) = goes_on_from {
            self.ask_anew(plan.snapshotter, mark);
            self.serving.push(plan.snapshotter);
            self.release_source(plan.migration, plan.snapshotter);
        }
        let from = goes_on_from.unwrap_or(self.log.head());
        let believed_at = plan.switch.map(|switch| now + switch.within);
        self.falling_back = Some(FallBack { plan, from, believed_at });
        self.effects.push_back(Effect::StatusChanged);
    }

    fn ask_anew(&mut self, server: NodeId, mark: Offset) {
        for offset in mark.0..self.log.head().0 {
            if let Some(entry) = self.log.get_mut(Offset(offset)) {
                entry.ballot.ask_anew(server);
            }
        }
    }

    /// A server has answered: if it serves in the targets' place, it has been fallen back to.
    pub(super) fn fell_back(&mut self, server: NodeId, offset: Offset) {
        let serves = self.serving.contains(&server);
        if self.falling_back.as_ref().is_some_and(|back| serves && offset >= back.from) {
            self.end_fall_back(AbortReason::FellBack);
        }
    }

    /// A reader is gone: if nobody else was to serve again, there was nobody to fall back to.
    pub(super) fn fall_back_lost(&mut self) {
        let Some(back) = self.falling_back.as_ref().filter(|_| self.serving.is_empty()) else { return };
        let in_pull = back.plan.pulling();
        self.end_fall_back(if in_pull { AbortReason::SourceLostInPull } else { AbortReason::AllLost });
    }

    /// When one who serves in the targets' place and is asked nothing is believed to be there.
    pub(super) fn fall_back_deadline(&self) -> Option<Instant> {
        let back = self.falling_back.as_ref()?;
        let asked_nothing = |reader: &Reader| reader.unanswered() == self.log.head();
        let mut serving = self.serving.iter().filter_map(|server| self.readers.get(server));
        back.believed_at.filter(|_| serving.any(asked_nothing))
    }

    /// Time is up for those who serve in the targets' place and are asked nothing.
    pub(super) fn believe_fall_back(&mut self, now: Instant) {
        if self.fall_back_deadline().is_some_and(|at| at <= now) {
            self.end_fall_back(AbortReason::FellBack);
        }
    }

    fn end_fall_back(&mut self, reason: AbortReason) {
        if let Some(back) = self.falling_back.take() {
            self.end_of(&back.plan, Outcome::Aborted(reason));
        }
    }
}
