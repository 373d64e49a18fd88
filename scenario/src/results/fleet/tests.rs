//! A fleet's figures against those that are computed from all that was kept.

use super::*;
use crate::file::{Fleet, Testbed};
use crate::results::testing::{MS, Story, answered, facts, lost};
use crate::results::{Stall, World, compute};
use zerogap_proto::{AbortReason, Outcome, Phase};

/// Two AGVs, of which only the first does anything.
fn topology() -> Topology {
    let fleet = Fleet { halls: 1, agvs: 2, ..Fleet::default() };
    Topology::new(&Testbed { fleet, ..Testbed::default() })
}

/// Two migrations, an abort between them, and requests that are late and lost in and beside them.
fn story() -> (Story, Vec<Record>) {
    let aborted = |story: Story| {
        let story = story.packet_in(500).begun(505, 2, Goal::SwitchOver).phase(510, 2, Phase::Transfer);
        story.ended(540, 2, Outcome::Aborted(AbortReason::TargetLost))
    };
    let story = aborted(Story::default().migration(200, 1)).migration(800, 3);
    let records = (0..100).map(|n| match n {
        23 => answered(n, n * 10, 14 * MS),
        24 | 25 => lost(n, n * 10),
        60 => answered(n, n * 10, 25 * MS),
        _ => answered(n, n * 10, MS + n),
    });
    (story, records.collect())
}

/// With the testing stories' client and switch as the topology calls them.
fn retold(story: &Journal, topology: &Topology) -> Journal {
    let mut journal = Journal::default();
    for entry in story.in_order() {
        let mut event = entry.event.clone();
        if let Event::PacketIn { client, .. } = &mut event {
            *client = topology.first().client;
        }
        journal.add(entry.at, entry.who, event);
    }
    journal
}

#[test]
fn what_is_counted_as_it_comes_is_what_is_computed_from_all_that_was_kept() {
    let (topology, (story, records)) = (topology(), story());
    let journal = retold(&story.0, &topology);
    let facts = facts(0);
    assert_eq!(facts.world, World::Simulated);
    let mut tally = Tally::new(&topology, facts.threshold);
    journal.in_order().iter().for_each(|entry| tally.event(entry.at, &entry.event));
    records.iter().for_each(|record| tally.record(topology.first().client, record));
    let counted = tally.finish(&facts, &topology, &journal, FleetFigures::default());
    let kept = compute(&records, &journal, &facts, &topology.names);
    assert_eq!(counted.requests, kept.requests);
    assert_eq!((counted.rtt_ns, counted.service_rtt_ns), (kept.rtt_ns, kept.service_rtt_ns));
    assert_eq!((counted.verdict, counted.downtime_ns), (kept.verdict, kept.downtime_ns));
    assert_eq!(counted.interruptions, kept.interruptions);
    assert_eq!(counted.windows.before, kept.windows.before);
    assert_eq!(counted.windows.migration, kept.windows.migration);
    let felt = |m: &MigrationFigures| {
        (m.id, m.outcome, m.migration_time_ns, m.downtime_ns, m.rtt_ns.count, m.rtt_ns.max, m.phases.clone())
    };
    let felt = |result: &RunResult| result.migrations.iter().map(felt).collect::<Vec<_>>();
    assert_eq!(felt(&counted), felt(&kept));
    assert_eq!(counted.migration_time_ns, kept.migration_time_ns);
    let figures = counted.fleet.expect("it is a fleet").migrations;
    assert_eq!((figures.complete, figures.aborted["target-lost"], figures.unfinished), (2, 1, 0));
}

#[test]
fn what_two_saw_of_a_trunk_is_its_load() {
    let mut loads = [Load::default(); 2];
    loads[1].add(Instant::ZERO, 1_000);
    let mut seen = TrunkFigures::of(80_000, &loads);
    assert_eq!((seen.bytes, seen.busiest_second_bytes, seen.utilisation_max), (1_000, 1_000, Some(0.1)));
    seen.add(&TrunkFigures::of(80_000, &loads));
    assert_eq!((seen.bytes, seen.busiest_second_bytes, seen.utilisation_max), (2_000, 2_000, Some(0.2)));
}

#[test]
fn an_interruption_that_a_stall_of_the_machine_explains_is_the_hosts() {
    let (topology, client) = (topology(), topology().first().client);
    let records: Vec<Record> = (0..50)
        .map(|n| if n == 20 { answered(n, n * 10, 30 * MS) } else { answered(n, n * 10, MS) })
        .collect();
    let verdict = |stall_ms: u64| {
        let length = Duration::from_millis(stall_ms);
        let stall = Stall { start: Instant::ZERO + Duration::from_millis(201), length };
        let facts = Facts { stalls: vec![stall], ..facts(0) };
        let mut tally = Tally::new(&topology, facts.threshold);
        records.iter().for_each(|record| tally.record(client, record));
        tally.finish(&facts, &topology, &Journal::default(), FleetFigures::default()).verdict
    };
    assert_eq!(verdict(25), Verdict::Inconclusive);
    assert_eq!(verdict(15), Verdict::Interrupted, "it would have been late without the stall");
}

#[test]
fn a_migration_that_the_end_cuts_short_is_unfinished_and_what_is_listed_is_bounded() {
    let topology = topology();
    let mut tally = Tally::new(&topology, facts(0).threshold);
    let mut story = Story::default();
    for id in 0..LISTED_MAX as u32 + 5 {
        story = story.migration(u64::from(id) * 100, id);
    }
    let story = story.begun(200_000, 5_000, Goal::SwitchOver);
    story.0.in_order().iter().for_each(|entry| tally.event(entry.at, &entry.event));
    let result = tally.finish(&facts(0), &topology, &story.0, FleetFigures::default());
    let figures = result.fleet.expect("it is a fleet").migrations;
    assert_eq!((figures.complete, figures.unfinished), (LISTED_MAX as u64 + 5, 1));
    assert_eq!(result.migrations.len(), LISTED_MAX);
}
