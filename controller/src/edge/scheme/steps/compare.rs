//! Comparing what the targets hold with what the source cut: mark and digest must be the same, or the migration must not go on.

use crate::edge::step::Situation;
use crate::edge::view::Cut;
use zerogap_proto::{Incarnation, MigrationId, NodeId, Offset, PlanStatus, Task};

/// What came of it.
pub(super) enum Compared {
    /// Not every target holds something yet.
    Waiting,
    /// A target holds something else.
    Different,
    /// All hold the cut: the targets in the plan's order, and the lives in which they do.
    Equal(Vec<(NodeId, Incarnation)>),
}

/// For which migration a target holds the state of which mark, with which digest.
pub(super) type Held = fn(&Task) -> Option<(MigrationId, Offset, u64)>;

/// Holds what the targets report against the cut.
pub(super) fn compare(s: &Situation<'_>, plan: &PlanStatus, cut: Cut, held: Held) -> Compared {
    let mut targets = Vec::with_capacity(plan.targets.len());
    for status in plan.targets.iter().filter_map(|&target| s.view.alive(target)) {
        let Some((_, mark, digest)) = held(&status.task).filter(|(of, ..)| *of == plan.migration) else {
            continue;
        };
        if (mark, digest) != (cut.mark, cut.digest) {
            return Compared::Different;
        }
        targets.push((status.server, status.incarnation));
    }
    if targets.len() < plan.targets.len() { Compared::Waiting } else { Compared::Equal(targets) }
}

/// By its own scan of all memory, never by the source's word.
pub(super) const fn restored(task: &Task) -> Option<(MigrationId, Offset, u64)> {
    match *task {
        Task::Restored { migration, mark, digest } => Some((migration, mark, digest)),
        Task::None | Task::Rounds { .. } | Task::Cutting { .. } | Task::Sending { .. } => None,
        Task::Sent { .. } | Task::Receiving { .. } | Task::Restoring { .. } => None,
        Task::Pulling { .. } | Task::Failed { .. } => None,
    }
}

/// Also what is still to be pulled, which until then is the source's word.
pub(super) const fn restored_or_pulling(task: &Task) -> Option<(MigrationId, Offset, u64)> {
    match *task {
        Task::Pulling { migration, mark, digest } | Task::Restored { migration, mark, digest } => {
            Some((migration, mark, digest))
        }
        Task::None | Task::Rounds { .. } | Task::Cutting { .. } | Task::Sending { .. } => None,
        Task::Sent { .. } | Task::Receiving { .. } | Task::Restoring { .. } | Task::Failed { .. } => None,
    }
}
