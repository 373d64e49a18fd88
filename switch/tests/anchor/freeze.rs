//! The freeze: the source is sent nothing new, its mark is where it is drained, and until the commit point it goes on from there
//! as if nothing had been, having lost nothing.

use crate::common::bench::{Bench, HERE, begin, without};
use crate::common::{P, S, T, life, ms};
use zerogap_proto::{
    AbortReason, DropReason, Goal, Kind, MigrationId, Offset, Outcome, Phase, Refusal, ReviewRule, Scheme,
    ServiceOrder,
};

const LOG: u64 = 16;
const FREEZING: [Scheme; 5] =
    [Scheme::StopAndCopy, Scheme::PreCopy, Scheme::PostCopy, Scheme::Hybrid, Scheme::Redundancy];

/// P alone, with one request answered, and a migration begun.
fn begun(scheme: Scheme) -> Bench {
    let mut b = Bench::of(&[P]);
    b.round(&[P]);
    b.begin_alone(scheme).expect("begun");
    b
}

/// Frozen at #1, and two requests wait.
fn frozen(scheme: Scheme) -> Bench {
    let mut b = begun(scheme);
    b.freeze().expect("frozen");
    (0..2).for_each(|_| assert_eq!(b.request(), [""; 0]));
    b
}

fn mark(b: &Bench) -> Option<Offset> {
    b.service.status().plan.and_then(|plan| plan.mark)
}

#[test]
fn a_frozen_source_is_sent_nothing_new_and_its_mark_is_where_it_is_drained() {
    let mut b = Bench::of(&[P]);
    b.round(&[P]);
    assert_eq!(
        b.begin_alone(Scheme::StopAndCopy),
        Ok(vec!["m1 begun, pinned at #1".into(), "phase Prepare".into()])
    );
    assert_eq!(b.request(), ["#1 to P"], "in the preparation it serves");
    assert_eq!(b.request(), ["#2 to P"]);
    assert_eq!(b.freeze(), Ok(vec!["phase Freeze".into(), "P is frozen".into()]));
    assert_eq!(b.request(), [""; 0]);
    assert_eq!(b.answer(P, 2), ["q2 of P to the client at p1"]);
    assert_eq!(mark(&b), None, "#1 is still in flight");
    assert_eq!(b.answer(P, 1), ["q1 of P to the client at p1", "marked at #3"]);
    assert_eq!((mark(&b), b.phase()), (Some(Offset(3)), Some(Phase::Freeze)));
}

#[test]
fn a_source_with_nothing_in_flight_is_drained_at_once() {
    let mut b = begun(Scheme::PostCopy);
    let told = ["phase Freeze", "P is frozen", "marked at #1"].map(String::from).to_vec();
    assert_eq!(b.freeze(), Ok(told));
}

#[test]
fn what_is_in_flight_at_the_freeze_is_sent_again_until_it_is_answered_and_nothing_else() {
    let mut b = begun(Scheme::StopAndCopy);
    (0..3).for_each(|_| drop(b.request()));
    b.freeze().expect("frozen");
    b.request();
    assert_eq!(b.wait(ms(2)), ["#1 to P again"]);
    b.answer(P, 1);
    let rewound = ["#2 to P again", "#3 to P again"].map(String::from).to_vec();
    assert_eq!(b.say(P, life(P), Kind::Expect, 2, 0), Ok(rewound), "#2 was lost");
    b.answer(P, 2);
    assert_eq!(mark(&b), None, "#3 has been sent, so it may have been applied");
    assert_eq!(b.answer(P, 3), ["q3 of P to the client at p1", "marked at #4"]);
    assert_eq!(b.wait(ms(1_000)), [""; 0]);
}

#[test]
fn what_a_frozen_source_leaves_unanswered_is_no_absence_and_nobody_is_woken_for_it() {
    for in_flight in [0, 3] {
        let mut b = begun(Scheme::StopAndCopy);
        (0..in_flight).for_each(|_| drop(b.request()));
        b.freeze().expect("frozen");
        (0..5).for_each(|_| drop(b.request()));
        assert_eq!(without(b.wait(ms(1_000)), &["again"]), [""; 0], "{in_flight} in flight");
        b.answer_all(&[P]);
        assert_eq!((b.serving().as_str(), b.service.deadline()), ("P", None), "{in_flight} in flight");
        b.cancel().expect("before the commit point");
        assert_eq!(b.service.held(), 5);
        b.answer_all(&[P]);
        assert_eq!(
            without(b.wait(ms(1_000)), &["again"]),
            [""; 0],
            "their time runs from when they are sent"
        );
        assert_eq!((b.serving().as_str(), b.service.held()), ("P", 0));
    }
}

#[test]
fn an_abort_lets_the_source_go_on_from_where_it_was_held_drained_or_not() {
    for in_flight in [0, 2] {
        let mut b = begun(Scheme::StopAndCopy);
        (0..in_flight).for_each(|_| drop(b.request()));
        b.freeze().expect("frozen");
        (0..2).for_each(|_| drop(b.request()));
        let told = b.cancel().expect("before the commit point");
        let (first, second) = (1 + in_flight, 2 + in_flight);
        let expected = [
            "aborted: requested".to_string(),
            "P goes on, 2 waiting".into(),
            format!("#{first} to P again"),
            format!("#{second} to P again"),
            "P is live".into(),
        ];
        assert_eq!(told, expected);
        b.answer_all(&[P]);
        assert_eq!((b.service.held(), b.room()), (0, LOG));
    }
}

#[test]
fn a_cancel_in_any_phase_before_the_commit_point_loses_nothing_and_the_next_attempt_completes() {
    use Phase::{Freeze, Prepare, Restore, Rounds, Snapshot, Transfer};
    let table: [(Scheme, &[Phase]); 5] = [
        (Scheme::StopAndCopy, &[Prepare, Freeze, Transfer, Restore]),
        (Scheme::PreCopy, &[Prepare, Rounds, Freeze, Transfer, Restore]),
        (Scheme::PostCopy, &[Prepare, Freeze, Transfer]),
        (Scheme::Hybrid, &[Prepare, Rounds, Freeze, Transfer]),
        (Scheme::Redundancy, &[Prepare, Freeze, Snapshot, Transfer, Restore]),
    ];
    for (scheme, phases) in table {
        for phase in phases {
            let why = format!("{} in {phase}", scheme.name());
            let mut b = begun(scheme);
            walk(&mut b, phases, *phase);
            b.cancel().expect("before the commit point");
            b.answer_all(&[P]);
            assert_eq!((b.serving().as_str(), b.phase(), b.service.held()), ("P", None, 0), "{why}");
            assert_eq!(b.service.status().epoch.0, 0, "{why}");
            b.begin_alone(Scheme::StopAndCopy).expect("nothing stands in the way");
            b.freeze().expect("frozen");
            b.take(false).expect("taken");
            b.round(&[T]);
            assert_eq!((b.serving().as_str(), b.phase()), ("T", None), "{why}");
            assert_eq!(b.room(), LOG, "{why}");
        }
    }
}

/// Leads a migration that has begun up to this phase, with a request in each.
fn walk(b: &mut Bench, phases: &[Phase], until: Phase) {
    for phase in phases.iter().skip(1).take_while(|phase| **phase <= until) {
        b.request();
        b.answer_all(&[P]);
        let thaws = b.service.status().plan.is_some_and(|plan| plan.scheme == Scheme::Redundancy);
        let led = match *phase == Phase::Transfer && thaws {
            true => b.thaw(),
            false if *phase == Phase::Freeze => b.freeze(),
            false => b.reached(*phase),
        };
        assert!(led.is_ok(), "{led:?} on the way to {phase}");
        assert_eq!(b.phase(), Some(*phase));
    }
}

#[test]
fn a_thawed_source_goes_on_from_the_mark_and_the_target_reads_from_there_too() {
    let mut b = frozen(Scheme::Redundancy);
    assert_eq!(b.reached(Phase::Snapshot), Ok(vec!["phase Snapshot".into()]));
    let told = ["P goes on, 2 waiting", "phase Transfer", "#1 to P again", "#2 to P again", "P is live"];
    assert_eq!(b.thaw(), Ok(told.map(String::from).to_vec()));
    b.round(&[P]);
    b.reached(Phase::Restore).expect("restoring");
    let told = b.read(2).expect("reading");
    assert_eq!(told[..2], ["phase Replay", "T reads from #1"]);
    b.answer_all(&[T]);
    (0..2).for_each(|_| drop(b.round(&[P, T])));
    assert_eq!((b.phase(), b.serving().as_str()), (Some(Phase::SwitchOver), "T P"));
    b.round(&[P, T]);
    assert_eq!((b.service.status().completed, b.serving().as_str(), b.room()), (1, "T", LOG));
}

#[test]
fn while_the_source_is_frozen_a_full_log_refuses_requests_and_lets_go_of_nobody() {
    for scheme in FREEZING {
        let mut b = begun(scheme);
        b.freeze().expect("frozen");
        assert_eq!(b.room(), LOG, "{}", scheme.name());
        for n in 0..3 {
            assert_eq!(b.request_at(900 + n, HERE), Err(DropReason::LogFull));
        }
        assert_eq!((b.phase(), b.serving().as_str()), (Some(Phase::Freeze), "P"), "{}", scheme.name());
        b.cancel().expect("before the commit point");
        b.answer_all(&[P]);
        assert_eq!((b.service.held(), b.room()), (0, LOG), "{}", scheme.name());
    }
}

#[test]
fn before_the_freeze_nothing_is_pinned_and_after_the_thaw_overflow_ends_the_migration() {
    let mut b = begun(Scheme::Redundancy);
    (0..3 * LOG).for_each(|_| drop(b.round(&[P])));
    assert_eq!(b.phase(), Some(Phase::Prepare));
    b.freeze().expect("frozen");
    b.thaw().expect("thawed");
    (0..LOG).for_each(|_| drop(b.round(&[P])));
    assert_eq!(b.phase(), Some(Phase::Transfer));
    assert_eq!(b.round(&[P])[0], "aborted: log-overflow");
    assert_eq!((b.serving().as_str(), b.room()), ("P", LOG));
}

#[test]
fn what_was_copied_before_the_source_was_lost_can_still_take_over() {
    let mut b = frozen(Scheme::StopAndCopy);
    b.reached(Phase::Transfer).expect("reached");
    b.remove(P);
    assert_eq!(b.room(), LOG - 2, "the log keeps what lies after the mark");
    b.reached(Phase::Restore).expect("reached");
    b.take(false).expect("taken");
    b.answer_all(&[T]);
    assert_eq!((b.serving().as_str(), b.service.held(), b.room()), ("T", 0, LOG));
    assert_eq!(b.service.status().last, Some((MigrationId(1), Outcome::Complete)));
}

#[test]
fn the_loss_of_a_source_that_is_not_drained_leaves_no_mark_and_the_plan_to_be_cancelled() {
    let mut b = begun(Scheme::StopAndCopy);
    b.request();
    b.freeze().expect("frozen");
    b.remove(P);
    assert_eq!((mark(&b), b.phase()), (None, Some(Phase::Freeze)));
    assert_eq!(b.take(false), Err(Refusal::WrongPhase));
    b.cancel().expect("before the commit point");
    assert_eq!(b.service.status().last.map(|last| last.1), Some(Outcome::Aborted(AbortReason::Requested)));
}

/// Orders that one phase refuses, and by what the phase is reached.
#[test]
fn an_order_out_of_its_scheme_or_phase_is_refused_and_changes_nothing() {
    let migration = MigrationId(1);
    let reached = |phase| ServiceOrder::Reached { migration, phase };
    let freeze = ServiceOrder::Freeze { migration };
    let thaw = ServiceOrder::Thaw { migration };
    let targets = vec![(T, life(T))];
    let take = ServiceOrder::Take { migration, targets: targets.clone(), lazy: false, deadline: ms(9) };
    let review = ReviewRule { agreements: 1, absences_max: 1, deadline: ms(9) };
    let read = ServiceOrder::Read { migration, targets, review };
    let mark = ServiceOrder::Mark { migration, mark: Offset(0) };
    let pulled = ServiceOrder::Pulled { migration };
    let not_yet = [reached(Phase::Transfer), reached(Phase::Restore), thaw.clone(), take.clone(), mark];
    for scheme in FREEZING {
        refused(begun(scheme), &not_yet);
        refused(begun(scheme), &[read.clone(), pulled.clone(), reached(Phase::Snapshot)]);
    }
    let later = [Phase::Replay, Phase::Review, Phase::SwitchOver, Phase::Pull, Phase::Complete].map(reached);
    for scheme in [Scheme::StopAndCopy, Scheme::PreCopy, Scheme::PostCopy, Scheme::Hybrid] {
        refused(frozen(scheme), &[thaw.clone(), read.clone(), pulled.clone()]);
        refused(frozen(scheme), &later);
    }
    refused(begun(Scheme::StopAndCopy), &[reached(Phase::Rounds)]);
    refused(frozen(Scheme::PostCopy), &[reached(Phase::Restore), reached(Phase::Snapshot)]);
    let held = [read, take.clone(), reached(Phase::Transfer), reached(Phase::Restore)];
    refused(frozen(Scheme::Redundancy), &held);
    let mut b = Bench::pair();
    b.begin(S).expect("begun");
    refused(b, &[freeze, thaw, take, reached(Phase::Transfer), reached(Phase::Restore)]);
}

fn refused(mut b: Bench, orders: &[ServiceOrder]) {
    let before = b.service.status();
    for order in orders {
        assert_eq!(b.order(order.clone()), Err(Refusal::WrongPhase), "{order:?} in {before:?}");
        assert_eq!(b.service.status(), before);
    }
}

#[test]
fn orders_of_a_freeze_that_come_again_or_late_change_nothing() {
    let mut b = begun(Scheme::Redundancy);
    let migration = b.migration();
    let orders = [
        ServiceOrder::Freeze { migration },
        ServiceOrder::Reached { migration, phase: Phase::Snapshot },
        ServiceOrder::Thaw { migration },
        ServiceOrder::Reached { migration, phase: Phase::Restore },
    ];
    for (n, order) in orders.iter().enumerate() {
        assert!(!b.order(order.clone()).expect("carried out").is_empty(), "{order:?} does something");
        let once = b.service.status();
        for again in &orders[..=n] {
            assert_eq!(b.order(again.clone()), Ok(vec![]), "{again:?} after {order:?}");
            assert_eq!(b.service.status(), once);
        }
    }
    b.round(&[P]);
    assert_eq!(b.service.held(), 0, "the repeated freeze did not hold it again");
}

#[test]
fn a_standby_would_go_on_by_itself_so_a_pair_is_not_frozen() {
    let mut b = Bench::pair();
    for scheme in FREEZING {
        let targets = vec![T];
        let goal = Goal::SwitchOver;
        let order = ServiceOrder::Begin { migration: MigrationId(1), scheme, goal, snapshotter: P, targets };
        assert_eq!(b.order(order), Err(Refusal::WrongServer), "{}", scheme.name());
    }
    assert!(b.order(begin(1, P, &[T])).is_ok(), "hot standby needs none");
}
