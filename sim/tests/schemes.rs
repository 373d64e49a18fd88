//! What the scheme promises, run by run: that nothing begins unasked, that many migrations follow one another, and that the
//! client notices neither failing servers nor its own handovers.

use crate::run::{Run, run};
use zerogap_proto::{Event, Goal, Outcome, Phase};

const SHORT: [&str; 3] = ["state.size=1 MB", "duration=3 s", "client.route.0.x_mm=11000"];

fn short(more: &[&str]) -> Run {
    run(&[&SHORT[..], more].concat())
}

fn count(run: &Run, wanted: impl Fn(&Event) -> bool) -> usize {
    run.events().filter(|(_, event)| wanted(event)).count()
}

/// All wanted migrations completed, none was aborted, nobody noticed.
fn assert_all_complete(run: &Run, migrations: usize) {
    run.assert_unnoticed();
    assert_eq!(run.outcomes(), vec![Outcome::Complete; migrations], "{}", run.transcript());
    assert_eq!(run.result().verdict.name(), "uninterrupted", "{}", run.transcript());
}

#[test]
fn a_control_run_begins_nothing_although_the_client_changes_its_place() {
    let run = short(&["migrations=0", "duration=20 s"]);
    assert_all_complete(&run, 0);
    assert_eq!(count(&run, |event| matches!(event, Event::Begun { .. })), 0);
    assert!(count(&run, |event| matches!(event, Event::Associated { .. })) > 2, "{}", run.transcript());
}

#[test]
fn ten_migrations_there_and_back_all_complete() {
    let run = short(&["migrations=10", "client.route.1.x_mm=14000"]);
    assert_all_complete(&run, 10);
    let digests: Vec<_> = run.result().state_digests.values().collect();
    assert!(digests.len() == 2 && digests[0] == digests[1], "{}", run.transcript());
}

#[test]
fn every_selection_and_both_handovers_run_clean() {
    for selection in ["preferred", "first", "vote"] {
        for handover in ["notify", "reactive"] {
            let sets = [format!("service.selection={selection}"), format!("controllers.handover={handover}")];
            assert_all_complete(&short(&[&sets[0], &sets[1]]), 1);
        }
    }
}

#[test]
fn a_replay_over_a_slow_trunk_leaves_room_for_the_clients_answers() {
    // What comes in during the transfer, twice, is 40 ms of this trunk.
    let interval = "client.interval={kind: constant, value: 5 ms}";
    let run = short(&["links.overrides.s1-s2={rate: 20 Mbit/s}", "state.size=500 kB", interval]);
    assert_all_complete(&run, 1);
    assert!(run.result().rtt_ns.max < Some(5_000_000), "{}", run.transcript());
}

#[test]
fn handing_over_back_and_forth_during_a_migration_changes_only_the_path() {
    // A slow trunk makes the transfer long; the route turns soon after the border, again and again.
    let run = short(&[
        "links.overrides.s1-s2={rate: 100 Mbit/s}",
        "links.defaults.queue=0",
        "client.route=[{x_mm: 11000, y_mm: 10000}, {x_mm: 13300, y_mm: 10000}]",
        "client.dwell=0",
        "client.hysteresis_mm=100",
        "client.reach_mm=100",
        "state.size=60 MB",
    ]);
    let (begun, ended) = (run.entered(Phase::Snapshot), run.entered(Phase::Complete));
    let moved = run
        .events()
        .filter(|(at, event)| matches!(event, Event::Associated { .. }) && (begun..ended).contains(at));
    assert!(moved.count() >= 2, "{}", run.transcript());
    assert_all_complete(&run, 1);
}

#[test]
fn a_primary_that_stands_still_for_300_ms_loses_nothing_and_delays_nothing_too_long() {
    for at in ["time: 1 s", "phase: Transfer", "phase: Review", "phase: Review, delay: 100 ms"] {
        let stop = format!("faults.0={{kind: stop, at: {{{at}}}, node: edge-a1, for: 300 ms}}");
        let run = short(&[&stop]);
        run.assert_unnoticed();
        assert_eq!(run.result().migrations_completed(), 1, "{}", run.transcript());
    }
}

#[test]
fn a_primary_killed_at_any_instant_of_a_requests_life_makes_none_late() {
    for half_ms in 0..24 {
        // Requests are due every 10 ms and answered within 2 ms: this goes all the way round.
        let at_us = 1_000_000 + half_ms * 500;
        let run = short(&[
            "migrations=0",
            "duration=2 s",
            &format!("faults.0={{kind: kill, at: {{time: {at_us} us}}, node: edge-a1}}"),
        ]);
        run.assert_unnoticed();
        assert_eq!(count(&run, |event| matches!(event, Event::Promoted { .. })), 1, "{}", run.transcript());
    }
}

#[test]
fn a_killed_standby_is_replaced_and_the_next_migration_snapshots_its_replacement() {
    let run =
        short(&["client.route.0.x_mm=8000", "faults.0={kind: kill, at: {time: 300 ms}, node: edge-a2}"]);
    run.assert_unnoticed();
    let begun: Vec<_> = run
        .events()
        .filter_map(|(_, event)| {
            let Event::Begun { goal, snapshotter, targets, .. } = event else { return None };
            Some((*goal, *snapshotter, targets.clone()))
        })
        .collect();
    let id = |name: &str| run.scenario.topology.names.id(name).expect("the demo has it");
    let expected = vec![
        (Goal::Reseed, id("edge-a1"), vec![id("edge-a2")]),
        (Goal::SwitchOver, id("edge-a2"), vec![id("edge-b1"), id("edge-b2")]),
    ];
    assert_eq!(begun, expected, "{}", run.transcript());
    assert_eq!(run.outcomes(), [Outcome::Complete; 2], "{}", run.transcript());
}

#[test]
fn a_fault_strikes_at_its_time_and_not_with_the_next_event() {
    let run = short(&["faults.0={kind: stop, at: {time: 1234567 ns}, node: edge-a2, for: 1 ms}"]);
    let strike =
        run.events().find(|(_, event)| matches!(event, Event::Fault { .. })).map(|(at, _)| at.as_nanos());
    assert_eq!(strike, Some(1_234_567), "{}", run.transcript());
}
