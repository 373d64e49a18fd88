//! The schemes that are built, one file each: pure functions from the situation to the next steps.

mod hot_standby;

use super::config::EdgeError;
use super::step::{Situation, Steps};
use super::upkeep;
use zerogap_proto::Scheme;

/// How a scheme goes on from a situation.
pub(super) type NextSteps = fn(&Situation<'_>) -> Steps;

const BUILT: [(Scheme, NextSteps); 1] = [(Scheme::HotStandby, hot_standby::next)];

/// The steps of a scheme.
pub(super) fn of(scheme: Scheme) -> Result<NextSteps, EdgeError> {
    let built = BUILT.iter().find(|(name, _)| *name == scheme);
    built.map(|&(_, next)| next).ok_or(EdgeError::SchemeNotBuilt(scheme))
}

/// The names of those that are built, for people.
pub(super) fn built_names() -> String {
    BUILT.map(|(scheme, _)| scheme.name()).join(", ")
}

/// All next steps: first upkeep, then the scheme's. Nothing begins while the anchor has yet to hear that one of its
/// servers is no more.
pub(super) fn steps(next: NextSteps, s: &Situation<'_>) -> Steps {
    let mut orders = upkeep::mend(s);
    if s.service.plan.is_none() {
        let nothing_begins = !orders.is_empty();
        orders.extend(upkeep::tidy(s));
        if nothing_begins {
            return orders.into();
        }
    }
    let Steps { orders: more, look_again } = next(s);
    orders.extend(more);
    Steps { orders, look_again }
}
