//! Copy in rounds while the source serves, each round what was written during the one before; then freeze the source and
//! copy the rest (Clark et al., *Live Migration of Virtual Machines*, NSDI 2005). The service is interrupted for the last
//! copy only; if the rounds do not converge, the configuration says whether to freeze anyway or to abort.
//!
//! ```text
//!  phase        what is seen                                 what is ordered
//!  ─────        ────────────                                 ───────────────
//!  Prepare      a target has not joined                  ──▶ target       Prepare
//!               all targets wait                         ──▶ source       Rounds
//!               the source copies                        ──▶ anchor       Reached      ─▶ Rounds
//!  Rounds       what is left fits the budget             ──▶ anchor       Freeze       ─▶ Freeze
//!               it does not, and rounds or time are out  ──▶ anchor       Freeze or Cancel
//!  Freeze       the mark is known                        ──▶ source       Finish
//!               the source sends what is left            ──▶ anchor       Reached      ─▶ Transfer
//!  Transfer     all targets have everything              ──▶ anchor       Reached      ─▶ Restore
//!  Restore      all scans equal the cut, and it is sent  ──▶ anchor       Take         ─▶ SwitchOver
//!  SwitchOver                                                (the anchor, by itself)   ─▶ Complete
//! ```

use super::steps::{Lazy, await_rounds, finish, restore, start_rounds, take, transfer};
use crate::edge::step::{Situation, Steps};
use zerogap_proto::{Phase, PlanStatus};

/// What is due.
pub(super) fn next(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    let rules = s.config.copying;
    match plan.phase {
        Phase::Prepare => start_rounds(s, plan, rules.pre_copy),
        Phase::Rounds => await_rounds(s, plan, rules.not_converged),
        Phase::Freeze => finish(s, plan, Lazy::No),
        Phase::Transfer => transfer(s, plan),
        Phase::Restore => restore(s, plan, |targets| take(s, plan, targets, Lazy::No)),
        Phase::SwitchOver | Phase::Complete => Steps::default(),
        Phase::Initial | Phase::Handover | Phase::Snapshot => Steps::default(),
        Phase::Replay | Phase::Review | Phase::Pull => Steps::default(),
    }
}
