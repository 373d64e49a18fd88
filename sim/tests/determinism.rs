//! The same scenario and seed give the same run, to the byte; and what is random about one thing has nothing to do with what
//! is random about another.

use crate::run::{Run, run};

/// A run in which everything that can be drawn is drawn: wires that lose, double and delay, a kill, a re-seeding.
fn eventful(more: &[&str]) -> Run {
    let sets = [
        "state.size=1 MB",
        "duration=3 s",
        "client.route.0.x_mm=11000",
        "links.overrides.edge-a1={loss: 0.02, duplicate: 0.02, reorder: 0.02, jitter: 20 us}",
        "links.overrides.s1-s2={jitter: 20 us}",
        "faults.0={kind: kill, at: {phase: Review, delay: 50 ms}, node: edge-b2}",
    ];
    run(&[&sets[..], more].concat())
}

fn bytes(run: &Run) -> (String, String) {
    let names = &run.scenario.topology.names;
    (run.result().to_json(), run.finished.recorder.journal.to_ndjson(names))
}

#[test]
fn the_same_seed_gives_the_same_result_and_events_to_the_byte() {
    assert_eq!(bytes(&eventful(&[])), bytes(&eventful(&[])));
}

#[test]
fn another_seed_gives_another_run() {
    let (result, events) = bytes(&eventful(&[]));
    let (other_result, other_events) = bytes(&eventful(&["seed=2"]));
    assert_ne!(result, other_result);
    assert_ne!(events, other_events);
}

#[test]
fn more_draws_for_one_purpose_shift_no_other() {
    let due = |run: &Run| run.finished.recorder.records.iter().map(|r| (r.due, r.sent)).collect::<Vec<_>>();
    let (plain, lossier) =
        (eventful(&[]), eventful(&["links.overrides.edge-a2={loss: 0.1, duplicate: 0.1}"]));
    let least = due(&plain).len().min(due(&lossier).len());
    assert!(least > 250, "{}", plain.transcript());
    assert_eq!(
        due(&plain)[..least],
        due(&lossier)[..least],
        "the client's schedule is not the wires' business"
    );
    // No request reaches an idle server's wire before the migration: what is drawn there begins with it.
    let before = |run: &Run| {
        let begun = run.journal().find(" begun ").expect("a migration began");
        run.journal()[..begun].to_owned()
    };
    let target = eventful(&["links.overrides.edge-b1={loss: 0.1, jitter: 1 ms}"]);
    assert_eq!(before(&plain), before(&target));
    let rtts = |run: &Run| -> Vec<_> {
        run.finished.recorder.records.iter().take(140).map(|r| (r.sent, r.answered)).collect()
    };
    assert_eq!(rtts(&plain), rtts(&target), "not one answer comes a nanosecond sooner or later");
}
