//! Retention: the log keeps what somebody needs, and when it is full the one who holds it up pays. Overflow can end a
//! migration; it never ends the service.

use crate::common::bench::{Bench, HERE};
use crate::common::{P, S, T, U, ms};
use zerogap_proto::{AbortReason, DropReason, Outcome, Phase};

const LOG: u64 = 16;

fn aborted(b: &Bench, reason: AbortReason) -> bool {
    b.service.status().last == Some((b.migration(), Outcome::Aborted(reason)))
}

#[test]
fn the_pin_keeps_what_the_targets_will_read() {
    let mut b = Bench::pair();
    b.round(&[P, S]);
    b.begin(S).expect("begun, pinned at #1");
    (0..10).for_each(|_| drop(b.round(&[P, S])));
    b.mark(3).expect("the log still has it");
    b.read(3).expect("reading");
    let told = b.answer_all(&[T, U]);
    assert!(told.contains(&"phase Review".into()), "{told:?}");
}

#[test]
fn overflow_under_a_pin_aborts_the_migration_and_refuses_no_request() {
    let mut b = Bench::pair();
    b.begin(S).expect("begun");
    for _ in 0..LOG {
        b.round(&[P, S]);
        assert_eq!(b.phase(), Some(Phase::Snapshot));
    }
    let told = b.round(&[P, S]);
    assert_eq!(told[0], "aborted: log-overflow");
    assert!(aborted(&b, AbortReason::LogOverflow));
    assert_eq!((b.serving().as_str(), b.room()), ("P S", LOG));
}

#[test]
fn a_target_that_falls_behind_the_bound_ends_the_migration_and_nothing_else() {
    let mut b = Bench::pair();
    b.bring_to(Phase::Replay);
    b.answer_all(&[T]);
    for _ in 0..LOG + 1 {
        b.round(&[P, S, T]);
    }
    assert!(aborted(&b, AbortReason::LogOverflow));
    assert_eq!((b.serving().as_str(), b.room()), ("P S", LOG));
}

#[test]
fn a_standby_that_falls_behind_the_bound_is_dropped_and_reported() {
    let mut b = Bench::pair();
    (0..LOG).for_each(|_| drop(b.round(&[P])));
    assert_eq!(b.serving(), "P S");
    let told = b.round(&[P]);
    assert_eq!(told[0], "S dropped: Lagged");
    assert_eq!((b.serving().as_str(), b.room()), ("P", LOG));
}

#[test]
fn a_primary_that_was_given_up_is_a_standby_and_does_not_hold_the_log_for_ever() {
    let mut b = Bench::pair();
    for _ in 0..=LOG {
        b.round(&[S]);
        b.wait(ms(3));
    }
    assert_eq!(b.serving(), "S");
    assert_eq!(b.service.held(), 0);
}

#[test]
fn a_primary_is_never_dropped_for_lag_requests_are_refused_instead() {
    let mut b = Bench::of(&[P]);
    assert_eq!(b.room(), LOG);
    assert_eq!(b.request_at(900, HERE), Err(DropReason::LogFull));
    b.wait(ms(1_000));
    assert_eq!(b.request_at(900, HERE), Err(DropReason::LogFull));
    assert_eq!(b.serving(), "(P)");
    let told = b.answer_all(&[P]);
    assert_eq!(told.iter().filter(|line| line.contains("to the client")).count(), LOG as usize);
    assert_eq!(b.room(), LOG, "and then all is as before");
}

#[test]
fn a_standby_is_not_dropped_when_the_primary_needs_the_same_and_no_room_would_be_made() {
    let mut b = Bench::pair();
    assert_eq!(b.room(), LOG);
    for n in 0..3 {
        assert_eq!(b.request_at(900 + n, HERE), Err(DropReason::LogFull), "the clients' answers are missing");
    }
    assert_eq!(b.serving(), "P S");
    b.answer_all(&[S, P]);
    assert_eq!(
        (b.serving().as_str(), b.service.held()),
        ("P S", 0),
        "they were only out of reach for a while"
    );
}
