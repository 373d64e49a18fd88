//! The state arrives, is scanned and held against the cut; then the targets read the log, under a review or in the frozen
//! source's place.

use super::compare::{Compared, compare, restored};
use super::{Lazy, cancel, reached};
use crate::edge::step::{Situation, Steps};
use zerogap_proto::{AbortReason, Incarnation, NodeId, Phase, PlanStatus, ServiceOrder, Task};

/// Tell the anchor when all targets have everything.
pub(in crate::edge::scheme) fn transfer(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    let has_all = |&target: &NodeId| match s.view.alive(target).map(|status| status.task) {
        Some(Task::Restoring { migration } | Task::Restored { migration, .. }) => migration == plan.migration,
        Some(Task::None | Task::Rounds { .. } | Task::Cutting { .. } | Task::Sending { .. }) => false,
        Some(Task::Sent { .. } | Task::Receiving { .. } | Task::Pulling { .. }) => false,
        Some(Task::Failed { .. }) | None => false,
    };
    if plan.targets.iter().all(has_all) { reached(plan, Phase::Restore) } else { Steps::default() }
}

/// Go on only if every target holds exactly what was cut, by its own scan.
pub(in crate::edge::scheme) fn restore(
    s: &Situation<'_>,
    plan: &PlanStatus,
    then: impl FnOnce(Vec<(NodeId, Incarnation)>) -> Steps,
) -> Steps {
    let Some(cut) = s.view.cut(plan.snapshotter, plan.migration).filter(|cut| cut.sent) else {
        return Steps::default();
    };
    match compare(s, plan, cut, restored) {
        Compared::Waiting => Steps::default(),
        Compared::Different => cancel(plan, AbortReason::DigestMismatch),
        Compared::Equal(targets) => then(targets),
    }
}

/// The targets read from the mark, and the anchor reviews them.
pub(in crate::edge::scheme) fn read(
    s: &Situation<'_>,
    plan: &PlanStatus,
    targets: Vec<(NodeId, Incarnation)>,
) -> Steps {
    let (migration, review) = (plan.migration, s.config.review);
    Steps::anchor(ServiceOrder::Read { migration, targets, review })
}

/// The targets go on from the mark in the frozen source's place: the commit point.
pub(in crate::edge::scheme) fn take(
    s: &Situation<'_>,
    plan: &PlanStatus,
    targets: Vec<(NodeId, Incarnation)>,
    lazy: Lazy,
) -> Steps {
    let (migration, deadline) = (plan.migration, s.config.copying.take_deadline);
    Steps::anchor(ServiceOrder::Take { migration, targets, lazy: lazy.is_yes(), deadline })
}
