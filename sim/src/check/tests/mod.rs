//! Every checker is shown what a sound run looked like, and then the same run doctored in one place: it must be content with the
//! first and not with the second.

mod doctored;
mod sound;

use super::sight::Decoder;
use super::{Guarantee, Judge, Sight, Violation};
use crate::observe::{Observer, Remains};
use zerogap_proto::{Event, Input, Instant, NodeId, Output, ServerStatus};
use zerogap_scenario::Scenario;
use zerogap_scenario::file::{Override, parse};

/// What was seen of a run.
type Sights = Vec<(Instant, Sight)>;

/// A short run of the demo's testbed with these changes.
pub(super) fn scenario(sets: &[&str]) -> Scenario {
    let short = ["state.size=64 KiB", "duration=1 ms", "client.route.0.x_mm=11000", "review.agreements=5"];
    let overrides = short.iter().chain(sets).map(|set| set.parse().expect("tests write PATH=VALUE"));
    let overrides: Vec<Override> = overrides.collect();
    Scenario::new(parse("demo", "", &overrides).unwrap_or_else(|error| panic!("{error}")))
}

/// Keeps what the checkers are shown.
struct Keeper {
    decoder: Decoder,
    sights: Sights,
}

impl Keeper {
    fn keep(&mut self, at: Instant, sight: Option<Sight>) {
        self.sights.extend(sight.map(|sight| (at, sight)));
    }
}

impl Observer for Keeper {
    fn given(&mut self, at: Instant, node: NodeId, input: &Input<'_>) {
        let sight = self.decoder.given(node, input);
        self.keep(at, sight);
    }
    fn put_out(&mut self, at: Instant, node: NodeId, output: &Output) {
        let sight = self.decoder.put_out(node, output);
        self.keep(at, sight);
    }
    fn event(&mut self, at: Instant, _who: NodeId, event: &Event) {
        self.keep(at, Some(Sight::Event(event.clone())));
    }
    fn settled(&mut self, at: Instant, node: NodeId, server: Option<ServerStatus>) {
        let sight = self.decoder.settled(node, server);
        self.keep(at, sight);
    }
    fn over(&mut self, at: Instant, remains: &Remains) {
        let sight = self.decoder.over(remains);
        self.keep(at, Some(sight));
    }
}

/// What is seen of a run.
pub(super) fn sights(scenario: &Scenario) -> Sights {
    let mut keeper = Keeper { decoder: Decoder::new(scenario), sights: Vec::new() };
    crate::simulate_observed(scenario, &mut |_, _, _| {}, &mut [&mut keeper]).expect("a valid testbed");
    keeper.sights
}

/// What the judge says of these sights.
pub(super) fn judged(scenario: &Scenario, sights: &Sights) -> Vec<Violation> {
    let mut judge = Judge::new(scenario);
    for (at, sight) in sights {
        judge.see(*at, sight);
    }
    judge.found.0
}

/// The index of the first sight like this.
pub(super) fn first(sights: &Sights, like: impl Fn(&Sight) -> bool) -> usize {
    sights.iter().position(|(_, sight)| like(sight)).expect("the run has such a sight")
}

/// The index of the `nth` sight like this, from 0.
pub(super) fn nth(sights: &Sights, nth: usize, like: impl Fn(&Sight) -> bool) -> usize {
    let mut all = sights.iter().enumerate().filter(|(_, (_, sight))| like(sight));
    all.nth(nth).expect("the run has so many").0
}

/// Whether a violation of this guarantee says this.
pub(super) fn says(violations: &[Violation], guarantee: Guarantee, what: &str) -> bool {
    violations.iter().any(|v| v.guarantee == guarantee && v.what.contains(what))
}
