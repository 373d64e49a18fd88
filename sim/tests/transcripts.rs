//! Whole runs as transcripts that a person can read. After a change that is meant, write them anew with
//! `INSTA_UPDATE=always cargo test -p zerogap-sim` and read what became of them.

use crate::run::run;
use insta::assert_snapshot;
use zerogap_proto::{AbortReason, Outcome, Phase};

/// A small state, and a route that crosses the border soon and not again before the run is over.
const SHORT: [&str; 3] = ["state.size=1 MB", "duration=3 s", "client.route.0.x_mm=11000"];

fn short(more: &[&str]) -> crate::run::Run {
    run(&[&SHORT[..], more].concat())
}

#[test]
fn the_demo() {
    assert_snapshot!(run::<&str>(&[]).transcript());
}

#[test]
fn the_papers_reactive_handover_adds_the_controllers_decision_time() {
    let run = short(&["controllers.handover=reactive", "controllers.decision_time=4.6 ms"]);
    let added_us = run.result().added_delay_max_ns.expect("there was a migration") / 1_000;
    assert!((4_500..5_000).contains(&added_us), "{added_us} us\n{}", run.transcript());
    run.assert_unnoticed();
    assert_snapshot!(run.transcript());
}

#[test]
fn the_serving_primary_is_killed_in_the_middle_of_the_review() {
    let run = short(&["faults.0={kind: kill, at: {phase: Review, delay: 105 ms}, node: edge-a1}"]);
    run.assert_unnoticed();
    assert_snapshot!(run.transcript());
}

#[test]
fn a_target_is_killed_in_the_transfer_and_the_next_attempt_succeeds() {
    let run = short(&["faults.0={kind: kill, at: {phase: Transfer, delay: 5 ms}, node: edge-b1}"]);
    run.assert_unnoticed();
    assert_eq!(run.outcomes(), [Outcome::Aborted(AbortReason::TransferFailed), Outcome::Complete]);
    assert_snapshot!(run.transcript());
}

#[test]
fn a_bit_that_flips_before_the_restores_scan_aborts_and_the_next_attempt_completes() {
    let flip = "faults.0={kind: flip-bit, at: {phase: Transfer}, node: edge-b2, byte: 4711, bit: 3, at_restore: true}";
    let run = short(&[flip]);
    run.assert_unnoticed();
    assert_eq!(run.outcomes(), [Outcome::Aborted(AbortReason::DigestMismatch), Outcome::Complete]);
    assert_snapshot!(run.transcript());
}

#[test]
fn a_bit_that_flips_in_a_target_during_the_review_is_found_by_its_scrub_and_ends_the_attempt() {
    // No request touches the floor's corner, so no answer tells: only the scrub does.
    let run = short(&["faults.0={kind: flip-bit, at: {phase: Review}, node: edge-b2, byte: 0, bit: 3}"]);
    run.assert_unnoticed();
    assert_eq!(run.outcomes(), [Outcome::Aborted(AbortReason::DigestMismatch), Outcome::Complete]);
    assert_snapshot!(run.transcript());
}

#[test]
fn the_controllers_are_restarted_in_every_phase() {
    for phase in
        [Phase::Snapshot, Phase::Transfer, Phase::Restore, Phase::Replay, Phase::Review, Phase::SwitchOver]
    {
        // With 1 MB of state the replay would be over in the instant in which it begins.
        let restart = format!("faults.0={{kind: restart-controllers, at: {{phase: {phase}}}}}");
        let run = short(&["state.size=40 MB", &restart]);
        run.assert_unnoticed();
        assert_eq!(run.outcomes().last(), Some(&Outcome::Complete), "{}", run.transcript());
        assert_snapshot!(format!("controllers_restarted_in_{phase}"), run.transcript());
    }
}

#[test]
fn the_trunk_is_down_for_a_while_during_the_transfer() {
    let run = short(&["faults.0={kind: link-down, at: {phase: Transfer}, link: s1-s2, for: 20 ms}"]);
    assert_snapshot!(run.transcript());
}
