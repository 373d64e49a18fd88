//! A whole cell: our AGV and its neighbours at one access point, against arithmetic that knows nothing of the DCF's details.

use super::super::cell::{Cell, Landing, Way};
use zerogap_proto::{DropReason, Duration, Instant};
use zerogap_scenario::draw::stream;
use zerogap_scenario::file::{OfdmRate, Override, Testbed, WifiRate, parse};
use zerogap_scenario::results::RadioFigures;

const FRAME_LEN: usize = 14 + 624;

/// What our AGV saw at a crowded access point.
struct Seen {
    /// Response times in µs less the service time, sorted.
    radio_us: Vec<f64>,
    asked: usize,
    figures: RadioFigures,
}

impl Seen {
    fn median_us(&self) -> f64 {
        self.radio_us[self.radio_us.len() / 2]
    }
    fn mean_us(&self) -> f64 {
        self.radio_us.iter().sum::<f64>() / self.radio_us.len() as f64
    }
    fn busy(&self, seconds: u64) -> f64 {
        self.figures.busy_ns as f64 / (seconds * 1_000_000_000) as f64
    }
}

/// Without any network between access point and server, so that every answer comes a service time after its request.
fn testbed(wifi: &str) -> Testbed {
    let sets = [
        Override::new("radio.wifi", wifi),
        Override::new("links.defaults", "{rate: unlimited, delay: 0}"),
        Override::new("sim.host_latency", "{kind: constant, value: 0}"),
    ];
    parse("t", "", &sets).unwrap_or_else(|error| panic!("{error}"))
}

/// Our AGV asks for so long.
fn drive(wifi: &str, seconds: u64) -> Seen {
    let testbed = testbed(wifi);
    let wifi = testbed.radio.wifi.expect("it was written");
    let WifiRate::Fixed(rate) = wifi.rate else { panic!("a fixed rate") };
    let mut cell = Cell::new(&testbed, &wifi, "ap1", 1);
    let mut interval = stream(3, "test.interval");
    let service = testbed.service.service_time.0;
    let (mut asked, mut answers) = (Vec::new(), Vec::new());
    let (mut next, mut radio_us) = (Instant::ZERO + Duration::from_secs(1), Vec::new());
    let end = next + Duration::from_secs(seconds);
    loop {
        let answer = answers.first().map(|(at, _)| *at);
        let now = [Some(next), answer, cell.deadline()]
            .into_iter()
            .flatten()
            .min()
            .expect("there is a next request");
        if now > end {
            break;
        }
        cell.wake(now);
        if now == next {
            cell.offer(now, Way::Up(0), asked.len() as u32 * 2, FRAME_LEN, rate);
            asked.push(now);
            next = now + interval.draw(&testbed.client.interval);
        } else if Some(now) == answer {
            let (_, number): (Instant, u32) = answers.remove(0);
            cell.offer(now, Way::Down(0), number, FRAME_LEN, rate);
        }
        while let Some(landing) = cell.poll() {
            match landing {
                Landing::Arrived(number) if number % 2 == 0 => answers.push((now + service, number + 1)),
                Landing::Arrived(number) => {
                    let rtt = now.since(asked[number as usize / 2]);
                    radio_us.push((rtt - service).as_nanos() as f64 / 1e3);
                }
                Landing::Dropped(..) => {}
            }
        }
    }
    radio_us.sort_by(f64::total_cmp);
    Seen { radio_us, asked: asked.len(), figures: cell.figures().clone() }
}

/// Two packets: 2 × 904 and 2 × 120 µs (see `airtime`), and 2 × 34 more where each waits for a DIFS.
#[test]
fn alone_a_request_and_its_answer_cost_their_airtimes() {
    for (wifi, us) in [
        ("{rate: 6 Mbit/s}", 1_808.0),
        ("{rate: 54 Mbit/s}", 240.0),
        ("{rate: 54 Mbit/s, access: difs}", 308.0),
    ] {
        assert_eq!(drive(wifi, 10).median_us(), us, "{wifi}");
    }
}

/// `n` AGVs that each ask 100 times a second make 200 n exchanges of 120 + 44 µs a second; beacons take 112 µs every 102.4 ms.
///
/// What a packet waits for the medium is bounded by queues of one server, with regular arrivals of random phase taken as Poisson's (M/D/1,
/// W = ρS / 2(1 − ρ)): from below by one that serves a packet in DIFS + 164 µs, from above by one that also counts down all
/// of its mean backoff, 7.5 slots of 9 µs, while everybody else waits.
#[test]
fn the_medium_is_as_busy_as_packets_are_long_and_the_wait_for_it_is_that_of_a_queue() {
    for n in [5_u16, 10, 15] {
        let seen = drive(&format!("{{rate: 54 Mbit/s, neighbours: {}}}", n - 1), 20);
        let per_second = f64::from(n) * 200.0;
        let expected = per_second * 164e-6 + 112e-6 / 0.1024;
        let busy = seen.busy(21);
        assert!((busy / expected - 1.0).abs() < 0.03, "{n} AGVs: busy for {busy}, expected {expected}");
        assert_eq!(seen.figures.dropped.values().sum::<u64>(), 0, "{n} AGVs");
        let wait_us = (seen.mean_us() - 240.0) / 2.0;
        let queue_us = |service_us: f64| {
            let load = per_second * service_us / 1e6;
            load * service_us / (2.0 * (1.0 - load))
        };
        let (low, high) = (queue_us(34.0 + 164.0), queue_us(34.0 + 164.0 + 7.5 * 9.0));
        assert!((low..high).contains(&wait_us), "{n} AGVs: {low} < {wait_us} < {high} µs");
    }
}

#[test]
fn too_many_agvs_lose_packets_by_age_and_the_rest_wait_for_as_long_as_they_may() {
    let seen = drive("{rate: 6 Mbit/s, neighbours: 49}", 20);
    let f = &seen.figures;
    assert!(seen.radio_us.len() * 10 < seen.asked, "{} of {} answered", seen.radio_us.len(), seen.asked);
    assert!(f.dropped[&DropReason::LifetimeOver] > 1_000, "{f:?}");
    assert!(seen.busy(21) > 0.75, "{}", seen.busy(21));
    assert!(seen.median_us() > 500_000.0 && seen.radio_us.last().is_some_and(|max| *max < 1_200_000.0));
    let short = drive("{rate: 6 Mbit/s, neighbours: 49, queue_frames: 5}", 20);
    assert!(short.figures.dropped[&DropReason::QueueFull] > 1_000, "{:?}", short.figures);
    assert!(short.median_us() < seen.median_us());
}

#[test]
fn the_same_seed_gives_the_same_air() {
    let wifi = "{rate: 54 Mbit/s, neighbours: 30, frame_error: 0.1}";
    let (one, two) = (drive(wifi, 3), drive(wifi, 3));
    assert_eq!((one.radio_us, one.figures), (two.radio_us, two.figures));
}

#[test]
fn a_cell_that_is_left_alone_catches_up_as_if_it_had_been_watched() {
    let testbed = testbed("{rate: 54 Mbit/s, neighbours: 10}");
    let wifi = testbed.radio.wifi.expect("it was written");
    let late = Instant::ZERO + Duration::from_secs(2);
    let mut watched = Cell::new(&testbed, &wifi, "ap1", 1);
    (0..2_000).for_each(|ms| watched.wake(Instant::ZERO + Duration::from_millis(ms)));
    let mut left_alone = Cell::new(&testbed, &wifi, "ap1", 1);
    for cell in [&mut watched, &mut left_alone] {
        assert_eq!(cell.deadline(), None);
        cell.offer(late, Way::Up(0), 0, FRAME_LEN, OfdmRate::Mbit54);
    }
    assert_eq!(watched.figures(), left_alone.figures());
    assert_eq!(watched.deadline(), left_alone.deadline());
    assert!(left_alone.figures().delivered > 2_000);
}
