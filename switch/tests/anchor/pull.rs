//! The pull: the target serves while its state is still on its way. Until all of it is there the frozen source is kept, for its
//! pages and as the fall-back; losing it then is the known weakness of post-copy.

use crate::common::bench::{Bench, HERE};
use crate::common::{P, T, ms};
use zerogap_proto::{AbortReason, DropReason, Outcome, Phase, Refusal, Scheme};

const LOG: u64 = 16;

/// Frozen and marked at #1, with two requests waiting, and taken over.
fn taken() -> Bench {
    let mut b = Bench::of(&[P]);
    b.round(&[P]);
    b.begin_alone(Scheme::PostCopy).expect("begun");
    b.freeze().expect("frozen");
    (0..2).for_each(|_| drop(b.request()));
    b.reached(Phase::Transfer).expect("reached");
    b.take(true).expect("taken");
    b
}

/// The target has answered #1 and #2.
fn pulling() -> Bench {
    let mut b = taken();
    b.answer_all(&[T]);
    assert_eq!((b.phase(), b.service.held()), (Some(Phase::Pull), 0));
    b
}

fn last(b: &Bench) -> Option<Outcome> {
    b.service.status().last.map(|(_, outcome)| outcome)
}

#[test]
fn the_target_serves_and_the_source_is_let_go_when_all_is_pulled() {
    let mut b = taken();
    assert_eq!(b.answer(T, 1), ["q1 of T to the client at p1", "phase Pull"]);
    b.answer_all(&[T]);
    b.round(&[T]);
    assert_eq!((b.serving().as_str(), b.service.has_reader(P)), ("T", true));
    assert_eq!(
        b.pulled(),
        Ok(["phase Complete", "complete", "P dropped: Released"].map(String::from).to_vec())
    );
    assert_eq!((b.serving().as_str(), b.service.status().completed, b.room()), ("T", 1, LOG));
}

#[test]
fn what_is_pulled_before_the_target_has_answered_completes_with_the_answer() {
    let mut b = taken();
    assert_eq!(b.pulled(), Ok(vec![]));
    assert_eq!(b.pulled(), Ok(vec![]), "again");
    assert_eq!(b.phase(), Some(Phase::SwitchOver));
    let told = b.answer(T, 1);
    assert_eq!(told, ["q1 of T to the client at p1", "phase Complete", "complete", "P dropped: Released"]);
}

#[test]
fn a_target_that_is_lost_in_the_pull_gives_back_and_what_went_out_does_not_go_out_again() {
    let mut b = pulling();
    b.request();
    let told = b.remove(T);
    assert_eq!(told[..2], ["T dropped: ProcessEnded", "P goes on, 3 waiting"]);
    assert_eq!(b.answer(P, 1), ["aborted: fell-back"], "the client has this from T");
    assert_eq!(b.answer(P, 2), [""; 0], "and this");
    assert_eq!(b.answer(P, 3), ["q3 of P to the client at p1"]);
    assert_eq!(last(&b), Some(Outcome::Aborted(AbortReason::FellBack)));
    assert_eq!((b.serving().as_str(), b.service.held(), b.room()), ("P", 0, LOG));
}

#[test]
fn a_source_that_is_lost_before_all_is_pulled_is_named_and_the_target_answers_what_it_can() {
    for answered in [false, true] {
        let mut b = if answered { pulling() } else { taken() };
        assert_eq!(b.remove(P), ["P dropped: ProcessEnded", "aborted: source-lost-in-pull"]);
        assert_eq!(b.service.status().plan, None);
        b.answer_all(&[T]);
        assert_eq!((b.serving().as_str(), b.service.held(), b.room()), ("T", 0, LOG));
    }
}

#[test]
fn a_target_that_ended_with_its_source_is_no_fall_back_whichever_is_heard_of_first() {
    let mut b = pulling();
    b.remove(T);
    assert_eq!(b.remove(P)[..2], ["P dropped: ProcessEnded", "aborted: source-lost-in-pull"]);
    assert_eq!((last(&b), b.serving().as_str()), (Some(Outcome::Aborted(AbortReason::SourceLostInPull)), ""));
}

#[test]
fn nothing_is_taken_over_that_would_have_to_be_pulled_from_a_source_that_is_gone() {
    let mut b = Bench::of(&[P]);
    b.begin_alone(Scheme::PostCopy).expect("begun");
    b.freeze().expect("frozen");
    b.remove(P);
    assert_eq!(b.take(true), Err(Refusal::WrongServer));
    assert_eq!(b.phase(), Some(Phase::Freeze));
}

#[test]
fn a_cancel_before_all_is_pulled_gives_the_target_up_and_falls_back() {
    for answered in [false, true] {
        let mut b = if answered { pulling() } else { taken() };
        let told = b.cancel().expect("the source has all that the target has");
        assert_eq!(told[..2], ["T dropped: Aborted", "P goes on, 2 waiting"]);
        assert_eq!(b.try_answer(T, 1), Err(DropReason::RogueAnswer));
        b.answer_all(&[P]);
        assert_eq!((b.serving().as_str(), b.service.held(), b.room()), ("P", 0, LOG));
    }
    let mut b = pulling();
    b.pulled().expect("all is there");
    assert_eq!(b.cancel(), Err(Refusal::StaleMigration), "too late");
    let mut b = taken();
    b.pulled().expect("all is there");
    assert_eq!(b.cancel(), Err(Refusal::WrongPhase), "only forward");
}

#[test]
fn what_a_target_told_the_client_before_it_was_given_up_proves_nothing_against_the_source() {
    let mut b = taken();
    b.answer_wrongly(T, 1);
    b.cancel().expect("its state was another one");
    assert_eq!(b.answer(P, 1), ["aborted: fell-back"]);
    assert_eq!(b.answer(P, 2), ["q2 of P to the client at p1"]);
    assert_eq!(b.serving(), "P");
}

#[test]
fn a_source_that_reads_again_what_was_answered_can_be_migrated_meanwhile() {
    let mut b = taken();
    (0..4).for_each(|_| drop(b.round(&[T])));
    b.remove(T);
    b.answer(P, 1);
    b.begin_alone(Scheme::Redundancy).expect("begun");
    b.freeze().expect("frozen");
    b.answer_all(&[P]);
    let mark = b.service.status().plan.and_then(|plan| plan.mark).expect("drained");
    assert!(mark.0 < 7, "{mark}: T had answered up to #6");
    b.thaw().expect("thawed");
    b.answer_all(&[P]);
    b.read(1).expect("reading");
    b.answer_all(&[P, T]);
    (0..2).for_each(|_| drop(b.round(&[P, T])));
    assert_eq!((last(&b), b.serving().as_str()), (Some(Outcome::Complete), "T"));
}

#[test]
fn the_pull_has_no_deadline_and_a_silent_client_does_not_end_it() {
    let mut b = pulling();
    assert_eq!(b.wait(ms(10_000)), [""; 0]);
    b.round(&[T]);
    assert_eq!((b.phase(), b.service.deadline()), (Some(Phase::Pull), None));
    let mut b = taken();
    b.answer(T, 2);
    b.wait(ms(10_000));
    assert_eq!(
        (b.phase(), b.serving().as_str()),
        (Some(Phase::Pull), "T"),
        "though its answer to #1 was lost"
    );
}

#[test]
fn a_log_full_in_the_pull_refuses_requests_and_keeps_the_fall_back() {
    let mut b = pulling();
    (0..LOG - 2).for_each(|_| drop(b.round(&[T])));
    assert_eq!(b.request_at(900, HERE), Err(DropReason::LogFull));
    assert_eq!((b.phase(), b.service.has_reader(P), b.serving().as_str()), (Some(Phase::Pull), true, "T"));
    b.pulled().expect("all is there");
    assert_eq!((b.serving().as_str(), b.room()), ("T", LOG));
}
