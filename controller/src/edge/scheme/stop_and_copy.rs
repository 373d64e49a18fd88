//! The oldest scheme: freeze the source, copy its state, go on there. The service is interrupted for as long as the copy
//! takes; the requests of that time are kept in the log and answered late.
//!
//! ```text
//!  phase        what is seen                                 what is ordered
//!  ─────        ────────────                                 ───────────────
//!  Prepare      a target has not joined                  ──▶ target       Prepare
//!               all targets wait                         ──▶ anchor       Freeze       ─▶ Freeze
//!  Freeze       the mark is known                        ──▶ source       Finish
//!               the source sends all that it holds there ──▶ anchor       Reached      ─▶ Transfer
//!  Transfer     all targets have everything              ──▶ anchor       Reached      ─▶ Restore
//!  Restore      all scans equal the cut, and it is sent  ──▶ anchor       Take         ─▶ SwitchOver
//!  SwitchOver                                                (the anchor, by itself)   ─▶ Complete
//! ```

use super::steps::{Lazy, finish, freeze, prepare, restore, take, transfer};
use crate::edge::step::{Situation, Steps};
use zerogap_proto::{Phase, PlanStatus};

/// What is due.
pub(super) fn next(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    match plan.phase {
        Phase::Prepare => prepare(s, plan, || freeze(plan)),
        Phase::Freeze => finish(s, plan, Lazy::No),
        Phase::Transfer => transfer(s, plan),
        Phase::Restore => restore(s, plan, |targets| take(s, plan, targets, Lazy::No)),
        Phase::SwitchOver | Phase::Complete => Steps::default(),
        Phase::Initial | Phase::Handover | Phase::Rounds | Phase::Snapshot => Steps::default(),
        Phase::Replay | Phase::Review | Phase::Pull => Steps::default(),
    }
}
