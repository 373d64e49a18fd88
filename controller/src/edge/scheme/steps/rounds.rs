//! Rounds: the source copies while it serves, until by its own count what is left is little enough, or it gives up.

use super::prepare::{endpoints, prepare};
use super::{cancel, freeze, reached};
use crate::edge::config::NotConverged;
use crate::edge::step::{Situation, Steps};
use zerogap_proto::{AbortReason, Phase, PlanStatus, Rounds, RoundsRule, ServerCommand, Task};

/// Have the targets wait, then have the source begin its rounds, then tell the anchor that it has.
pub(in crate::edge::scheme) fn start_rounds(s: &Situation<'_>, plan: &PlanStatus, rule: RoundsRule) -> Steps {
    if rounds(s, plan).is_some() {
        return reached(plan, Phase::Rounds);
    }
    prepare(s, plan, || {
        let (migration, targets) = (plan.migration, endpoints(plan));
        Steps::server(plan.snapshotter, ServerCommand::Rounds { migration, targets, rule })
    })
}

/// Freeze the source when its rounds are over.
pub(in crate::edge::scheme) fn await_rounds(
    s: &Situation<'_>,
    plan: &PlanStatus,
    not_converged: NotConverged,
) -> Steps {
    match (rounds(s, plan), not_converged) {
        (None | Some(Rounds::UnderWay), _) => Steps::default(),
        (Some(Rounds::Ready), _) | (Some(Rounds::GaveUp), NotConverged::Stop) => freeze(plan),
        (Some(Rounds::GaveUp), NotConverged::Abort) => cancel(plan, AbortReason::NotConverged),
    }
}

/// How far the source's rounds for this plan are.
fn rounds(s: &Situation<'_>, plan: &PlanStatus) -> Option<Rounds> {
    match s.view.alive(plan.snapshotter)?.task {
        Task::Rounds { migration, state, .. } if migration == plan.migration => Some(state),
        Task::Rounds { .. } | Task::None | Task::Cutting { .. } | Task::Sending { .. } => None,
        Task::Sent { .. } | Task::Receiving { .. } | Task::Restoring { .. } => None,
        Task::Restored { .. } | Task::Pulling { .. } | Task::Failed { .. } => None,
    }
}
