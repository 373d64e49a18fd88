//! From journals to the file: each journal is what a run for real has left, as far as a calibration reads it.

use super::*;
use crate::compare::testing::{ms, result};
use crate::file::{Testbed, overlay, parse};
use crate::results::RunResult;

const CUT_US: u64 = 100_000;

/// The event `kind` at so many microseconds, with these fields.
fn event(at_us: u64, kind: &str, fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    format!("{{\"at_ns\":{},\"node\":\"s1\",\"event\":\"{kind}\"{comma}{fields}}}\n", at_us * 1_000)
}

fn phase(at_us: u64, name: &str) -> String {
    event(at_us, "phase", &format!("\"phase\":\"{name}\""))
}

/// Every message takes 50 µs: the first lines of every journal.
fn beginning() -> String {
    event(99_000, "packet-in", "") + &event(99_150, "begun", "") + &event(99_250, "reset", "")
}

fn result_of(state_mb: u64, sent_bytes: u64) -> RunResult {
    let mut result = result(Some((ms(99), ms(1_000), 0)));
    result.state_bytes = state_mb * 1_000_000;
    result.migrations[0].state_bytes_sent = Some(sent_bytes);
    result
}

fn seen(runs: &[(RunResult, String)], testbed: &Testbed) -> Observations {
    let mut seen = Observations::default();
    for (result, journal) in runs {
        let journal = Journal::parse(journal).unwrap();
        seen.add(&Run { testbed, result, journal: &journal });
    }
    seen
}

/// A fork takes 500 µs and 2 µs a MB, a transfer 2 ms more than its links, a scan 1 ms and 150 µs a MB.
fn hot_standby(state_mb: u64) -> (RunResult, String) {
    let bytes = 2 * state_mb * 1_000_000;
    let began_us = CUT_US + 500 + 2 * state_mb;
    let arrived_us = began_us + 2_000 + crate::bulk::on_the_wire(bytes) * 8 / 1_000;
    let read_us = arrived_us + 100 + 1_000 + 150 * state_mb;
    let server = "\"server\":\"edge-b1\"";
    let journal = beginning()
        + &event(CUT_US, "cut", "\"server\":\"edge-a2\"")
        + &event(began_us + 250_000, "sending", "\"bytes\":1,\"took\":250000000")
        + &event(arrived_us - 9, "restored", server)
        + &event(arrived_us, "restored", "\"server\":\"edge-b2\"")
        + &phase(read_us, "Replay")
        + &event(read_us, "reading", server)
        // 64 are the window; 100 were answered, in 20 µs each.
        + &event(read_us + 2_000, "live", &format!("{server},\"replayed\":164"));
    (result_of(state_mb, bytes), journal)
}

/// A copy takes 1.6 ms a MB.
fn redundancy(state_mb: u64) -> (RunResult, String) {
    let journal = beginning()
        + &phase(CUT_US, "Snapshot")
        + &event(CUT_US + 50 + 1_600 * state_mb, "cut", "")
        + &event(CUT_US + 300 + 1_600 * state_mb, "thawed", "");
    (result_of(state_mb, state_mb * 1_000_000), journal)
}

/// Between rounds a server stands still for 700 µs and 9 µs a MB.
fn pre_copy(state_mb: u64) -> (RunResult, String) {
    let round = |at_us: u64, mb: u64| {
        let took_us = 2_000 + crate::bulk::on_the_wire(mb * 1_000_000) * 8 / 1_000;
        let fields = format!("\"bytes\":{},\"took\":{},\"round\":1", mb * 1_000_000, took_us * 1_000);
        (at_us + took_us, event(at_us + took_us, "round-done", &fields))
    };
    let (end_us, first) = round(CUT_US, state_mb);
    let (_, second) = round(end_us + 700 + 9 * state_mb, 1);
    (result_of(state_mb, state_mb * 1_000_000), beginning() + &first + &second)
}

/// Pulled at 9 ms a MB; a thousand pages are 4.096 MB. A wanted page takes 1 ms, of which 8 pages are 0.29 ms.
fn post_copy(state_mb: u64) -> (RunResult, String) {
    let journal = beginning()
        + &event(CUT_US, "usable", "")
        + &event(CUT_US + 36_864, "pulled", "\"pages\":1000,\"faults\":10,\"blocked\":10000000");
    (result_of(state_mb, state_mb * 1_000_000), journal)
}

fn everything() -> Observations {
    let runs = [4, 40, 400].map(|mb| [hot_standby(mb), redundancy(mb), pre_copy(mb), post_copy(mb)]).concat();
    seen(&runs, &Testbed::default())
}

#[test]
fn what_the_runs_were_made_of_is_found_again() {
    let found = estimate(&everything(), None);
    let line = |fitted: Option<Fitted>| {
        let line = fitted.unwrap().line;
        ((line.base_ns / 1e3).round(), (line.per_mb_ns / 1e3).round())
    };
    assert_eq!(line(found.snapshot), (500.0, 2.0));
    assert_eq!(line(found.round), (700.0, 9.0));
    assert_eq!(line(found.copy), (0.0, 1_600.0));
    assert_eq!(line(found.restore), (1_000.0, 150.0));
    // Headers of the last frames differ by some hundred nanoseconds.
    assert_eq!((found.transfer_base.unwrap().mean().as_nanos() as f64 / 1e4).round(), 200.0);
    let (wanted, per_mb) = found.pull.unzip();
    assert_eq!((line(wanted).0, line(per_mb).0), (705.0, 9_000.0));
    assert_eq!(line(found.replay), (20.0, 0.0));
    assert_eq!(found.control.unwrap().mean().as_nanos(), 50_000);
    assert_eq!((found.transfer_per_mb, found.latency), (None, None), "no run tells these");
}

#[test]
fn a_machine_slower_than_its_links_is_what_limits_a_transfer() {
    let unlimited = parse("t.yaml", "links: {defaults: {rate: unlimited}}", &[]).unwrap();
    let faster = parse("t.yaml", "links: {defaults: {rate: 10 Gbit/s}}", &[]).unwrap();
    for testbed in [unlimited, faster] {
        let found = estimate(&seen(&[4, 40, 400].map(hot_standby), &testbed), None);
        // 8.06 ms a MB, which the links of 1 Gbit/s in the journals took.
        let per_mb_us = (found.transfer_per_mb.unwrap().line.per_mb_ns / 1e3).round();
        assert_eq!(per_mb_us, 8_059.0);
    }
}

#[test]
fn runs_in_which_nothing_moved_tell_nothing() {
    let mut aborted = hot_standby(40);
    aborted.0.migrations.clear();
    assert_eq!(seen(&[aborted], &Testbed::default()), Observations::default());
}

#[test]
fn the_file_says_what_was_measured_how_and_on_what_and_is_an_overlay() {
    let latency =
        Latency { median_ns: 261_234.0, sigma: 0.312_3, measured_ns: 1_987_654.0, modelled_ns: 1_456_789.0 };
    let on = Circumstances {
        program: "zerogap 0.1.0".into(),
        when: "2026-11-23 03:04 UTC".into(),
        kernel: "Linux 6.18.0".into(),
        architecture: "x86_64".into(),
        cores: 2,
    };
    let text = to_yaml(&estimate(&everything(), Some(latency)), &on);
    insta::assert_snapshot!(text);
    let overrides = overlay("c.yaml", &text).unwrap();
    let testbed = parse("t.yaml", "", &overrides).unwrap();
    assert_eq!(testbed.sim.copy.per_mb.mean().as_nanos(), 1_600_000);
    assert_eq!(testbed.sim.transfer.per_mb, Testbed::default().sim.transfer.per_mb, "it was not measured");
    let nothing = to_yaml(&estimate(&Observations::default(), None), &on);
    assert_eq!(overlay("c.yaml", &nothing).unwrap(), [], "nothing was measured");
}
