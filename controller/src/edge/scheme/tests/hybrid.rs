//! Hybrid, phase by phase.

use super::*;
use crate::edge::config::NotConverged;
use crate::edge::fixture::rounds_rule;

#[test]
fn rounds_come_before_the_freeze_and_the_rest_is_pulled() {
    let (under_way, gave_up) = (rounds(Rounds::UnderWay), rounds(Rounds::GaveUp));
    holds(
        Scheme::Hybrid,
        [
            (Phase::Prepare, UNKNOWN, Task::None, Task::None, prepare()),
            (Phase::Prepare, UNKNOWN, Task::None, RECEIVING, rounds_begin(rounds_rule(1))),
            (Phase::Prepare, UNKNOWN, under_way, RECEIVING, reached(Phase::Rounds)),
            (Phase::Rounds, UNKNOWN, under_way, RECEIVING, vec![]),
            (Phase::Rounds, UNKNOWN, rounds(Rounds::Ready), RECEIVING, freeze()),
            (Phase::Freeze, UNKNOWN, gave_up, RECEIVING, vec![]),
            (Phase::Freeze, KNOWN, gave_up, RECEIVING, finish(true)),
            (Phase::Freeze, KNOWN, SENDING, RECEIVING, reached(Phase::Transfer)),
            (Phase::Transfer, KNOWN, SENDING, RECEIVING, vec![]),
            (Phase::Transfer, KNOWN, SENDING, PULLING, take(true)),
            (Phase::SwitchOver, KNOWN, SENDING, PULLING, vec![]),
            (Phase::Pull, KNOWN, SENDING, PULLING, vec![]),
            (Phase::Pull, KNOWN, SENT, RESTORED, anchor(ServiceOrder::Pulled { migration: M1 })),
        ],
    );
}

#[test]
fn rounds_that_do_not_converge_are_no_reason_to_give_up() {
    for not_converged in [NotConverged::Stop, NotConverged::Abort] {
        let gave_up = rounds(Rounds::GaveUp);
        let mut bench = single(Scheme::Hybrid, Phase::Rounds, UNKNOWN, gave_up, RECEIVING);
        bench.config.copying.not_converged = not_converged;
        assert_eq!(orders(&bench), freeze());
    }
}
