//! The schemes, one file each: the list of its phases, and for each phase one of the steps that schemes share (`steps`).
//! What does not depend on the phase is here and in `begin` and `abort`. All of it is pure: from the situation to the next
//! orders, whoever gave the orders before.

mod abort;
mod begin;
mod hot_standby;
mod hybrid;
mod post_copy;
mod pre_copy;
mod redundancy;
mod steps;
mod stop_and_copy;
#[cfg(test)]
mod tests;

use super::step::{Situation, Steps};
use super::upkeep;
use zerogap_proto::{PlanStatus, Scheme};

/// What is due in the phase of a scheme's plan.
type Phases = fn(&Situation<'_>, &PlanStatus) -> Steps;

const fn phases_of(scheme: Scheme) -> Phases {
    match scheme {
        Scheme::StopAndCopy => stop_and_copy::next,
        Scheme::PreCopy => pre_copy::next,
        Scheme::PostCopy => post_copy::next,
        Scheme::Hybrid => hybrid::next,
        Scheme::Redundancy => redundancy::next,
        Scheme::HotStandby => hot_standby::next,
    }
}

/// All next steps: first upkeep, then the migration's. Nothing begins while the anchor has yet to hear that one of its
/// servers is no more.
pub(super) fn steps(s: &Situation<'_>) -> Steps {
    let mut orders = upkeep::mend(s);
    let more = match &s.service.plan {
        Some(plan) => go_on(s, plan),
        None => {
            let may_begin = orders.is_empty();
            orders.extend(upkeep::tidy(s));
            if may_begin { begin::next(s) } else { Steps::default() }
        }
    };
    orders.extend(more.orders);
    Steps { orders, look_again: more.look_again }
}

/// The plan is carried on in its own scheme, whatever this controller would begin: after the commit point there is no way
/// back. Before it, `abort` has the last word.
fn go_on(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    if let Some(reason) = abort::why(s, plan) {
        return steps::cancel(plan, reason);
    }
    let due = phases_of(plan.scheme)(s, plan);
    let look_again = due.look_again.into_iter().chain(abort::time_is_up(s, plan)).min();
    Steps { look_again, ..due }
}
