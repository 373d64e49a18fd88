//! Getting ready: all targets forget what they hold and wait for the transfer, and only then is the source told to send.

use crate::edge::config::transfer_endpoint;
use crate::edge::step::{Situation, Step, Steps};
use zerogap_proto::{Endpoint, Image, NodeId, PlanStatus, ServerCommand};

/// Have the targets wait; when all do, go on. Nothing as long as one of those involved has not reported: it has been asked.
pub(in crate::edge::scheme) fn prepare(
    s: &Situation<'_>,
    plan: &PlanStatus,
    then: impl FnOnce() -> Steps,
) -> Steps {
    let mut involved = plan.targets.iter().chain([&plan.snapshotter]);
    if involved.any(|&server| s.view.alive(server).is_none()) {
        return Steps::default();
    }
    let migration = plan.migration;
    let missing = plan.targets.iter().copied().filter(|&target| !has_joined(s, plan, target));
    let orders: Vec<_> = missing.map(|t| Step::Server(t, ServerCommand::Prepare { migration })).collect();
    if orders.is_empty() { then() } else { orders.into() }
}

/// Have the snapshot taken and sent.
pub(in crate::edge::scheme) fn snapshot(plan: &PlanStatus, image: Image) -> Steps {
    let (migration, targets) = (plan.migration, endpoints(plan));
    Steps::server(plan.snapshotter, ServerCommand::Snapshot { migration, targets, image })
}

/// Whether a target has heard of this migration.
pub(in crate::edge::scheme) fn has_joined(s: &Situation<'_>, plan: &PlanStatus, target: NodeId) -> bool {
    s.view.alive(target).is_some_and(|status| status.task.migration() == Some(plan.migration))
}

/// Where the targets wait.
pub(super) fn endpoints(plan: &PlanStatus) -> Vec<Endpoint> {
    plan.targets.iter().copied().map(transfer_endpoint).collect()
}
