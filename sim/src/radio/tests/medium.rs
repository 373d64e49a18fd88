//! Single exchanges, to the microsecond: what is sent when, who waits for how long, what is lost.

use super::super::airtime::mpdu_bytes;
use super::super::medium::{Medium, Report, Rules};
use super::super::station::Packet;
use zerogap_proto::{DropReason, Duration, Instant};
use zerogap_scenario::draw::stream;
use zerogap_scenario::file::OfdmRate;

const AP: usize = 0;

const RULES: Rules = Rules {
    settle: Duration::ZERO,
    queue_max: 3,
    lifetime: Duration::from_millis(500),
    attempts: 7,
    frame_error: 0.0,
};

fn us(n: u64) -> Instant {
    Instant::ZERO + Duration::from_micros(n)
}

fn medium(rules: Rules) -> Medium<char> {
    Medium::new(rules, 4, stream(1, "backoff"), stream(1, "errors"))
}

/// A packet of the paper's 624 bytes at 54 Mbit/s: 120 µs, acknowledged 44 µs later.
fn packet(load: char, to: usize) -> Packet<char> {
    Packet { load, bytes: mpdu_bytes(14 + 624), rate: OfdmRate::Mbit54, to: Some(to) }
}

/// What happens until then, with the times in µs.
fn until(medium: &mut Medium<char>, end: Instant) -> Vec<(u64, Report<char>)> {
    let mut seen = Vec::new();
    let mut now = Instant::ZERO;
    loop {
        while let Some(report) = medium.poll() {
            seen.push((now.as_nanos() / 1_000, report));
        }
        match medium.deadline() {
            Some(at) if at <= end => now = at,
            Some(_) | None => return seen,
        }
        medium.wake(now);
    }
}

const fn delivered(load: char, from: usize) -> Report<char> {
    Report::Delivered { load, from }
}

/// Offers the packets at their times in µs and says when each arrived.
fn arrivals(medium: &mut Medium<char>, offers: &[(u64, usize, char)]) -> Vec<(u64, Report<char>)> {
    let mut seen = Vec::new();
    for &(at, from, load) in offers {
        seen.extend(until(medium, us(at)));
        medium.offer(us(at), from, packet(load, if from == AP { 1 } else { AP }));
    }
    seen.extend(until(medium, us(1_000_000)));
    seen
}

#[test]
fn a_packet_on_an_idle_medium_arrives_after_its_airtime_at_every_rate() {
    for (rate, airtime_us) in
        [(OfdmRate::Mbit6, 904), (OfdmRate::Mbit12, 464), (OfdmRate::Mbit24, 244), (OfdmRate::Mbit54, 120)]
    {
        let mut m = medium(RULES);
        m.offer(us(1_000), 1, Packet { rate, ..packet('a', AP) });
        assert_eq!(until(&mut m, us(1_000_000)), [(1_000 + airtime_us, delivered('a', 1))]);
    }
}

#[test]
fn with_the_full_wait_it_goes_out_a_difs_later() {
    let mut m = medium(Rules { settle: super::super::airtime::DIFS, ..RULES });
    assert_eq!(arrivals(&mut m, &[(1_000, 1, 'a')]), [(1_000 + 34 + 120, delivered('a', 1))]);
}

#[test]
fn who_finds_the_medium_busy_waits_for_the_acknowledgement_a_difs_and_a_backoff_of_whole_slots() {
    for second in [1_010, 1_119, 1_130, 1_163] {
        let mut m = medium(RULES);
        let seen = arrivals(&mut m, &[(1_000, 1, 'a'), (second, AP, 'b')]);
        let [(1_120, a), (at, b)] = seen[..] else { panic!("{seen:?}") };
        assert_eq!((a, b), (delivered('a', 1), delivered('b', AP)));
        // Busy until 1120 + 16 + 28, then 34, then 0 to 15 slots of 9, then 120.
        let slots = (at - (1_164 + 34 + 120)) as f64 / 9.0;
        assert!(slots.fract() == 0.0 && (0.0..=15.0).contains(&slots), "{slots} slots");
    }
}

#[test]
fn who_comes_in_the_difs_after_an_exchange_waits_for_its_end_and_draws_nothing() {
    let mut m = medium(RULES);
    let seen = arrivals(&mut m, &[(1_000, 1, 'a'), (1_170, AP, 'b')]);
    assert_eq!(seen[1], (1_164 + 34 + 120, delivered('b', AP)));
}

#[test]
fn a_sender_pays_for_its_own_last_packet_with_a_backoff_unless_that_is_long_over() {
    let mut m = medium(RULES);
    let seen = arrivals(&mut m, &[(1_000, 1, 'a'), (1_001, 1, 'b'), (5_000, 1, 'c')]);
    let backoff = seen[1].0 - (1_164 + 34 + 120);
    assert!(backoff > 0 && backoff.is_multiple_of(9) && backoff <= 135, "{seen:?}");
    assert_eq!(seen[2], (5_120, delivered('c', 1)));
}

#[test]
fn two_who_begin_within_the_sensing_time_collide_and_one_who_begins_later_has_noticed() {
    let mut m = medium(RULES);
    arrivals(&mut m, &[(1_000, 1, 'a'), (1_003, 2, 'b')]);
    assert_eq!((m.figures().collided, m.figures().delivered), (2, 2), "both arrive in the end");
    assert!(m.figures().retries >= 2);
    let mut m = medium(RULES);
    arrivals(&mut m, &[(1_000, 1, 'a'), (1_004, 2, 'b')]);
    assert_eq!((m.figures().collided, m.figures().sent), (0, 2));
}

/// A collision until 1120: its senders wait 45 for an acknowledgement and then a DIFS, all others an EIFS.
#[test]
fn after_a_collision_the_senders_wait_for_acknowledgements_and_the_others_for_an_eifs() {
    let slots = |at: u64, from: u64| {
        let idle = at.checked_sub(from + 120).expect("not before its space is over");
        assert!(idle.is_multiple_of(9), "{idle} µs are no whole slots");
        idle / 9
    };
    let mut m = medium(RULES);
    let seen = arrivals(&mut m, &[(1_000, 1, 'a'), (1_000, 2, 'b')]);
    assert!(slots(seen[0].0, 1_120 + 45 + 34) <= 31, "{seen:?}");
    let mut m = medium(Rules { attempts: 1, ..RULES });
    let seen = arrivals(&mut m, &[(1_000, 1, 'a'), (1_000, 2, 'b'), (1_050, 3, 'c')]);
    let [.., (at, c)] = seen[..] else { panic!("{seen:?}") };
    assert_eq!((seen.len(), c), (3, delivered('c', 3)));
    assert!(slots(at, 1_120 + 94) <= 15, "{seen:?}");
}

#[test]
fn a_damaged_frame_is_sent_seven_times_and_then_given_up() {
    let mut m = medium(Rules { frame_error: 1.0, ..RULES });
    let seen = arrivals(&mut m, &[(1_000, 1, 'a')]);
    assert!(matches!(seen[..], [(_, Report::Dropped { load: 'a', reason: DropReason::RetriesOver })]));
    assert_eq!((m.figures().sent, m.figures().damaged, m.figures().retries), (7, 7, 6));
}

#[test]
fn when_only_acknowledgements_are_lost_each_packet_arrives_once_and_is_never_called_lost() {
    let mut m = medium(Rules { frame_error: 0.9, attempts: 100, ..RULES });
    let offers: Vec<_> = (0..300).map(|i| (1_000 + 100_000 * i, 1, 'a')).collect();
    for &(at, from, load) in &offers {
        until(&mut m, us(at));
        m.offer(us(at), from, packet(load, AP));
    }
    until(&mut m, us(1_000_000_000));
    let f = m.figures();
    assert_eq!(f.delivered + f.dropped.values().sum::<u64>(), 300);
    assert!(f.acks_damaged > 0 && f.repeats > 0, "{f:?}");
    assert_eq!(f.sent, f.damaged + f.delivered + f.repeats, "{f:?}");
}

#[test]
fn a_shorter_frame_is_damaged_less_often() {
    let mut m = medium(Rules { frame_error: 0.5, attempts: 1, ..RULES });
    for i in 0..4_000 {
        let at = us(1_000 + 1_000 * i);
        until(&mut m, at);
        m.offer(at, 1, packet('a', AP));
    }
    until(&mut m, us(10_000_000));
    // 660 of 1000 bytes: 1 - 0.5^0.66 = 0.367; 14: 1 - 0.5^0.014 = 0.0097.
    let damaged = m.figures().damaged as f64 / 4e3;
    assert!((damaged - 0.367).abs() < 0.025, "{damaged}");
    let acks = m.figures().acks_damaged as f64 / m.figures().delivered as f64;
    assert!((acks - 0.0097).abs() < 0.005, "{acks}");
}

#[test]
fn a_full_queue_drops_what_comes_and_old_packets_make_room() {
    let mut m = medium(RULES);
    for load in ['a', 'b', 'c', 'd'] {
        m.offer(us(0), 1, packet(load, AP));
    }
    assert_eq!(m.poll(), Some(Report::Dropped { load: 'd', reason: DropReason::QueueFull }));
    // The second begins after 198 to 333 µs, the third not before 396.
    let mut m = medium(Rules { lifetime: Duration::from_micros(350), ..RULES });
    let seen = arrivals(&mut m, &[(0, 1, 'a'), (0, 1, 'b'), (0, 1, 'c')]);
    assert_eq!(
        seen[..2].iter().map(|(_, report)| *report).collect::<Vec<_>>(),
        [delivered('a', 1), delivered('b', 1)]
    );
    assert!(
        matches!(seen[2], (at, Report::Dropped { load: 'c', reason: DropReason::LifetimeOver }) if at > 350)
    );
}

#[test]
fn a_beacon_goes_before_what_waits_and_nobody_acknowledges_it() {
    let mut m = medium(RULES);
    m.offer(us(0), 1, packet('a', AP));
    m.offer(us(10), AP, packet('b', 1));
    m.offer_first(us(20), AP, Packet { to: None, ..packet('!', 0) });
    let seen: Vec<_> = until(&mut m, us(1_000_000)).into_iter().map(|(_, report)| report).collect();
    assert_eq!(seen, [delivered('a', 1), delivered('!', AP), delivered('b', AP)]);
    // Three times 120, and two acknowledgements with their space.
    assert_eq!(m.figures().busy_ns, 3 * 120_000 + 2 * 44_000);
}
