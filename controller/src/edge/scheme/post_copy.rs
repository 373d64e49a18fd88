//! Freeze the source, move only the header, go on at the target, and pull the pages from the frozen source as they are
//! touched and in the background (Hines, Deshpande, Gopalan, *Post-Copy Live Migration of Virtual Machines*, 2009). The
//! service is interrupted shortly; its known weakness is that losing either server during the pull can lose it.
//!
//! ```text
//!  phase        what is seen                                 what is ordered
//!  ─────        ────────────                                 ───────────────
//!  Prepare      a target has not joined                  ──▶ target       Prepare
//!               all targets wait                         ──▶ anchor       Freeze       ─▶ Freeze
//!  Freeze       the mark is known                        ──▶ source       Finish, lazy
//!               the source sends the header              ──▶ anchor       Reached      ─▶ Transfer
//!  Transfer     all targets can go on from the mark      ──▶ anchor       Take, lazy   ─▶ SwitchOver
//!  SwitchOver,  all pages are here, by scan the cut's    ──▶ anchor       Pulled       ─▶ Complete
//!  Pull         they differ, or a target has failed      ──▶ anchor       Cancel       ─▶ (the source goes on)
//!               the source was lost before all was sent  ──▶ anchor       Remove       ─▶ (the state is gone)
//! ```

use super::steps::{Lazy, finish, freeze, prepare, pull, take, usable};
use crate::edge::step::{Situation, Steps};
use zerogap_proto::{Phase, PlanStatus};

/// What is due.
pub(super) fn next(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    match plan.phase {
        Phase::Prepare => prepare(s, plan, || freeze(plan)),
        Phase::Freeze => finish(s, plan, Lazy::Yes),
        Phase::Transfer => usable(s, plan, |targets| take(s, plan, targets, Lazy::Yes)),
        Phase::SwitchOver | Phase::Pull => pull(s, plan),
        Phase::Complete => Steps::default(),
        Phase::Initial | Phase::Handover | Phase::Rounds | Phase::Snapshot => Steps::default(),
        Phase::Restore | Phase::Replay | Phase::Review => Steps::default(),
    }
}
