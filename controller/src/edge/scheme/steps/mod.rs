//! The steps that schemes share, each for one phase: what is waited for, and what is ordered once it is there. A step looks at
//! the situation alone, so it can be repeated and be taken by another controller than the one before.

mod compare;
mod freeze;
mod prepare;
mod pull;
mod restore;
mod rounds;

pub(super) use freeze::{Lazy, copy_frozen, finish, freeze, thaw_when_copied};
pub(super) use prepare::{has_joined, prepare, snapshot};
pub(super) use pull::{pull, usable};
pub(super) use restore::{read, restore, take, transfer};
pub(super) use rounds::{await_rounds, start_rounds};

use crate::edge::step::Steps;
use zerogap_proto::{AbortReason, Phase, PlanStatus, ServiceOrder};

/// The migration ends; after the commit point of a lazy scheme, the source goes on in the targets' place.
pub(super) fn cancel(plan: &PlanStatus, reason: AbortReason) -> Steps {
    Steps::anchor(ServiceOrder::Cancel { migration: plan.migration, reason })
}

/// The servers have begun the work of this phase.
fn reached(plan: &PlanStatus, phase: Phase) -> Steps {
    Steps::anchor(ServiceOrder::Reached { migration: plan.migration, phase })
}
