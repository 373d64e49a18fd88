//! One AGV of a fleet while the run lasts: what its service's migrations and its requests have to do with each other. Requests
//! come in the order of sending and long after they were answered, so a migration is remembered until a request was due
//! after its end.

use super::super::migrations::{Migration, Teller, phase_during};
use super::super::model::{Cause, Interruption};
use std::collections::VecDeque;
use zerogap_proto::{Duration, Event, Instant, Record};

/// Migrations of one service that are remembered; the oldest goes.
const REMEMBERED_MAX: usize = 64;
/// Requests of an interruption that are kept, to be held against the machine's stalls.
const KEPT_MAX: usize = 32;

/// One AGV.
#[derive(Debug, Default)]
pub(super) struct Track {
    teller: Teller,
    /// Response RTTs within the migration under way.
    window: Window,
    ended: VecDeque<Moved>,
    first_trigger: Option<Instant>,
    missed: Option<Missed>,
}

/// A migration that has ended, and what requests felt of it.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) migration: Migration,
    pub(super) window: Window,
}

/// Response RTTs within a migration, and the longest interruption that overlaps it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    pub(super) count: u64,
    pub(super) rtt_ns: Option<(u64, u64)>,
    pub(super) downtime_ns: u64,
}

/// An interruption, and its requests if they are not too many.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) interruption: Interruption,
    pub(super) requests: Option<Vec<Record>>,
}

/// Consecutive requests that were late or lost.
#[derive(Clone, Debug)]
struct Missed {
    first_due: Instant,
    last_due: Instant,
    last_answered: Option<Instant>,
    /// The latest answer to any of them.
    latest: Option<Instant>,
    requests: u64,
    kept: Vec<Record>,
}

/// When a request was under way, seen from its service's migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Before,
    During,
    Between,
}

impl Track {
    /// Takes in an event that concerns this AGV or its service.
    pub(super) fn hear(&mut self, at: Instant, event: &Event) {
        if let Some(migration) = self.teller.hear(at, event) {
            self.ended.push_back(Moved { migration, window: std::mem::take(&mut self.window) });
        }
        if self.first_trigger.is_none() {
            self.first_trigger = self.teller.open().map(|open| open.trigger);
        }
    }

    /// Takes in a request. Where it stands.
    pub(super) fn place(&mut self, record: &Record) -> Place {
        let rtt_ns = record.response_rtt().map_or(0, Duration::as_nanos);
        let mut held = false;
        for moved in self.ended.iter_mut().filter(|moved| moved.migration.holds(record)) {
            moved.window.add(rtt_ns);
            held = true;
        }
        if self.teller.open().is_some_and(|open| open.holds(record)) {
            self.window.add(rtt_ns);
            held = true;
        }
        match self.first_trigger {
            _ if held => Place::During,
            Some(trigger) if record.due >= trigger => Place::Between,
            Some(_) | None => Place::Before,
        }
    }

    /// Takes in whether a request was missed. The interruption that it ended, if it did, but for the blame.
    pub(super) fn missed(&mut self, record: &Record, missed: bool) -> Option<Found> {
        if !missed {
            return self.missed.take().map(|run| self.interruption(run, record.answered, Duration::ZERO));
        }
        let run = self.missed.get_or_insert(Missed {
            first_due: record.due,
            last_due: record.due,
            last_answered: None,
            latest: None,
            requests: 0,
            kept: Vec::new(),
        });
        run.requests += 1;
        if run.kept.len() < KEPT_MAX {
            run.kept.push(*record);
        }
        (run.last_due, run.last_answered) = (record.due, record.answered);
        run.latest = run.latest.max(record.answered);
        None
    }

    /// A migration of which no later request can tell anything, given that one was due at this time.
    pub(super) fn settled(&mut self, due: Instant) -> Option<Moved> {
        let oldest = self.ended.front()?;
        let settled = oldest.migration.end < due && self.missed.is_none();
        if settled || self.ended.len() > REMEMBERED_MAX { self.ended.pop_front() } else { None }
    }

    /// The end of the run: the interruption and the migrations that are left.
    pub(super) fn finish(mut self, end: Instant, threshold: Duration) -> (Option<Found>, Vec<Moved>) {
        let left = self.missed.take().map(|run| self.interruption(run, None, threshold));
        if let Some(migration) = self.teller.finish(end) {
            self.ended.push_back(Moved { migration, window: self.window });
        }
        (left, self.ended.into())
    }

    fn interruption(&mut self, run: Missed, next: Option<Instant>, threshold: Duration) -> Found {
        let unended = run.latest.max(Some(run.last_due + threshold));
        let end = [run.last_answered, next].into_iter().flatten().min().or(unended).unwrap_or(run.last_due);
        let start = run.first_due;
        let all = || self.ended.iter().map(|moved| &moved.migration).chain(self.teller.open());
        let cause = if all().any(|m| m.overlaps(start, end)) { Cause::Migration } else { Cause::Unknown };
        let phase = phase_during(all(), start, end);
        let (start_ns, end_ns) = (start.as_nanos(), end.as_nanos());
        let found = Interruption { start_ns, end_ns, requests: run.requests, phase, cause };
        let felt = |window: &mut Window| window.downtime_ns = window.downtime_ns.max(found.length_ns());
        if self.teller.open().is_some_and(|open| open.overlaps(start, end)) {
            felt(&mut self.window);
        }
        let overlapping = self.ended.iter_mut().filter(|moved| moved.migration.overlaps(start, end));
        overlapping.for_each(|moved| felt(&mut moved.window));
        let requests = (run.kept.len() as u64 == run.requests).then_some(run.kept);
        Found { interruption: found, requests }
    }
}

impl Window {
    fn add(&mut self, rtt_ns: u64) {
        self.count += 1;
        let (min, max) = self.rtt_ns.unwrap_or((rtt_ns, rtt_ns));
        self.rtt_ns = Some((min.min(rtt_ns), max.max(rtt_ns)));
    }
}
