//! Stop-and-copy, phase by phase.

use super::*;

#[test]
fn the_source_is_frozen_and_copied_and_the_target_takes_over() {
    holds(
        Scheme::StopAndCopy,
        [
            (Phase::Prepare, UNKNOWN, Task::None, Task::None, prepare()),
            (Phase::Prepare, UNKNOWN, Task::None, RECEIVING, freeze()),
            (Phase::Freeze, UNKNOWN, Task::None, RECEIVING, vec![]),
            (Phase::Freeze, KNOWN, Task::None, RECEIVING, finish(false)),
            (Phase::Freeze, KNOWN, SENDING, RECEIVING, reached(Phase::Transfer)),
            (Phase::Freeze, KNOWN, SENT, RESTORING, reached(Phase::Transfer)),
            (Phase::Transfer, KNOWN, SENDING, RECEIVING, vec![]),
            (Phase::Transfer, KNOWN, SENDING, RESTORING, reached(Phase::Restore)),
            (Phase::Restore, KNOWN, SENT, RESTORING, vec![]),
            (Phase::Restore, KNOWN, SENDING, RESTORED, vec![]),
            (Phase::Restore, KNOWN, SENT, RESTORED, take(false)),
            (Phase::SwitchOver, KNOWN, SENT, RESTORED, vec![]),
        ],
    );
}

#[test]
fn a_target_that_does_not_hold_exactly_the_cut_does_not_take_over() {
    let other = Task::Restored { migration: M1, mark: MARK, digest: DIGEST + 1 };
    let table = [(Phase::Restore, KNOWN, SENT, other, cancel(AbortReason::DigestMismatch))];
    holds(Scheme::StopAndCopy, table);
}

#[test]
fn a_source_that_has_not_reported_is_told_nothing() {
    let mut bench = Bench::single(Scheme::StopAndCopy, Phase::Freeze, KNOWN);
    bench.view = Default::default();
    bench.view.learn_server(at(0), report(B1, 2, RECEIVING));
    assert_eq!(orders(&bench), [], "it may have cut already: it has been asked");
}

#[test]
fn nobody_is_told_anything_before_all_involved_have_reported() {
    for (scheme, phase) in [(Scheme::StopAndCopy, Phase::Prepare), (Scheme::PreCopy, Phase::Prepare)] {
        for known in [report(A1, 1, Task::None), report(B1, 2, RECEIVING)] {
            let mut bench = Bench::single(scheme, phase, UNKNOWN);
            bench.view = Default::default();
            bench.view.learn_server(at(0), known);
            assert_eq!(orders(&bench), [], "{scheme:?}, only {} has", known.server);
        }
    }
}
