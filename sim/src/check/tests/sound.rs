//! Runs in which everything happens, and nothing is wrong.

use super::{judged, scenario, sights};
use crate::check::simulate;
use zerogap_proto::Scheme;

#[test]
fn a_sound_run_of_every_scheme_breaks_nothing() {
    for scheme in Scheme::ALL {
        let scenario = scenario(&[&format!("scheme={}", scheme.name()), "migrations=2"]);
        let judged = simulate(&scenario, &mut |_, _, _| {}).expect("a valid testbed");
        assert_eq!(judged.violations, [], "{}", scheme.name());
        assert_eq!(judged.finished.result.migrations_completed(), 2, "{}", scheme.name());
    }
}

#[test]
fn faults_and_lost_frames_break_nothing() {
    let table: [&[&str]; 7] = [
        &["faults.0={kind: kill, at: {phase: Review}, node: edge-a1}"],
        &["faults.0={kind: kill, at: {phase: SwitchOver}, node: edge-b1}"],
        &[
            "faults.0={kind: flip-bit, at: {phase: Transfer}, node: edge-b2, byte: 7, bit: 3, at_restore: true}",
        ],
        // Rotten after the cut of its own standby, which takes its place.
        &[
            "controllers.hold_time=50 ms",
            "faults.0={kind: flip-bit, at: {time: 300 ms}, node: edge-a1, byte: 4711, bit: 3, at_restore: false}",
            "faults.1={kind: flip-bit, at: {phase: Restore, migration: 1}, node: edge-a2, byte: 65000, bit: 3, at_restore: false}",
        ],
        // Rotten before the cut: the first target's scan ends the attempt, the other's comes after the end.
        &[
            "faults.0={kind: flip-bit, at: {phase: Snapshot}, node: edge-a2, byte: 4711, bit: 3, at_restore: false}",
            "sim.restore={base: {kind: uniform, from: 100 us, to: 6 ms}, per_mb: {kind: constant, value: 0}}",
            "sim.control_delay={kind: constant, value: 1 ms}",
            "seed=5",
        ],
        &["links.overrides.edge-b1={loss: 0.05, duplicate: 0.05, reorder: 0.05}"],
        &["radio.link={loss: 0.05, duplicate: 0.05, reorder: 0.05}", "client.give_up=1 s"],
    ];
    for sets in table {
        let scenario = scenario(sets);
        assert_eq!(judged(&scenario, &sights(&scenario)), [], "{sets:?}");
    }
}

#[test]
fn a_lost_service_is_no_broken_guarantee_and_is_told() {
    let kill = "faults.0={kind: kill, at: {time: 500 ms}, node: edge-a1}";
    let scenario = scenario(&["scheme=stop-and-copy", kill]);
    let judged = simulate(&scenario, &mut |_, _, _| {}).expect("a valid testbed");
    assert_eq!(judged.violations, []);
    assert!(judged.service_lost && judged.finished.result.requests.lost > 0);
}
