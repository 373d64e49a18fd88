//! `zerogap simulate`: one experiment in virtual time, judged by the checkers and, if wanted, as a transcript.

use crate::calibration;
use crate::cli::{Simulate, Trace};
use crate::exit::{Code, fail};
use crate::experiment::{Show, conclude, load};
use std::io::Write as _;
use std::process::ExitCode;
use zerogap_proto::{Event, Instant, NodeId};
use zerogap_scenario::transcript::transcript;
use zerogap_scenario::{Scenario, ScenarioError};
use zerogap_sim::check::{Judge, Judged, Violation};
use zerogap_sim::frames::{Frames, LINES_MAX};
use zerogap_sim::observe::Observer;

pub(crate) fn main(args: &Simulate) -> ExitCode {
    let calibrated = match args.calibration.as_deref().map_or(Ok(Vec::new()), calibration::overrides) {
        Ok(overrides) => overrides,
        Err(error) => return fail(Code::Usage, error),
    };
    let experiment = &args.experiment;
    let scenario = match load(experiment, &calibrated) {
        Ok(scenario) => scenario,
        Err(error) => return fail(Code::Usage, error),
    };
    if args.trace.is_some() && !scenario.testbed.fleet.is_one() {
        return fail(Code::Usage, "a transcript is of one AGV: leave `fleet` or --trace out");
    }
    let show = Show::new(experiment);
    let judged = match args.trace {
        Some(trace) => traced(&scenario, trace),
        None => untraced(&scenario, &mut |at, who, event| show.event(&scenario, at, who, event)),
    };
    match judged {
        Ok(Judged { finished, violations, .. }) => {
            let code = conclude(experiment, &show, &scenario, &finished);
            if violations.is_empty() { code } else { broken(&scenario, &violations) }
        }
        Err(error) => fail(Code::Usage, error),
    }
}

fn untraced(
    scenario: &Scenario,
    watch: &mut dyn FnMut(Instant, NodeId, &Event),
) -> Result<Judged, ScenarioError> {
    zerogap_sim::check::simulate(scenario, watch)
}

/// Prints what happened, once all of it is known: what became of a request stands where it was answered.
fn traced(scenario: &Scenario, trace: Trace) -> Result<Judged, ScenarioError> {
    let mut judge = Judge::new(scenario);
    let mut frames = Frames::new(scenario, LINES_MAX);
    let mut observers: Vec<&mut dyn Observer> = vec![&mut judge];
    match trace {
        Trace::Events => {}
        Trace::Frames => observers.push(&mut frames),
    }
    let finished = zerogap_sim::simulate_observed(scenario, &mut |_, _, _| {}, &mut observers)?;
    let text = transcript(scenario, &finished, &frames.into_lines());
    // A reader that has gone away wants no more of it.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(judge.verdict(finished))
}

/// Tells of broken guarantees, and how to see it again.
fn broken(scenario: &Scenario, violations: &[Violation]) -> ExitCode {
    let quoted = |arg: String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:".contains(c);
        if arg.chars().all(plain) { arg } else { format!("'{}'", arg.replace('\'', r"'\''")) }
    };
    let command: Vec<String> =
        std::env::args().map(quoted).filter(|arg| !arg.starts_with("--trace")).collect();
    let list: String = violations.iter().map(|violation| format!("\n  {violation}")).collect();
    let (seed, command) = (scenario.testbed.seed, command.join(" "));
    fail(Code::Failed, format_args!("seed {seed} broke a guarantee:{list}\nto read it: {command} --trace"))
}
