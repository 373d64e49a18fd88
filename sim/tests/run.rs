//! One simulated run, written as the overrides that `zerogap simulate --set …` takes, so that whatever a test finds can be
//! replayed from the command line.

use zerogap_proto::{Event, Instant, Outcome, Phase};
use zerogap_scenario::Scenario;
use zerogap_scenario::file::{Override, Testbed, parse};
use zerogap_scenario::results::{RunResult, report};
use zerogap_scenario::transcript::transcript;

/// A run that is over.
pub(crate) struct Run {
    pub(crate) sets: Vec<String>,
    pub(crate) scenario: Scenario,
    pub(crate) finished: zerogap_scenario::Finished,
}

/// The demo's testbed with these changes, each `PATH=VALUE`.
pub(crate) fn testbed(sets: &[impl AsRef<str>]) -> Testbed {
    let overrides: Vec<Override> =
        sets.iter().map(|set| set.as_ref().parse().expect("tests write PATH=VALUE")).collect();
    parse("demo", "", &overrides).unwrap_or_else(|error| panic!("{error}"))
}

/// Simulates the demo's testbed with these changes.
pub(crate) fn run<S: AsRef<str>>(sets: &[S]) -> Run {
    let scenario = Scenario::new(testbed(sets));
    let finished = zerogap_sim::simulate(&scenario, &mut |_, _, _| {}).expect("a valid testbed can be built");
    Run { sets: sets.iter().map(|set| set.as_ref().to_owned()).collect(), scenario, finished }
}

impl Run {
    pub(crate) fn result(&self) -> &RunResult {
        &self.finished.result
    }

    /// All events in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = (Instant, &Event)> {
        self.finished.recorder.journal.in_order().into_iter().map(|entry| (entry.at, &entry.event))
    }

    /// How each migration ended, in order.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let ended = |(_, event): (_, &Event)| {
            if let Event::Ended { outcome, .. } = event { Some(*outcome) } else { None }
        };
        self.events().filter_map(ended).collect()
    }

    /// When the first migration entered a phase.
    pub(crate) fn entered(&self, wanted: Phase) -> Instant {
        let entered =
            self.events().find(|(_, event)| matches!(event, Event::Phase { phase, .. } if *phase == wanted));
        entered.unwrap_or_else(|| panic!("never entered {wanted}:\n{}", self.transcript())).0
    }

    /// The journal, for people.
    pub(crate) fn journal(&self) -> String {
        self.finished.recorder.journal.to_transcript(&self.scenario.topology.names)
    }

    /// What was changed, what happened, and what came of it.
    pub(crate) fn transcript(&self) -> String {
        let sets: String = self.sets.iter().map(|set| format!("--set '{set}'\n")).collect();
        let transcript = transcript(&self.scenario, &self.finished, &[]);
        format!("{sets}\n{transcript}\n{}", report(self.result(), false))
    }

    /// No request was lost and none was late.
    pub(crate) fn assert_unnoticed(&self) {
        let r = self.result().requests;
        assert_eq!((r.lost, r.late, r.duplicated), (0, 0, 0), "{}", self.transcript());
    }
}
