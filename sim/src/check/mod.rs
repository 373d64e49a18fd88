//! Checkers: each judges every simulated run against one of DESIGN.md's guarantees. They are pure, see what passes between the
//! nodes ([`Sight`]), and believe neither the journal where frames show more, nor any counter. A violation names the guarantee,
//! the time, and what was wrong; a run without one may still be a bad run (late answers, aborted migrations), but a sound one.
//!
//! ```text
//! world ──given, put out──▶ Decoder ──sights──▶ every Checker ──▶ Violations
//!                                         └───▶ Scene (log, roles, servers) ──▶ every Checker
//! ```

mod accounts;
mod applied;
mod barrier;
mod client;
mod data_path;
mod migrations;
mod released;
mod review;
mod scene;
mod sight;
mod state;
#[cfg(test)]
mod tests;

pub use sight::{Ending, Sight};

use crate::observe::{Observer, Remains};
use scene::Scene;
use sight::Decoder;
use std::fmt;
use zerogap_proto::{Duration, Event, Input, Instant, NodeId, Output, ServerStatus};
use zerogap_scenario::{Finished, Scenario, ScenarioError};

/// Violations that are kept of one run; one is too many already.
const VIOLATIONS_MAX: usize = 32;

/// A guarantee of DESIGN.md that a simulated run can be held to. The eighth, that nothing is left behind, is about processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    /// At most one answer to each admitted request; exactly one while a serving server is alive and reachable.
    OneAnswer = 1,
    /// What a server has applied is a gap-free part of the log, each request once.
    GapFree = 2,
    /// A switch-over comes only after everything agreed, digests included.
    NoWrongSwitchOver = 3,
    /// No request waits for a controller.
    OffTheDataPath = 4,
    /// A frame meets the old rules or the new; changes across switches go by barriers.
    PerPacketConsistent = 5,
    /// Queues are bounded, frames accounted for; overflow never ends the service.
    Bounded = 6,
    /// An abort leaves everything as it was.
    SafeAbort = 7,
}

impl Guarantee {
    /// Its number in DESIGN.md.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneAnswer => "one answer",
            Self::GapFree => "loss-free, order-preserving",
            Self::NoWrongSwitchOver => "no wrong switch-over",
            Self::OffTheDataPath => "controllers are off the data path",
            Self::PerPacketConsistent => "per-packet consistency",
            Self::Bounded => "bounded, accounted for",
            Self::SafeAbort => "abort is safe",
        }
    }
}

/// A broken guarantee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub guarantee: Guarantee,
    /// When it was noticed.
    pub at: Instant,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guarantee, at, what } = self;
        write!(f, "guarantee {} ({}) at {at} s: {what}", guarantee.number(), guarantee.name())
    }
}

/// What checkers have found so far, bounded.
#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, guarantee: Guarantee, at: Instant, what: impl Into<String>) {
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push(Violation { guarantee, at, what: what.into() });
        }
    }
}

/// One guarantee, or a part of one.
trait Checker: fmt::Debug {
    /// Judges what is seen, given how things were until then.
    fn see(&mut self, at: Instant, sight: &Sight, scene: &Scene<'_>, found: &mut Found);
}

/// All checkers, on one run. An [`Observer`]: whoever runs a world lets it watch.
#[derive(Debug)]
pub struct Judge<'a> {
    decoder: Decoder,
    scene: Scene<'a>,
    checkers: Vec<Box<dyn Checker>>,
    found: Found,
}

impl<'a> Judge<'a> {
    /// A judge of one run of the scenario.
    pub fn new(scenario: &'a Scenario) -> Self {
        Self {
            decoder: Decoder::new(scenario),
            scene: Scene::new(scenario),
            checkers: vec![
                Box::new(released::Released::default()),
                Box::new(applied::Applied),
                Box::new(state::State::default()),
                Box::new(review::Review::default()),
                Box::new(data_path::DataPath::default()),
                Box::new(barrier::Barriers::default()),
                Box::new(accounts::Accounts::default()),
                Box::new(migrations::Migrations::default()),
            ],
            found: Found::default(),
        }
    }

    /// Takes one sight in. What an observed world shows comes here by itself; this is for sights that were kept.
    pub fn see(&mut self, at: Instant, sight: &Sight) {
        for checker in &mut self.checkers {
            checker.see(at, sight, &self.scene, &mut self.found);
        }
        self.scene.see(at, sight);
    }

    /// The verdict, with what the client measured.
    pub fn verdict(mut self, finished: Finished) -> Judged {
        client::judge(&self.scene, &finished, &mut self.found);
        let service_lost = self.scene.is_service_lost();
        Judged { finished, violations: self.found.0, service_lost }
    }

    fn see_some(&mut self, at: Instant, sight: Option<Sight>) {
        if let Some(sight) = sight {
            self.see(at, &sight);
        }
    }
}

impl Observer for Judge<'_> {
    fn given(&mut self, at: Instant, node: NodeId, input: &Input<'_>) {
        let sight = self.decoder.given(node, input);
        self.see_some(at, sight);
    }

    fn put_out(&mut self, at: Instant, node: NodeId, output: &Output) {
        let sight = self.decoder.put_out(node, output);
        self.see_some(at, sight);
    }

    fn event(&mut self, at: Instant, _who: NodeId, event: &Event) {
        self.see(at, &Sight::Event(event.clone()));
    }

    fn settled(&mut self, at: Instant, node: NodeId, server: Option<ServerStatus>) {
        let sight = self.decoder.settled(node, server);
        self.see_some(at, sight);
    }

    fn over(&mut self, at: Instant, remains: &Remains) {
        let sight = self.decoder.over(remains);
        self.see(at, &sight);
    }
}

/// A run that is over, and what was wrong with it.
#[derive(Debug)]
pub struct Judged {
    /// The run.
    pub finished: Finished,
    /// Broken guarantees; none, one hopes.
    pub violations: Vec<Violation>,
    /// The service's state was lost with the last server that held it. No guarantee forbids that.
    pub service_lost: bool,
}

/// Runs a scenario to its end and judges it. `watch` sees each event as it happens. The checkers know one service: a fleet is held to
/// what its result says of all (nothing lost, doubled or different), not to what passes between its nodes.
///
/// # Errors
/// The scenario has a part that cannot be built.
pub fn simulate(
    scenario: &Scenario,
    watch: &mut dyn FnMut(Instant, NodeId, &Event),
) -> Result<Judged, ScenarioError> {
    if !scenario.testbed.fleet.is_one() {
        let finished = crate::simulate(scenario, watch)?;
        return Ok(Judged { finished, violations: Vec::new(), service_lost: false });
    }
    let mut judge = Judge::new(scenario);
    let finished = crate::simulate_observed(scenario, watch, &mut [&mut judge])?;
    Ok(judge.verdict(finished))
}

/// How long after the last fault things may still be unsettled: the longest fault of the file that has a length, and what the
/// anchor, controllers and backed-off repeats then need.
fn unsettled_for(scenario: &Scenario) -> Duration {
    use zerogap_scenario::file::Fault;
    let lengths = scenario.testbed.faults.iter().map(|fault| match fault {
        Fault::Stop { r#for, .. } | Fault::LinkDown { r#for, .. } => r#for.0,
        Fault::Kill { .. } | Fault::FlipBit { .. } | Fault::RestartControllers { .. } => Duration::ZERO,
    });
    lengths.max().unwrap_or(Duration::ZERO) + SETTLES_WITHIN + scenario.testbed.controllers.refresh.0.times(2)
}

/// What the anchor's backed-off repeats (at most 64 `resend_after`) and a few rounds of orders and reports need.
const SETTLES_WITHIN: Duration = Duration::from_millis(500);
