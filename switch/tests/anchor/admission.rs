//! Admission: order of arrival is the order of the log, and each request is in it once, whatever paths its copies took.

use crate::common::bench::{BEYOND, Bench, HERE};
use crate::common::{CLIENT, P, S, config};
use zerogap_proto::{DropReason, NodeId};
use zerogap_switch::Selection;

#[test]
fn a_copy_that_comes_by_another_path_around_a_handover_gets_no_offset_of_its_own() {
    let mut b = Bench::pair();
    assert_eq!(b.request_at(7, HERE), Ok(vec!["#0 to P".into(), "#0 to S".into()]));
    assert_eq!(b.request_at(7, BEYOND), Err(DropReason::DuplicateRequest));
    assert_eq!(b.request_at(7, HERE), Err(DropReason::DuplicateRequest));
    assert_eq!(b.service.status().head.0, 1);
    assert_eq!(b.answer(P, 0), ["q7 of P to the client at p1"], "the copy did not move the client either");
}

#[test]
fn the_log_follows_the_order_of_arrival_and_not_the_clients_numbers() {
    let mut b = Bench::pair();
    for (offset, sequence) in [5, 3, 9].into_iter().enumerate() {
        b.request_at(sequence, HERE).expect("each is new");
        assert_eq!(b.answer(P, offset as u64), [format!("q{sequence} of P to the client at p1")]);
    }
}

#[test]
fn answers_go_to_where_the_clients_newest_frame_came_from() {
    let mut b = Bench::pair();
    b.request_at(1, HERE).expect("admitted");
    b.request_at(2, BEYOND).expect("admitted");
    assert_eq!(b.service.status().ingress, Some(BEYOND.switch));
    assert_eq!(b.answer(P, 0), ["q1 of P to the client at p2"]);
    b.request_at(0, HERE).expect("late, but new");
    assert_eq!(
        b.answer(P, 1),
        ["q2 of P to the client at p2"],
        "an older frame does not move the client back"
    );
}

#[test]
fn a_request_that_finds_the_log_full_gets_no_offset_and_may_come_again() {
    let mut b = Bench::of(&[P]);
    assert_eq!(b.room(), 16);
    assert_eq!(b.request_at(99, HERE), Err(DropReason::LogFull));
    assert_eq!(b.service.status().head.0, 16, "no offset was given: servers would wait for it for ever");
    assert_eq!(b.answer(P, 0), ["q0 of P to the client at p1", "#4 to P again"]);
    b.request_at(99, HERE).expect("the same request, now that there is room");
    assert_eq!(b.service.status().head.0, 17);
}

#[test]
fn that_the_log_is_full_is_told_once_and_not_for_every_request() {
    let mut b = Bench::of(&[P]);
    b.room();
    let told =
        |b: &mut Bench| b.wait(crate::common::ms(0)).iter().filter(|l| *l == "log full at #16").count();
    assert_eq!(b.request_at(90, HERE), Err(DropReason::LogFull));
    assert_eq!(told(&mut b), 0, "it was told when `room` found it so");
}

#[test]
fn what_is_older_than_the_window_is_stale_and_clients_are_bounded() {
    let mut b = Bench::pair();
    b.request_at(100, HERE).expect("admitted");
    assert_eq!(b.request_at(36, HERE), Err(DropReason::StaleRequest));
    b.request_of(NodeId(CLIENT.0 + 1), 1, HERE).expect("a second client");
    assert_eq!(b.request_of(NodeId(CLIENT.0 + 2), 1, HERE), Err(DropReason::TooManyClients));
    assert_eq!(b.service.status().head.0, 2);
}

#[test]
fn the_primary_is_served_before_its_standby_even_after_the_roles_have_changed() {
    let mut b = Bench::new(config(&[S, P], Selection::Preferred));
    assert_eq!(b.request(), ["#0 to S", "#0 to P"]);
    b.remove(S);
    assert_eq!(b.request(), ["#1 to P"]);
}
