//! Readers: the window, sending again, and what servers say when they cannot follow. Loss between the anchor and a server must
//! neither stop it nor make it apply anything twice or out of order.

use crate::common::bench::{Bench, without};
use crate::common::{P, S, config, life, ms, open};
use zerogap_proto::address::{service_mac, virtual_mac};
use zerogap_proto::message::BODY_LEN;
use zerogap_proto::{DropReason, Duration, Epoch, Kind, Offset, Stamp};
use zerogap_switch::Selection;

#[test]
fn a_reader_has_at_most_a_window_in_flight_and_an_answer_opens_it() {
    let mut b = Bench::of(&[P]);
    (0..4).for_each(|n| assert_eq!(b.request(), [format!("#{n} to P")]));
    assert_eq!(b.request(), [""; 0]);
    assert_eq!(b.request(), [""; 0]);
    assert_eq!(b.answer(P, 0), ["q0 of P to the client at p1", "#4 to P again"]);
    assert_eq!(b.answer(P, 1), ["q1 of P to the client at p1", "#5 to P again", "P is live"]);
    b.answer_all(&[P]);
    assert_eq!(b.request(), ["#6 to P"], "at the head again: no replay");
}

#[test]
fn an_answer_acknowledges_its_own_offset_only() {
    let mut b = Bench::of(&[P]);
    (0..2).for_each(|_| drop(b.request()));
    assert_eq!(b.answer(P, 1), ["q1 of P to the client at p1"]);
    assert_eq!(b.wait(ms(2)), ["#0 to P again"], "the answer to #0 is still wanted");
    assert_eq!(b.answer(P, 0), ["q0 of P to the client at p1"]);
    assert_eq!(b.wait(ms(100)), [""; 0]);
}

#[test]
fn only_the_oldest_unanswered_is_sent_again_and_ever_more_slowly() {
    let mut b = Bench::of(&[P]);
    (0..3).for_each(|_| drop(b.request()));
    let again = |b: &mut Bench, by| without(b.wait(ms(by)), &["absent"]);
    assert_eq!(again(&mut b, 2), ["#0 to P again"], "after 2 ms");
    assert_eq!(again(&mut b, 3), [""; 0]);
    assert_eq!(again(&mut b, 1), ["#0 to P again"], "after 4 ms more");
    assert_eq!(again(&mut b, 7), [""; 0]);
    assert_eq!(again(&mut b, 1), ["#0 to P again"], "after 8 ms more");
    assert_eq!(again(&mut b, 10_000).len(), 80, "and never more slowly than every 128 ms");
}

#[test]
fn expect_rewinds_to_what_was_lost_and_copies_of_it_do_not_flood_the_server() {
    let mut b = Bench::of(&[P]);
    (0..4).for_each(|_| drop(b.request()));
    b.answer(P, 0);
    let expect = |b: &mut Bench, offset| b.say(P, life(P), Kind::Expect, offset, 0);
    let rewound = ["#1 to P again", "#2 to P again", "#3 to P"].map(String::from).to_vec();
    assert_eq!(expect(&mut b, 1), Ok(rewound));
    assert_eq!(expect(&mut b, 1), Ok(vec![]), "what was sent again is on its way");
    assert_eq!(expect(&mut b, 4), Ok(vec![]), "it was never sent");
}

#[test]
fn an_expect_that_its_answer_has_overtaken_costs_no_server_its_place() {
    let mut b = Bench::pair();
    (0..2).for_each(|_| drop(b.request()));
    // #0 was lost, #1 made the server say that it expects #0; then #0 came again, and its answer was faster.
    assert_eq!(b.wait(ms(2)), ["#0 to P again", "#0 to S again"]);
    b.answer(S, 0);
    assert_eq!(b.say(S, life(S), Kind::Expect, 0, 0), Ok(vec![]));
    b.answer(P, 0);
    assert_eq!(b.say(P, life(P), Kind::Expect, 0, 0), Ok(vec![]));
    assert_eq!((b.serving().as_str(), b.service.status().epoch), ("P S", Epoch(0)));
}

#[test]
fn a_server_that_stands_before_where_its_reader_began_is_not_the_one_that_was_restored() {
    let mut b = Bench::pair();
    b.bring_to(zerogap_proto::Phase::Review);
    let life = b.stamps[&crate::common::T].incarnation;
    let told = b.say(crate::common::T, life, Kind::Expect, 0, 0).expect("taken");
    assert_eq!(told, ["T dropped: Forgot", "aborted: target-lost", "U dropped: Aborted"]);
}

#[test]
fn who_has_forgotten_what_is_still_wanted_is_dropped_and_old_word_of_it_is_not_heard() {
    let mut b = Bench::pair();
    (0..2).for_each(|_| drop(b.round(&[P, S])));
    b.request();
    assert_eq!(b.say(S, life(S), Kind::Forgotten, 0, 0), Err(DropReason::DuplicateAnswer));
    assert_eq!(b.say(S, life(S), Kind::Forgotten, 2, 0), Ok(vec!["S dropped: Forgot".into()]));
    assert_eq!(b.serving(), "P");
}

#[test]
fn a_request_is_stamped_and_readdressed_and_otherwise_as_the_client_sent_it() {
    let mut b = Bench::pair();
    b.request();
    b.request();
    let (server, frame) = b.frames.last().expect("sent").clone();
    let (datagram, message) = open(&frame);
    assert_eq!(
        (server, datagram.dst_mac, datagram.src_mac),
        (S, service_mac(S), virtual_mac(crate::common::SERVICE))
    );
    let stamp = Stamp { incarnation: life(S), epoch: Epoch(0), offset: Offset(1), replayed: false };
    assert_eq!(message.stamp, stamp);
    let mut body = [0; BODY_LEN];
    body[7] = 1;
    assert_eq!((message.sequence.0, message.body), (1, &body));
    b.remove(P);
    b.request();
    assert_eq!(b.stamps[&S].epoch, Epoch(1), "a change of roles shows in the stamp");
}

#[test]
fn a_standby_that_lost_a_request_catches_up_while_the_primary_goes_on() {
    let mut b = Bench::new(config(&[P, S], Selection::Preferred));
    b.request();
    b.answer(P, 0);
    for n in 1..4 {
        b.request();
        b.answer(P, n);
        b.say(S, life(S), Kind::Expect, 0, 0).expect("taken");
        b.wait(Duration::from_micros(100));
    }
    assert_eq!(b.answer_all(&[S]), [""; 0]);
    assert_eq!(b.request(), ["#4 to P", "#4 to S"]);
}
