//! Stations that always have something to send, against the literature: G. Bianchi, "Performance analysis of the IEEE 802.11
//! distributed coordination function", IEEE JSAC 18(3), 2000; with the refinement of I. Tinnirello, G. Bianchi and Y. Xiao,
//! "Refinements on IEEE 802.11 distributed coordination function modeling approaches", IEEE Trans. Veh. Technol. 59(3), 2010.

use super::super::airtime::mpdu_bytes;
use super::super::medium::{Medium, Report, Rules};
use super::super::station::Packet;
use zerogap_proto::{Duration, Instant};
use zerogap_scenario::draw::stream;
use zerogap_scenario::file::OfdmRate;
use zerogap_scenario::results::RadioFigures;

const ATTEMPTS: u8 = 7;

/// What `n` saturated stations delivered, each, and what was counted.
fn saturated(n: usize, frames: u64) -> (Vec<u64>, RadioFigures) {
    let rules = Rules {
        settle: Duration::ZERO,
        queue_max: 2,
        lifetime: Duration::from_secs(60),
        attempts: ATTEMPTS,
        frame_error: 0.0,
    };
    let mut medium = Medium::new(rules, n + 1, stream(7, "backoff"), stream(7, "errors"));
    let packet = |load| Packet { load, bytes: mpdu_bytes(638), rate: OfdmRate::Mbit54, to: Some(0) };
    let mut shares = vec![0; n];
    for station in 1..=n {
        medium.offer(Instant::ZERO, station, packet(station));
        medium.offer(Instant::ZERO, station, packet(station));
    }
    while shares.iter().sum::<u64>() < frames {
        let now = medium.deadline().expect("somebody always wants to send");
        medium.wake(now);
        while let Some(report) = medium.poll() {
            let (Report::Delivered { load, .. } | Report::Dropped { load, .. }) = report;
            shares[load - 1] += u64::from(matches!(report, Report::Delivered { .. }));
            medium.offer(now, load, packet(load));
        }
    }
    (shares, medium.figures().clone())
}

/// The probability that an attempt collides, by Bianchi's fixed point with a limit to the attempts.
///
/// The refinement: a backoff counter that is frozen does not count the busy slot, so who has just sent and draws 0 has the slot after
/// it to itself. Seen between busy periods, the others draw from one slot less, and one attempt in W cannot collide.
fn collision_probability(n: usize) -> f64 {
    let of = |p: f64| {
        let (mut reached, mut all, mut contending, mut slots) = (1.0, 0.0, 0.0, 0.0);
        for stage in 0..i32::from(ATTEMPTS) {
            let window = (16.0 * 2_f64.powi(stage)).min(1_024.0);
            let contends = reached * (1.0 - 1.0 / window);
            all += reached;
            contending += contends;
            slots += contends * window / 2.0;
            reached = contends * p;
        }
        let tau = contending / slots;
        (1.0 - (1.0 - tau).powi(n as i32 - 1), contending / all)
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let p = f64::midpoint(low, high);
        if of(p).0 > p { low = p } else { high = p }
    }
    low * of(low).1
}

#[test]
fn two_saturated_stations_share_evenly() {
    let (shares, _) = saturated(2, 40_000);
    assert!(shares.iter().all(|share| (19_000..21_000).contains(share)), "{shares:?}");
}

/// For two stations the model's independence of stations is coarse: after each success the two are in step.
#[test]
fn attempts_collide_as_often_as_bianchis_model_says() {
    for (n, within) in [(2, 0.08), (5, 0.03), (10, 0.03), (20, 0.03), (50, 0.03)] {
        let (_, figures) = saturated(n, 40_000);
        let measured = figures.collided as f64 / figures.sent as f64;
        let model = collision_probability(n);
        let off = measured / model - 1.0;
        assert!(off.abs() < within, "{n} stations: {measured} measured, {model} by the model");
    }
}

/// One saturated station: each packet costs DIFS 34 + 7.5 slots of 9 on average + 120 + 16 + 28 µs = 265.5 µs.
#[test]
fn one_saturated_station_sends_a_packet_every_265_microseconds() {
    let (_, figures) = saturated(1, 20_000);
    assert_eq!(figures.sent, 20_000);
    assert_eq!(figures.busy_ns, 20_000 * 164_000);
}
