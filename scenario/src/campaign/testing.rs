//! What the tests of campaigns are made of: a small plan, and runs with known figures.

use super::model::{Configuration, Part};
use super::plan::{Plan, RunId};
use super::run::{Run, run};
use super::shard::Shard;
pub(super) use crate::compare::testing::{ms, result};
use crate::file::Testbed;
use crate::size::Size;
use zerogap_proto::Scheme;
use zerogap_proto::control::HandoverMode;

/// Two schemes, both rules, 4 and 40 MB.
pub(super) fn plan(repeat: u32) -> Plan {
    let schemes = [Scheme::Redundancy, Scheme::HotStandby];
    Plan::new(&schemes, &HandoverMode::ALL, &[Size(4_000_000), Size(40_000_000)], repeat, 1)
}

/// The demo as often as that.
pub(super) fn configuration(repeat: u32) -> Configuration {
    Configuration { program: "zerogap 0.0.0".to_owned(), plan: plan(repeat), testbed: Testbed::default() }
}

/// A run that a switch's waiting delays by 4 ms, redundancy by 1 ms for each MB, and each repetition by 10 µs more.
pub(super) fn simulated(plan: &Plan, id: &RunId) -> Run {
    let waiting_ns = match id.handover {
        HandoverMode::Reactive => ms(4),
        HandoverMode::Notify => 0,
    };
    let frozen_ns = if id.scheme == Scheme::Redundancy { id.state.0 } else { 0 };
    let added_ns = (waiting_ns.max(frozen_ns) + u64::from(id.repetition) * 10_000).max(1);
    run(plan, id, &result(Some((ms(3_000), ms(3_000) + id.state.0 * 10, added_ns))))
}

/// All runs of a plan.
pub(super) fn all(plan: &Plan) -> Vec<Run> {
    plan.runs().iter().map(|id| simulated(plan, id)).collect()
}

/// A shard's part.
pub(super) fn part(configuration: &Configuration, shard: Shard) -> Part {
    let plan = &configuration.plan;
    let share = plan.handovers().iter().flat_map(|handover| plan.share(shard, *handover));
    Part::new(shard, configuration.clone(), share.map(|id| simulated(plan, &id)).collect())
}
