//! Table I of the paper against `testbeds/table1.yaml`: each row, and what the comments of the file promise.

use super::TABLE_1;
use crate::draw::{intervals, stream};
use crate::file::{Testbed, WifiStandard, parse};
use crate::size::{Rate, Size, Span};
use crate::{Scenario, file};
use zerogap_proto::control::HandoverMode;
use zerogap_proto::message::MESSAGE_LEN;

/// Headers of IPv4 and UDP.
const HEADERS_LEN: usize = 20 + 8;

fn table_1() -> Testbed {
    parse("testbeds/table1.yaml", TABLE_1, &[]).map_err(|error| error.to_string()).unwrap()
}

#[test]
fn every_row_of_table_1_is_a_line_that_the_comment_before_it_names() {
    let rows = [
        ("Tx Interval", "interval:"),
        ("Snapshot time", "snapshot:"),
        ("Restoration time", "restore:"),
        ("Replay time", "replay:"),
        ("Wireless channel", "wifi:"),
        ("Ethernet channel", "rate:"),
        ("Delay", "delay:"),
        ("Packet size", ""),
        ("Server processing delay", "service_time:"),
        ("client mobility", "route:"),
        ("Application size", "size:"),
        ("Simulation number", ""),
    ];
    for (row, field) in rows {
        let named = format!("Table I, {row}");
        let line = TABLE_1.lines().find(|line| line.contains(&named));
        let line = line.unwrap_or_else(|| panic!("no line names `{named}`"));
        assert!(line.trim_start().starts_with(field), "{line}");
    }
}

#[test]
fn the_fixed_parameters_are_the_paper_s() {
    let testbed = table_1();
    assert_eq!(testbed.links.defaults.rate, Rate(1_000_000_000));
    assert_eq!(testbed.links.defaults.delay, Span::ns(200));
    assert!(testbed.links.overrides.is_empty(), "all wires are alike");
    assert_eq!(MESSAGE_LEN + HEADERS_LEN, 624, "bytes of a packet");
    assert_eq!(testbed.service.service_time, Span::ms(1));
    assert_eq!(testbed.threshold, Span::ms(10));
    assert_eq!(testbed.controllers.decision_time, Span::us(4_600));
    assert_eq!(testbed.controllers.handover, HandoverMode::Reactive);
    assert_eq!((testbed.duration, testbed.migrations), (Span::s(60), 1));
    assert!(testbed.radio.wifi.is_some_and(|wifi| wifi.standard == WifiStandard::A));
    assert_eq!(testbed.state.size, Size(40_000_000), "one of the paper's");
}

#[test]
fn the_spreads_are_read_as_variances() {
    let testbed = table_1();
    assert!((testbed.client.interval.std_dev_ns() / 447_214.0 - 1.0).abs() < 1e-5, "sqrt(0.2 ms²)");
    assert!((testbed.sim.replay.std_dev_ns() / 6_325.0 - 1.0).abs() < 1e-4, "sqrt(40 µs²)");
    let ms = |ns: u64| ns as f64 / 1e6;
    let drawn: Vec<f64> = intervals(&testbed).iter().map(|interval| ms(interval.as_nanos())).collect();
    let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
    assert!((mean - 10.0).abs() < 0.03, "{mean} ms");
    let mut sampler = stream(1, "replay");
    let drawn: Vec<u64> = (0..10_000).map(|_| sampler.draw(&testbed.sim.replay).as_nanos()).collect();
    let mean = drawn.iter().sum::<u64>() as f64 / 1e4;
    // 18 µs is 2.8 standard deviations above 0, so cutting off what is below moves the mean by less than 1 %.
    assert!((mean / 18_000.0 - 1.0).abs() < 0.02, "{mean} ns");
}

#[test]
fn what_jobs_take_is_what_the_defaults_say_from_measurements() {
    let (sim, ours) = (table_1().sim, Testbed::default().sim);
    assert_eq!((sim.snapshot, sim.copy, sim.restore), (ours.snapshot, ours.copy, ours.restore));
}

#[test]
fn the_agv_drives_on_one_straight_line_through_the_whole_minute() {
    let testbed = table_1();
    let [from, to] = testbed.client.route[..] else { panic!("a line has two ends") };
    let length_mm = f64::from(to.x_mm - from.x_mm).hypot(f64::from(to.y_mm - from.y_mm));
    let takes_s = length_mm / f64::from(testbed.client.max_speed_mm_s);
    assert!(takes_s >= 60.0, "it would turn after {takes_s} s");
}

#[test]
fn servers_do_not_recheck_themselves_and_nothing_goes_wrong() {
    let testbed = table_1();
    assert_eq!(testbed.service.scrub_interval, Span::default());
    assert!(testbed.faults.is_empty());
    assert_eq!(testbed.links.defaults.loss, 0.0);
}

#[test]
fn it_can_run_at_every_size_of_table_1() {
    for size in ["4 MB", "20 MB", "40 MB", "2000 MB"] {
        let testbed = parse("table1", TABLE_1, &[file::Override::new("state.size", size)]).unwrap();
        Scenario::new(testbed).check().unwrap();
    }
}
