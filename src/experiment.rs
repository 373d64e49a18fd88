//! What `run` and `simulate` share: loading the file, the live lines, the report, the results, the exit code.

use crate::cli::Experiment;
use crate::exit::{Code, fail};
use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use zerogap_proto::{Duration, Event, Instant, NodeId};
use zerogap_scenario::file::{self, Override};
use zerogap_scenario::results::{event_line, phase_line, report, write};
use zerogap_scenario::{Finished, Scenario};

/// The file that is looked for when none is named.
const FILE: &str = "testbed.yaml";
/// Back to the start of the line, and nothing left on it.
const CLEAR: &str = "\r\x1b[K";
/// How often progress is told of where it cannot take the place of what was told before.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// How often in simulated time a fleet's progress is told.
const SHOW_FLEET_EVERY: Duration = Duration::from_millis(100);

/// Loads the scenario that the arguments ask for, and makes sure that it can run and that its results have a place. What the arguments
/// set goes above what is `calibrated`.
pub(crate) fn load(args: &Experiment, calibrated: &[Override]) -> Result<Scenario, String> {
    let overrides = [calibrated, &args.overrides()].concat();
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
    /// A line of progress stands where the next line is to be.
    progress: Cell<bool>,
    /// When progress was last told of.
    told: Cell<Instant>,
    /// Of a fleet.
    seen: Cell<Seen>,
}

impl Show {
    pub(crate) fn new(args: &Experiment) -> Self {
        Self {
            on_stdout: !args.json && std::io::stdout().is_terminal(),
            initial: Cell::new(true),
            progress: Cell::new(false),
            told: Cell::new(Instant::ZERO),
            seen: Cell::default(),
        }
    }

    fn on_terminal(&self) -> bool {
        self.on_stdout || std::io::stderr().is_terminal()
    }

    pub(crate) fn colour(&self) -> bool {
        self.on_terminal() && std::env::var_os("NO_COLOR").is_none()
    }

    pub(crate) fn line(&self, text: &str) {
        let clear = if self.progress.replace(false) { CLEAR } else { "" };
        self.write(&format!("{clear}{text}\n"));
    }

    /// Progress takes the place of the progress before; where there is no terminal, a line now and then.
    fn progress(&self, at: Instant, text: &str) {
        if self.on_terminal() {
            self.progress.set(true);
            self.write(&format!("{CLEAR}{text}"));
        } else if at.since(self.told.get()) >= PROGRESS_EVERY {
            self.told.set(at);
            self.line(text);
        }
    }

    fn write(&self, text: &str) {
        // A reader that has gone away wants no more of it.
        let _ = if self.on_stdout {
            write!(std::io::stdout(), "{text}").and_then(|()| std::io::stdout().flush())
        } else {
            write!(std::io::stderr(), "{text}")
        };
    }

    /// Of a fleet only how far it is, ten times a simulated second.
    fn fleet_event(&self, at: Instant, event: &Event) {
        let Seen { mut begun, mut ended, shown } = self.seen.get();
        begun += u64::from(matches!(event, Event::Begun { .. }));
        ended += u64::from(matches!(event, Event::Ended { .. }));
        let is_time = at.since(shown) >= SHOW_FLEET_EVERY;
        self.seen.set(Seen { begun, ended, shown: if is_time { at } else { shown } });
        if is_time {
            self.progress(at, &phase_line(at, "Fleet", &format!("{begun} migrations begun, {ended} over")));
        }
    }

    /// Shows an event as it happens, if people want to see it.
    pub(crate) fn event(&self, scenario: &Scenario, at: Instant, _who: NodeId, event: &Event) {
        if !scenario.testbed.fleet.is_one() {
            return self.fleet_event(at, event);
        }
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
        let Some(line) = event_line(at, event, names, agreements) else { return };
        if let Event::Sending { .. } = event {
            self.progress(at, &line);
        } else {
            self.line(&line);
        }
    }
}

/// What there is to see while a fleet drives.
#[derive(Clone, Copy, Default)]
struct Seen {
    begun: u64,
    ended: u64,
    shown: Instant,
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
