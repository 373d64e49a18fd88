//! Redundancy, phase by phase.

use super::*;

fn copy_all() -> Vec<Step> {
    let (targets, image) = (vec![transfer_endpoint(B1)], Image::FullCopy);
    vec![Step::Server(A1, ServerCommand::Snapshot { migration: M1, targets, image })]
}

fn thaw() -> Vec<Step> {
    anchor(ServiceOrder::Thaw { migration: M1 })
}

fn read() -> Vec<Step> {
    let review = Bench::new().config.review;
    anchor(ServiceOrder::Read { migration: M1, targets: vec![(B1, Incarnation(2))], review })
}

#[test]
fn the_source_is_frozen_for_the_copy_alone_and_the_target_is_reviewed() {
    let copied = [reached(Phase::Snapshot), thaw()].concat();
    holds(
        Scheme::Redundancy,
        [
            (Phase::Prepare, UNKNOWN, Task::None, Task::None, prepare()),
            (Phase::Prepare, UNKNOWN, Task::None, RECEIVING, freeze()),
            (Phase::Freeze, UNKNOWN, Task::None, RECEIVING, vec![]),
            (Phase::Freeze, KNOWN, Task::None, RECEIVING, copy_all()),
            (Phase::Freeze, KNOWN, CUTTING, RECEIVING, reached(Phase::Snapshot)),
            (Phase::Freeze, KNOWN, SENDING, RECEIVING, copied),
            (Phase::Snapshot, KNOWN, CUTTING, RECEIVING, vec![]),
            (Phase::Snapshot, KNOWN, SENDING, RECEIVING, thaw()),
            (Phase::Snapshot, KNOWN, SENT, RESTORING, thaw()),
            (Phase::Transfer, KNOWN, SENDING, RECEIVING, vec![]),
            (Phase::Transfer, KNOWN, SENDING, RESTORING, reached(Phase::Restore)),
            (Phase::Restore, KNOWN, SENDING, RESTORED, vec![]),
            (Phase::Restore, KNOWN, SENT, RESTORED, read()),
            (Phase::Replay, KNOWN, SENT, RESTORED, vec![]),
            (Phase::Review, KNOWN, SENT, RESTORED, vec![]),
            (Phase::SwitchOver, KNOWN, SENT, RESTORED, vec![]),
        ],
    );
}
