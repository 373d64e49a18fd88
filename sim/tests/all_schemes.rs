//! Every scheme moves the service: what the client noticed of it differs, what was lost does not.

use crate::run::{Run, run};
use zerogap_proto::{AbortReason, Outcome, Scheme};

/// A migration of 20 MB, and what else.
fn moved(scheme: Scheme, more: &[&str]) -> Run {
    let scheme = format!("scheme={}", scheme.name());
    run(&[&[&*scheme, "state.size=20 MB", "duration=4 s"], more].concat())
}

fn added_ms(run: &Run) -> u64 {
    run.result().added_delay_max_ns.expect("there was a migration") / 1_000_000
}

#[test]
fn every_scheme_moves_the_service_and_loses_nothing() {
    for scheme in Scheme::ALL {
        let run = moved(scheme, &[]);
        let requests = run.result().requests;
        assert_eq!(run.outcomes(), [Outcome::Complete], "{}", run.transcript());
        assert_eq!((requests.lost, requests.duplicated), (0, 0), "{}", run.transcript());
        assert_eq!(run.result().state_digests.len(), scheme.replicas(), "{}", run.transcript());
    }
}

#[test]
fn stop_and_copy_and_redundancy_grow_with_the_state_and_hot_standby_does_not() {
    for (scheme, grows) in
        [(Scheme::StopAndCopy, true), (Scheme::Redundancy, true), (Scheme::HotStandby, false)]
    {
        let [small, large] =
            ["10 MB", "80 MB"].map(|size| added_ms(&moved(scheme, &[&format!("state.size={size}")])));
        assert_eq!(large > 4 * small.max(2), grows, "{}: {small} ms, then {large} ms", scheme.name());
    }
}

#[test]
fn a_pre_copy_goes_on_until_the_rest_fits_the_budget_or_its_rounds_run_out() {
    let rounds = |more: &[&str]| moved(Scheme::PreCopy, more).result().migrations[0].rounds.len();
    assert_eq!(rounds(&["copying.downtime_budget=200 ms"]), 1, "what one round leaves fits");
    assert_eq!(rounds(&["copying.downtime_budget=1 ns", "copying.rounds_max=5"]), 5, "nothing ever fits");
}

#[test]
fn a_pre_copy_that_does_not_converge_aborts_if_it_was_told_to_and_nobody_notices() {
    let never = ["copying.downtime_budget=1 ns", "copying.rounds_max=3", "copying.not_converged=abort"];
    let run = moved(Scheme::PreCopy, &[&never[..], &["controllers.hold_time=60 s"]].concat());
    assert_eq!(run.outcomes()[0], Outcome::Aborted(AbortReason::NotConverged), "{}", run.transcript());
    assert_eq!(run.result().requests.late, 0, "{}", run.transcript());
}

#[test]
fn hybrid_pulls_less_than_post_copy() {
    let pulled = |scheme| moved(scheme, &[]).result().migrations[0].pull.expect("it pulls");
    let (post_copy, hybrid) = (pulled(Scheme::PostCopy), pulled(Scheme::Hybrid));
    assert!(hybrid.pages < post_copy.pages / 4, "{hybrid:?}, {post_copy:?}");
    assert!(hybrid.faults < post_copy.faults, "{hybrid:?}, {post_copy:?}");
}

#[test]
fn a_hybrid_whose_rounds_have_left_nothing_to_pull_is_complete() {
    // Found by `zerogap explore`: nothing was ever to come, so nothing ever told that all was there.
    let run = moved(
        Scheme::Hybrid,
        &["state.size=64 KiB", "copying.hybrid_rounds=3", "client.interval.mean=50 ms"],
    );
    assert_eq!(run.outcomes(), [Outcome::Complete], "{}", run.transcript());
    let pull = run.result().migrations[0].pull.expect("it pulls");
    assert_eq!((pull.pages, pull.faults), (0, 0), "{}", run.transcript());
}

#[test]
fn what_waited_for_the_vote_of_a_source_that_is_let_go_is_answered() {
    // Found by `zerogap explore`: the stopped source's window was full, so it was never asked what the target had answered.
    let run = moved(
        Scheme::Redundancy,
        &[
            "state.size=1 MB",
            "service.selection=vote",
            "service.window=2",
            "review.agreements=2",
            "faults.0={kind: stop, at: {phase: Replay}, node: edge-a1, for: 54 ms}",
        ],
    );
    assert_eq!(run.outcomes(), [Outcome::Complete], "{}", run.transcript());
    assert_eq!(run.result().requests.lost, 0, "{}", run.transcript());
}

#[test]
fn the_source_is_lost_in_the_pull_and_the_run_says_so() {
    let kill = "faults.0={kind: kill, at: {phase: Pull, delay: 20 ms}, node: edge-a1}";
    let run = moved(Scheme::PostCopy, &[kill, "links.defaults.rate=100 Mbit/s"]);
    assert_eq!(run.outcomes(), [Outcome::Aborted(AbortReason::SourceLostInPull)], "{}", run.transcript());
    assert!(run.result().requests.lost > 0, "{}", run.transcript());
}

#[test]
fn the_target_is_lost_in_the_pull_and_the_source_goes_on_from_the_mark() {
    let kill = "faults.0={kind: kill, at: {phase: Pull, delay: 20 ms}, node: edge-b1}";
    let run = moved(Scheme::PostCopy, &[kill, "links.defaults.rate=100 Mbit/s"]);
    assert_eq!(run.outcomes()[0], Outcome::Aborted(AbortReason::FellBack), "{}", run.transcript());
    assert_eq!((run.result().requests.lost, run.outcomes().len()), (0, 2), "{}", run.transcript());
}

#[test]
fn a_target_lost_in_any_phase_before_the_commit_point_costs_no_request() {
    for (scheme, phases) in [
        (Scheme::StopAndCopy, &["Prepare", "Freeze", "Transfer", "Restore"][..]),
        (Scheme::PreCopy, &["Rounds", "Freeze", "Transfer"]),
        (Scheme::PostCopy, &["Prepare", "Freeze", "Transfer"]),
        (Scheme::Hybrid, &["Rounds", "Transfer"]),
        (Scheme::Redundancy, &["Freeze", "Snapshot", "Transfer", "Restore", "Replay", "Review"]),
    ] {
        for phase in phases {
            let kill = format!("faults.0={{kind: kill, at: {{phase: {phase}}}, node: edge-b1}}");
            let run = moved(scheme, &[&kill]);
            let last = *run.outcomes().last().expect("it ended");
            assert_eq!((run.result().requests.lost, last), (0, Outcome::Complete), "{}", run.transcript());
        }
    }
}
