//! Fail-over and promotion: the anchor does both alone, in time, and without ever giving the client two answers.

use crate::common::bench::{Bench, without};
use crate::common::{P, S, ms};
use zerogap_proto::{DropReason, Epoch};

const AGAIN: &[&str] = &["again"];

#[test]
fn the_standbys_answer_waits_for_the_primary_and_goes_out_when_it_is_overdue() {
    let mut b = Bench::pair();
    b.request();
    assert_eq!(b.answer(S, 0), [""; 0]);
    assert_eq!(without(b.wait(ms(2)), AGAIN), [""; 0]);
    assert_eq!(
        without(b.wait(ms(1)), AGAIN),
        ["q0 of S to the client at p1", "failed over at #0, P is missing"]
    );
}

#[test]
fn a_late_answer_of_the_primary_is_not_released_twice() {
    let mut b = Bench::pair();
    b.request();
    b.answer(S, 0);
    b.wait(ms(3));
    assert_eq!(b.answer(P, 0), [""; 0]);
    assert_eq!(b.try_answer(P, 0), Err(DropReason::DuplicateAnswer));
    assert_eq!(b.serving(), "P S", "once late is not absent");
}

#[test]
fn when_both_are_overdue_whoever_answers_first_is_released() {
    let mut b = Bench::pair();
    b.request();
    assert_eq!(without(b.wait(ms(3)), AGAIN), [""; 0]);
    assert_eq!(b.answer(S, 0), ["q0 of S to the client at p1", "failed over at #0, P is missing"]);
    assert_eq!(b.answer(P, 0), [""; 0]);
}

#[test]
fn three_absences_in_a_row_promote_the_standby_and_raise_the_epoch() {
    let mut b = Bench::pair();
    for (n, serving) in [(0, "P S"), (1, "P S"), (2, "S (P)")] {
        b.request();
        b.answer(S, n);
        b.wait(ms(3));
        assert_eq!(b.serving(), serving, "after {} absences", n + 1);
    }
    assert_eq!(b.service.status().epoch, Epoch(1));
    b.request();
    assert_eq!(b.answer(S, 3), ["q3 of S to the client at p1"], "nobody waits for P any more");
}

#[test]
fn an_answer_in_time_starts_the_count_of_absences_anew() {
    let mut b = Bench::pair();
    for n in 0..9 {
        b.request();
        b.answer(S, n);
        if n % 3 == 2 {
            b.answer_all(&[P]);
        }
        b.wait(ms(3));
    }
    assert_eq!((b.serving().as_str(), b.service.status().epoch), ("P S", Epoch(0)));
}

#[test]
fn port_unreachable_promotes_at_once_and_gives_waiting_requests_the_standbys_answers() {
    let mut b = Bench::pair();
    b.request();
    b.answer(S, 0);
    assert_eq!(b.service.unreachable(b.now, P), Ok(()));
    assert_eq!(b.wait(ms(0)), [""; 0], "all is done before anybody is woken");
    assert_eq!(b.service.held(), 0);
    assert_eq!((b.serving().as_str(), b.service.status().epoch), ("S (P)", Epoch(1)));
    assert_eq!(b.service.unreachable(b.now, P), Ok(()), "the next one changes nothing");
    assert_eq!(b.service.status().epoch, Epoch(1));
}

#[test]
fn a_hint_about_somebody_who_does_not_serve_is_rogue() {
    let mut b = Bench::pair();
    assert_eq!(b.service.unreachable(b.now, crate::common::T), Err(DropReason::RogueAnswer));
}

#[test]
fn a_primary_that_comes_back_is_a_standby() {
    let mut b = Bench::pair();
    for n in 0..3 {
        b.request();
        b.answer(S, n);
        b.wait(ms(3));
    }
    b.answer_all(&[P]);
    let told = b.round(&[S, P]);
    assert!(told.contains(&"P is back".into()), "{told:?}");
    assert_eq!((b.serving().as_str(), b.service.status().epoch), ("S P", Epoch(1)));
    b.remove(S);
    assert_eq!(b.serving(), "P", "and it can be promoted again");
}

#[test]
fn a_primary_whose_process_ends_is_replaced_at_once_and_nothing_stays_unanswered() {
    let mut b = Bench::pair();
    b.request();
    b.answer(S, 0);
    let told = b.remove(P);
    let expected = ["P dropped: ProcessEnded", "S promoted instead of P, e1", "q0 of S to the client at p1"];
    assert_eq!(told, expected);
}

#[test]
fn a_server_that_is_alone_is_not_given_up() {
    let mut b = Bench::of(&[P]);
    (0..4).for_each(|_| drop(b.request()));
    b.wait(ms(50));
    assert_eq!((b.serving().as_str(), b.service.status().epoch), ("(P)", Epoch(0)));
    let told = b.answer_all(&[P]);
    assert_eq!(told.iter().filter(|line| line.contains("to the client")).count(), 4, "late, but answered");
    b.round(&[P]);
    assert_eq!(b.serving(), "P");
}

#[test]
fn a_server_that_is_frozen_for_its_snapshot_is_not_absent() {
    let mut b = Bench::pair();
    b.begin(S).expect("begun");
    for n in 0..4 {
        b.request();
        b.answer(P, n);
        b.wait(ms(3));
    }
    assert_eq!(b.serving(), "P S");
    b.mark(0).expect("cut");
    b.answer_all(&[S]);
    for n in 4..7 {
        b.request();
        b.answer(P, n);
        b.wait(ms(3));
    }
    assert_eq!(b.serving(), "P (S)", "once it is cut, absence counts again");
}
