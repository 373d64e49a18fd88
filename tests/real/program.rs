//! Running the program as a user does, and reading its result.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use zerogap_testbed::sys::lock::RealLock;

/// How often a run that the host spoilt is repeated.
const TRIES: u32 = 4;
/// The exit code of a run in which nothing was late but where the host stalled.
const INCONCLUSIVE: i32 = 4;
/// Small enough that a migration takes a fraction of a second, large enough that it is one.
const STATE: &str = "10MB";

/// The program.
pub(crate) fn zerogap(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zerogap"));
    command.args(args);
    command
}

/// Holds the one place for real runs; `None`, with the reason on standard error, where there can be none.
pub(crate) fn stage() -> Option<RealLock> {
    let doctor = zerogap(&["doctor"]).output().expect("the program runs");
    if doctor.status.success() {
        return Some(RealLock::take().expect("a lock"));
    }
    let why = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(std::env::var_os("CI").is_none(), "CI must be able to run for real:\n{why}");
    eprintln!("skipped: no real run is possible here\n{why}");
    None
}

/// One real run with `--json`, repeated while the host spoils it. `set` are `--set` arguments.
pub(crate) fn run(args: &[&str], set: &[&str]) -> Run {
    let mut last = None;
    for _ in 0..TRIES {
        let mut command = zerogap(&["run", "--json", "--state", STATE]);
        command.args(args).args(set.iter().flat_map(|set| ["--set", set]));
        let run = Run::of(command.output().expect("the program runs"));
        if !run.spoilt() {
            return run;
        }
        last = Some(run);
    }
    let run = last.expect("at least one try");
    panic!("the host spoilt {TRIES} runs in a row:\n{}", run.told)
}

/// One real run whose client notices: with its journal, and not repeated whatever the host does.
pub(crate) fn run_once(args: &[&str], set: &[&str]) -> Run {
    // There is one run at a time: it has the stage.
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("run");
    let mut command = zerogap(&["run", "--json", "--out"]);
    command.arg(&out);
    if !args.contains(&"--state") {
        command.args(["--state", STATE]);
    }
    command.args(args).args(set.iter().flat_map(|set| ["--set", set]));
    let run = Run::of(command.output().expect("the program runs"));
    let events = std::fs::read_to_string(out.join("events.ndjson")).expect("a journal");
    Run { events: events.lines().map(|line| serde_json::from_str(line).expect("an event")).collect(), ..run }
}

/// The same experiment in virtual time.
pub(crate) fn simulate(args: &[&str], set: &[&str]) -> Run {
    let mut command = zerogap(&["simulate", "--json", "--state", STATE]);
    command.args(args).args(set.iter().flat_map(|set| ["--set", set]));
    Run::of(command.output().expect("the program runs"))
}

/// A run that is over.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) result: Value,
    /// The journal, where it was asked for.
    pub(crate) events: Vec<Value>,
    /// What it told people.
    pub(crate) told: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let result = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("standard output is not a result ({error}); it told people:\n{told}")
        });
        Self { code: output.status.code(), result, events: Vec::new(), told }
    }

    /// It did not come out well, and the host's stalls had a part in it.
    fn spoilt(&self) -> bool {
        let well = matches!(self.code, Some(0 | INCONCLUSIVE));
        !well && self.interruptions().iter().any(|i| i["cause"] == "host")
    }

    fn interruptions(&self) -> &Vec<Value> {
        self.result["interruptions"].as_array().expect("a list")
    }

    /// The migrations that the machine let be judged: not those whose review gave up on late answers while the machine stalled.
    /// Trying again is then what is asked of it.
    pub(crate) fn migrations(&self) -> Vec<&Value> {
        let all = self.result["migrations"].as_array().expect("a list").iter();
        all.filter(|m| m["reason"] != "too-many-absences" || !self.stalled_during(m)).collect()
    }

    /// Their outcomes, with the reason of those that were aborted.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let outcome = |m: &Value| match m["reason"].as_str() {
            Some(reason) => reason.to_owned(),
            None => m["outcome"].as_str().unwrap_or("?").to_owned(),
        };
        self.migrations().into_iter().map(outcome).collect()
    }

    /// The names of the `n`-th migration's phases.
    pub(crate) fn phases(&self, n: usize) -> Vec<String> {
        let phases = phases(self.migrations()[n]);
        phases.iter().map(|phase| phase["name"].as_str().unwrap_or("?").to_owned()).collect()
    }

    /// Nothing lost, doubled or out of order, and the serving servers' states are equal.
    pub(crate) fn assert_whole(&self) {
        let requests = &self.result["requests"];
        for counter in ["lost", "duplicated", "reordered"] {
            assert_eq!(requests[counter], 0, "{counter}: {}", self.told);
        }
        assert!(requests["sent"].as_u64() > Some(100), "{}", self.told);
        let digests = self.result["state_digests"].as_object().expect("digests");
        assert!(!digests.is_empty(), "somebody serves: {}", self.told);
        let first = digests.values().next();
        assert!(digests.values().all(|digest| Some(digest) == first), "{}", self.told);
    }

    /// Whole, and no request late but where the host stalled.
    pub(crate) fn assert_unnoticed(&self) {
        self.assert_whole();
        assert!(self.interruptions().iter().all(|i| i["cause"] == "host"), "{}", self.told);
        assert!(matches!(self.code, Some(0 | INCONCLUSIVE)), "{}", self.told);
    }

    fn stalled_during(&self, migration: &Value) -> bool {
        let of =
            |at: &str| phases(migration).iter().filter_map(|phase| phase[at].as_u64()).collect::<Vec<_>>();
        let (Some(begin), Some(end)) = (of("start_ns").into_iter().min(), of("end_ns").into_iter().max())
        else {
            return false;
        };
        let stalls = self.result["host"]["stalls"].as_array().expect("a list");
        stalls.iter().any(|stall| stall["start_ns"].as_u64().is_some_and(|at| (begin..end).contains(&at)))
    }
}

fn phases(migration: &Value) -> &[Value] {
    migration["phases"].as_array().map_or(&[], Vec::as_slice)
}
