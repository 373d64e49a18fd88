//! The take-over without a review: the target goes on from the mark, the frozen source is the fall-back until the target has
//! answered, and whatever happens the client is answered once.

use crate::common::bench::{Bench, restored, without};
use crate::common::{P, T, U, command, life, ms};
use zerogap_proto::{
    AbortReason, DropReason, Epoch, MigrationId, Offset, Outcome, Phase, Refusal, Scheme, ServiceOrder,
};

const LOG: u64 = 16;

/// Frozen and marked at #1, with this many requests waiting.
fn ready(waiting: u64) -> Bench {
    let mut b = Bench::of(&[P]);
    b.round(&[P]);
    b.begin_alone(Scheme::StopAndCopy).expect("begun");
    b.freeze().expect("frozen");
    (0..waiting).for_each(|_| drop(b.request()));
    b.reached(Phase::Restore).expect("reached");
    b
}

fn taken(waiting: u64) -> Bench {
    let mut b = ready(waiting);
    b.take(false).expect("taken");
    b
}

fn last(b: &Bench) -> Option<Outcome> {
    b.service.status().last.map(|(_, outcome)| outcome)
}

#[test]
fn the_target_answers_what_has_waited_and_then_the_source_is_let_go() {
    let mut b = ready(2);
    let told = [
        "phase SwitchOver",
        "switched over at #1, e1",
        "T reads from #1",
        "#1 to T again",
        "#2 to T again",
        "T is live",
    ];
    assert_eq!(b.take(false), Ok(told.map(String::from).to_vec()));
    assert_eq!((b.serving().as_str(), b.service.has_reader(P)), ("T", true), "P is the fall-back");
    assert_eq!(b.request(), ["#3 to T"], "and is sent nothing");
    let told = b.answer(T, 1);
    assert_eq!(told, ["q1 of T to the client at p1", "phase Complete", "complete", "P dropped: Released"]);
    b.answer_all(&[T]);
    let status = b.service.status();
    assert_eq!((b.serving().as_str(), status.completed, status.plan), ("T", 1, None));
    assert_eq!((b.service.held(), b.room()), (0, LOG));
}

#[test]
fn a_target_that_is_lost_before_it_has_answered_gives_the_service_back_to_the_source() {
    let mut b = taken(2);
    let told = b.remove(T);
    let expected = [
        "T dropped: ProcessEnded",
        "P goes on, 2 waiting",
        "P promoted instead of T, e2",
        "#1 to P again",
        "#2 to P again",
        "P is live",
    ];
    assert_eq!(told, expected);
    assert_eq!((b.stamps[&P].epoch, b.stamps[&P].incarnation), (Epoch(2), life(P)));
    assert_eq!(b.answer(P, 1), ["aborted: fell-back", "q1 of P to the client at p1"], "P is there");
    b.answer_all(&[P]);
    assert_eq!((b.serving().as_str(), b.service.held(), b.room()), ("P", 0, LOG));
    assert_eq!(last(&b), Some(Outcome::Aborted(AbortReason::FellBack)));
}

#[test]
fn a_target_that_stays_silent_is_given_up_at_the_deadline() {
    let mut b = taken(1);
    let silent = without(b.wait(ms(99)), &["again", "absent"]);
    assert_eq!(silent, [""; 0]);
    let told = without(b.wait(ms(1)), &["to T again"]);
    assert_eq!(told[..2], ["T dropped: Lagged", "P goes on, 1 waiting"]);
    b.answer_all(&[P]);
    assert_eq!((b.serving().as_str(), b.service.held()), ("P", 0));
    assert_eq!(last(&b), Some(Outcome::Aborted(AbortReason::FellBack)));
}

#[test]
fn a_source_that_is_found_lost_before_it_has_answered_was_not_fallen_back_to() {
    let mut b = taken(2);
    b.remove(T);
    assert_eq!(last(&b), None, "nobody knows yet");
    assert_eq!(b.begin_alone(Scheme::StopAndCopy), Err(Refusal::Busy));
    assert_eq!(b.remove(P)[..2], ["P dropped: ProcessEnded", "aborted: all-lost"]);
    assert_eq!(b.serving(), "");
}

#[test]
fn a_source_that_is_asked_nothing_is_believed_when_it_would_have_had_to_answer() {
    let mut b = taken(0);
    b.remove(T);
    assert_eq!(b.wait(ms(99)), [""; 0]);
    assert_eq!(b.begin_alone(Scheme::StopAndCopy), Err(Refusal::Busy), "word of its end may be on the way");
    assert_eq!(b.wait(ms(1)), ["aborted: fell-back"]);
    b.begin_alone(Scheme::StopAndCopy).expect("begun");
    assert_eq!((last(&b), b.phase()), (Some(Outcome::Aborted(AbortReason::FellBack)), Some(Phase::Prepare)));
}

#[test]
fn a_source_that_is_asked_nothing_and_found_lost_was_not_fallen_back_to() {
    let mut b = taken(0);
    b.remove(T);
    b.wait(ms(99));
    assert_eq!(b.remove(P)[..2], ["P dropped: ProcessEnded", "aborted: all-lost"]);
    assert_eq!((b.wait(ms(10)), b.service.deadline()), (vec![], None));
}

#[test]
fn a_source_that_is_asked_something_is_not_believed_before_it_answers() {
    let mut b = taken(0);
    b.remove(T);
    b.wait(ms(99));
    b.request();
    assert_eq!(without(b.wait(ms(10_000)), &["again", "absent"]), [""; 0]);
    assert_eq!(last(&b), None);
    assert_eq!(b.answer(P, 1)[0], "aborted: fell-back");
}

#[test]
fn the_deadline_runs_from_when_the_target_was_first_asked() {
    let mut b = taken(0);
    assert_eq!(b.wait(ms(10_000)), [""; 0], "nobody can have answered what nobody asked");
    b.request();
    assert_eq!(without(b.wait(ms(99)), &["again", "absent"]), [""; 0]);
    assert_eq!(b.phase(), Some(Phase::SwitchOver));
    b.answer_all(&[T]);
    assert_eq!((last(&b), b.serving().as_str()), (Some(Outcome::Complete), "T"));
}

#[test]
fn what_the_target_was_asked_is_no_absence_of_the_source_that_it_falls_back_to() {
    let mut b = taken(4);
    b.wait(ms(2));
    b.remove(T);
    assert_eq!(b.wait(ms(1)), [""; 0], "asked a millisecond ago");
    assert_eq!(b.serving(), "P");
    let told = without(b.wait(ms(3)), &["again"]);
    assert_eq!(told, ["P is absent"], "and now it is late itself");
    b.answer_all(&[P]);
    assert_eq!(b.service.held(), 0);
}

#[test]
fn offsets_that_the_target_was_sent_count_like_any_other() {
    let mut b = taken(3);
    let told = without(b.wait(ms(3)), &["again"]);
    assert_eq!((told, b.serving().as_str()), (vec!["T is absent".into()], "(T)"));
    b.answer_all(&[T]);
    b.round(&[T]);
    assert_eq!((b.serving().as_str(), last(&b)), ("T", Some(Outcome::Complete)));
}

#[test]
fn once_the_state_is_there_the_source_may_be_lost_and_then_there_is_no_fall_back() {
    let mut b = taken(1);
    assert_eq!(b.remove(P), ["P dropped: ProcessEnded"]);
    assert_eq!(b.phase(), Some(Phase::SwitchOver));
    let mut alone = b;
    let mut b = taken(1);
    b.remove(P);
    b.answer_all(&[T]);
    assert_eq!((last(&b), b.serving().as_str(), b.room()), (Some(Outcome::Complete), "T", LOG));
    let told = alone.remove(T);
    assert_eq!(told, ["T dropped: ProcessEnded", "aborted: all-lost"]);
    assert_eq!(alone.serving(), "");
}

#[test]
fn a_cancel_after_the_take_is_refused_and_it_finishes_forward() {
    let mut b = taken(1);
    let before = b.service.status();
    assert_eq!(b.cancel(), Err(Refusal::WrongPhase));
    assert_eq!(b.service.status(), before);
    b.answer_all(&[T]);
    assert_eq!((last(&b), b.serving().as_str()), (Some(Outcome::Complete), "T"));
}

#[test]
fn a_take_that_comes_again_is_refused_as_stale_or_changes_nothing() {
    let mut b = taken(1);
    let migration = b.migration();
    let targets = vec![(T, restored(T, migration))];
    let again = ServiceOrder::Take { migration, targets, lazy: false, deadline: ms(100) };
    let stale = command(Epoch(0), again.clone());
    let before = b.service.status();
    assert_eq!(b.service.order(b.now, stale), Err(Refusal::StaleEpoch), "from one who has not seen it yet");
    for late in [again, ServiceOrder::Freeze { migration }, ServiceOrder::Pulled { migration }] {
        assert_eq!(without(b.order(late).expect("harmless"), &["refused"]), [""; 0]);
    }
    assert_eq!((b.service.status(), b.phase()), (before, Some(Phase::SwitchOver)));
}

#[test]
fn only_the_targets_of_the_plan_take_over_and_only_from_a_mark() {
    let mut b = ready(1);
    let migration = b.migration();
    for targets in [vec![], vec![(U, life(U))], vec![(T, life(T)), (U, life(U))]] {
        let order = ServiceOrder::Take { migration, targets, lazy: false, deadline: ms(100) };
        assert_eq!(b.order(order), Err(Refusal::WrongServer));
    }
    assert_eq!((b.serving().as_str(), b.phase()), ("P", Some(Phase::Restore)));
}

#[test]
fn nothing_of_the_old_source_goes_out_after_the_take() {
    let mut b = taken(1);
    assert_eq!(b.try_answer(P, 1), Err(DropReason::RogueAnswer), "nobody has asked it");
    assert_eq!(b.service.unreachable(b.now, P), Err(DropReason::RogueAnswer));
    b.answer_all(&[T]);
    assert_eq!(b.service.status().last, Some((MigrationId(1), Outcome::Complete)));
    assert_eq!(b.service.status().head, Offset(2));
}
