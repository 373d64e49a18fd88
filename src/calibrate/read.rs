//! What a run has left in its directory, and what it tells of the machine.

use crate::exit::{Code, Stopped};
use crate::one_run::CONFIG;
use std::fmt;
use std::path::{Path, PathBuf};
use zerogap_proto::Duration;
use zerogap_scenario::Scenario;
use zerogap_scenario::calibration::{Estimate, Journal, Latency, Observations, Run, estimate};
use zerogap_scenario::compare::Trace;
use zerogap_scenario::file::{self, Distribution, Testbed};
use zerogap_scenario::results::RunResult;
use zerogap_scenario::size::Span;

/// What has been read so far.
#[derive(Default)]
pub(super) struct Seen {
    observations: Observations,
    /// RTTs of runs without a migration, and of the same in virtual time on a machine without latency.
    measured_ns: Vec<u64>,
    modelled_ns: Vec<u64>,
}

impl Seen {
    /// Takes what this run tells.
    pub(super) fn read(&mut self, dir: &Path) -> Result<(), Stopped> {
        let name = dir.join(CONFIG);
        let testbed = file::load(&name, &[]).map_err(|error| Stopped::new(Code::Usage, error))?;
        let result: RunResult = serde_json::from_str(&text(dir, "result.json")?)
            .map_err(|error| cannot(&dir.join("result.json"), &error))?;
        if testbed.migrations == 0 {
            return self.control(dir, testbed, &result);
        }
        let journal = Journal::parse(&text(dir, "events.ndjson")?)
            .map_err(|error| cannot(&dir.join("events.ndjson"), &error))?;
        self.observations.add(&Run { testbed: &testbed, result: &result, journal: &journal });
        Ok(())
    }

    fn control(&mut self, dir: &Path, mut testbed: Testbed, result: &RunResult) -> Result<(), Stopped> {
        let trace = Trace::parse(&text(dir, "requests.csv")?)
            .map_err(|error| cannot(&dir.join("requests.csv"), &error))?;
        self.measured_ns.extend(trace.undisturbed_ns(&result.host.stalls));
        testbed.sim.host_latency = Distribution::Constant { value: Span(Duration::ZERO) };
        let finished = zerogap_sim::simulate(&Scenario::new(testbed), &mut |_, _, _| {})
            .map_err(|error| Stopped::new(Code::Failed, error))?;
        let records = finished.recorder.records.iter();
        self.modelled_ns.extend(records.filter_map(|r| Some(r.answered?.since(r.due).as_nanos())));
        Ok(())
    }

    /// What all runs say together.
    pub(super) fn estimate(&self) -> Estimate {
        estimate(&self.observations, Latency::fit(&self.measured_ns, &self.modelled_ns))
    }
}

/// The directories of finished runs below this one, in the order of their names.
pub(super) fn finished(below: &Path) -> Result<Vec<PathBuf>, Stopped> {
    let mut found = Vec::new();
    let mut todo = vec![below.to_owned()];
    while let Some(dir) = todo.pop() {
        if dir.join("result.json").exists() && dir.join(CONFIG).exists() {
            found.push(dir);
            continue;
        }
        for entry in std::fs::read_dir(&dir).map_err(|error| cannot(&dir, &error))? {
            let path = entry.map_err(|error| cannot(&dir, &error))?.path();
            if path.is_dir() {
                todo.push(path);
            }
        }
    }
    found.sort();
    if found.is_empty() {
        let why =
            format_args!("there are no runs of a comparison in {}; give the --out of one", below.display());
        return Err(Stopped::new(Code::Usage, why));
    }
    Ok(found)
}

fn text(dir: &Path, name: &str) -> Result<String, Stopped> {
    let path = dir.join(name);
    std::fs::read_to_string(&path).map_err(|error| cannot(&path, &error))
}

fn cannot(path: &Path, error: &dyn fmt::Display) -> Stopped {
    Stopped::new(Code::Usage, format_args!("{}: cannot be read: {error}", path.display()))
}
