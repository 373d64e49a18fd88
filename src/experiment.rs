//! What `run` and `simulate` share: loading the file, the live lines, the report, the results, the exit code.

use crate::cli::Experiment;
use crate::exit::{Code, fail};
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use zerogap_proto::{Event, Instant, NodeId};
use zerogap_scenario::file::{self, FileError};
use zerogap_scenario::results::{event_line, report, write};
use zerogap_scenario::{Finished, Scenario};

/// The file that is looked for when none is named.
const FILE: &str = "testbed.yaml";

/// Loads the scenario that the arguments ask for.
pub(crate) fn load(args: &Experiment) -> Result<Scenario, FileError> {
    let overrides = args.overrides();
    let testbed = match &args.file {
        Some(file) => file::load(file, &overrides),
        None if Path::new(FILE).exists() => file::load(Path::new(FILE), &overrides),
        None => file::parse("the built-in demo", include_str!("../testbed.yaml"), &overrides),
    };
    testbed.map(Scenario::new)
}

/// Where people's output goes: to standard output if a person reads it, otherwise beside it.
pub(crate) struct Show {
    on_stdout: bool,
}

impl Show {
    pub(crate) fn new(args: &Experiment) -> Self {
        Self { on_stdout: !args.json && std::io::stdout().is_terminal() }
    }

    pub(crate) fn colour(&self) -> bool {
        let terminal = if self.on_stdout { true } else { std::io::stderr().is_terminal() };
        terminal && std::env::var_os("NO_COLOR").is_none()
    }

    pub(crate) fn line(&self, text: &str) {
        // A reader that has gone away wants no more lines.
        let _ = if self.on_stdout {
            writeln!(std::io::stdout(), "{text}")
        } else {
            writeln!(std::io::stderr(), "{text}")
        };
    }

    /// Shows an event as it happens, if people want to see it.
    pub(crate) fn event(&self, scenario: &Scenario, at: Instant, _who: NodeId, event: &Event) {
        let agreements = scenario.testbed.review.agreements;
        if let Some(line) = event_line(at, event, &scenario.topology.names, agreements) {
            self.line(&line);
        }
    }
}

/// Reports, writes the results, and gives the verdict's exit code.
pub(crate) fn conclude(args: &Experiment, show: &Show, scenario: &Scenario, finished: &Finished) -> ExitCode {
    let Finished { result, recorder } = finished;
    show.line("");
    show.line(report(result, show.colour()).trim_end());
    if let Some(dir) = &args.out {
        let names = &scenario.topology.names;
        if let Err(error) = write(dir, result, &recorder.journal, names, &recorder.records) {
            return fail(Code::Failed, error);
        }
    }
    if args.json && std::io::stdout().write_all(result.to_json().as_bytes()).is_err() {
        return ExitCode::from(Code::Failed as u8);
    }
    ExitCode::from(result.verdict.exit_code())
}
