//! How far a campaign is: a bar on a terminal, otherwise a line at every tenth. On standard error. How long it took is told there
//! and nowhere else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal as _, Write as _};
use zerogap_proto::Duration;
use zerogap_scenario::size::Span;

/// Lines where there is no terminal.
const LINES: usize = 10;

/// The runs of a batch so far.
pub(super) struct Progress {
    what: &'static str,
    bar: ProgressBar,
    on_terminal: bool,
    runs: usize,
    done: usize,
}

impl Progress {
    /// Nothing yet of so many.
    pub(super) fn new(what: &'static str, runs: usize) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let target = if on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(runs as u64), target);
        let style =
            ProgressStyle::with_template("{msg:10} {bar:30} {pos}/{len} runs  {elapsed} gone, {eta} left");
        let bar = style.map(|style| bar.clone().with_style(style)).unwrap_or(bar);
        Self { what, bar: bar.with_message(what), on_terminal, runs, done: 0 }
    }

    /// One more.
    pub(super) fn done(&mut self) {
        self.done += 1;
        self.bar.inc(1);
        let tenths = |done: usize| done * LINES / self.runs.max(1);
        if !self.on_terminal && tenths(self.done) > tenths(self.done - 1) {
            say(&format!("{}: {} of {} runs", self.what, self.done, self.runs));
        }
    }

    /// All of them.
    pub(super) fn finish(self, threads: usize) {
        let ms = u64::try_from(self.bar.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.bar.finish_and_clear();
        let took = Span(Duration::from_millis(ms));
        let threads = if threads == 1 { "one thread".to_owned() } else { format!("{threads} threads") };
        say(&format!("{}: {} runs in {took} on {threads}", self.what, self.runs));
    }
}

/// A line for people. A reader that has gone away wants no more of them.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
