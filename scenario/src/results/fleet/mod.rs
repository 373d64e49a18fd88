//! Results of a fleet. Thousands of AGVs send more requests than can be kept, so they are counted as they come: into
//! histograms, and beside the migrations of their own service. What is kept is bounded by the number of AGVs, however long the
//! run. The figures have the names of the contract and are over all AGVs; what only a fleet has is in [`FleetFigures`].
//!
//! Unlike with one AGV: a migration's added delay counts from the median of the whole run, requests after an AGV's last migration
//! count as between, and only the first [`LISTED_MAX`] migrations and interruptions are listed.

mod model;
#[cfg(test)]
mod tests;
mod track;

pub use model::{FleetFigures, FleetMigrations, LogFigures, SdnFigures, TrunkFigures};

use super::figures::{Figures, Samples};
use super::model::{
    Cause, Ending, Interruption, JournalFigures, MigrationFigures, Requests, RunResult, SCHEMA, Windows,
};
use super::stalls::{self, Stalls};
use super::{Facts, Verdict, verdict};
use crate::journal::{Journal, hex_digest};
use crate::load::Load;
use crate::topology::Topology;
use std::collections::BTreeMap;
use track::{Found, Moved, Place, Track};
use zerogap_proto::{Duration, Event, Goal, Instant, NodeId, Record, ServerStatus, Task};

/// Migrations and interruptions that are listed one by one.
pub const LISTED_MAX: usize = 1_000;

/// A fleet's run while it lasts.
#[derive(Debug)]
pub struct Tally {
    threshold: Duration,
    /// By node: the place in the fleet that it belongs to.
    members: Vec<Option<usize>>,
    tracks: Vec<Track>,
    requests: Requests,
    rtt: Samples,
    service_rtt: Samples,
    before: Samples,
    during: Samples,
    between: Samples,
    seen_until: Instant,
    last_fault: Option<Instant>,
    packet_ins: u64,
    begun: Load,
    moves: Moves,
    interruptions: Vec<Found>,
    interrupted: u64,
    downtime_ns: u64,
    /// What each server sent last.
    sent: BTreeMap<NodeId, Task>,
    bytes_sent: u64,
}

/// Migrations that have ended.
#[derive(Debug, Default)]
struct Moves {
    complete: u64,
    reseeded: u64,
    aborted: BTreeMap<String, u64>,
    unfinished: u64,
    time: Samples,
    /// The highest response RTT in any window.
    worst_rtt_ns: Option<u64>,
    listed: Vec<(NodeId, MigrationFigures)>,
}

impl Tally {
    /// Nothing has happened yet.
    pub fn new(topology: &Topology, threshold: Duration) -> Self {
        Self {
            threshold,
            members: topology.members().to_vec(),
            tracks: topology.fleet.iter().map(|_| Track::default()).collect(),
            requests: Requests::default(),
            rtt: Samples::default(),
            service_rtt: Samples::default(),
            before: Samples::default(),
            during: Samples::default(),
            between: Samples::default(),
            seen_until: Instant::ZERO,
            last_fault: None,
            packet_ins: 0,
            begun: Load::default(),
            moves: Moves::default(),
            interruptions: Vec::new(),
            interrupted: 0,
            downtime_ns: 0,
            sent: BTreeMap::new(),
            bytes_sent: 0,
        }
    }

    /// Takes in what happened.
    pub fn event(&mut self, at: Instant, event: &Event) {
        self.seen_until = self.seen_until.max(at);
        if let Event::Fault { .. } | Event::ServerLost { .. } = event {
            self.last_fault = Some(at);
        }
        if let Event::PacketIn { .. } = event {
            self.packet_ins += 1;
        }
        if let Event::Begun { .. } = event {
            self.begun.add(at, 1);
        }
        if let Some(track) = self.concerned(event).and_then(|member| self.tracks.get_mut(member)) {
            track.hear(at, event);
        }
    }

    /// Takes in what the AGV `client` measured of a request. Each AGV's come in the order of sending.
    pub fn record(&mut self, client: NodeId, record: &Record) {
        let Some(member) = self.member(client) else { return };
        self.seen_until = self.seen_until.max(record.answered.unwrap_or(record.due));
        let (rtt, threshold) = (record.response_rtt(), self.threshold);
        let late = rtt.is_some_and(|rtt| rtt > threshold);
        self.requests.sent += 1;
        self.requests.answered += u64::from(rtt.is_some());
        self.requests.lost += u64::from(rtt.is_none());
        self.requests.late += u64::from(late);
        self.requests.duplicated += u64::from(record.duplicates);
        self.requests.reordered += u64::from(record.reordered);
        self.service_rtt.extend(record.service_rtt());
        self.rtt.extend(rtt);
        let place = self.tracks[member].place(record);
        match place {
            Place::Before => self.before.extend(rtt),
            Place::During => self.during.extend(rtt),
            Place::Between => self.between.extend(rtt),
        }
        if let Some(found) = self.tracks[member].missed(record, late || rtt.is_none()) {
            self.interrupted(found);
        }
        while let Some(moved) = self.tracks[member].settled(record.due) {
            self.moves.add(client, moved);
        }
    }

    /// Takes in a server's report.
    pub fn server(&mut self, status: &ServerStatus) {
        if let Task::Sent { bytes, .. } = status.task
            && self.sent.insert(status.server, status.task) != Some(status.task)
        {
            self.bytes_sent += bytes;
        }
    }

    fn interrupted(&mut self, Found { interruption: found, requests }: Found) {
        let reach = self.threshold.times(super::FAULT_REACH);
        let (start, end) = (Instant::from_nanos(found.start_ns), Instant::from_nanos(found.end_ns));
        let fault = self.last_fault.is_some_and(|at| at <= end && at + reach >= start);
        let cause = if fault { Cause::Fault } else { found.cause };
        self.interrupted += 1;
        self.downtime_ns = self.downtime_ns.max(found.length_ns());
        if self.interruptions.len() < LISTED_MAX {
            self.interruptions.push(Found { interruption: Interruption { cause, ..found }, requests });
        }
    }

    fn member(&self, node: NodeId) -> Option<usize> {
        self.members.get(usize::from(node.0)).copied().flatten()
    }

    /// The place in the fleet that an event is about.
    fn concerned(&self, event: &Event) -> Option<usize> {
        #[allow(clippy::wildcard_enum_match_arm, reason = "what results do not look at concerns nobody")]
        match event {
            Event::PacketIn { client, .. } => self.member(*client),
            Event::RoundDone { server, .. } | Event::Pulled { server, .. } => self.member(*server),
            Event::Begun { service, .. }
            | Event::Phase { service, .. }
            | Event::Ended { service, .. }
            | Event::Frozen { service, .. }
            | Event::Thawed { service, .. }
            | Event::Reading { service, .. } => Some(usize::from(service.0 - crate::SERVICE.0)),
            _ => None,
        }
    }

    /// What was under way when the run ended.
    fn close(&mut self, topology: &Topology) {
        for (member, track) in topology.fleet.iter().zip(std::mem::take(&mut self.tracks)) {
            let (interruption, moved) = track.finish(self.seen_until, self.threshold);
            interruption.into_iter().for_each(|found| self.interrupted(found));
            moved.into_iter().for_each(|moved| self.moves.add(member.client, moved));
        }
    }

    /// The result. `shared` holds what the driver knows; the rest of it is filled in here.
    pub fn finish(
        mut self,
        facts: &Facts,
        topology: &Topology,
        journal: &Journal,
        shared: FleetFigures,
    ) -> RunResult {
        self.close(topology);
        let median_ns = self.rtt.median_ns().unwrap_or(0);
        let added = |worst_ns: u64| worst_ns.saturating_sub(median_ns);
        let names = &topology.names;
        let moved = |(client, mut figures): (NodeId, MigrationFigures)| {
            figures.added_delay_max_ns = figures.rtt_ns.max.map(added);
            figures.client = Some(names.name(client).into_owned());
            figures
        };
        let moves = self.moves;
        let (requests, interruptions) = (self.requests, excused(self.interruptions, facts));
        let judged = verdict::judge(facts, &requests, &interruptions, moves.complete as usize);
        let (verdict, because) = of_all(judged, &requests, self.interrupted, interruptions.len());
        RunResult {
            schema: SCHEMA.to_owned(),
            world: facts.world,
            scheme: facts.scheme,
            seed: facts.seed,
            state_bytes: facts.state_bytes,
            verdict,
            because,
            threshold_ns: facts.threshold.as_nanos(),
            requests,
            rtt_ns: self.rtt.figures(),
            service_rtt_ns: self.service_rtt.figures(),
            windows: Windows {
                before: self.before.figures(),
                migration: self.during.figures(),
                between: self.between.figures(),
                after: Figures::default(),
            },
            downtime_ns: self.downtime_ns,
            added_delay_max_ns: moves.worst_rtt_ns.map(added),
            migration_time_ns: moves.time.max_ns(),
            migrations: moves.listed.into_iter().map(moved).collect(),
            interruptions,
            state_digests: facts
                .state_digests
                .iter()
                .map(|(node, digest)| (names.name(*node).into(), hex_digest(*digest)))
                .collect(),
            switches: facts.switches.iter().map(|(node, s)| (names.name(*node).into(), s.clone())).collect(),
            radio: BTreeMap::new(),
            host: stalls::host(&facts.stalls),
            evidence: verdict::evidence(&requests),
            journal: JournalFigures { events: journal.len() as u64, dropped: journal.dropped() },
            nodes: names.all().to_vec(),
            started_unix_ns: facts.started.as_nanos(),
            fleet: Some(FleetFigures {
                halls: topology.halls.len() as u64,
                agvs: topology.fleet.len() as u64,
                migrations: FleetMigrations {
                    complete: moves.complete,
                    reseeded: moves.reseeded,
                    aborted: moves.aborted,
                    unfinished: moves.unfinished,
                    time_ns: moves.time.figures(),
                    busiest_second: self.begun.busiest(),
                    state_bytes_sent: self.bytes_sent,
                },
                interruptions: self.interrupted,
                packet_ins: self.packet_ins,
                ..shared
            }),
        }
    }
}

/// The verdict on all interruptions, of which only so many are listed.
fn of_all(
    (verdict, because): (Verdict, Vec<String>),
    requests: &Requests,
    interrupted: u64,
    listed: usize,
) -> (Verdict, Vec<String>) {
    match verdict {
        Verdict::Inconclusive if interrupted == listed as u64 => (verdict, because),
        Verdict::Interrupted | Verdict::Inconclusive => {
            let missed = requests.late + requests.lost;
            let all = format!("{missed} requests late or lost in {interrupted} interruptions");
            (Verdict::Interrupted, vec![all])
        }
        Verdict::Uninterrupted | Verdict::Failed => (verdict, because),
    }
}

/// The interruptions, those that the machine's stalls explain blamed on the host.
fn excused(found: Vec<Found>, facts: &Facts) -> Vec<Interruption> {
    let stalls = Stalls::new(&facts.stalls);
    let excused = |records: &Vec<Record>| records.iter().all(|r| stalls.excuse(r, facts.threshold));
    let blame = |Found { interruption, requests }: Found| match requests.is_some_and(|r| excused(&r)) {
        true => Interruption { cause: Cause::Host, ..interruption },
        false => interruption,
    };
    found.into_iter().map(blame).collect()
}

impl Moves {
    fn add(&mut self, client: NodeId, Moved { migration: m, window }: Moved) {
        let (min, max) = window.rtt_ns.unzip();
        let took = m.end.since(m.trigger);
        match m.ending {
            Ending::Complete => match m.goal {
                Goal::SwitchOver => self.complete += 1,
                Goal::Reseed => self.reseeded += 1,
            },
            Ending::Aborted => {
                let why = m.reason.map_or("unknown", |reason| reason.name());
                *self.aborted.entry(why.to_owned()).or_default() += 1;
            }
            Ending::Unfinished => self.unfinished += 1,
        }
        let migration_time_ns = (m.ending == Ending::Complete).then(|| took.as_nanos());
        self.time.extend(migration_time_ns.map(Duration::from_nanos));
        self.worst_rtt_ns = self.worst_rtt_ns.max(max);
        if self.listed.len() == LISTED_MAX {
            return;
        }
        let figures = MigrationFigures {
            id: m.id,
            client: None,
            scheme: m.scheme,
            goal: m.goal,
            outcome: m.ending,
            reason: m.reason,
            added_delay_max_ns: None,
            downtime_ns: window.downtime_ns,
            migration_time_ns,
            phases: m.phases(),
            state_bytes_sent: None,
            frozen_ns: m.copied.frozen.map(Duration::as_nanos),
            requests_kept: m.copied.kept,
            rounds: m.copied.rounds,
            pull: m.copied.pull,
            requests_replayed: m.replayed,
            review: m.review,
            rtt_ns: Figures { count: window.count, min, max, ..Figures::default() },
        };
        self.listed.push((client, figures));
    }
}
