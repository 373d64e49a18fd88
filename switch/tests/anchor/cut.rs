//! The cut: the log is pinned before the snapshot is taken, and a mark that the log cannot honour is refused.

use crate::common::bench::{Bench, begin};
use crate::common::{P, S, T, U, V, ms};
use zerogap_proto::{Offset, Phase, Refusal, ReviewRule, ServiceOrder};

#[test]
fn the_log_is_pinned_at_the_snapshotting_servers_oldest_unanswered_offset() {
    let mut b = Bench::pair();
    (0..3).for_each(|_| drop(b.round(&[P])));
    b.answer(S, 0);
    assert_eq!(b.begin(S), Ok(vec!["m1 begun, pinned at #1".into(), "phase Snapshot".into()]));
}

#[test]
fn a_mark_outside_the_log_is_refused_and_changes_nothing() {
    let mut b = Bench::pair();
    (0..3).for_each(|_| drop(b.round(&[P, S])));
    b.begin(S).expect("pinned at #3");
    b.round(&[P, S]);
    for outside in [2, 5, u64::MAX] {
        assert_eq!(b.mark(outside), Err(Refusal::MarkOutOfLog), "mark #{outside}");
        assert_eq!(b.phase(), Some(Phase::Snapshot));
    }
    assert_eq!(
        b.mark(4),
        Ok(vec!["marked at #4".into(), "phase Transfer".into()]),
        "the head itself: nothing to replay"
    );
}

#[test]
fn the_pin_moves_to_the_mark() {
    let mut b = Bench::pair();
    b.begin(S).expect("pinned at #0");
    (0..10).for_each(|_| drop(b.round(&[P, S])));
    b.mark(8).expect("cut");
    assert_eq!(b.service.status().plan.and_then(|plan| plan.mark), Some(Offset(8)));
    for _ in 10..24 {
        b.round(&[P, S]);
        assert_eq!(b.phase(), Some(Phase::Transfer), "what lies before #8 takes no room any more");
    }
    b.round(&[P, S]);
    assert_eq!(b.phase(), None, "16 entries from #8 on are all there is");
}

#[test]
fn the_mark_is_set_once() {
    let mut b = Bench::pair();
    b.begin(S).expect("begun");
    (0..2).for_each(|_| drop(b.round(&[P, S])));
    b.mark(1).expect("cut");
    assert_eq!(b.mark(1), Ok(vec![]));
    assert_eq!(b.mark(2), Err(Refusal::WrongPhase), "targets may read from #1 already");
}

#[test]
fn targets_read_from_the_mark_and_nothing_before_it() {
    let mut b = Bench::pair();
    b.begin(S).expect("begun");
    (0..3).for_each(|_| drop(b.round(&[P, S])));
    b.mark(1).expect("cut");
    let told = b.read(1).expect("reading");
    let expected = [
        "phase Replay",
        "T reads from #1",
        "U reads from #1",
        "#1 to T again",
        "#2 to T again",
        "T is live",
        "#1 to U again",
        "#2 to U again",
        "U is live",
        "phase Review",
    ];
    assert_eq!(told, expected);
}

#[test]
fn only_a_healthy_server_that_serves_is_snapshotted_and_only_free_servers_are_targets() {
    let mut b = Bench::pair();
    for n in 0..3 {
        b.request();
        b.answer(P, n);
        b.wait(ms(3));
    }
    assert_eq!(b.serving(), "P (S)");
    let wrong = Err(Refusal::WrongServer);
    assert_eq!(b.order(begin(1, S, &[T, U])), wrong, "absent");
    assert_eq!(b.order(begin(1, V, &[T, U])), wrong, "does not serve");
    assert_eq!(b.order(begin(1, P, &[T, S])), wrong, "a target that serves");
    assert_eq!(b.order(begin(1, P, &[T, T])), wrong, "the same twice");
    assert_eq!(b.order(begin(1, P, &[])), wrong, "none");
    assert!(b.order(begin(1, P, &[T, U])).is_ok());
}

#[test]
fn targets_do_not_read_before_there_is_a_mark_and_only_those_of_the_plan_do() {
    let mut b = Bench::pair();
    b.begin(S).expect("begun");
    assert_eq!(b.read(1), Err(Refusal::WrongPhase));
    b.mark(0).expect("cut");
    let review = ReviewRule { agreements: 1, absences_max: 0, deadline: ms(100) };
    let targets = vec![(T, crate::common::life(T)), (V, crate::common::life(V))];
    let order = ServiceOrder::Read { migration: b.migration(), targets, review };
    assert_eq!(b.order(order), Err(Refusal::WrongServer));
    assert!(b.read(1).is_ok());
}
