//! `zerogap calibrate`: measures this machine by short runs for real, and writes what it takes as a file that simulations are laid under.
//! What the runs tell is computed by `zerogap_scenario::calibration`.

pub(crate) mod args;
mod machine;
mod plan;
mod read;
mod scratch;

use crate::exit::{Code, Stopped, fail};
use crate::one_run;
use args::Calibrate;
use indicatif::{ProgressBar, ProgressStyle};
use plan::Configs;
use read::Seen;
use scratch::Scratch;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use zerogap_scenario::calibration::to_yaml;

/// Redraws of the bar while a run is under way: enough to see that it lives, too few to disturb it.
const TICK: std::time::Duration = std::time::Duration::from_secs(1);

pub(crate) fn main(args: &Calibrate) -> ExitCode {
    match calibrate(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stopped { code, why }) => fail(code, why),
    }
}

fn calibrate(args: &Calibrate) -> Result<(), Stopped> {
    let parent = args.out.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        let why = format_args!("there is no directory {}; choose another --out", parent.display());
        return Err(Stopped::new(Code::Usage, why));
    }
    let seen = match &args.from {
        Some(dir) => from_runs(dir)?,
        None => measure(args)?,
    };
    let text = to_yaml(&seen.estimate(), &machine::circumstances());
    std::fs::write(&args.out, &text).map_err(|error| {
        let path = args.out.display();
        Stopped::new(Code::Usage, format_args!("cannot write {path}: {error}; choose another --out"))
    })?;
    // A reader that has gone away wants no more.
    let _ = write!(std::io::stderr(), "{text}\nwritten to {}\n", args.out.display());
    Ok(())
}

/// Reads runs that were made before.
fn from_runs(dir: &std::path::Path) -> Result<Seen, Stopped> {
    let mut seen = Seen::default();
    for run in read::finished(dir)? {
        seen.read(&run)?;
    }
    Ok(seen)
}

/// Makes the runs.
fn measure(args: &Calibrate) -> Result<Seen, Stopped> {
    let configs = Configs::read(args)?;
    let errands = plan::errands(args);
    // Whatever is wrong with the configuration of any run is said before the first one starts.
    let configured = errands.iter().map(|errand| Ok((errand, configs.of(errand)?)));
    let configured: Vec<_> = configured.collect::<Result<_, Stopped>>()?;
    let scratch = Scratch::new()?;
    let progress = Progress::new(configured.len());
    let mut seen = Seen::default();
    for (index, (errand, config)) in configured.iter().enumerate() {
        progress.starts(index, errand);
        let dir = scratch.directory(&index.to_string())?;
        let cannot =
            |error| Stopped::new(Code::Machine, format_args!("cannot write {}: {error}", dir.display()));
        std::fs::write(dir.join(one_run::CONFIG), config.to_string()).map_err(cannot)?;
        one_run::run(errand, &dir)?;
        seen.read(&dir)?;
        Scratch::remove(&dir);
    }
    progress.bar.finish_and_clear();
    Ok(seen)
}

/// How far it is: a bar on a terminal, otherwise a line when a run starts. On standard error.
struct Progress {
    bar: ProgressBar,
    runs: usize,
}

impl Progress {
    fn new(runs: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), runs };
        }
        let bar = ProgressBar::new(runs as u64);
        bar.enable_steady_tick(TICK);
        let style = ProgressStyle::with_template(
            "{bar:30} {pos}/{len} runs  {elapsed} gone, about {eta} left: {msg}",
        );
        Self { bar: style.map(|style| bar.clone().with_style(style)).unwrap_or(bar), runs }
    }

    fn starts(&self, done: usize, errand: &plan::Errand) {
        self.bar.set_position(done as u64);
        self.bar.set_message(errand.to_string());
        if self.bar.is_hidden() {
            // A reader that has gone away wants no more lines.
            let _ = writeln!(std::io::stderr(), "{}/{}  {errand}", done + 1, self.runs);
        }
    }
}
