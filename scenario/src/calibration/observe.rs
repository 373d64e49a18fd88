//! What one run tells of the machine: how long what was between two of its events took. Which two, and what the simulator itself has
//! between them, is said at each.

use super::journal::Journal;
use crate::bulk::on_the_wire;
use crate::file::Testbed;
use crate::results::{Ending, MigrationFigures, RunResult};
use std::collections::BTreeSet;
use zerogap_proto::{Goal, Scheme};

/// A time at a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Of the state, or of what was sent.
    pub(super) mb: f64,
    pub(super) ns: f64,
}

/// What the runs tell. Times include what the simulator has between the same events, where that is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observations {
    /// How many runs had something to tell.
    pub(super) runs: usize,
    /// Sizes of the state.
    pub(super) states_bytes: BTreeSet<u64>,
    pub(super) snapshot: Vec<Point>,
    pub(super) round: Vec<Point>,
    /// With one control message.
    pub(super) copy: Vec<Point>,
    /// Transfers whose links have a rate, less the links' time.
    pub(super) transfer_beside_links: Vec<Point>,
    /// The links' time of these, per MB.
    pub(super) links_per_mb_ns: Vec<f64>,
    /// Transfers whose links have no rate.
    pub(super) transfer_unlimited: Vec<Point>,
    /// Pages that are pulled, all of a state.
    pub(super) pull: Vec<Point>,
    /// For how long the target waited for a wanted page, on average.
    pub(super) wanted_ns: Vec<f64>,
    /// With two control messages.
    pub(super) restore: Vec<Point>,
    pub(super) replay_ns: Vec<f64>,
    pub(super) control_ns: Vec<f64>,
}

/// A run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'r> {
    /// Its configuration.
    pub testbed: &'r Testbed,
    /// Its `result.json`.
    pub result: &'r RunResult,
    /// Its `events.ndjson`.
    pub journal: &'r Journal,
}

const MB: f64 = 1e6;
/// A page of the state.
const PAGE_BYTES: u64 = 4_096;
/// Requests replayed beyond the first window: fewer take too short a time to be told from the rest.
const REPLAYED_MIN: u64 = 30;

impl Observations {
    /// Takes what this run tells. A run without a completed migration, or with several, tells nothing.
    pub fn add(&mut self, run: &Run<'_>) {
        let Some(migration) = only(run.result) else { return };
        self.runs += 1;
        self.states_bytes.insert(run.result.state_bytes);
        let state_mb = run.result.state_bytes as f64 / MB;
        self.messages(run.journal);
        self.standstills(run.journal, state_mb);
        self.copies(run.journal, state_mb);
        self.transfers(run, migration);
        self.restores(run.journal, state_mb);
        self.replays(run.journal, u64::from(run.testbed.service.window));
    }

    /// The way of a control message, by what takes several in a row and nothing else.
    fn messages(&mut self, journal: &Journal) {
        let begun = journal.first("begun").map(|event| event.at_ns);
        let ended = journal.first("ended").map(|event| event.at_ns);
        let reset = |from: Option<u64>| journal.first_from(from?, "reset").map(|event| event.at_ns);
        let mut trigger =
            journal.all("packet-in").filter(|event| begun.is_some_and(|begun| event.at_ns <= begun));
        // From the switch to the SDN controller, the edge controller and the anchor; from the anchor to the edge controller
        // and a server, to prepare and to forget.
        let rows = [
            (trigger.next_back().map(|event| event.at_ns), begun, 3.0),
            (begun, reset(begun), 2.0),
            (ended, reset(ended), 2.0),
        ];
        let each = rows.into_iter().filter_map(|(from, to, messages)| Some((to? - from?) as f64 / messages));
        self.control_ns.extend(each);
    }

    /// From the cut to when the child that sends began; between two rounds, from the end of one to when the child of the next
    /// began. A child's own time is told with how far it is.
    fn standstills(&mut self, journal: &Journal, mb: f64) {
        let began = |event: &super::journal::Event| event.at_ns.checked_sub(event.took_ns?);
        let rounds: Vec<_> = journal.all("round-done").collect();
        for pair in rounds.windows(2) {
            let from_ns = pair[0].at_ns;
            self.round.extend(began(pair[1]).and_then(|to_ns| point(mb, from_ns, to_ns)));
        }
        let (cut, told) = (journal.first("cut"), journal.all("sending").filter_map(began).min());
        // A full copy is told of as cut when it is made, with the fork behind it; and rounds have forked before the cut.
        if let (Some(cut), Some(began_ns)) = (cut, told)
            && rounds.is_empty()
        {
            self.snapshot.extend(point(mb, cut.at_ns, began_ns));
        }
    }

    fn copies(&mut self, journal: &Journal, mb: f64) {
        if let (Some(_), Some(from_ns), Some(cut)) =
            (journal.first("thawed"), journal.phase_ns("Snapshot"), journal.first("cut"))
        {
            self.copy.extend(point(mb, from_ns, cut.at_ns));
        }
    }

    /// From when the child began to when the last target had all; a round says itself what it took.
    fn transfers(&mut self, run: &Run<'_>, migration: &MigrationFigures) {
        let journal = run.journal;
        for event in journal.all("round-done") {
            if let (Some(bytes), Some(took_ns)) = (event.bytes, event.took_ns) {
                self.transfer(run, bytes, took_ns);
            }
        }
        self.pulls(journal);
        let lazily_or_in_rounds = journal.first("usable").or_else(|| journal.first("round-done")).is_some();
        let restored = journal.all("restored").map(|event| event.at_ns).max();
        let told = journal.all("sending").filter_map(|event| event.at_ns.checked_sub(event.took_ns?)).min();
        // A child that copies begins to send when it has told that the copy is made.
        let made = journal.first("thawed").and(journal.first("cut")).map(|event| event.at_ns);
        if let (false, Some(to_ns), Some(from_ns), Some(bytes)) =
            (lazily_or_in_rounds, restored, made.or(told), migration.state_bytes_sent)
        {
            self.transfer(run, bytes, to_ns.saturating_sub(from_ns));
        }
    }

    /// From when the target was usable to when it had all. What a hybrid has left to pull is waited for more than it is sent.
    fn pulls(&mut self, journal: &Journal) {
        let Some(usable) = journal.first("usable") else { return };
        let pulled = journal.first_from(usable.at_ns, "pulled");
        let Some((pulled, pages)) = pulled.and_then(|event| Some((event, event.pages?))) else { return };
        if journal.first("round-done").is_some() {
            return;
        }
        self.pull.extend(point((pages * PAGE_BYTES) as f64 / MB, usable.at_ns, pulled.at_ns));
        if let (Some(blocked_ns), Some(faults)) =
            (pulled.blocked_ns, pulled.faults.filter(|faults| *faults > 0))
        {
            self.wanted_ns.push(blocked_ns as f64 / faults as f64);
        }
    }

    fn transfer(&mut self, run: &Run<'_>, bytes: u64, took_ns: u64) {
        let (mb, ns) = (bytes as f64 / MB, took_ns as f64);
        if let Some(per_mb_ns) = links_per_mb_ns(run.testbed) {
            self.transfer_beside_links.push(Point { mb, ns: ns - per_mb_ns * mb });
            self.links_per_mb_ns.push(per_mb_ns);
        } else {
            self.transfer_unlimited.push(Point { mb, ns });
        }
    }

    /// From when the last target began to scan all of its memory to when the targets are told to read. Who was sent a state that
    /// stood still has scanned it as it came.
    fn restores(&mut self, journal: &Journal, mb: f64) {
        let restored = journal.all("restored").map(|event| event.at_ns).max();
        if let (Some(from_ns), Some(to_ns)) = (restored, journal.phase_ns("Replay")) {
            self.restore.extend(point(mb, from_ns, to_ns));
        }
    }

    /// From when a target may read to when it has reached the head: by then it has answered all but the last window.
    fn replays(&mut self, journal: &Journal, window: u64) {
        if journal.phase_ns("Replay").is_none() {
            return;
        }
        for reading in journal.all("reading") {
            let mut lives = journal.all("live").filter(|live| live.server == reading.server);
            let live = lives.find(|live| live.at_ns >= reading.at_ns);
            let Some((live, replayed)) = live.and_then(|live| Some((live.at_ns, live.replayed?))) else {
                continue;
            };
            let answered = replayed.saturating_sub(window);
            if answered >= REPLAYED_MIN {
                self.replay_ns.push((live - reading.at_ns) as f64 / answered as f64);
            }
        }
    }
}

/// What the slowest link between servers takes for a MB; `None` if all are unlimited.
fn links_per_mb_ns(testbed: &Testbed) -> Option<f64> {
    let servers = testbed.topology.servers.iter().map(|server| server.name.clone());
    let wires = servers.chain(testbed.topology.trunks.iter().map(|trunk| trunk.name()));
    let rates = wires.map(|wire| testbed.links.of(&wire).rate.0).filter(|bps| *bps > 0);
    rates.min().map(|bps| on_the_wire(1_000_000) as f64 * 8e9 / bps as f64)
}

/// The one migration of a run that moved the service.
fn only(result: &RunResult) -> Option<&MigrationFigures> {
    let [migration] = result.migrations.as_slice() else { return None };
    (migration.goal == Goal::SwitchOver && migration.outcome == Ending::Complete).then_some(migration)
}

fn point(mb: f64, from_ns: u64, to_ns: u64) -> Option<Point> {
    Some(Point { mb, ns: to_ns.checked_sub(from_ns)? as f64 })
}

/// What a calibration runs: each scheme tells of something that the others do not.
pub const TELLING: [Scheme; 4] = [Scheme::HotStandby, Scheme::Redundancy, Scheme::PreCopy, Scheme::PostCopy];
