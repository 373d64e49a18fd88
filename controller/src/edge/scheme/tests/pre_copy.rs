//! Pre-copy, phase by phase.

use super::*;
use crate::edge::config::NotConverged;
use crate::edge::fixture::rounds_rule;

#[test]
fn rounds_come_before_the_freeze_and_the_rest_after_it() {
    let (under_way, ready) = (rounds(Rounds::UnderWay), rounds(Rounds::Ready));
    holds(
        Scheme::PreCopy,
        [
            (Phase::Prepare, UNKNOWN, Task::None, Task::None, prepare()),
            (Phase::Prepare, UNKNOWN, Task::None, RECEIVING, rounds_begin(rounds_rule(30))),
            (Phase::Prepare, UNKNOWN, under_way, RECEIVING, reached(Phase::Rounds)),
            (Phase::Prepare, UNKNOWN, ready, RECEIVING, reached(Phase::Rounds)),
            (Phase::Rounds, UNKNOWN, under_way, RECEIVING, vec![]),
            (Phase::Rounds, UNKNOWN, ready, RECEIVING, freeze()),
            (Phase::Freeze, UNKNOWN, ready, RECEIVING, vec![]),
            (Phase::Freeze, KNOWN, ready, RECEIVING, finish(false)),
            (Phase::Freeze, KNOWN, SENDING, RECEIVING, reached(Phase::Transfer)),
            (Phase::Transfer, KNOWN, SENDING, RECEIVING, vec![]),
            (Phase::Transfer, KNOWN, SENT, RESTORED, reached(Phase::Restore)),
            (Phase::Restore, KNOWN, SENT, RESTORED, take(false)),
            (Phase::SwitchOver, KNOWN, SENT, RESTORED, vec![]),
        ],
    );
}

#[test]
fn rounds_that_do_not_converge_freeze_anyway_or_abort_as_configured() {
    let bench = |not_converged| {
        let gave_up = rounds(Rounds::GaveUp);
        let mut bench = single(Scheme::PreCopy, Phase::Rounds, UNKNOWN, gave_up, RECEIVING);
        bench.config.copying.not_converged = not_converged;
        bench
    };
    assert_eq!(orders(&bench(NotConverged::Stop)), freeze());
    assert_eq!(orders(&bench(NotConverged::Abort)), cancel(AbortReason::NotConverged));
}

#[test]
fn the_rounds_of_another_migration_are_not_this_ones() {
    let old = Task::Rounds { migration: MigrationId(0), done: 9, state: Rounds::Ready };
    holds(Scheme::PreCopy, [(Phase::Rounds, UNKNOWN, old, RECEIVING, vec![])]);
}
