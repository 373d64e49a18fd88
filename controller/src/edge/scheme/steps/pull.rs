//! Going on before all of the state is there: the targets take over with what they have and pull the rest from the frozen
//! source. Until they hold all of it, the state is in two parts: when a target fails, the source goes on from the mark; when the
//! source is lost, the state is gone, and all that is left to do is to say so.

use super::cancel;
use super::compare::{Compared, compare, restored, restored_or_pulling};
use crate::edge::step::{Situation, Steps};
use zerogap_proto::{AbortReason, Incarnation, Instant, JobFailure, NodeId, PlanStatus, ServiceOrder, Task};

/// Go on when every target can, from what the source cut.
pub(in crate::edge::scheme) fn usable(
    s: &Situation<'_>,
    plan: &PlanStatus,
    then: impl FnOnce(Vec<(NodeId, Incarnation)>) -> Steps,
) -> Steps {
    let Some(cut) = s.view.cut(plan.snapshotter, plan.migration) else { return Steps::default() };
    match compare(s, plan, cut, restored_or_pulling) {
        Compared::Waiting => Steps::default(),
        Compared::Different => cancel(plan, AbortReason::DigestMismatch),
        Compared::Equal(targets) => then(targets),
    }
}

/// Tell the anchor when all is pulled, by the targets' own scans what the source cut; or why it never will be. That may be
/// before the targets have answered anything, so the switch-over and the pull are one to this step.
pub(in crate::edge::scheme) fn pull(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    match outcome(s, plan) {
        Compared::Different => cancel(plan, AbortReason::DigestMismatch),
        Compared::Equal(_) => Steps::anchor(ServiceOrder::Pulled { migration: plan.migration }),
        Compared::Waiting => {
            let Steps { orders, look_again } = watch_source(s, plan);
            if orders.is_empty() { watch_targets(s, plan) } else { Steps { orders, look_again } }
        }
    }
}

/// A frozen source serves no longer, so upkeep does not look after it: the anchor is told of its end here, unless the
/// targets have all that it had.
fn watch_source(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    let server = plan.snapshotter;
    match s.view.cut(server, plan.migration) {
        Some(cut) if cut.sent || !s.view.is_over(server, cut.life) => Steps::default(),
        Some(cut) => Steps::anchor(ServiceOrder::Remove { server, incarnation: cut.life }),
        // Which life it was, a controller that came after its end cannot know.
        None if has_forgotten(s, plan) => cancel(plan, AbortReason::SourceLostInPull),
        None => Steps::default(),
    }
}

/// What the targets pulled, held against the cut. If source and cut are gone, what the targets held it against themselves
/// while they pulled has to do: the source's word in the transfer.
fn outcome(s: &Situation<'_>, plan: &PlanStatus) -> Compared {
    if let Some(cut) = s.view.cut(plan.snapshotter, plan.migration) {
        return compare(s, plan, cut, restored);
    }
    let all_here = |&target: &NodeId| {
        let task = s.view.alive(target).map(|status| status.task);
        let held = task.as_ref().and_then(restored);
        held.is_some_and(|(of, mark, _)| of == plan.migration && Some(mark) == plan.mark)
    };
    let is_done = has_forgotten(s, plan) && plan.targets.iter().all(all_here);
    if is_done { Compared::Equal(Vec::new()) } else { Compared::Waiting }
}

/// The source has ended, or is in a life that knows nothing of this migration.
fn has_forgotten(s: &Situation<'_>, plan: &PlanStatus) -> bool {
    let server = plan.snapshotter;
    let known = s.view.alive(server).map(|status| status.task.migration());
    known.map_or_else(|| s.view.is_lost(server), |migration| migration != Some(plan.migration))
}

/// When a target has failed, the source goes on.
fn watch_targets(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    let failed = plan.targets.iter().filter_map(|&target| {
        let status = s.view.alive(target)?;
        let reason = failure(&status.task, plan)?;
        Some((reason, believed_at(s, target, reason)))
    });
    match failed.min_by_key(|(_, at)| *at) {
        None => Steps::default(),
        Some((_, at)) if at > s.now => Steps::later(Some(at)),
        Some((reason, _)) => cancel(plan, abort_reason(reason)),
    }
}

/// A torn connection may be the first that is heard of the source's end. Falling back to it would then be in vain, and the
/// outcome would hide what happened; so the news of its end has one refresh to arrive.
fn believed_at(s: &Situation<'_>, target: NodeId, reason: JobFailure) -> Instant {
    match reason {
        JobFailure::Torn | JobFailure::Unreachable => {
            s.view.task_since(target).map_or(s.now, |since| since + s.config.refresh)
        }
        JobFailure::Snapshot
        | JobFailure::Protocol
        | JobFailure::Checksum
        | JobFailure::Header
        | JobFailure::Memory
        | JobFailure::Paging => s.now,
    }
}

const fn abort_reason(failure: JobFailure) -> AbortReason {
    match failure {
        JobFailure::Checksum => AbortReason::DigestMismatch,
        JobFailure::Snapshot
        | JobFailure::Unreachable
        | JobFailure::Torn
        | JobFailure::Protocol
        | JobFailure::Header
        | JobFailure::Memory
        | JobFailure::Paging => AbortReason::TransferFailed,
    }
}

fn failure(task: &Task, plan: &PlanStatus) -> Option<JobFailure> {
    match *task {
        Task::Failed { migration, reason } if migration == plan.migration => Some(reason),
        Task::Failed { .. } | Task::None | Task::Rounds { .. } | Task::Cutting { .. } => None,
        Task::Sending { .. } | Task::Sent { .. } | Task::Receiving { .. } => None,
        Task::Restoring { .. } | Task::Restored { .. } | Task::Pulling { .. } => None,
    }
}
