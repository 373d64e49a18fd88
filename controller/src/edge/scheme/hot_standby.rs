//! The paper's scheme: snapshot of the standby, replay to two targets, review, switch-over. Each step follows from the
//! situation alone, whoever took the steps before. The anchor reviews and switches over by itself once it was told `Read`.
//!
//! ```text
//!  phase        what is seen                                 what is ordered
//!  ─────        ────────────                                 ───────────────
//!  (no plan)    client at another site, two servers free ──▶ anchor       Begin
//!  Snapshot     a target has not joined                  ──▶ target       Prepare
//!               all targets wait                         ──▶ snapshotter  Snapshot
//!               the snapshotter has cut                  ──▶ anchor       Mark         ─▶ Transfer
//!  Transfer     all targets have everything              ──▶ anchor       Restoring    ─▶ Restore
//!  Restore      all scans equal the cut, and it is sent  ──▶ anchor       Read         ─▶ Replay
//!               a scan differs from the cut              ──▶ anchor       Cancel
//!  Replay, Review, SwitchOver                                (the anchor, by itself)
//!  any up to Review: target or source lost, task failed,
//!               scrub failed, phase too long, no standby ──▶ anchor       Cancel       ─▶ (no plan)
//! ```
//!
//! A re-seed (one target at the primary's own site, the primary snapshotted) takes the same steps.

mod begin;
#[cfg(test)]
mod tests;

use crate::edge::config::{NoStandby, transfer_endpoint};
use crate::edge::step::{Situation, Step, Steps};
use zerogap_proto::{
    AbortReason, Duration, Goal, Health, JobFailure, NodeId, Offset, Phase, PlanStatus, Scheme,
    ServerCommand, ServerStatus, ServiceOrder, Task,
};

/// The next steps of this scheme.
pub(super) fn next(s: &Situation<'_>) -> Steps {
    let Some(plan) = &s.service.plan else { return begin::next(s) };
    let migration = plan.migration;
    if let Some(reason) = why_abort(s, plan) {
        return Steps::anchor(ServiceOrder::Cancel { migration, reason });
    }
    let steps = match plan.phase {
        Phase::Snapshot => snapshot(s, plan),
        Phase::Transfer => transfer(s, plan),
        Phase::Restore => restore(s, plan),
        // From the commit point on a lost target is a lost serving server, which is upkeep.
        Phase::Replay | Phase::Review | Phase::SwitchOver => Steps::default(),
        Phase::Initial | Phase::Handover | Phase::Complete => Steps::default(),
    };
    let time_is_up = s.view.phase_since().zip(time_for(s, plan.phase)).map(|(since, time)| since + time);
    Steps { look_again: time_is_up, ..steps }
}

/// Have the targets wait, then have the snapshot taken, then tell the anchor where it was cut.
fn snapshot(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    let migration = plan.migration;
    if let Some(cut) = s.view.cut(plan.snapshotter, migration) {
        return Steps::anchor(ServiceOrder::Mark { migration, mark: cut.mark });
    }
    let mut involved = plan.targets.iter().chain([&plan.snapshotter]);
    if involved.any(|&server| s.view.alive(server).is_none()) {
        return Steps::default(); // They have been asked.
    }
    let missing = plan.targets.iter().copied().filter(|&t| !has_joined(s, plan, t));
    let prepare: Vec<_> = missing.map(|t| Step::Server(t, ServerCommand::Prepare { migration })).collect();
    if !prepare.is_empty() {
        return prepare.into();
    }
    let targets = plan.targets.iter().copied().map(transfer_endpoint).collect();
    Steps::server(plan.snapshotter, ServerCommand::Snapshot { migration, targets })
}

fn transfer(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    let migration = plan.migration;
    let has_all = |&target: &NodeId| match s.view.alive(target).map(|status| status.task) {
        Some(Task::Restoring { migration: m } | Task::Restored { migration: m, .. }) => m == migration,
        Some(Task::None | Task::Sending { .. } | Task::Sent { .. } | Task::Receiving { .. })
        | Some(Task::Failed { .. })
        | None => false,
    };
    if !plan.targets.iter().all(has_all) {
        return Steps::default();
    }
    Steps::anchor(ServiceOrder::Restoring { migration })
}

/// Start the readers only if every target holds exactly what was cut, by its own scan and not by the snapshot's word.
fn restore(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    let migration = plan.migration;
    let Some(cut) = s.view.cut(plan.snapshotter, migration).filter(|cut| cut.sent) else {
        return Steps::default();
    };
    let mut targets = Vec::with_capacity(plan.targets.len());
    for status in plan.targets.iter().filter_map(|&target| s.view.alive(target)) {
        let Some(restored) = restored(status, plan) else { continue };
        if restored != (cut.mark, cut.digest) {
            let reason = AbortReason::DigestMismatch;
            return Steps::anchor(ServiceOrder::Cancel { migration, reason });
        }
        targets.push((status.server, status.incarnation));
    }
    if targets.len() < plan.targets.len() {
        return Steps::default();
    }
    Steps::anchor(ServiceOrder::Read { migration, targets, review: s.config.review })
}

/// Why the migration cannot succeed any more; `None` also from the commit point on, where only forward is left.
fn why_abort(s: &Situation<'_>, plan: &PlanStatus) -> Option<AbortReason> {
    let state_travels = match plan.phase {
        Phase::Snapshot | Phase::Transfer | Phase::Restore => true,
        Phase::Replay | Phase::Review => false,
        Phase::Initial | Phase::Handover | Phase::SwitchOver | Phase::Complete => return None,
    };
    if plan.scheme != Scheme::HotStandby {
        return Some(AbortReason::Requested); // Begun by a controller that was configured otherwise.
    }
    if state_travels && is_source_lost(s, plan) {
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
    if state_travels && !may_be_snapshotted(s, plan) {
        return Some(AbortReason::NoStandby);
    }
    let in_phase = s.view.phase_since().map(|since| s.now.since(since));
    let too_long = in_phase.zip(time_for(s, plan.phase)).is_some_and(|(spent, time)| spent >= time);
    too_long.then_some(AbortReason::PhaseTimeout)
}

/// The snapshotting server is gone, and its snapshot was not out yet.
fn is_source_lost(s: &Situation<'_>, plan: &PlanStatus) -> bool {
    let is_out = s.view.cut(plan.snapshotter, plan.migration).is_some_and(|cut| cut.sent);
    let serves = s.serving(plan.snapshotter).map(|serving| serving.incarnation);
    !is_out && serves.is_none_or(|life| s.view.is_over(plan.snapshotter, life))
}

/// A target has ended, or has started a life in which it knows nothing of this migration.
fn is_target_lost(s: &Situation<'_>, plan: &PlanStatus, target: NodeId) -> bool {
    let Some(status) = s.view.alive(target) else {
        return s.view.is_lost(target);
    };
    let knows = status.task.migration() == Some(plan.migration);
    match plan.phase {
        Phase::Snapshot => !knows && s.view.cut(plan.snapshotter, plan.migration).is_some(),
        Phase::Transfer | Phase::Restore => !knows,
        Phase::Replay | Phase::Review => !knows && !status.holds_state,
        Phase::Initial | Phase::Handover | Phase::SwitchOver | Phase::Complete => false,
    }
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
        Task::Failed { .. } | Task::None | Task::Sending { .. } | Task::Sent { .. } => None,
        Task::Receiving { .. } | Task::Restoring { .. } | Task::Restored { .. } => None,
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
        | JobFailure::Memory => AbortReason::TransferFailed,
    }
}

/// A quarantined server is never snapshotted, nor is what it sent believed; the primary only if the configuration lets it,
/// unless it became primary after its snapshot was cut.
fn may_be_snapshotted(s: &Situation<'_>, plan: &PlanStatus) -> bool {
    let serving = s.serving(plan.snapshotter);
    if serving.is_some_and(|serving| serving.health == Health::Quarantined) {
        return false;
    }
    let is_primary = s.primary().is_some_and(|primary| primary.server == plan.snapshotter);
    let allowed = plan.goal == Goal::Reseed || s.config.no_standby == NoStandby::CopyOnWritePrimary;
    allowed || !is_primary || s.view.cut(plan.snapshotter, plan.migration).is_some() || plan.mark.is_some()
}

/// How long a phase may take by this controller's clock; from the replay on it is the anchor's to say.
fn time_for(s: &Situation<'_>, phase: Phase) -> Option<Duration> {
    let timeouts = s.config.timeouts;
    match phase {
        Phase::Snapshot => Some(timeouts.snapshot),
        Phase::Transfer => Some(timeouts.transfer),
        Phase::Restore => Some(timeouts.restore),
        Phase::Initial | Phase::Handover | Phase::Replay | Phase::Review => None,
        Phase::SwitchOver | Phase::Complete => None,
    }
}

fn has_joined(s: &Situation<'_>, plan: &PlanStatus, target: NodeId) -> bool {
    s.view.alive(target).is_some_and(|status| status.task.migration() == Some(plan.migration))
}

/// Mark and digest of what a target restored for this plan.
fn restored(status: &ServerStatus, plan: &PlanStatus) -> Option<(Offset, u64)> {
    match status.task {
        Task::Restored { migration, mark, digest } if migration == plan.migration => Some((mark, digest)),
        Task::Restored { .. } | Task::None | Task::Sending { .. } | Task::Sent { .. } => None,
        Task::Receiving { .. } | Task::Restoring { .. } | Task::Failed { .. } => None,
    }
}
