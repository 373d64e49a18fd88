//! What an exploration has come to so far. Adding runs up in the order of their indices gives the same tally whoever ran them.

use super::Explored;
use crate::check::Violation;
use serde::Serialize;
use std::collections::BTreeMap;
use zerogap_proto::{Event, Goal, Scheme};
use zerogap_scenario::results::Ending;

/// The schema of `explore.json`: its name and version.
pub const EXPLORATION: &str = "zerogap.explore/1";

/// `explore.json`: what was explored and what it has come to. It does not say how long that took: the same exploration gives the
/// same bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Exploration<'a> {
    /// [`EXPLORATION`].
    pub schema: &'static str,
    /// Seed of the exploration.
    pub seed: u64,
    /// Index of its first run.
    pub first: u64,
    /// The schemes that were drawn from; none: all.
    pub schemes: Vec<Scheme>,
    /// The sums.
    #[serde(flatten)]
    pub tally: &'a Tally,
}

/// Sums over runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Migrations that began, re-seedings included.
    pub migrations: u64,
    /// Of these, those that moved the service.
    pub complete: u64,
    /// Of these, those that replaced a standby.
    pub reseeded: u64,
    /// Of these, those that the end of their run cut off.
    pub unfinished: u64,
    /// Of these, those that were aborted, by reason.
    pub aborted: BTreeMap<String, u64>,
    /// Migrations that began, by scheme.
    pub by_scheme: BTreeMap<String, u64>,
    /// Faults that struck, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Requests that clients sent.
    pub requests: u64,
    /// Requests that were answered late, and such that were never answered.
    pub late: u64,
    /// Requests that were never answered.
    pub lost: u64,
    /// Runs in which the service's state was lost, with the last server that held it.
    pub services_lost: u64,
    /// Simulated time.
    pub simulated_ns: u64,
    /// Runs that broke a guarantee.
    pub violations: Vec<Finding>,
}

/// A run that broke a guarantee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its index.
    pub index: u64,
    /// What was broken, in words.
    pub broken: Vec<String>,
    /// The command that replays it.
    pub command: String,
}

impl Tally {
    /// Adds a run.
    pub fn add(&mut self, explored: &Explored) {
        let finished = &explored.judged.finished;
        self.runs += 1;
        for migration in &finished.result.migrations {
            self.migrations += 1;
            *self.by_scheme.entry(migration.scheme.name().to_owned()).or_default() += 1;
            match (migration.outcome, migration.goal) {
                (Ending::Complete, Goal::SwitchOver) => self.complete += 1,
                (Ending::Complete, Goal::Reseed) => self.reseeded += 1,
                (Ending::Aborted, _) => {
                    let reason = migration.reason.map_or("unknown", |reason| reason.name());
                    *self.aborted.entry(reason.to_owned()).or_default() += 1;
                }
                (Ending::Unfinished, _) => self.unfinished += 1,
            }
        }
        for entry in finished.recorder.journal.in_order() {
            if let Event::Fault { what, .. } = &entry.event
                && let Some(kind) = kind(what)
            {
                *self.faults.entry(kind.to_owned()).or_default() += 1;
            }
        }
        let requests = finished.result.requests;
        self.requests += requests.sent;
        self.late += requests.late;
        self.lost += requests.lost;
        self.services_lost += u64::from(explored.judged.service_lost);
        self.simulated_ns += finished.recorder.records.last().map_or(0, |record| record.due.as_nanos());
    }

    /// Adds what later indices have come to.
    pub fn extend(&mut self, later: Self) {
        self.runs += later.runs;
        self.migrations += later.migrations;
        self.complete += later.complete;
        self.reseeded += later.reseeded;
        self.unfinished += later.unfinished;
        self.requests += later.requests;
        self.late += later.late;
        self.lost += later.lost;
        self.services_lost += later.services_lost;
        self.simulated_ns += later.simulated_ns;
        self.violations.extend(later.violations);
        let sums = [
            (&mut self.aborted, later.aborted),
            (&mut self.by_scheme, later.by_scheme),
            (&mut self.faults, later.faults),
        ];
        for (sum, more) in sums {
            more.into_iter().for_each(|(name, count)| *sum.entry(name).or_default() += count);
        }
    }
}

impl Finding {
    /// What is told of a run that broke something.
    pub fn new(explored: &Explored, file: Option<&str>) -> Self {
        Self {
            index: explored.plan.index,
            broken: explored.judged.violations.iter().map(Violation::to_string).collect(),
            command: explored.plan.command(file),
        }
    }
}

/// What kind of fault the journal tells of; `None` for the end of one.
fn kind(what: &str) -> Option<&'static str> {
    let kinds = [
        ("killed", "kill"),
        ("stopped", "stop"),
        ("bit", "flip-bit"),
        ("restarted", "restart-controllers"),
        ("link", "link-down"),
    ];
    kinds.into_iter().find(|(word, _)| what.starts_with(word)).map(|(_, kind)| kind)
}
