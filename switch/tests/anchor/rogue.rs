//! Rogue answers: from a life that is over, to what nobody asked, about another request. None may touch a ballot.

use crate::common::bench::{Bench, restored};
use crate::common::{P, S, T, U, V, life};
use zerogap_proto::{DropReason, Incarnation, Kind, MigrationId, Offset, Phase, Sequence};

#[test]
fn an_answer_that_nobody_asked_for_is_refused_whatever_is_wrong_with_it() {
    let mut b = Bench::pair();
    b.request();
    let rogue = Err(DropReason::RogueAnswer);
    let answer = Kind::Answer;
    assert_eq!(b.say(P, Incarnation(life(P).0 + 1), answer, 0, 0), rogue, "another life");
    assert_eq!(b.say(P, life(S), answer, 0, 0), rogue, "somebody else's life");
    assert_eq!(b.say(V, life(V), answer, 0, 0), rogue, "a server without a reader");
    assert_eq!(b.say(P, life(P), answer, 1, 0), rogue, "not asked yet");
    assert_eq!(b.say(P, life(P), answer, u64::MAX, 0), rogue, "never to be asked");
    assert_eq!(b.say(P, life(P), Kind::Request, 0, 0), rogue, "no answer at all");
    assert_eq!(b.say_to(P, life(P), answer, Offset(0), Sequence(9), 0), rogue, "to another request");
    assert_eq!(b.answer(P, 0), ["q0 of P to the client at p1"], "and the right one still counts");
}

#[test]
fn word_from_a_life_that_is_over_drops_nobody() {
    let mut b = Bench::pair();
    b.request();
    for kind in [Kind::Expect, Kind::Forgotten] {
        assert_eq!(b.say(S, Incarnation(life(S).0 + 1), kind, 0, 0), Err(DropReason::RogueAnswer));
    }
    assert_eq!(b.serving(), "P S");
}

#[test]
fn a_target_of_an_attempt_that_was_aborted_has_no_vote_in_the_next() {
    let mut b = Bench::pair();
    b.bring_to(Phase::Review);
    b.request();
    let offset = b.service.status().head.0 - 1;
    b.cancel().expect("aborted");
    let first = restored(T, MigrationId(1));
    assert_eq!(b.say(T, first, Kind::Answer, offset, 0), Err(DropReason::RogueAnswer), "no reader");
    b.answer_all(&[P, S]);
    b.bring_to(Phase::Review);
    b.request();
    let offset = b.service.status().head.0 - 1;
    assert_eq!(b.say(T, first, Kind::Answer, offset, 0), Err(DropReason::RogueAnswer), "another life");
    assert_eq!(b.say(U, restored(U, MigrationId(2)), Kind::Answer, offset, 0), Ok(vec![]));
}

#[test]
fn a_target_has_no_vote_on_what_lies_before_its_mark() {
    let mut b = Bench::pair();
    (0..2).for_each(|_| drop(b.round(&[P])));
    b.begin(P).expect("begun");
    b.mark(2).expect("cut");
    b.read(1).expect("reading");
    b.request();
    let life = b.stamps[&T].incarnation;
    assert_eq!(b.say(T, life, Kind::Answer, 1, 0), Err(DropReason::RogueAnswer));
    assert_eq!(b.say(T, life, Kind::Answer, 2, 0), Ok(vec![]));
}
