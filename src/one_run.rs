//! One run for real in a fresh process of this program, which ends when this one does. What it tells people is kept beside its
//! result.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "how long a run takes is real time")]

use crate::exit::{Code, Stopped};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;
use zerogap_proto::Duration;
use zerogap_testbed::sys::child::die_with_parent;
use zerogap_testbed::sys::interrupt;

/// About what a run takes beside the time that the AGV drives.
pub(crate) const OVERHEAD: Duration = Duration::from_secs(1);
/// The configuration beside a run's result. JSON is YAML, so it can be run again as it is.
pub(crate) const CONFIG: &str = "testbed.json";
/// This very program, even if another one has been built in its place meanwhile.
const SELF_EXE: &str = "/proc/self/exe";
/// What the program tells people.
const LOG: &str = "log.txt";
/// How soon it is noticed that a run has ended, or that this process is asked to.
const LOOK: std::time::Duration = std::time::Duration::from_millis(20);

/// Runs what is configured in `dir` and leaves its files there. Says how long it took. Interrupted, failed and inconclusive are
/// results; what keeps the program from running is an error, and so is being asked to end. `what` is what people call the run.
pub(crate) fn run(what: &dyn fmt::Display, dir: &Path) -> Result<Duration, Stopped> {
    let cannot = |error: io::Error| Stopped::new(Code::Failed, format_args!("{what} cannot be run: {error}"));
    let started = Instant::now();
    let mut command = Command::new(SELF_EXE);
    command.arg0("zerogap").arg("run").arg(dir.join(CONFIG)).arg("--out").arg(dir);
    let log = File::create(dir.join(LOG)).map_err(cannot)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    die_with_parent(&mut command);
    let status = ended(command.spawn().map_err(cannot)?).map_err(cannot)?;
    let took = Duration::from_nanos(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
    if interrupt::asked_to_end() {
        return Err(Stopped::new(Code::Failed, format_args!("{what}: interrupted")));
    }
    match outcome(status, dir.join("result.json").exists()) {
        Ok(()) => Ok(took),
        Err(code) => {
            let log = fs::read_to_string(dir.join(LOG)).unwrap_or_default();
            let said = said(&log).unwrap_or_else(|| status.to_string());
            Err(Stopped::new(code, format_args!("{what}: {said}")))
        }
    }
}

/// Waits for a run; ends it if this process is asked to end.
fn ended(mut child: Child) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupt::asked_to_end() {
            child.kill()?;
            return child.wait();
        }
        std::thread::sleep(LOOK);
    }
}

/// Whether a run that ended so is a result, or with which code whoever wanted it ends.
fn outcome(status: ExitStatus, has_result: bool) -> Result<(), Code> {
    match status.code() {
        Some(0 | 1 | 4) if has_result => Ok(()),
        Some(2) => Err(Code::Usage),
        Some(3) => Err(Code::Machine),
        Some(_) | None => Err(Code::Failed),
    }
}

/// What the program said last, as an error.
fn said(log: &str) -> Option<String> {
    let at = log.rfind("zerogap: ")?;
    Some(log[at..].trim_start_matches("zerogap: ").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn interrupted_failed_and_inconclusive_runs_are_results_and_others_end_the_comparison() {
        let of = |code: i32, result| outcome(ExitStatus::from_raw(code << 8), result);
        assert_eq!([0, 1, 4].map(|code| of(code, true)), [Ok(()); 3]);
        assert_eq!(of(1, false), Err(Code::Failed), "an error, not a verdict");
        assert_eq!(of(2, false), Err(Code::Usage));
        assert_eq!(of(3, false), Err(Code::Machine));
        assert_eq!(of(101, true), Err(Code::Failed));
        assert_eq!(outcome(ExitStatus::from_raw(9), true), Err(Code::Failed), "killed");
    }

    #[test]
    fn the_last_error_is_told_whole() {
        assert_eq!(
            said("  0.1 s  Initial\nzerogap: no tun: → load it\nor not\n").unwrap(),
            "no tun: → load it\nor not"
        );
        assert_eq!(said("  0.1 s  Initial\n"), None);
    }
}
