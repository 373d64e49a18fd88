//! What fails on the target side: the migration is aborted with its reason, the source goes on, the next attempt succeeds.

use crate::program::{run, stage};

fn assert_aborted_then_complete(fault: &str, reasons: &[&str]) {
    let Some(_stage) = stage() else { return };
    let run = run(&[], &[&format!("faults=[{fault}]")]);
    run.assert_unnoticed();
    let outcomes = run.outcomes();
    let [first, .., last] = &outcomes[..] else {
        panic!("two attempts at least: {outcomes:?}\n{}", run.told)
    };
    assert!(reasons.contains(&first.as_str()), "{outcomes:?}\n{}", run.told);
    assert_eq!(last, "complete", "{}", run.told);
}

#[test]
fn a_target_is_killed_during_the_transfer() {
    let fault = "{kind: kill, node: edge-b1, at: {phase: Transfer, delay: 20 ms}}";
    assert_aborted_then_complete(fault, &["target-lost", "transfer-failed"]);
}

#[test]
fn a_target_is_killed_during_the_review() {
    let fault = "{kind: kill, node: edge-b2, at: {phase: Review, delay: 50 ms}}";
    assert_aborted_then_complete(fault, &["target-lost"]);
}

#[test]
fn a_bit_that_no_request_touches_flips_before_the_scan() {
    let fault = "{kind: flip-bit, node: edge-b2, byte: 9999999, bit: 3, at_restore: true, at: {time: 1 s}}";
    assert_aborted_then_complete(fault, &["digest-mismatch"]);
}

#[test]
fn a_target_cannot_be_reached() {
    let fault = "{kind: link-down, link: edge-b1, at: {phase: Snapshot}, for: 8 s}";
    assert_aborted_then_complete(fault, &["transfer-failed"]);
}
