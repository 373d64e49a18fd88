//! The migration's plan, as the anchor keeps it: where it stands, and what each scheme allows there. It changes only through
//! the orders and answers that `migration`, `freeze`, `review` and `takeover` carry out.

use zerogap_proto::{
    Duration, Goal, Instant, MigrationId, NodeId, Offset, Phase, ReviewRule, ReviewTally, Scheme,
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
    /// The source's reader is held: from `Freeze` until `Thaw`, or until the plan has ended.
    pub(super) frozen: bool,
    pub(super) rule: Option<ReviewRule>,
    pub(super) tally: ReviewTally,
    pub(super) deadline: Option<Instant>,
    /// Below it every ballot from the mark on is closed and equal.
    pub(super) cursor: Offset,
    /// The first offset that counts as reviewed: the head when all targets had become live.
    pub(super) live_from: Option<Offset>,
    /// The switch-over, once chosen: only forward from here.
    pub(super) switch: Option<SwitchOver>,
}

/// A switch-over that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct SwitchOver {
    /// X: from here on the targets' answers go out.
    pub(super) at: Offset,
    /// Time within which the targets must have answered what they were asked.
    pub(super) within: Duration,
    /// Part of the state is still to be pulled from the source.
    pub(super) pulling: bool,
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
            phase: scheme.first_phase(),
            pinned,
            mark: None,
            frozen: false,
            rule: None,
            tally: ReviewTally::default(),
            deadline: None,
            cursor: pinned,
            live_from: None,
            switch: None,
        }
    }

    /// The offset from which the migration needs the log: what it will read, or has yet to compare. Where the mark comes from
    /// a freeze there is nothing to keep before it is known.
    pub(super) fn pin(&self) -> Option<Offset> {
        (self.mark.is_some() || !self.freezes()).then_some(self.cursor)
    }

    /// Whether X is chosen: only forward from here.
    pub(super) fn committed(&self) -> bool {
        self.switch.is_some()
    }

    /// Whether the targets serve on a state that is still being pulled from the source.
    pub(super) fn pulling(&self) -> bool {
        self.switch.is_some_and(|switch| switch.pulling)
    }

    /// Whether the mark is where the source's reader was held, rather than where a serving server says that it cut.
    pub(super) fn freezes(&self) -> bool {
        match self.scheme {
            Scheme::StopAndCopy
            | Scheme::PreCopy
            | Scheme::PostCopy
            | Scheme::Hybrid
            | Scheme::Redundancy => true,
            Scheme::HotStandby => false,
        }
    }

    /// Whether the servers' word alone can lead to this later phase now. From the freeze on the mark must be known.
    pub(super) fn may_reach(&self, phase: Phase) -> bool {
        let reported: &[Phase] = match self.scheme {
            Scheme::StopAndCopy => &[Phase::Transfer, Phase::Restore],
            Scheme::PreCopy => &[Phase::Rounds, Phase::Transfer, Phase::Restore],
            Scheme::PostCopy => &[Phase::Transfer],
            Scheme::Hybrid => &[Phase::Rounds, Phase::Transfer],
            // To the transfer it comes by `Thaw`.
            Scheme::Redundancy if self.frozen => &[Phase::Snapshot],
            // To the transfer it comes by `Mark`.
            Scheme::Redundancy | Scheme::HotStandby => &[Phase::Restore],
        };
        reported.contains(&phase) && (phase < Phase::Freeze || self.mark.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORTED: [Phase; 4] = [Phase::Rounds, Phase::Snapshot, Phase::Transfer, Phase::Restore];

    /// What may be reported of a plan before its freeze, while it is frozen and marked, and after it goes on.
    fn reachable(scheme: Scheme) -> [Vec<Phase>; 3] {
        let mut plan =
            Plan::new(MigrationId(1), scheme, Goal::SwitchOver, NodeId(1), vec![NodeId(2)], Offset(0));
        let may = |plan: &Plan| REPORTED.into_iter().filter(|phase| plan.may_reach(*phase)).collect();
        let before = may(&plan);
        (plan.frozen, plan.mark) = (true, Some(Offset(3)));
        let frozen = may(&plan);
        plan.frozen = false;
        [before, frozen, may(&plan)]
    }

    #[test]
    fn each_scheme_is_led_through_its_own_phases_by_what_servers_report() {
        use Phase::{Restore, Rounds, Snapshot, Transfer};
        let table: [(Scheme, [Vec<Phase>; 2]); 5] = [
            (Scheme::StopAndCopy, [vec![], vec![Transfer, Restore]]),
            (Scheme::PreCopy, [vec![Rounds], vec![Rounds, Transfer, Restore]]),
            (Scheme::PostCopy, [vec![], vec![Transfer]]),
            (Scheme::Hybrid, [vec![Rounds], vec![Rounds, Transfer]]),
            (Scheme::Redundancy, [vec![], vec![Snapshot]]),
        ];
        for (scheme, expected) in table {
            assert_eq!(reachable(scheme)[..2], expected, "{}", scheme.name());
        }
        assert_eq!(reachable(Scheme::Redundancy)[2], [Restore], "only a source that goes on needs a replay");
        assert_eq!(reachable(Scheme::HotStandby)[2], [Restore]);
        assert_eq!(reachable(Scheme::HotStandby)[0], [], "its mark comes by order");
    }
}
