//! What a campaign keeps of a run: the few figures that it summarises, and the seed by which the run can be made again.

use super::plan::{Plan, RunId};
use crate::results::{Ending, RunResult, Verdict};
use crate::size::Size;
use serde::{Deserialize, Serialize};
use zerogap_proto::control::HandoverMode;
use zerogap_proto::{Goal, Scheme};

/// A run of a campaign. What `result.json` has too means the same as there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The size of a server's state.
    pub state_bytes: u64,
    /// Who moved it.
    pub scheme: Scheme,
    /// Whether the switch that the AGV came to waited for the SDN controller.
    pub handover: HandoverMode,
    /// Which repetition, from 1.
    pub repetition: u32,
    /// The seed of all its randomness.
    pub seed: u64,
    /// Whether its client noticed.
    pub verdict: Verdict,
    /// How its first migration ended; null if none began.
    pub outcome: Option<Ending>,
    /// The worst of its migrations; null if there was none.
    pub added_delay_max_ns: Option<u64>,
    /// The longest interruption; 0 if none.
    pub downtime_ns: u64,
    /// The worst of its completed migrations; null if none completed.
    pub migration_time_ns: Option<u64>,
    /// The median response RTT of the whole run.
    pub rtt_p50_ns: Option<u64>,
    /// Requests that the client sent.
    pub sent: u64,
    /// Requests answered later than the threshold after they were due.
    pub late: u64,
    /// Requests never answered.
    pub lost: u64,
}

impl Run {
    /// Which run it is.
    pub const fn id(&self) -> RunId {
        let Self { state_bytes, scheme, handover, repetition, .. } = *self;
        RunId { state: Size(state_bytes), scheme, handover, repetition }
    }
}

/// What is kept of the run that had this result.
pub fn run(plan: &Plan, id: &RunId, result: &RunResult) -> Run {
    let moved = result.migrations.iter().find(|migration| migration.goal == Goal::SwitchOver);
    Run {
        state_bytes: id.state.0,
        scheme: id.scheme,
        handover: id.handover,
        repetition: id.repetition,
        seed: plan.seed(id.repetition),
        verdict: result.verdict,
        outcome: moved.map(|migration| migration.outcome),
        // A result without a migration says 0, which would read as if one had cost nothing.
        added_delay_max_ns: result.added_delay_max_ns.filter(|_| moved.is_some()),
        downtime_ns: result.downtime_ns,
        migration_time_ns: result.migration_time_ns.filter(|_| moved.is_some()),
        rtt_p50_ns: result.rtt_ns.p50,
        sent: result.requests.sent,
        late: result.requests.late,
        lost: result.requests.lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::testing::{ms, plan, result};

    #[test]
    fn a_run_keeps_its_result_s_figures_and_its_repetition_s_seed() {
        let plan = plan(2);
        let id = plan.runs()[1];
        let kept = run(&plan, &id, &result(Some((ms(3_000), ms(3_300), ms(5)))));
        assert_eq!(kept.id(), id);
        assert_eq!(kept.seed, plan.seed(2));
        assert_eq!((kept.outcome, kept.verdict), (Some(Ending::Complete), Verdict::Uninterrupted));
        assert_eq!((kept.added_delay_max_ns, kept.migration_time_ns), (Some(ms(5)), Some(ms(300))));
        assert_eq!((kept.sent, kept.late, kept.lost, kept.downtime_ns), (781, 0, 0, 0));
    }

    #[test]
    fn a_run_without_a_migration_says_nothing_of_one() {
        let plan = plan(1);
        let kept = run(&plan, &plan.runs()[0], &result(None));
        assert_eq!((kept.outcome, kept.added_delay_max_ns, kept.migration_time_ns), (None, None, None));
    }
}
