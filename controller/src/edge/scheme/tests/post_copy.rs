//! Post-copy, phase by phase.

use super::*;

#[test]
fn the_target_takes_over_with_the_header_alone_and_pulls_the_rest() {
    let pulled = || anchor(ServiceOrder::Pulled { migration: M1 });
    holds(
        Scheme::PostCopy,
        [
            (Phase::Prepare, UNKNOWN, Task::None, Task::None, prepare()),
            (Phase::Prepare, UNKNOWN, Task::None, RECEIVING, freeze()),
            (Phase::Freeze, UNKNOWN, Task::None, RECEIVING, vec![]),
            (Phase::Freeze, KNOWN, Task::None, RECEIVING, finish(true)),
            (Phase::Freeze, KNOWN, SENDING, RECEIVING, reached(Phase::Transfer)),
            (Phase::Transfer, KNOWN, SENDING, RECEIVING, vec![]),
            (Phase::Transfer, KNOWN, SENDING, PULLING, take(true)),
            (Phase::Transfer, KNOWN, SENT, RESTORED, take(true)),
            (Phase::SwitchOver, KNOWN, SENDING, PULLING, vec![]),
            (Phase::SwitchOver, KNOWN, SENT, RESTORED, pulled()),
            (Phase::Pull, KNOWN, SENDING, PULLING, vec![]),
            (Phase::Pull, KNOWN, SENT, PULLING, vec![]),
            (Phase::Pull, KNOWN, SENDING, RESTORED, pulled()),
            (Phase::Pull, KNOWN, SENT, RESTORED, pulled()),
        ],
    );
}

#[test]
fn a_target_that_goes_by_another_word_than_the_sources_does_not_take_over() {
    for wrong in [
        Task::Pulling { migration: M1, mark: MARK, digest: DIGEST + 1 },
        Task::Pulling { migration: M1, mark: MARK.next(), digest: DIGEST },
        Task::Restored { migration: M1, mark: MARK, digest: DIGEST + 1 },
    ] {
        let table = [(Phase::Transfer, KNOWN, SENDING, wrong, cancel(AbortReason::DigestMismatch))];
        holds(Scheme::PostCopy, table);
    }
}
