//! The paper's scheme, phase by phase.

use super::{
    DIGEST, MARK, RECEIVING, RESTORED, RESTORING, SENDING, SENT, anchor, bench, cancel, orders, reached,
};
use crate::edge::config::transfer_endpoint;
use crate::edge::fixture::{A2, B1, B2, M1};
use crate::edge::step::Step;
use zerogap_proto::*;

#[test]
fn in_the_snapshot_phase_first_the_targets_then_the_snapshotter_then_the_anchor_is_told() {
    let prepare = |server| Step::Server(server, ServerCommand::Prepare { migration: M1 });
    let old = Task::Restored { migration: MigrationId(0), mark: MARK, digest: DIGEST };
    let targets = vec![transfer_endpoint(B1), transfer_endpoint(B2)];
    let cut =
        vec![Step::Server(A2, ServerCommand::Snapshot { migration: M1, targets, image: Image::CopyOnWrite })];
    let mark = anchor(ServiceOrder::Mark { migration: M1, mark: MARK });
    for (snapshotter, targets, expected) in [
        (Task::None, [Task::None, old], vec![prepare(B1), prepare(B2)]),
        (Task::None, [RECEIVING, Task::None], vec![prepare(B2)]),
        (Task::None, [RECEIVING, RECEIVING], cut),
        (SENDING, [RECEIVING, RECEIVING], mark.clone()),
        (SENT, [RESTORED, RESTORING], mark),
    ] {
        assert_eq!(orders(&bench(Phase::Snapshot, snapshotter, targets)), expected, "{targets:?}");
    }
}

#[test]
fn the_anchor_hears_of_the_restore_when_all_targets_have_everything() {
    for (targets, due) in
        [([RECEIVING, RESTORED], false), ([RESTORING; 2], true), ([RESTORED, RESTORING], true)]
    {
        let expected = if due { reached(Phase::Restore) } else { vec![] };
        assert_eq!(orders(&bench(Phase::Transfer, SENDING, targets)), expected, "{targets:?}");
    }
}

#[test]
fn the_targets_read_in_the_lives_in_which_they_were_restored_when_all_are_and_the_snapshot_is_out() {
    assert_eq!(orders(&bench(Phase::Restore, SENDING, [RESTORED; 2])), []);
    assert_eq!(orders(&bench(Phase::Restore, SENT, [RESTORED, RESTORING])), []);
    let bench = bench(Phase::Restore, SENT, [RESTORED; 2]);
    let targets = vec![(B1, Incarnation(2)), (B2, Incarnation(2))];
    let review = bench.config.review;
    assert_eq!(orders(&bench), anchor(ServiceOrder::Read { migration: M1, targets, review }));
}

#[test]
fn a_target_that_does_not_hold_exactly_the_cut_ends_the_migration() {
    let other_digest = Task::Restored { migration: M1, mark: MARK, digest: DIGEST + 1 };
    let other_mark = Task::Restored { migration: M1, mark: MARK.next(), digest: DIGEST };
    for wrong in [other_digest, other_mark] {
        let bench = bench(Phase::Restore, SENT, [RESTORED, wrong]);
        assert_eq!(orders(&bench), cancel(AbortReason::DigestMismatch), "{wrong:?}");
    }
}
