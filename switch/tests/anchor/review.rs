//! The review: what counts as an agreement, what does not, and what ends it.

use crate::common::bench::Bench;
use crate::common::{P, S, T, U, life, ms};
use zerogap_proto::{AbortReason, Outcome, Phase, ReviewRule, ReviewTally, ServiceOrder};

fn reviewing(review: ReviewRule) -> Bench {
    let mut b = Bench::pair();
    b.round(&[P, S]);
    b.begin(S).expect("begun");
    b.mark(1).expect("cut");
    b.read_with(review).expect("reading");
    assert_eq!(b.phase(), Some(Phase::Review), "nothing to replay");
    b
}

const RULE: ReviewRule = ReviewRule { agreements: 3, absences_max: 2, deadline: ms(1_000) };

fn tally(b: &Bench) -> ReviewTally {
    b.service.status().plan.expect("a plan").review
}

fn aborted(b: &Bench, reason: AbortReason) -> bool {
    b.service.status().last == Some((b.migration(), Outcome::Aborted(reason)))
}

#[test]
fn an_agreement_needs_both_targets_and_what_was_released() {
    let mut b = reviewing(RULE);
    b.request();
    for (server, agreed) in [(T, 0), (S, 0), (P, 0), (U, 1)] {
        b.answer(server, 1);
        assert_eq!(tally(&b).agreed, agreed, "after {server}'s answer");
    }
    assert_eq!(tally(&b), ReviewTally { required: 3, agreed: 1, disagreed: 0, absent: 0 });
}

#[test]
fn what_was_replayed_is_compared_but_does_not_count() {
    let mut b = Bench::pair();
    b.begin(S).expect("begun");
    (0..6).for_each(|_| drop(b.round(&[P, S])));
    b.mark(1).expect("cut");
    b.read(3).expect("reading");
    b.answer_all(&[T, U]);
    assert_eq!((b.phase(), tally(&b).agreed), (Some(Phase::Review), 0));
}

#[test]
fn what_is_compared_while_a_target_has_fallen_behind_its_window_is_no_agreement() {
    let mut b = reviewing(ReviewRule { agreements: 10, ..RULE });
    (0..6).for_each(|_| drop(b.round(&[P, S, T])));
    assert_eq!(tally(&b).agreed, 0, "U has a window of #1 to #4 in flight, and #5 and #6 to come");
    for (offset, agreed) in [(1, 0), (2, 1), (3, 2)] {
        b.answer(U, offset);
        assert_eq!(tally(&b).agreed, agreed, "after U's answer to #{offset}");
    }
}

#[test]
fn a_disagreement_aborts_in_the_review() {
    for wrong in [T, U] {
        let mut b = reviewing(RULE);
        b.round(&[P, S, T, U]);
        b.request();
        b.answer(P, 2);
        b.answer_wrongly(wrong, 2);
        b.answer_all(&[T, U]);
        assert!(aborted(&b, AbortReason::Disagreement));
        assert_eq!(b.serving(), "P S");
    }
}

#[test]
fn a_disagreement_aborts_during_the_replay_already() {
    let mut b = Bench::pair();
    b.begin(S).expect("begun");
    (0..8).for_each(|_| drop(b.round(&[P, S])));
    b.mark(1).expect("cut");
    b.read(3).expect("reading");
    b.answer(U, 1);
    let told = b.answer_wrongly(T, 1);
    assert_eq!(
        told[1..],
        ["T disagrees at #1", "aborted: disagreement", "T dropped: Aborted", "U dropped: Aborted"]
    );
}

#[test]
fn a_target_is_held_against_what_the_client_was_told_even_if_that_was_the_standbys() {
    let mut b = reviewing(RULE);
    b.request();
    b.answer(S, 1);
    b.answer(T, 1);
    b.answer(U, 1);
    assert_eq!(tally(&b).agreed, 0, "nothing is released yet");
    b.wait(ms(3));
    assert_eq!(tally(&b).agreed, 1);
}

#[test]
fn an_absence_neither_counts_nor_resets() {
    let mut b = reviewing(RULE);
    b.round(&[P, S, T, U]);
    b.request();
    b.answer_all(&[P, S, T]);
    b.wait(ms(3));
    assert_eq!(tally(&b), ReviewTally { required: 3, agreed: 1, disagreed: 0, absent: 1 });
    b.answer_all(&[U]);
    assert_eq!(tally(&b).agreed, 2, "the agreement that came late is one");
}

#[test]
fn too_many_absences_abort() {
    let mut b = reviewing(RULE);
    for absent in 1..=3 {
        assert_eq!(b.phase(), Some(Phase::Review), "{absent} is not too many");
        b.round(&[P, S, T]);
        b.wait(ms(3));
    }
    assert!(aborted(&b, AbortReason::TooManyAbsences));
    assert_eq!(b.serving(), "P S");
}

#[test]
fn absences_during_the_replay_are_not_counted() {
    let mut b = Bench::pair();
    b.bring_to(Phase::Replay);
    for _ in 0..4 {
        b.round(&[P, S]);
        b.wait(ms(3));
    }
    assert_eq!(
        (b.phase(), tally(&b).absent),
        (Some(Phase::Replay), 0),
        "a target that catches up is late by nature"
    );
}

#[test]
fn the_deadline_aborts_a_review_and_a_replay() {
    for phase in [Phase::Replay, Phase::Review] {
        let mut b = Bench::pair();
        b.bring_to(phase);
        b.answer_all(&[P, S]);
        b.wait(ms(1_001));
        assert!(aborted(&b, AbortReason::Deadline), "{phase}");
        assert_eq!(
            (b.serving().as_str(), b.service.deadline()),
            ("P S", None),
            "nobody is woken for it again"
        );
    }
}

#[test]
fn a_change_of_epoch_starts_the_count_anew() {
    let mut b = reviewing(RULE);
    b.round(&[P, S, T, U]);
    b.request();
    b.answer_all(&[P, S, T]);
    b.wait(ms(3));
    b.answer_all(&[U]);
    assert_eq!((tally(&b).agreed, tally(&b).absent), (2, 1));
    b.order(ServiceOrder::Remove { server: P, incarnation: life(P) }).expect("P is gone");
    assert_eq!((tally(&b).agreed, tally(&b).absent), (0, 0), "that was with another primary");
    for agreed in 1..3 {
        b.round(&[S, T, U]);
        assert_eq!(tally(&b).agreed, agreed);
    }
    b.round(&[S, T, U]);
    assert_eq!(b.phase(), Some(Phase::SwitchOver));
}
