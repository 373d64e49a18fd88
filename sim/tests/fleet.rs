//! Fleets: many AGVs, each with a service of its own, in one run. What holds for one holds for each of them.

use crate::run::{Run, run};
use std::collections::{BTreeMap, BTreeSet};
use zerogap_proto::{Event, Goal, Outcome};
use zerogap_scenario::Scenario;

/// Three halls with four AGVs in each, which cross the border between two switches again and again.
fn fleet(more: &[&str]) -> Run {
    let sets = [
        "fleet={halls: 3, agvs: 4, stagger: 2 s}",
        "migrations=100",
        "duration=6 s",
        "state={size: 64 KB, fill: sparse}",
        "client.route=[{x_mm: 12000, y_mm: 10000}, {x_mm: 13000, y_mm: 10000}]",
        "client.hysteresis_mm=100",
        "client.dwell=100 ms",
        "client.give_up=1 s",
        "controllers.hold_time=100 ms",
    ];
    run(&[&sets[..], more].concat())
}

#[test]
fn no_agv_of_a_fleet_notices_that_its_service_is_moved_again_and_again() {
    let run = fleet(&[]);
    let figures = run.result().fleet.as_ref().expect("it is a fleet");
    run.assert_unnoticed();
    assert_eq!(run.result().verdict.name(), "uninterrupted", "{}", run.transcript());
    assert_eq!((figures.halls, figures.agvs, figures.states_differ), (3, 12, 0));
    assert_eq!((figures.migrations.aborted.len(), figures.sdn.dropped), (0, 0), "{}", run.transcript());
    let mut moved: BTreeMap<_, u32> = BTreeMap::new();
    for (_, event) in run.events() {
        if let Event::Ended { service, outcome: Outcome::Complete, .. } = event {
            *moved.entry(*service).or_default() += 1;
        }
    }
    assert_eq!(moved.len(), 12);
    assert!(moved.values().all(|count| *count >= 2), "{moved:?}");
    assert_eq!(moved.values().map(|count| u64::from(*count)).sum::<u64>(), figures.migrations.complete);
}

#[test]
fn a_service_moves_only_between_its_own_processes_in_its_own_hall() {
    let run = fleet(&["duration=3 s"]);
    let t = &run.scenario.topology;
    let mut seen = BTreeSet::new();
    for (_, event) in run.events() {
        if let Event::Begun { service, snapshotter, targets, goal: Goal::SwitchOver, .. } = event {
            let member = t.member(*service).expect("a service of the fleet");
            assert!(targets.iter().chain([snapshotter]).all(|server| member.servers.contains(server)));
            let anchor = t.halls[member.hall].switches[0];
            assert_eq!(member.anchor, anchor);
            seen.insert(member.hall);
        }
    }
    assert_eq!(seen.len(), 3, "in every hall");
    let spine = t.names.name(t.switches[6]).into_owned();
    assert_eq!(run.result().switches[&spine].frames_in, 0, "nothing leaves its hall");
}

#[test]
fn the_same_fleet_and_seed_give_the_same_result_to_the_byte() {
    let bytes = |run: &Run| {
        let names = &run.scenario.topology.names;
        (run.result().to_json(), run.finished.recorder.journal.to_ndjson(names))
    };
    assert_eq!(bytes(&fleet(&["duration=3 s"])), bytes(&fleet(&["duration=3 s"])));
    assert_ne!(bytes(&fleet(&["duration=3 s"])).0, bytes(&fleet(&["duration=3 s", "seed=2"])).0);
}

/// Names, addresses and the draws of its schedule; what is drawn from streams that all share (latencies of hosts) it gets in turn.
#[test]
fn the_first_of_a_fleet_is_the_one_agv_of_a_file_without_a_fleet() {
    let (one, many) = (Scenario::new(crate::run::testbed(&[""; 0])), fleet(&[]).scenario);
    let name = |scenario: &Scenario, node| scenario.topology.names.name(node).into_owned();
    let (a, b) = (one.topology.first(), many.topology.first());
    assert_eq!(name(&one, a.client), name(&many, b.client));
    assert_eq!(
        a.servers.iter().map(|s| name(&one, *s)).collect::<Vec<_>>(),
        b.servers.iter().map(|s| name(&many, *s)).collect::<Vec<_>>()
    );
    assert_eq!(one.endpoint(a), many.endpoint(b));
    assert_eq!(one.agvs[0].intervals, many.agvs[0].intervals, "the same seed and purpose, the same draws");
}

#[test]
fn a_server_that_dies_is_replaced_and_only_its_own_service_is_moved_for_it() {
    let kill = "faults.0={kind: kill, at: {time: 1 s}, node: edge-a2}";
    let run = fleet(&["migrations=0", "duration=3 s", kill]);
    run.assert_unnoticed();
    let mut reseeded = Vec::new();
    for (_, event) in run.events() {
        if let Event::Begun { service, goal: Goal::Reseed, .. } = event {
            reseeded.push(*service);
        }
    }
    assert_eq!(reseeded, [run.scenario.topology.first().service], "{}", run.transcript());
}
