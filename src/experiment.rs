//! What `run` and `simulate` share: loading the file, the live lines, the report, the results, the exit code.

use crate::cli::Experiment;
use crate::exit::{Code, fail};
use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use zerogap_proto::{Event, Instant, NodeId};
use zerogap_scenario::file;
use zerogap_scenario::results::{event_line, phase_line, report, write};
use zerogap_scenario::{Finished, Scenario};

/// The file that is looked for when none is named.
const FILE: &str = "testbed.yaml";

/// Loads the scenario that the arguments ask for, and makes sure that it can run and that its results have a place.
pub(crate) fn load(args: &Experiment) -> Result<Scenario, String> {
    let overrides = args.overrides();
    let testbed = match &args.file {
        Some(file) => file::load(file, &overrides),
        None if Path::new(FILE).exists() => file::load(Path::new(FILE), &overrides),
        None => file::parse("the built-in demo", include_str!("../testbed.yaml"), &overrides),
    };
    let scenario = Scenario::new(testbed.map_err(|error| error.to_string())?);
    scenario.check().map_err(|error| error.to_string())?;
    if let Some(dir) = &args.out {
        std::fs::create_dir_all(dir)
            .map_err(|error| format!("cannot create {}: {error}; choose another --out", dir.display()))?;
    }
    Ok(scenario)
}

/// Where people's output goes: to standard output if a person reads it, otherwise beside it.
pub(crate) struct Show {
    on_stdout: bool,
    /// The client has not come in anywhere yet.
    initial: Cell<bool>,
}

impl Show {
    pub(crate) fn new(args: &Experiment) -> Self {
        Self { on_stdout: !args.json && std::io::stdout().is_terminal(), initial: Cell::new(true) }
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
        let (names, agreements) = (&scenario.topology.names, scenario.testbed.review.agreements);
        if let Event::PacketIn { client, switch, .. } = event
            && self.initial.replace(false)
        {
            let alone = scenario.testbed.scheme.replicas();
            let serving: Vec<&str> =
                scenario.testbed.service.serving.iter().take(alone).map(String::as_str).collect();
            let serve = if serving.len() == 1 { "serves" } else { "serve" };
            let (client, switch) = (names.name(*client), names.name(*switch));
            let note = format!("{client} comes in by {switch}; {} {serve}", serving.join(" and "));
            return self.line(&phase_line(at, "Initial", &note));
        }
        if let Some(line) = event_line(at, event, names, agreements) {
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
