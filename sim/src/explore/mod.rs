//! Exploring: random runs, judged. A run is a function of (seed, index) alone, so any number of threads or machines can share
//! the indices; what is drawn is written as overrides of a testbed file, so that `zerogap simulate --set …` replays it.
//!
//! ```text
//! (seed, index) ──draw──▶ Plan ──overrides──▶ Scenario ──simulate, judge──▶ Explored ──add──▶ Tally
//!                          ▲                                  │ violations
//!                          └──────── shrink ◀─────────────────┘
//! ```

mod draw;
mod plan;
mod shrink;
mod tally;

pub use plan::Plan;
pub use shrink::shrink;
pub use tally::{EXPLORATION, Exploration, Finding, Tally};

use crate::check::{self, Guarantee, Judged, Violation};
use zerogap_proto::{AbortReason, Health, Instant, Scheme};
use zerogap_scenario::file::{FileError, Override, OverrideError, Testbed, parse};
use zerogap_scenario::{Finished, Scenario, ScenarioError};

/// Why a plan could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// What was drawn is no override: a mistake in the generator.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// The testbed file and what was drawn do not fit each other.
    #[error(transparent)]
    File(#[from] FileError),
    /// A part of the scenario cannot be built.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

/// What is explored: a testbed file, and which schemes.
#[derive(Clone, Debug)]
pub struct Ground {
    /// What errors call the file.
    pub name: String,
    /// Its text. It must have the demo's switches and servers.
    pub text: String,
    /// The schemes that are drawn from.
    pub schemes: Vec<Scheme>,
    /// Seed of the whole exploration.
    pub seed: u64,
}

/// A run that is over.
#[derive(Debug)]
pub struct Explored {
    /// What was drawn.
    pub plan: Plan,
    /// The run and what was wrong with it.
    pub judged: Judged,
}

impl Ground {
    /// What the run of this index does.
    pub fn plan(&self, index: u64) -> Plan {
        draw::plan(self.seed, index, &self.schemes)
    }

    /// Carries a plan out.
    ///
    /// # Errors
    /// It does not fit the testbed file.
    pub fn run(&self, plan: Plan) -> Result<Explored, ExploreError> {
        let scenario = Scenario::new(self.testbed(&plan)?);
        let mut judged = check::simulate(&scenario, &mut |_, _, _| {})?;
        judged.violations.extend(stuck(&scenario, &judged));
        Ok(Explored { plan, judged })
    }

    /// The testbed that a plan makes of the file.
    ///
    /// # Errors
    /// They do not fit.
    pub fn testbed(&self, plan: &Plan) -> Result<Testbed, ExploreError> {
        let overrides: Result<Vec<Override>, _> = plan.sets().iter().map(|set| set.parse()).collect();
        Ok(parse(&self.name, &self.text, &overrides?)?)
    }
}

/// Every plan that is drawn can be carried out: whatever goes wrong for a while, in the end all its migrations have taken place,
/// unless the state was lost or nobody is left whose state is believed. That is more than a testbed in general promises. A
/// migration whose source was lost in the pull is not tried again: its targets, whole or not, are where the client is.
fn stuck(scenario: &Scenario, judged: &Judged) -> Option<Violation> {
    let Finished { result, recorder } = &judged.finished;
    let (wanted, done) = (scenario.testbed.migrations as usize, result.migrations_completed());
    let serving = recorder.service().map_or(&[][..], |service| &service.serving);
    let believed = serving.iter().any(|serving| serving.health != Health::Quarantined);
    let at = recorder.records.last().map_or(Instant::ZERO, |record| record.due);
    let what = format!("the run ended after {done} of {wanted} migrations");
    let lost_in_pull = Some(AbortReason::SourceLostInPull);
    let untried = result.migrations.iter().filter(|migration| migration.reason == lost_in_pull).count();
    let stuck = done + untried < wanted && !judged.service_lost && believed;
    stuck.then_some(Violation { guarantee: Guarantee::SafeAbort, at, what })
}
