//! `zerogap run`: one experiment for real.

use crate::cli::Experiment;
use crate::exit::{Code, fail};
use crate::experiment::{Show, conclude, load};
use std::process::ExitCode;
use zerogap_scenario::Scenario;
use zerogap_testbed::doctor::{Checkup, Needs};
use zerogap_testbed::userns;

const INSTEAD: &str =
    "`zerogap simulate` runs the same experiment in virtual time and needs nothing of this.";

pub(crate) fn main(args: &Experiment) -> ExitCode {
    let scenario = match load(args, &[]) {
        Ok(scenario) => scenario,
        Err(error) => return fail(Code::Usage, error),
    };
    if let Some(why) = scenario.testbed.only_simulated() {
        return fail(Code::Usage, format_args!("{why}\n{INSTEAD}"));
    }
    // Before any thread is started: a user namespace can only be entered alone.
    if let Err(refused) = userns::enter() {
        return fail(Code::Machine, format_args!("{refused}\n{INSTEAD}"));
    }
    let missing = missing(&scenario);
    if !missing.is_empty() {
        return fail(Code::Machine, format_args!("{}\n{INSTEAD}", missing.join("\n")));
    }
    let show = Show::new(args);
    let mut watch = |at, who, event: &_| show.event(&scenario, at, who, event);
    match zerogap_testbed::run::run(&scenario, &mut watch) {
        Ok(finished) => conclude(args, &show, &scenario, &finished),
        Err(error) => fail(Code::Failed, format_args!("{error:#}")),
    }
}

/// What stands in the way of this run, a line each.
fn missing(scenario: &Scenario) -> Vec<String> {
    // Every server's state, and as much again for what is copied on write while a snapshot is out.
    let states = scenario.servers.len() as u64 + 1;
    let needs = Needs {
        memory_bytes: states * scenario.testbed.state.size.0,
        lazy_memory: scenario.testbed.scheme.pulls(),
        ports: Vec::new(),
    };
    let checkup = Checkup::examine(&needs);
    checkup
        .required_missing()
        .iter()
        .map(|check| format!("{}: {} → {}", check.name, check.what, check.mend))
        .collect()
}
