//! How far a comparison is and how long it still takes: a bar on a terminal, otherwise a line when a run ends. On standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, Write as _};
use zerogap_proto::Duration;
use zerogap_scenario::compare::{Cell, CellId, Remaining};

/// Redraws of the bar while a run is under way: enough to see that it lives, too few to disturb it.
const TICK: std::time::Duration = std::time::Duration::from_secs(1);

/// The runs so far.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    runs: usize,
    done: usize,
    remaining: Remaining,
}

impl Progress {
    /// Of so many runs, some of which are finished already. `expected` is what one takes by configuration.
    pub(super) fn new(runs: usize, todo: usize, expected: Duration) -> Self {
        let done = runs - todo;
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} runs  {elapsed} gone, {msg}");
            let bar = ProgressBar::new(runs as u64).with_position(done as u64);
            bar.enable_steady_tick(TICK);
            style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
        });
        let progress = Self { bar, runs, done, remaining: Remaining::new(expected) };
        if done > 0 {
            progress.line(&format!("{done} of {runs} runs are finished already"));
        }
        progress
    }

    /// A run starts; `left` are it and those after it.
    pub(super) fn starts(&self, id: &CellId, left: &[CellId]) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} left: {id}", about(self.remaining.of(left))));
        }
    }

    /// A run has ended; `left` are those after it.
    pub(super) fn ended(&mut self, id: &CellId, cell: &Cell, took: Duration, left: &[CellId]) {
        self.remaining.took(id, took);
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.set_position(self.done as u64),
            None => {
                let (done, runs, verdict) = (self.done, self.runs, cell.verdict.name());
                let left = about(self.remaining.of(left));
                self.line(&format!("{done}/{runs}  {id}: {verdict}{}; {left} left", added(cell)));
            }
        }
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

fn added(cell: &Cell) -> String {
    cell.added_delay_max_ns
        .map(|ns| format!(", added delay {}", Duration::from_nanos(ns)))
        .unwrap_or_default()
}

/// A length of time, as far as an estimate carries.
fn about(duration: Duration) -> String {
    let seconds = duration.as_nanos() / 1_000_000_000;
    match seconds {
        0..100 => format!("about {seconds} s"),
        100..6_000 => format!("about {} min", (seconds + 30) / 60),
        _ => format!("about {} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_as_far_as_an_estimate_carries() {
        let shown = |s| about(Duration::from_secs(s));
        assert_eq!(
            [0, 99, 100, 5_999].map(shown),
            ["about 0 s", "about 99 s", "about 2 min", "about 100 min"]
        );
        assert_eq!(shown(7_260), "about 2 h 1 min");
    }
}
