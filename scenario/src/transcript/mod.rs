//! The transcript of a run, for people: one line for each thing that matters (time, who, what), phases as headings, and what became
//! of the requests in between. It is made of the journal and the client's records, so it is the same for real and simulated runs.
//!
//! ```text
//! ── 3.827990  Review (migration 1) ────────────────────────
//!               19 requests, answered in 1.38 ms to 1.60 ms
//!     4.023352  s1                from #384 on the targets' answers go out (epoch e1)
//! ```

mod events;
mod requests;

use crate::build::Scenario;
use crate::recorder::Finished;
use crate::size::Size;
use events::Said;
use requests::{Course, Seen};
use std::fmt::Write;
use zerogap_proto::Instant;

/// Width of a heading.
const WIDTH: usize = 78;

/// A line that somebody else adds, such as a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Instant,
    /// Who.
    pub who: String,
    /// What.
    pub what: String,
}

/// The transcript of a run, with a line's end. `more` are further lines, in the order of their times.
pub fn transcript(scenario: &Scenario, finished: &Finished, more: &[Line]) -> String {
    let Finished { result, recorder } = finished;
    let (scheme, state) = (result.scheme.name(), Size(result.state_bytes));
    let world = result.world.name();
    let mut page = Page { text: format!("{scheme}, {state} of state, {world}, seed {}\n", result.seed) };
    page.heading("Initial");
    let names = &scenario.topology.names;
    let entries = recorder.journal.in_order();
    let mut course = Course::new(&recorder.records, result.threshold_ns);
    let (mut entries, mut more) = (entries.into_iter().peekable(), more.iter().peekable());
    loop {
        // At one instant the journal comes first: it says what the frames that follow are about.
        let (journal, other) = (entries.peek().map(|entry| entry.at), more.peek().map(|line| line.at));
        let Some(at) = journal.into_iter().chain(other).min() else { break };
        course.until(at, &mut |seen| page.seen(&seen));
        if journal == Some(at) {
            let Some(entry) = entries.next() else { break };
            match events::say(entry, names) {
                Said::Heading(text) => page.heading(&format!("{at}  {text}")),
                Said::Line(who, what) => page.line(entry.at, &who, &what),
            }
        } else if let Some(Line { at, who, what }) = more.next() {
            page.line(*at, who, what);
        }
    }
    course.until(Instant::FAR_FUTURE, &mut |seen| page.seen(&seen));
    if recorder.journal.dropped() > 0 {
        let _ = writeln!(page.text, "\n{} further events were not kept", recorder.journal.dropped());
    }
    page.text
}

struct Page {
    text: String,
}

impl Page {
    fn heading(&mut self, text: &str) {
        let rule = "─".repeat(WIDTH.saturating_sub(text.chars().count() + 4));
        let _ = writeln!(self.text, "\n── {text} {rule}");
    }

    fn line(&mut self, at: Instant, who: &str, what: &str) {
        let _ = writeln!(self.text, "{:>12}  {who:<16}  {what}", at.to_string());
    }

    fn seen(&mut self, seen: &Seen) {
        match seen {
            Seen::Single(at, what) => self.line(*at, "", what),
            Seen::Many(what) => {
                let _ = writeln!(self.text, "{:>12}  {what}", "");
            }
        }
    }
}
