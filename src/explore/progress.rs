//! How far an exploration is, and what it has found: on standard error, so that results can be piped.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "how long an exploration takes is real time"
)]

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};
use zerogap_sim::explore::{Finding, Tally};

/// How often progress is told of where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// The exploration so far.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    began: Instant,
    told: Instant,
    in_migrations: bool,
}

impl Progress {
    /// Until so many runs, or migrations.
    pub(super) fn new(wanted: u64, in_migrations: bool) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(wanted);
            let style =
                ProgressStyle::with_template("{bar:30} {pos}/{len}  {elapsed} gone, {eta} left: {msg}");
            style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
        });
        let now = Instant::now();
        Self { bar, began: now, told: now, in_migrations }
    }

    /// So far.
    pub(super) fn at(&mut self, tally: &Tally) {
        let seconds = self.began.elapsed().as_secs_f64().max(1e-3);
        let rate = tally.migrations as f64 / seconds;
        let (runs, migrations, violations) = (tally.runs, tally.migrations, tally.violations.len());
        let text = format!("{runs} runs, {migrations} migrations, {rate:.0}/s, {violations} violations");
        match &self.bar {
            Some(bar) => {
                bar.set_position(if self.in_migrations { migrations } else { runs });
                bar.set_message(text);
            }
            None if self.told.elapsed() >= EVERY => {
                self.told = Instant::now();
                self.line(&format!("{seconds:.0} s: {text}"));
            }
            None => {}
        }
    }

    /// A run broke something.
    pub(super) fn found(&self, finding: &Finding) {
        let Finding { index, broken, command } = finding;
        for broken in broken {
            self.line(&format!("run {index}: {broken}"));
        }
        self.line(&format!("  the smallest run found that shows it; add --trace to read it:\n  {command}"));
    }

    /// There are no more.
    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            // A reader that has gone away wants no more lines.
            None => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }
}
