//! The paper's forerunner (ETFA 2018): snapshot of the only server, buffering, replay to one target, review. The source is
//! frozen while its memory is copied, and serves while the copy travels; so the interruption grows with the state, but not
//! with the network.
//!
//! ```text
//!  phase        what is seen                                 what is ordered
//!  ─────        ────────────                                 ───────────────
//!  Prepare      a target has not joined                  ──▶ target       Prepare
//!               all targets wait                         ──▶ anchor       Freeze       ─▶ Freeze
//!  Freeze       the mark is known                        ──▶ source       Snapshot, full copy
//!               the source copies its memory             ──▶ anchor       Reached      ─▶ Snapshot
//!  Snapshot     the copy is made                         ──▶ anchor       Thaw         ─▶ Transfer
//!  Transfer     all targets have everything              ──▶ anchor       Reached      ─▶ Restore
//!  Restore      all scans equal the cut, and it is sent  ──▶ anchor       Read         ─▶ Replay
//!  Replay, Review, SwitchOver                                (the anchor, by itself)   ─▶ Complete
//! ```

use super::steps::{copy_frozen, freeze, prepare, read, restore, thaw_when_copied, transfer};
use crate::edge::step::{Situation, Steps};
use zerogap_proto::{Phase, PlanStatus};

/// What is due.
pub(super) fn next(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    match plan.phase {
        Phase::Prepare => prepare(s, plan, || freeze(plan)),
        Phase::Freeze => copy_frozen(s, plan),
        Phase::Snapshot => thaw_when_copied(s, plan),
        Phase::Transfer => transfer(s, plan),
        Phase::Restore => restore(s, plan, |targets| read(s, plan, targets)),
        Phase::Replay | Phase::Review | Phase::SwitchOver | Phase::Complete => Steps::default(),
        Phase::Initial | Phase::Handover | Phase::Rounds | Phase::Pull => Steps::default(),
    }
}
