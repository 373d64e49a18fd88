//! Results: what a run was, computed from the client's records, the journal and the driver's facts, and nothing else. The
//! same input gives the same bytes, in the real world and in virtual time alike. The shape is the contract
//! "zerogap.result/1"; [`write()`] puts it into files, [`report()`] shows it to people.

mod facts;
mod figures;
mod fleet;
mod hlog;
mod interruptions;
mod live;
mod migrations;
mod model;
mod radio;
mod report;
mod stalls;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verdict;
mod windows;
mod write;

pub use facts::{Facts, Stall, World};
pub use figures::Figures;
pub use fleet::{FleetFigures, FleetMigrations, LISTED_MAX, LogFigures, SdnFigures, Tally, TrunkFigures};
pub use hlog::{HlogError, rtt_log};
pub use interruptions::FAULT_REACH;
pub use live::{event_line, phase_line};
pub use model::{
    Cause, Ending, Host, Interruption, JournalFigures, MigrationFigures, PhaseSpan, PullFigures, Requests,
    RoundFigures, RunResult, SCHEMA, StallSpan, SwitchFigures, Windows,
};
pub use radio::RadioFigures;
pub use report::report;
pub use verdict::{Evidence, Verdict};
pub use write::{WriteError, write};

use crate::journal::{Entry, Journal, hex_digest};
use crate::names::Names;
use figures::Samples;
use interruptions::Surroundings;
use migrations::Migration;
use stalls::Stalls;
use std::collections::BTreeMap;
use zerogap_proto::{Duration, Instant, Record};

/// The result of a run. Records may come in any order; each request has one.
pub fn compute(records: &[Record], journal: &Journal, facts: &Facts, names: &Names) -> RunResult {
    let mut records = records.to_vec();
    records.sort_by_key(|r| r.sequence);
    let entries = journal.in_order();
    let migrations = migrations::migrations(&entries, run_end(&records, &entries));
    let requests = requests(&records, facts.threshold);
    let interruptions = Surroundings {
        threshold: facts.threshold,
        stalls: &Stalls::new(&facts.stalls),
        journal: &entries,
        migrations: &migrations,
    }
    .interruptions(&records);
    let listed = list(&records, &migrations, &interruptions, facts);
    let mut result = RunResult {
        schema: SCHEMA.to_owned(),
        world: facts.world,
        scheme: facts.scheme,
        seed: facts.seed,
        state_bytes: facts.state_bytes,
        verdict: Verdict::Failed,
        because: Vec::new(),
        threshold_ns: facts.threshold.as_nanos(),
        requests,
        rtt_ns: records.iter().filter_map(Record::response_rtt).collect::<Samples>().figures(),
        service_rtt_ns: records.iter().filter_map(Record::service_rtt).collect::<Samples>().figures(),
        windows: windows::windows(&records, &migrations),
        downtime_ns: interruptions.iter().map(Interruption::length_ns).max().unwrap_or(0),
        added_delay_max_ns: worst(&listed, |m| m.added_delay_max_ns),
        migration_time_ns: worst(&listed, |m| m.migration_time_ns),
        migrations: listed,
        interruptions,
        state_digests: facts
            .state_digests
            .iter()
            .map(|(n, d)| (names.name(*n).into(), hex_digest(*d)))
            .collect(),
        switches: facts.switches.iter().map(|(n, s)| (names.name(*n).into(), s.clone())).collect(),
        radio: BTreeMap::new(),
        host: stalls::host(&facts.stalls),
        evidence: verdict::evidence(&requests),
        journal: JournalFigures { events: journal.len() as u64, dropped: journal.dropped() },
        nodes: names.all().to_vec(),
        started_unix_ns: facts.started.as_nanos(),
        fleet: None,
    };
    let completed = result.migrations_completed();
    (result.verdict, result.because) = verdict::judge(facts, &requests, &result.interruptions, completed);
    result
}

/// The last instant that anything is known of.
fn run_end(records: &[Record], entries: &[&Entry]) -> Instant {
    let seen = records.iter().map(|r| r.answered.unwrap_or(r.due));
    seen.chain(entries.last().map(|e| e.at)).max().unwrap_or(Instant::ZERO)
}

fn requests(records: &[Record], threshold: Duration) -> Requests {
    let count = |wanted: &dyn Fn(&Record) -> bool| records.iter().filter(|r| wanted(r)).count() as u64;
    Requests {
        sent: records.len() as u64,
        answered: count(&|r| r.answered.is_some()),
        lost: count(&|r| r.answered.is_none()),
        late: count(&|r| r.response_rtt().is_some_and(|rtt| rtt > threshold)),
        duplicated: records.iter().map(|r| u64::from(r.duplicates)).sum(),
        reordered: count(&|r| r.reordered),
    }
}

/// The worst of the migrations: 0 if there were none, `None` if none has the figure.
fn worst(migrations: &[MigrationFigures], figure: impl Fn(&MigrationFigures) -> Option<u64>) -> Option<u64> {
    if migrations.is_empty() { Some(0) } else { migrations.iter().filter_map(figure).max() }
}

fn list(
    records: &[Record],
    migrations: &[Migration],
    interruptions: &[Interruption],
    facts: &Facts,
) -> Vec<MigrationFigures> {
    let mut previous_end = None;
    let mut listed = Vec::new();
    for m in migrations {
        let overlaps =
            |i: &&Interruption| m.overlaps(Instant::from_nanos(i.start_ns), Instant::from_nanos(i.end_ns));
        listed.push(MigrationFigures {
            id: m.id,
            client: None,
            scheme: m.scheme,
            goal: m.goal,
            outcome: m.ending,
            reason: m.reason,
            added_delay_max_ns: windows::added_delay_ns(records, m, previous_end),
            downtime_ns: interruptions
                .iter()
                .filter(overlaps)
                .map(Interruption::length_ns)
                .max()
                .unwrap_or(0),
            migration_time_ns: (m.ending == Ending::Complete).then(|| m.end.since(m.trigger).as_nanos()),
            phases: m.phases(),
            state_bytes_sent: m.bytes_sent(facts.state_bytes_sent.get(&m.id).copied()),
            frozen_ns: m.copied.frozen.map(Duration::as_nanos),
            requests_kept: m.copied.kept,
            rounds: m.copied.rounds.clone(),
            pull: m.copied.pull,
            requests_replayed: m.replayed,
            review: m.review,
            rtt_ns: windows::during(records, m).figures(),
        });
        previous_end = Some(m.end);
    }
    listed
}
