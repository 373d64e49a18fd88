//! Meters: a token bucket never lets more pass than its rate and burst allow, and no less to who keeps to them.

use super::super::{Meter, MeterSpec};
use super::{read, secs};
use proptest::prelude::*;
use zerogap_proto::{Duration, Instant};

fn meter(spec: &str) -> Meter {
    Meter::new(read(spec)).unwrap_or_else(|error| panic!("{spec}: {error}"))
}

proptest! {
    #[test]
    fn in_no_length_of_time_does_more_pass_than_rate_times_time_plus_burst(
        rate in 1..2_000_000_u64, burst in 1..200_u64,
        frames in proptest::collection::vec((0..3_000_000_u64, 1..4_u64), 1..200),
    ) {
        let meter = meter(&format!(r#"{{"id": 1, "rate_pps": {rate}, "burst_packets": {burst}}}"#));
        let mut now = secs(1);
        let mut passed = Vec::new();
        for (later_ns, packets) in frames {
            now += Duration::from_nanos(later_ns);
            if meter.take(now, packets, 0) {
                passed.push((now, packets));
            }
            for (from, (since, _)) in passed.iter().enumerate() {
                let sum: u64 = passed[from..].iter().map(|(_, packets)| packets).sum();
                let over_ns = u128::from(now.since(*since).as_nanos());
                let allowed = u128::from(rate) * over_ns + u128::from(burst) * 1_000_000_000;
                prop_assert!(u128::from(sum) * 1_000_000_000 <= allowed);
            }
        }
    }

    #[test]
    fn who_sends_at_the_rate_loses_nothing(rate in 1..1_000_000_u64, burst in 1..100_u64) {
        let meter = meter(&format!(r#"{{"id": 1, "rate_pps": {rate}, "burst_packets": {burst}}}"#));
        let gap_ns = 1_000_000_000_u64.div_ceil(rate);
        let passes = |n: u64| meter.take(Instant::from_nanos(n * gap_ns), 1, 1_514);
        prop_assert!((0..500).all(passes));
    }
}

#[test]
fn bits_are_counted_and_the_bucket_fills_again() {
    let meter = meter(r#"{"id": 1, "rate_bps": 8000000, "burst_bits": 16000}"#);
    let takes = |now_us, bytes| meter.take(Instant::ZERO + Duration::from_micros(now_us), 1, bytes);
    let told = [(0, 1_500), (0, 501), (0, 500), (999, 1_000), (1_000, 1_000), (9_000, 2_001), (9_000, 2_000)]
        .map(|(now_us, bytes)| takes(now_us, bytes));
    assert_eq!(told, [true, false, true, false, true, false, true]);
    assert_eq!(meter.counts(), (4, 3));
}

#[test]
fn workers_whose_clocks_differ_a_little_still_share_one_bucket() {
    let meter = meter(r#"{"id": 1, "rate_pps": 1000, "burst_packets": 2}"#);
    assert!(meter.take(secs(5), 2, 0));
    assert!(!meter.take(secs(4), 1, 0), "the past has no tokens of its own");
    assert!(meter.take(secs(6), 1, 0));
}

#[test]
fn a_meter_that_would_let_nothing_pass_or_is_not_clear_is_refused() {
    for (spec, complaint) in [
        (r#"{"id": 1}"#, "give either rate_pps (and burst_packets) or rate_bps (and burst_bits)"),
        (r#"{"id": 1, "rate_pps": 1, "burst_bits": 9}"#, "give either rate_pps"),
        (r#"{"id": 1, "rate_bps": 0}"#, "a rate is at least 1"),
        (
            r#"{"id": 1, "rate_bps": 1000, "burst_bits": 100}"#,
            "a burst of 100 is less than one frame, which is 12112",
        ),
        (
            r#"{"id": 1, "rate_pps": 1000, "burst_packets": 0}"#,
            "a burst of 0 is less than one frame, which is 1",
        ),
    ] {
        let error = Meter::new(read::<MeterSpec>(spec)).expect_err(spec).to_string();
        assert!(error.starts_with(complaint), "{error}");
    }
}
