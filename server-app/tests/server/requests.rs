//! Requests: strictly in order, each once, answered again from memory, whatever the network does to them.

use crate::fixture::*;
use proptest::prelude::*;
use zerogap_proto::{Duration, Epoch, Input, Instant, Kind, Node, Offset, Stamp, Timer};
use zerogap_server_app::ServerConfig;

const NOW: Instant = Instant::ZERO;

fn at_ms(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

#[test]
fn an_answer_echoes_who_asked_and_the_stamp() {
    let mut server = served(2);
    let stamp = Stamp { epoch: Epoch(77), replayed: true, ..stamp(LIFE, 2) };
    let reply = ask(&mut server, NOW, stamp).unwrap();
    assert_eq!((reply.kind, reply.stamp, reply.sequence.0), (Kind::Answer, stamp, 1_002));
    assert_eq!(server.status().next, Offset(3));
}

#[test]
fn a_request_that_comes_too_early_is_told_which_is_expected_and_changes_nothing() {
    let mut server = served(2);
    let before = server.status();
    let reply = ask(&mut server, NOW, stamp(LIFE, 5)).unwrap();
    assert_eq!((reply.kind, reply.stamp.offset), (Kind::Expect, Offset(2)));
    assert_eq!(server.status(), before);
}

#[test]
fn a_repeat_gets_the_same_answer_with_the_new_stamp_until_it_is_forgotten() {
    let mut server = served(0);
    let first = ask(&mut server, NOW, stamp(LIFE, 0)).unwrap();
    let again = Stamp { epoch: Epoch(4), replayed: true, ..stamp(LIFE, 0) };
    let repeat = ask(&mut server, NOW, again).unwrap();
    assert_eq!(repeat, Reply { stamp: again, ..first });
    for offset in 1..=u64::from(ANSWERS) {
        ask(&mut server, NOW, stamp(LIFE, offset)).unwrap();
    }
    let before = server.status();
    let forgotten = ask(&mut server, NOW, again).unwrap();
    assert_eq!((forgotten.kind, forgotten.stamp), (Kind::Forgotten, again));
    assert_eq!(ask(&mut server, NOW, stamp(LIFE, 1)).unwrap().kind, Kind::Answer, "the oldest remembered");
    assert_eq!(server.status(), before);
}

#[test]
fn what_is_not_for_this_life_or_no_request_or_comes_without_a_state_is_counted_and_ignored() {
    let mut server = served(1);
    assert_eq!(ask(&mut server, NOW, stamp(LIFE.next(), 1)), None);
    let mut answer = request(stamp(LIFE, 1));
    answer[5] = 2;
    for payload in [&answer[..], &answer[..100], b""] {
        assert!(give(&mut server, NOW, Input::Datagram { from: AGV, payload }).is_empty());
    }
    let counters = server.counters();
    assert_eq!((counters.applied, counters.other_life, counters.not_requests), (1, 1, 3));
    let mut empty = server_of(config(false));
    assert_eq!(ask(&mut empty, NOW, stamp(LIFE, 0)), None);
    assert_eq!(empty.counters().no_state, 1);
}

#[test]
fn answers_wait_for_the_service_time_of_their_own_and_of_all_before_them() {
    let mut server = server_of(ServerConfig { service_time: Duration::from_millis(1), ..config(true) });
    for offset in [0, 1, 2] {
        assert_eq!(ask(&mut server, at_ms(10), stamp(LIFE, offset)), None);
    }
    let mut seen = Vec::new();
    while let Some((at, timer)) = server.deadline() {
        let outputs = give(&mut server, at, Input::Wake(timer));
        seen.extend(replies(&outputs).into_iter().map(|reply| (at, timer, reply.stamp.offset.0)));
    }
    assert_eq!(seen, [11, 12, 13].map(|ms| (at_ms(ms), Timer::Answer, ms - 11)));
    let replayed = Stamp { replayed: true, ..stamp(LIFE, 3) };
    assert!(ask(&mut server, at_ms(20), replayed).is_some(), "a replayed request is answered at once");
}

#[test]
fn a_server_with_too_many_answers_waiting_takes_no_request_until_one_has_left() {
    let mut server = server_of(ServerConfig { service_time: Duration::from_millis(1), ..config(true) });
    let count = u64::from(ANSWERS);
    for offset in 0..count + 3 {
        ask(&mut server, NOW, stamp(LIFE, offset));
    }
    assert_eq!((server.status().next, server.counters().busy), (Offset(count), 3));
    assert_eq!(replies(&give(&mut server, at_ms(1), Input::Wake(Timer::Answer))).len(), 1);
    ask(&mut server, at_ms(1), stamp(LIFE, count));
    assert_eq!(server.status().next, Offset(count + 1));
}

#[test]
fn the_scrub_goes_round_the_memory_and_reports_a_flipped_bit_once() {
    let mut server = server_of(ServerConfig { scrub_interval: Duration::from_millis(10), ..config(true) });
    give(&mut server, NOW, Input::Start);
    let chunks = 5;
    let scrub = |server: &mut Sparse| {
        let (at, timer) = server.deadline().expect("it scrubs for ever");
        assert_eq!(timer, Timer::Scrub);
        give(server, at, Input::Wake(timer))
    };
    for _ in 0..2 * chunks {
        assert!(scrub(&mut server).is_empty());
    }
    assert_eq!(server.deadline(), Some((at_ms(110), Timer::Scrub)), "one chunk each 10 ms");
    let flip = zerogap_proto::ServerCommand::FlipBit { byte: STATE_BYTES * 3 - 1, bit: 3, at_restore: false };
    assert_eq!(
        events(&order(&mut server, flip)),
        [&zerogap_proto::Event::BitFlipped {
            server: zerogap_proto::NodeId(4),
            byte: STATE_BYTES - 1,
            bit: 3
        }]
    );
    let found: Vec<_> = (0..chunks).map(|_| scrub(&mut server)).collect();
    assert!(found[..chunks - 1].iter().all(Vec::is_empty), "the last byte lies in the last chunk");
    assert!(reported(&found[chunks - 1]).unwrap().scrub_failed);
    assert_eq!(server.deadline(), None, "it is not reported again");
}

/// What a network may do to the requests of an anchor that sends some window of them over and over.
fn deliveries() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(0_u64..40, 0..160)
}

proptest! {
    #[test]
    fn whatever_is_lost_doubled_or_reordered_a_gap_free_prefix_is_applied_each_request_once(
        deliveries in deliveries(),
    ) {
        let mut server = served(0);
        let mut right: Vec<Reply> = Vec::new();
        let mut reference = served(0);
        let mut next = 0;
        for offset in deliveries {
            let reply = ask(&mut server, NOW, stamp(LIFE, offset)).expect("some reply");
            if offset == next {
                right.push(ask(&mut reference, NOW, stamp(LIFE, offset)).unwrap());
                next += 1;
            }
            let remembered = offset < next && offset + u64::from(ANSWERS) >= next;
            match reply.kind {
                Kind::Answer => prop_assert_eq!(Some(&reply), right.get(offset as usize)),
                Kind::Expect => prop_assert_eq!((offset > next, reply.stamp.offset.0), (true, next)),
                Kind::Forgotten => prop_assert!(offset < next && !remembered),
                Kind::Request => prop_assert!(false, "a server does not ask"),
            }
            prop_assert_eq!(remembered, reply.kind == Kind::Answer);
        }
        prop_assert_eq!(server.status(), reference.status());
        prop_assert_eq!(server.counters().applied, next);
    }
}
