//! Pre-copy rounds, then post-copy: most pages are at the target before it goes on, and what was written since is pulled. So
//! it is interrupted as shortly as post-copy and pulls less; rounds that do not converge are no reason to give up.
//!
//! ```text
//!  phase        what is seen                                 what is ordered
//!  ─────        ────────────                                 ───────────────
//!  Prepare      a target has not joined                  ──▶ target       Prepare
//!               all targets wait                         ──▶ source       Rounds
//!               the source copies                        ──▶ anchor       Reached      ─▶ Rounds
//!  Rounds       the rounds are over                      ──▶ anchor       Freeze       ─▶ Freeze
//!  Freeze       the mark is known                        ──▶ source       Finish, lazy
//!               the source sends the header              ──▶ anchor       Reached      ─▶ Transfer
//!  Transfer     all targets can go on from the mark      ──▶ anchor       Take, lazy   ─▶ SwitchOver
//!  SwitchOver,  all pages are here, by scan the cut's    ──▶ anchor       Pulled       ─▶ Complete
//!  Pull         they differ, or a target has failed      ──▶ anchor       Cancel       ─▶ (the source goes on)
//!               the source was lost before all was sent  ──▶ anchor       Remove       ─▶ (the state is gone)
//! ```

use super::steps::{Lazy, await_rounds, finish, pull, start_rounds, take, usable};
use crate::edge::config::NotConverged;
use crate::edge::step::{Situation, Steps};
use zerogap_proto::{Phase, PlanStatus};

/// What is due.
pub(super) fn next(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    match plan.phase {
        Phase::Prepare => start_rounds(s, plan, s.config.copying.hybrid),
        Phase::Rounds => await_rounds(s, plan, NotConverged::Stop),
        Phase::Freeze => finish(s, plan, Lazy::Yes),
        Phase::Transfer => usable(s, plan, |targets| take(s, plan, targets, Lazy::Yes)),
        Phase::SwitchOver | Phase::Pull => pull(s, plan),
        Phase::Complete => Steps::default(),
        Phase::Initial | Phase::Handover | Phase::Snapshot => Steps::default(),
        Phase::Restore | Phase::Replay | Phase::Review => Steps::default(),
    }
}
