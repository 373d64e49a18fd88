//! The schemes that the paper compares itself with, on real memory: the client notices, but nothing is lost, and the target holds what
//! the source held.

use crate::program::{Run, run_once, stage};
use serde_json::Value;

const SINGLE: [&str; 5] = ["stop-and-copy", "pre-copy", "post-copy", "hybrid", "redundancy"];

fn moved(scheme: &str, set: &[&str]) -> Run {
    run_once(&["--scheme", scheme], set)
}

/// The digests of all events of this kind.
fn digests(run: &Run, kind: &str) -> Vec<String> {
    let events = run.events.iter().filter(|event| event["event"] == kind);
    events.map(|event| event["digest"].as_str().expect("a digest").to_owned()).collect()
}

#[test]
fn every_scheme_moves_the_service_and_loses_nothing() {
    let Some(_stage) = stage() else { return };
    for scheme in SINGLE {
        let run = moved(scheme, &[]);
        run.assert_whole();
        assert_eq!(run.outcomes(), ["complete"], "{scheme}: {}", run.told);
        let serving: Vec<&String> =
            run.result["state_digests"].as_object().expect("digests").keys().collect();
        assert_eq!(serving, ["edge-b1"], "{scheme}: one server alone");
        let (cut, restored) = (digests(&run, "cut"), digests(&run, "restored"));
        assert_eq!((cut.len(), &cut), (1, &restored), "{scheme}: what arrived is what was cut");
        let m = run.migrations()[0];
        assert!(m["frozen_ns"].as_u64() > Some(0), "{scheme}: {m}");
        assert_eq!(m["rounds"].is_array(), ["pre-copy", "hybrid"].contains(&scheme), "{scheme}: {m}");
        assert_eq!(m["pull"].is_object(), ["post-copy", "hybrid"].contains(&scheme), "{scheme}: {m}");
    }
}

#[test]
fn hybrid_pulls_less_than_post_copy() {
    let Some(_stage) = stage() else { return };
    let pulled = |scheme| {
        let run = moved(scheme, &[]);
        run.migrations()[0]["pull"]["pages"].as_u64().unwrap_or_else(|| panic!("{}", run.told))
    };
    let (hybrid, post_copy) = (pulled("hybrid"), pulled("post-copy"));
    assert!(hybrid < post_copy, "{hybrid} pages, {post_copy} pages");
}

#[test]
fn the_source_is_lost_in_the_pull_and_the_run_says_so() {
    let Some(_stage) = stage() else { return };
    let set = [
        "links.defaults.rate=20 Mbit/s",
        "faults=[{kind: kill, node: edge-a1, at: {phase: Pull, delay: 50 ms}}]",
    ];
    let run = moved("post-copy", &set);
    assert_eq!((run.outcomes(), run.code), (vec!["source-lost-in-pull".to_owned()], Some(1)), "{}", run.told);
    assert!(run.result["requests"]["lost"].as_u64() > Some(0), "the state is gone: {}", run.told);
}

#[test]
fn the_target_is_lost_in_the_pull_and_the_source_goes_on_without_a_loss() {
    let Some(_stage) = stage() else { return };
    let set = [
        "links.defaults.rate=40 Mbit/s",
        "faults=[{kind: kill, node: edge-b1, at: {phase: Pull, delay: 50 ms}}]",
    ];
    let run = moved("post-copy", &set);
    run.assert_whole();
    assert_eq!(run.outcomes(), ["fell-back", "complete"], "{}", run.told);
}

#[test]
fn a_target_killed_while_the_source_is_frozen_costs_time_and_no_request() {
    let Some(_stage) = stage() else { return };
    for scheme in ["stop-and-copy", "redundancy"] {
        let run = moved(scheme, &["faults=[{kind: kill, node: edge-b1, at: {phase: Transfer}}]"]);
        run.assert_whole();
        let outcomes = run.outcomes();
        assert_eq!((outcomes.len(), &*outcomes[1]), (2, "complete"), "{scheme}: {}", run.told);
    }
}

#[test]
fn state_that_was_never_written_is_not_sent() {
    let Some(_stage) = stage() else { return };
    for scheme in ["stop-and-copy", "hot-standby"] {
        let run = run_once(&["--scheme", scheme, "--state", "400MB"], &["state.fill=sparse"]);
        run.assert_whole();
        assert_eq!(run.outcomes(), ["complete"], "{}", run.told);
        let sent: &Value = &run.migrations()[0]["state_bytes_sent"];
        assert!(sent.as_u64().is_some_and(|bytes| bytes < 40_000_000), "{scheme}: {sent}");
    }
}
