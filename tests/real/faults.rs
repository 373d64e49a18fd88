//! What fails on the serving side: no request is lost, the standby's answer goes out in time.

use crate::program::{Run, run, stage};

fn assert_nothing_noticed(run: &Run) {
    run.assert_unnoticed();
    assert_eq!(run.outcomes().last().map(String::as_str), Some("complete"), "{}", run.told);
}

#[test]
fn the_primary_is_killed() {
    let Some(_stage) = stage() else { return };
    let fault = "faults=[{kind: kill, node: edge-a1, at: {time: 1500 ms}}]";
    let run = run(&[], &[fault]);
    assert_nothing_noticed(&run);
    assert!(run.told.contains("Promoted     edge-a2 in place of edge-a1"), "{}", run.told);
}

#[test]
fn the_primary_is_stopped_and_comes_back() {
    let Some(_stage) = stage() else { return };
    let fault = "faults=[{kind: stop, node: edge-a1, at: {time: 1500 ms}, for: 700 ms}]";
    let run = run(&[], &[fault]);
    assert_nothing_noticed(&run);
    assert!(run.told.contains("Promoted     edge-a2 in place of edge-a1"), "{}", run.told);
}

#[test]
fn the_primary_is_killed_in_the_middle_of_the_review() {
    let Some(_stage) = stage() else { return };
    let fault = "faults=[{kind: kill, node: edge-a1, at: {phase: Review, delay: 50 ms}}]";
    assert_nothing_noticed(&run(&[], &[fault]));
}

#[test]
fn the_controllers_are_restarted_in_the_middle() {
    let Some(_stage) = stage() else { return };
    let faults = "faults=[{kind: restart-controllers, at: {phase: Transfer, delay: 20 ms}}, \
                  {kind: restart-controllers, at: {phase: Review, delay: 50 ms}}]";
    let run = run(&[], &[faults]);
    assert_nothing_noticed(&run);
    assert_eq!(run.outcomes(), ["complete"]);
}
