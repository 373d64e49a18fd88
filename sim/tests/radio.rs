//! Whole runs with an 802.11a channel at each access point: what it costs, what it loses, and that it moves with the AGV.

use crate::run::{Run, run};
use zerogap_proto::{DropReason, Outcome};

/// A short drive without a migration.
fn drive(sets: &[&str]) -> Run {
    run(&[&["state.size=1 MB", "migrations=0", "duration=3 s"], sets].concat())
}

fn median_us(run: &Run) -> f64 {
    run.result().rtt_ns.p50.expect("enough requests for a median") as f64 / 1e3
}

/// The airtimes of a request and its answer are 2 × 904 µs at 6 Mbit/s and 2 × 120 µs at 54; all else is alike.
#[test]
fn six_and_fifty_four_megabits_differ_by_their_airtimes() {
    let (slow, fast) = (drive(&["radio.wifi.rate=6 Mbit/s"]), drive(&["radio.wifi.rate=54 Mbit/s"]));
    let difference = median_us(&slow) - median_us(&fast);
    assert!((difference - 2.0 * (904.0 - 120.0)).abs() < 5.0, "{difference} µs");
    slow.assert_unnoticed();
    fast.assert_unnoticed();
}

/// 1 ms of service, 2 × 120 µs of air, and wires of 1 Gbit/s (5 µs a hop) with what processes take: about 1.3 ms.
#[test]
fn what_is_not_air_is_as_before() {
    let us = median_us(&drive(&["radio.wifi={}", "sim.host_latency={kind: constant, value: 0}"]));
    // To the access point, over s1 to the server and back: four wires of 638 bytes at 1 Gbit/s and 0.2 µs.
    let expected = 1_000.0 + 2.0 * 120.0 + 4.0 * (5.104 + 0.2);
    assert!((us - expected).abs() < 0.1, "{us} µs, expected {expected}");
}

#[test]
fn the_channel_changes_with_the_access_point_and_nobody_notices() {
    let run = run(&["state.size=1 MB", "radio.wifi.neighbours=3"]);
    assert_eq!(run.outcomes(), [Outcome::Complete]);
    run.assert_unnoticed();
    let radio = &run.result().radio;
    assert!(radio["ap1"].delivered > 500 && radio["ap3"].delivered > 500, "{radio:?}");
    assert_eq!(radio["ap2"].sent, 0, "nobody goes there");
}

#[test]
fn a_rate_by_distance_falls_with_it_and_ends_somewhere() {
    let at = |power: &str| {
        let wifi = format!("radio.wifi={{rate: by-distance, range: {{tx_power_dbm: {power}}}}}");
        drive(&[&wifi])
    };
    let (near, far) = (at("16"), at("3"));
    assert!((median_us(&near) - median_us(&drive(&["radio.wifi={}"]))).abs() < 1.0);
    assert!(median_us(&far) > median_us(&near) + 20.0, "{} {}", median_us(&near), median_us(&far));
    let beyond = at("-30");
    assert_eq!(beyond.result().requests.answered, 0);
    assert!(beyond.result().radio["ap1"].dropped[&DropReason::LinkLoss] > 200);
}

#[test]
fn losses_doubles_and_faults_of_the_radio_link_remain() {
    let doubled = drive(&["radio.wifi={}", "radio.link.duplicate=0.2"]);
    assert!(doubled.result().requests.duplicated > 10, "{}", doubled.transcript());
    let lossy = drive(&["radio.wifi={}", "radio.link.loss=0.1"]);
    assert!(lossy.result().requests.lost > 10, "{}", lossy.transcript());
    let fault = "faults.0={kind: link-down, at: {time: 1 s}, link: agv, for: 200 ms}";
    let down = drive(&["radio.wifi={}", fault]);
    assert!((15..25).contains(&down.result().requests.lost), "{}", down.transcript());
}

#[test]
fn a_crowd_that_the_channel_cannot_carry_costs_answers_and_says_where_they_went() {
    let run = drive(&["radio.wifi={rate: 6 Mbit/s, neighbours: 49}"]);
    let r = run.result().requests;
    assert!(r.answered * 4 < r.sent, "{}", run.transcript());
    assert!(run.result().radio["ap1"].dropped[&DropReason::LifetimeOver] > 100, "{}", run.transcript());
}

#[test]
fn the_same_seed_gives_the_same_run_and_without_a_channel_nothing_is_said_of_it() {
    let crowded = || drive(&["radio.wifi={neighbours: 9, frame_error: 0.05}"]).result().to_json();
    assert_eq!(crowded(), crowded());
    assert!(crowded().contains("\"radio\": {"));
    assert!(!drive(&[]).result().to_json().contains("\"radio\": {"));
}
