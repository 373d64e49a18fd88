//! Why a migration cannot succeed any more, the same for all schemes; and how long each phase may take. Says nothing from
//! the commit point on, where only forward is left: what can still go wrong there is a lost serving server, which is upkeep,
//! or a pull that fails (`steps::pull`).
//!
//! ```text
//!  up to Review: target or source lost, source cut elsewhere than told, task failed, scrub failed,
//!                phase too long, nobody who may be copied                                          ──▶ anchor  Cancel
//! ```

use super::steps::has_joined;
use crate::edge::config::NoStandby;
use crate::edge::step::Situation;
use zerogap_proto::{
    AbortReason, Duration, Goal, Health, Instant, JobFailure, NodeId, Phase, PlanStatus, Task,
};

/// Why the migration cannot succeed any more.
pub(super) fn why(s: &Situation<'_>, plan: &PlanStatus) -> Option<AbortReason> {
    let state_travels = match plan.phase {
        Phase::Prepare | Phase::Rounds | Phase::Freeze => true,
        Phase::Snapshot | Phase::Transfer | Phase::Restore => true,
        Phase::Replay | Phase::Review => false,
        Phase::Initial | Phase::Handover | Phase::SwitchOver | Phase::Pull | Phase::Complete => return None,
    };
    if plan.scheme != s.config.scheme {
        return Some(AbortReason::Requested); // Begun by a controller that was configured otherwise.
    }
    if state_travels && (is_source_lost(s, plan) || is_cut_elsewhere(s, plan)) {
        return Some(AbortReason::SourceLost);
    }
    if plan.targets.iter().any(|&target| is_target_lost(s, plan, target)) {
        return Some(AbortReason::TargetLost);
    }
    if plan.targets.iter().any(|&target| is_corrupt(s, plan, target)) {
        return Some(AbortReason::DigestMismatch);
    }
    if let Some(reason) = failure(s, plan) {
        return Some(reason);
    }
    if state_travels && !may_be_copied(s, plan) {
        return Some(AbortReason::NoStandby);
    }
    time_is_up(s, plan).filter(|&at| at <= s.now).map(|_| AbortReason::PhaseTimeout)
}

/// When the plan's phase has taken too long by this controller's clock.
pub(super) fn time_is_up(s: &Situation<'_>, plan: &PlanStatus) -> Option<Instant> {
    Some(s.view.phase_since()? + time_for(s, plan.phase)?)
}

/// How long a phase may take; from the replay or the commit point on it is the anchor's to say.
const fn time_for(s: &Situation<'_>, phase: Phase) -> Option<Duration> {
    let timeouts = s.config.timeouts;
    match phase {
        Phase::Prepare => Some(timeouts.prepare),
        Phase::Rounds => Some(timeouts.rounds),
        Phase::Freeze | Phase::Snapshot => Some(timeouts.snapshot),
        Phase::Transfer => Some(timeouts.transfer),
        Phase::Restore => Some(timeouts.restore),
        Phase::Initial | Phase::Handover | Phase::Replay | Phase::Review => None,
        Phase::SwitchOver | Phase::Pull | Phase::Complete => None,
    }
}

/// The snapshotting server is gone, and its state was not out yet.
fn is_source_lost(s: &Situation<'_>, plan: &PlanStatus) -> bool {
    let is_out = s.view.cut(plan.snapshotter, plan.migration).is_some_and(|cut| cut.sent);
    let serves = s.serving(plan.snapshotter).map(|serving| serving.incarnation);
    !is_out && serves.is_none_or(|life| s.view.is_over(plan.snapshotter, life))
}

/// A frozen source did not stop where the anchor says: what it sends is not the state at the mark.
fn is_cut_elsewhere(s: &Situation<'_>, plan: &PlanStatus) -> bool {
    let cut = s.view.cut(plan.snapshotter, plan.migration);
    cut.zip(plan.mark).is_some_and(|(cut, mark)| cut.mark != mark)
}

/// A target has ended, or has started a life in which it knows nothing of this migration.
fn is_target_lost(s: &Situation<'_>, plan: &PlanStatus, target: NodeId) -> bool {
    let Some(status) = s.view.alive(target) else {
        return s.view.is_lost(target);
    };
    let knows = status.task.migration() == Some(plan.migration);
    if plan.phase == plan.scheme.first_phase() {
        return !knows && has_begun_to_copy(s, plan); // Before that, it may only have yet to join.
    }
    match plan.phase {
        Phase::Prepare | Phase::Rounds | Phase::Freeze => !knows,
        Phase::Snapshot | Phase::Transfer | Phase::Restore => !knows,
        Phase::Replay | Phase::Review => !knows && !status.holds_state,
        Phase::Initial | Phase::Handover | Phase::SwitchOver | Phase::Pull | Phase::Complete => false,
    }
}

/// The source has been told to copy, so all targets had joined.
fn has_begun_to_copy(s: &Situation<'_>, plan: &PlanStatus) -> bool {
    s.copying(plan.snapshotter) == Some(plan.migration)
        || s.view.cut(plan.snapshotter, plan.migration).is_some()
}

/// A target's own scrub found memory that is not what its digest says. Its answers may still agree, as the digest in them
/// does not know, so the review alone would let it serve.
fn is_corrupt(s: &Situation<'_>, plan: &PlanStatus, target: NodeId) -> bool {
    has_joined(s, plan, target) && s.view.alive(target).is_some_and(|status| status.scrub_failed)
}

/// The reason for which a server of the plan has failed, if one has.
fn failure(s: &Situation<'_>, plan: &PlanStatus) -> Option<AbortReason> {
    let servers = plan.targets.iter().chain([&plan.snapshotter]);
    servers.filter_map(|&server| s.view.alive(server)).find_map(|status| match status.task {
        Task::Failed { migration, reason } if migration == plan.migration => Some(abort_reason(reason)),
        Task::Failed { .. } | Task::None | Task::Rounds { .. } | Task::Cutting { .. } => None,
        Task::Sending { .. } | Task::Sent { .. } | Task::Receiving { .. } => None,
        Task::Restoring { .. } | Task::Restored { .. } | Task::Pulling { .. } => None,
    })
}

const fn abort_reason(failure: JobFailure) -> AbortReason {
    match failure {
        JobFailure::Snapshot => AbortReason::SourceLost,
        JobFailure::Unreachable
        | JobFailure::Torn
        | JobFailure::Protocol
        | JobFailure::Checksum
        | JobFailure::Header
        | JobFailure::Memory
        | JobFailure::Paging => AbortReason::TransferFailed,
    }
}

/// A quarantined server is never copied, nor is what it sent believed. Where there is a standby, the primary is copied only
/// if the configuration lets it, or if it became primary after its snapshot was cut.
fn may_be_copied(s: &Situation<'_>, plan: &PlanStatus) -> bool {
    let serving = s.serving(plan.snapshotter);
    if serving.is_some_and(|serving| serving.health == Health::Quarantined) {
        return false;
    }
    let is_primary = s.primary().is_some_and(|primary| primary.server == plan.snapshotter);
    let has_standby = plan.scheme.replicas() > 1 && plan.goal == Goal::SwitchOver;
    let allowed = !has_standby || s.config.no_standby == NoStandby::CopyOnWritePrimary;
    allowed || !is_primary || s.view.cut(plan.snapshotter, plan.migration).is_some() || plan.mark.is_some()
}
