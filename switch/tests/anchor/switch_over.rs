//! The switch-over at X: chosen only when everything below is closed and equal, after it only forward, and a fall-back for as
//! long as the targets have not shown that they answer.

use crate::common::bench::{Bench, without};
use crate::common::{P, S, T, U, V, config, life, ms};
use zerogap_proto::{
    AbortReason, Epoch, Goal, MigrationId, Offset, Outcome, Phase, Refusal, ReviewRule, Scheme, ServiceOrder,
};
use zerogap_switch::{Selection, ServiceConfig};

const ALL: &[zerogap_proto::NodeId] = &[P, S, T, U];

/// One agreement short of the switch-over.
fn almost() -> Bench {
    let mut b = Bench::pair();
    b.bring_to(Phase::Review);
    (0..2).for_each(|_| drop(b.round(ALL)));
    assert_eq!(b.phase(), Some(Phase::Review));
    b
}

fn committed() -> (Bench, u64) {
    let mut b = Bench::pair();
    b.bring_to(Phase::SwitchOver);
    let x = b.service.status().head.0;
    (b, x)
}

fn last(b: &Bench) -> Option<Outcome> {
    b.service.status().last.map(|(_, outcome)| outcome)
}

#[test]
fn x_is_the_lowest_unreleased_offset_and_comes_with_the_last_agreement() {
    let mut b = almost();
    b.request();
    let x = b.service.status().head.0;
    b.answer_all(&[P, S, T]);
    assert_eq!(b.phase(), Some(Phase::Review));
    let told = b.answer(U, x - 1);
    assert_eq!(told, ["phase SwitchOver".into(), format!("switched over at #{x}, e1")]);
    assert_eq!(b.serving(), "T U P S");
}

#[test]
fn x_is_not_chosen_while_a_ballot_below_it_is_open() {
    let mut b = almost();
    b.request();
    b.request();
    let (k, last) = (b.service.status().head.0 - 2, b.service.status().head.0 - 1);
    for server in ALL {
        b.answer(*server, last);
    }
    assert_eq!(b.phase(), Some(Phase::Review), "#{last} alone is no prefix");
    for server in [P, S, T] {
        b.answer(server, k);
    }
    assert_eq!(b.phase(), Some(Phase::Review), "released, but U has not answered #{k}");
    b.answer(U, k);
    assert_eq!(b.phase(), Some(Phase::SwitchOver));
}

#[test]
fn x_is_not_chosen_while_what_was_released_is_ahead_of_what_was_compared() {
    let mut b = almost();
    b.request();
    b.answer_all(&[P, S]);
    b.request();
    let k = b.service.status().head.0 - 2;
    b.answer(P, k + 1);
    b.answer(T, k);
    b.answer(U, k);
    assert_eq!(b.phase(), Some(Phase::Review), "#{} is released and not compared", k + 1);
    b.answer(T, k + 1);
    let told = b.answer(U, k + 1);
    assert!(told.contains(&format!("switched over at #{}, e1", k + 2)), "{told:?}");
}

#[test]
fn below_x_the_old_primarys_answers_go_out_and_from_x_on_the_new_ones() {
    let mut b = almost();
    b.request();
    let x = b.service.status().head.0;
    let told = b.answer_all(ALL);
    assert!(told[0].contains("of P to the client"), "{told:?}");
    b.request();
    assert_eq!(b.answer(P, x), [""; 0], "it would have been released before");
    let told = b.answer(T, x);
    assert_eq!(told, [format!("q{x} of T to the client at p1")]);
}

#[test]
fn the_old_pair_stays_until_both_targets_have_answered_from_x_on() {
    let (mut b, x) = committed();
    b.request();
    b.answer(P, x);
    b.answer(T, x);
    assert_eq!((b.phase(), b.serving().as_str()), (Some(Phase::SwitchOver), "T U P S"));
    let told = b.answer(U, x);
    assert_eq!(told, ["phase Complete", "complete", "P dropped: Released", "S dropped: Released"]);
    let status = b.service.status();
    assert_eq!((b.serving().as_str(), status.completed, status.plan), ("T U", 1, None));
    assert_eq!(last(&b), Some(Outcome::Complete));
    assert_eq!(b.request(), [format!("#{} to T", x + 1), format!("#{} to U", x + 1)]);
    b.answer_all(&[T, U]);
    assert_eq!(b.room(), 16, "nothing stays pinned");
}

#[test]
fn if_both_targets_are_silent_from_x_on_the_old_primary_still_answers_in_time() {
    let (mut b, x) = committed();
    b.request();
    b.answer(P, x);
    let told = without(b.wait(ms(3)), &["again"]);
    assert_eq!(
        told,
        [format!("q{x} of P to the client at p1"), format!("failed over at #{x}, T is missing")]
    );
}

#[test]
fn if_one_target_dies_after_x_the_other_goes_on_alone() {
    let (mut b, x) = committed();
    let told = b.remove(T);
    assert_eq!(told, ["T dropped: ProcessEnded", "U promoted instead of T, e2"]);
    let review = b.service.status().plan.map(|plan| plan.review.agreed);
    assert_eq!(review, Some(3), "what led to X stays on record");
    assert_eq!(b.round(&[U]).last().map(String::as_str), Some("S dropped: Released"));
    assert_eq!((last(&b), b.serving().as_str()), (Some(Outcome::Complete), "U"));
    assert_eq!(b.service.held(), 0, "#{x} was answered");
}

#[test]
fn if_both_targets_die_after_x_the_old_pair_serves_again() {
    let (mut b, x) = committed();
    b.request();
    b.answer(P, x);
    b.answer(S, x);
    b.remove(T);
    let told = b.remove(U);
    assert!(told.contains(&format!("q{x} of P to the client at p1")), "{told:?}");
    assert_eq!((last(&b), b.serving().as_str()), (None, "P S"), "they answered before");
    b.request();
    assert_eq!(b.answer(S, x + 1)[0], "aborted: fell-back", "S is there");
    assert_eq!(last(&b), Some(Outcome::Aborted(AbortReason::FellBack)));
    b.answer_all(&[P, S]);
    assert_eq!((b.serving().as_str(), b.room()), ("P S", 16), "nothing stays pinned");
}

#[test]
fn what_the_old_pair_was_asked_before_does_not_show_that_it_can_be_fallen_back_to() {
    let (mut b, x) = committed();
    b.request();
    b.remove(T);
    b.remove(U);
    assert_eq!(b.answer(P, x), [format!("q{x} of P to the client at p1")], "it was on its way");
    assert_eq!((b.remove(P).len(), last(&b)), (2, None), "S is left");
    assert_eq!(b.remove(S)[..2], ["S dropped: ProcessEnded", "aborted: all-lost"]);
    assert_eq!((b.wait(ms(2_000)), b.service.deadline()), (vec![], None));
}

#[test]
fn if_the_old_pair_is_lost_before_both_targets_there_is_nobody_to_fall_back_to() {
    let (mut b, _) = committed();
    for server in [P, S, T] {
        b.remove(server);
    }
    assert_eq!(b.remove(U)[..2], ["U dropped: ProcessEnded", "aborted: all-lost"]);
}

#[test]
fn an_old_pair_that_is_asked_nothing_is_believed_when_it_would_have_had_to_answer() {
    let (mut b, _) = committed();
    b.remove(T);
    b.remove(U);
    assert_eq!((b.wait(ms(999)), last(&b)), (vec![], None));
    assert_eq!(b.wait(ms(1)), ["aborted: fell-back"]);
}

#[test]
fn a_target_that_stays_silent_after_x_is_let_go_at_the_deadline() {
    let (mut b, _) = committed();
    b.round(&[P, S, T]);
    b.wait(ms(1_100));
    assert_eq!((last(&b), b.serving().as_str()), (Some(Outcome::Complete), "T"));
    let (mut b, _) = committed();
    b.round(&[P, S]);
    b.wait(ms(1_100));
    b.round(&[P, S]);
    assert_eq!(last(&b), Some(Outcome::Aborted(AbortReason::FellBack)));
    assert_eq!(b.serving(), "P S");
}

#[test]
fn a_switch_over_just_before_the_deadline_is_not_undone_before_anything_was_asked() {
    let mut b = almost();
    let told = b.wait(ms(999));
    assert_eq!(told, [""; 0]);
    b.round(ALL);
    assert_eq!(b.phase(), Some(Phase::SwitchOver));
    assert_eq!(b.wait(ms(10)), [""; 0], "nobody can have answered what nobody asked");
    b.round(ALL);
    assert_eq!((last(&b), b.serving().as_str()), (Some(Outcome::Complete), "T U"));
}

#[test]
fn targets_that_were_asked_nothing_since_x_are_not_let_go_however_long_the_client_is_silent() {
    let (mut b, _) = committed();
    assert_eq!(b.wait(ms(10_000)), [""; 0]);
    b.round(ALL);
    assert_eq!((last(&b), b.serving().as_str()), (Some(Outcome::Complete), "T U"));
}

#[test]
fn a_cancel_after_the_commit_point_is_refused_and_the_switch_over_finishes_forward() {
    let (mut b, _) = committed();
    let migration = b.migration();
    let before = b.service.status();
    assert_eq!(b.cancel(), Err(Refusal::WrongPhase));
    let old = ServiceOrder::Cancel { migration, reason: AbortReason::Requested };
    let stale = crate::common::command(Epoch(0), old);
    assert_eq!(b.service.order(b.now, stale), Err(Refusal::StaleEpoch), "from one who has not seen it yet");
    assert_eq!(b.service.status(), before);
    b.round(ALL);
    assert_eq!((last(&b), b.serving().as_str()), (Some(Outcome::Complete), "T U"));
}

/// P alone, and V about to become its standby after two agreements.
fn reseeding() -> Bench {
    reseeding_of(config(&[P], Selection::Preferred))
}

fn reseeding_of(config: ServiceConfig) -> Bench {
    let mut b = Bench::new(config);
    b.round(&[P]);
    b.order(ServiceOrder::Begin {
        migration: MigrationId(1),
        scheme: Scheme::HotStandby,
        goal: Goal::Reseed,
        snapshotter: P,
        targets: vec![V],
    })
    .expect("begun");
    b.mark(1).expect("cut");
    let review = ReviewRule { agreements: 2, absences_max: 0, deadline: ms(100) };
    let migration = b.migration();
    b.order(ServiceOrder::Read { migration, targets: vec![(V, life(V))], review }).expect("reading");
    b
}

#[test]
fn a_reseed_makes_the_target_a_standby_and_switches_nothing_over() {
    let mut b = reseeding();
    b.round(&[P, V]);
    assert_eq!(b.serving(), "P");
    b.round(&[P, V]);
    let status = b.service.status();
    assert_eq!((b.serving().as_str(), status.epoch, status.completed), ("P V", Epoch(0), 0));
    assert_eq!((last(&b), status.plan), (Some(Outcome::Complete), None));
    b.request();
    b.answer(V, 3);
    b.wait(ms(3));
    assert_eq!(b.service.held(), 0, "and it stands by");
    assert_eq!(b.service.status().head, Offset(4));
}

#[test]
fn what_a_new_standby_has_answered_and_the_primary_was_not_even_sent_goes_out_in_time() {
    let mut b = reseeding_of(ServiceConfig { window: 2, ..config(&[P], Selection::Preferred) });
    (0..6).for_each(|_| drop(b.request()));
    b.answer_all(&[V]);
    b.answer(P, 1);
    b.answer(P, 2);
    assert_eq!((b.serving().as_str(), b.service.held()), ("P V", 4));
    assert!(!b.waiting[&P].contains(&Offset(5)), "its window is full");
    b.wait(ms(3));
    assert_eq!((b.serving().as_str(), b.service.held()), ("V (P)", 0));
}

#[test]
fn a_standby_that_was_seeded_by_a_primary_that_is_not_believed_any_more_takes_its_place() {
    let mut b = reseeding();
    b.round(&[P, V]);
    b.order(ServiceOrder::Quarantine { server: P, incarnation: life(P) }).expect("not believed");
    assert_eq!(b.serving(), "[P]", "nobody else is there");
    b.round(&[P, V]);
    assert_eq!((last(&b), b.serving().as_str()), (Some(Outcome::Complete), "V [P]"));
}
