//! Interruptions: maximal runs of consecutive requests (by sequence number) that were late or lost, and who is to blame.
//!
//! An interruption lasts from when its first request was due to the answer that ended it: its last request's own if that
//! came late, or the next one's that was in time, whichever came first. One that nothing ended lasts at least until its
//! last request had become late.
//!
//! The cause is the first of these that fits:
//! 1. `host`: the machine's stalls excuse each of its requests (see [`Stalls::excuse`]);
//! 2. `fault`: a fault of the testbed file or the loss of a server during it or up to [`FAULT_REACH`] thresholds before;
//! 3. `migration`: it overlaps a migration, trigger to end;
//! 4. `fault`: a fail-over during it or as shortly before. Within a migration a fail-over is a symptom, so it comes last;
//! 5. `unknown`.

use super::migrations::{Migration, phase_during};
use super::model::{Cause, Interruption};
use super::stalls::Stalls;
use crate::journal::Entry;
use zerogap_proto::{Duration, Event, Instant, Record};

/// How many thresholds after a fault an interruption may begin and still be the fault's.
pub const FAULT_REACH: u64 = 10;

/// What interruptions are held against.
pub(super) struct Surroundings<'a> {
    pub(super) threshold: Duration,
    pub(super) stalls: &'a Stalls,
    pub(super) journal: &'a [&'a Entry],
    pub(super) migrations: &'a [Migration],
}

impl Surroundings<'_> {
    /// The interruptions in `records`, which are sorted by sequence number.
    pub(super) fn interruptions(&self, records: &[Record]) -> Vec<Interruption> {
        let mut found = Vec::new();
        let mut at = 0;
        for run in records.chunk_by(|a, b| self.missed(a) == self.missed(b)) {
            at += run.len();
            if run.iter().all(|r| self.missed(r)) {
                found.push(self.interruption(run, records.get(at)));
            }
        }
        found
    }

    /// Late or lost.
    fn missed(&self, record: &Record) -> bool {
        record.response_rtt().is_none_or(|rtt| rtt > self.threshold)
    }

    /// The interruption that is this run of missed requests, ended at the latest by `next`, which was in time.
    fn interruption(&self, run: &[Record], next: Option<&Record>) -> Interruption {
        let (first, last) = (&run[0], &run[run.len() - 1]);
        let answers = [last.answered, next.and_then(|r| r.answered)];
        let unended = || run.iter().filter_map(|r| r.answered).fold(last.due + self.threshold, Instant::max);
        let end = answers.into_iter().flatten().min().unwrap_or_else(unended);
        Interruption {
            start_ns: first.due.as_nanos(),
            end_ns: end.as_nanos(),
            requests: run.len() as u64,
            phase: phase_during(self.migrations.iter(), first.due, end),
            cause: self.cause(run, first.due, end),
        }
    }

    fn cause(&self, run: &[Record], start: Instant, end: Instant) -> Cause {
        let near = |wanted: fn(&Event) -> bool| {
            let reach = self.threshold.times(FAULT_REACH);
            self.journal.iter().any(|e| wanted(&e.event) && e.at <= end && e.at + reach >= start)
        };
        if run.iter().all(|r| self.stalls.excuse(r, self.threshold)) {
            Cause::Host
        } else if near(|e| matches!(e, Event::Fault { .. } | Event::ServerLost { .. })) {
            Cause::Fault
        } else if self.migrations.iter().any(|m| m.overlaps(start, end)) {
            Cause::Migration
        } else if near(|e| matches!(e, Event::FailedOver { .. } | Event::Promoted { .. })) {
            Cause::Fault
        } else {
            Cause::Unknown
        }
    }
}
