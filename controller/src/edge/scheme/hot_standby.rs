//! The paper's scheme: snapshot of the standby, replay to two targets, review, switch-over. The primary serves throughout.
//! The anchor reviews and switches over by itself once it was told `Read`.
//!
//! ```text
//!  phase        what is seen                                 what is ordered
//!  ─────        ────────────                                 ───────────────
//!  Snapshot     a target has not joined                  ──▶ target       Prepare
//!               all targets wait                         ──▶ snapshotter  Snapshot, copy on write
//!               the snapshotter has cut                  ──▶ anchor       Mark         ─▶ Transfer
//!  Transfer     all targets have everything              ──▶ anchor       Reached      ─▶ Restore
//!  Restore      all scans equal the cut, and it is sent  ──▶ anchor       Read         ─▶ Replay
//!  Replay, Review, SwitchOver                                (the anchor, by itself)   ─▶ Complete
//! ```
//!
//! A re-seed (one target at the primary's own site, the primary snapshotted) takes the same steps.

use super::steps::{prepare, read, restore, snapshot, transfer};
use crate::edge::step::{Situation, Steps};
use zerogap_proto::{Image, Phase, PlanStatus, ServiceOrder};

/// What is due.
pub(super) fn next(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    match plan.phase {
        Phase::Snapshot => mark_when_cut(s, plan),
        Phase::Transfer => transfer(s, plan),
        Phase::Restore => restore(s, plan, |targets| read(s, plan, targets)),
        // From the commit point on a lost target is a lost serving server, which is upkeep.
        Phase::Replay | Phase::Review | Phase::SwitchOver | Phase::Complete => Steps::default(),
        Phase::Initial | Phase::Handover | Phase::Prepare | Phase::Rounds => Steps::default(),
        Phase::Freeze | Phase::Pull => Steps::default(),
    }
}

/// Have the targets wait, then have the snapshot taken, then tell the anchor where it was cut.
fn mark_when_cut(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    let migration = plan.migration;
    match s.view.cut(plan.snapshotter, migration) {
        Some(cut) => Steps::anchor(ServiceOrder::Mark { migration, mark: cut.mark }),
        None => prepare(s, plan, || snapshot(plan, Image::CopyOnWrite)),
    }
}
