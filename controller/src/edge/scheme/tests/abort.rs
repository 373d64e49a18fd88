//! What ends a migration before its commit point, and what does not.

use super::{
    DIGEST, KNOWN, MARK, PULLING, RECEIVING, RESTORED, SENDING, SENT, UNKNOWN, cancel, due, orders, rounds,
};
use super::{bench, single};
use crate::edge::fixture::{A1, A2, B1, B2, M1, S1, S2, at, report};
use crate::edge::step::Step;
use zerogap_proto::*;

#[test]
fn a_target_whose_scrub_fails_ends_the_migration_up_to_the_commit_point() {
    let corrupt = |phase| {
        let mut bench = bench(phase, SENT, [RESTORED; 2]);
        bench.view.learn_server(at(0), ServerStatus { scrub_failed: true, ..report(B2, 2, RESTORED) });
        orders(&bench)
    };
    for phase in [Phase::Restore, Phase::Replay, Phase::Review] {
        assert_eq!(corrupt(phase), cancel(AbortReason::DigestMismatch), "{phase}");
    }
    assert_eq!(corrupt(Phase::SwitchOver), [], "only forward from here; the anchor quarantines it");
}

#[test]
fn a_lost_target_ends_the_migration_up_to_the_commit_point() {
    let phases = [Phase::Snapshot, Phase::Transfer, Phase::Restore, Phase::Replay, Phase::Review];
    for phase in phases {
        let mut gone = bench(phase, SENT, [RESTORED; 2]);
        gone.view.lose(B2);
        assert_eq!(orders(&gone), cancel(AbortReason::TargetLost), "{phase}: its process ended");
        let mut anew = bench(phase, SENT, [RESTORED; 2]);
        anew.view.learn_server(at(0), report(B2, 3, Task::None));
        assert_eq!(orders(&anew), cancel(AbortReason::TargetLost), "{phase}: it started anew");
    }
    let mut bench = bench(Phase::SwitchOver, SENT, [RESTORED; 2]);
    bench.view.lose(B2);
    assert_eq!(orders(&bench), [], "only forward from here");
}

#[test]
fn a_lost_snapshotter_ends_the_migration_only_until_its_snapshot_is_out() {
    for phase in [Phase::Snapshot, Phase::Transfer, Phase::Restore] {
        let mut lost = bench(phase, SENDING, [RESTORED; 2]);
        lost.view.lose(A2);
        assert_eq!(orders(&lost), cancel(AbortReason::SourceLost), "{phase}");
        let mut dropped = bench(phase, SENDING, [RESTORED; 2]);
        dropped.service.serving.pop();
        assert_eq!(orders(&dropped), cancel(AbortReason::SourceLost), "{phase}: the anchor dropped it");
    }
    let mut bench = bench(Phase::Restore, SENT, [RESTORED; 2]);
    bench.view.lose(A2);
    assert!(matches!(orders(&bench)[..], [Step::Anchor(ServiceOrder::Read { .. })]));
}

#[test]
fn a_failed_task_ends_its_migration_with_a_fitting_reason_and_no_other() {
    let failed = |migration, reason| Task::Failed { migration, reason };
    for (reason, expected) in [
        (JobFailure::Snapshot, AbortReason::SourceLost),
        (JobFailure::Unreachable, AbortReason::TransferFailed),
        (JobFailure::Torn, AbortReason::TransferFailed),
        (JobFailure::Checksum, AbortReason::TransferFailed),
    ] {
        let bench = bench(Phase::Transfer, failed(M1, reason), [RECEIVING; 2]);
        assert_eq!(orders(&bench), cancel(expected), "{reason:?}");
    }
    let bench = bench(Phase::Snapshot, failed(MigrationId(0), JobFailure::Torn), [RECEIVING; 2]);
    assert!(matches!(orders(&bench)[..], [Step::Server(A2, ServerCommand::Snapshot { .. })]));
}

#[test]
fn a_phase_before_the_replay_that_takes_too_long_ends_the_migration() {
    let phases = [(Phase::Snapshot, 1_000), (Phase::Transfer, 2_000), (Phase::Restore, 3_000)];
    for (phase, limit_ms) in phases {
        let bench = bench(phase, if phase == Phase::Snapshot { Task::None } else { SENDING }, [RECEIVING; 2]);
        let before = due(&bench.situation(limit_ms - 1));
        assert_eq!(before.look_again, Some(at(limit_ms)), "{phase}");
        assert_ne!(before.orders, cancel(AbortReason::PhaseTimeout), "{phase}");
        assert_eq!(due(&bench.situation(limit_ms)).orders, cancel(AbortReason::PhaseTimeout), "{phase}");
    }
    let review = bench(Phase::Review, SENT, [RESTORED; 2]);
    assert_eq!(due(&review.situation(1_000_000)).orders, [], "the anchor has its own deadline");
}

#[test]
fn where_the_client_goes_during_a_migration_changes_nothing() {
    let phases = [Phase::Snapshot, Phase::Transfer, Phase::Restore, Phase::Replay, Phase::Review];
    for phase in phases {
        let mut bench = bench(phase, SENT, [RESTORED; 2]);
        let before = orders(&bench);
        for place in [S2, S1, S2] {
            bench.service.ingress = Some(place);
            bench.view.client_is_at(place);
            assert_eq!(orders(&bench), before, "{phase}");
        }
    }
}

#[test]
fn a_migration_of_another_scheme_is_not_carried_on() {
    let mut bench = bench(Phase::Snapshot, Task::None, [RECEIVING; 2]);
    bench.service.plan.as_mut().unwrap().scheme = Scheme::PreCopy;
    assert_eq!(orders(&bench), cancel(AbortReason::Requested));
}

/// Scheme, phase, whether the mark is known, and the source's task in it: every phase before the commit point in which the
/// state has yet to travel or does.
const UNDER_WAY: [(Scheme, Phase, Option<Offset>, Task); 10] = [
    (Scheme::PreCopy, Phase::Prepare, UNKNOWN, rounds(Rounds::UnderWay)),
    (Scheme::PreCopy, Phase::Rounds, UNKNOWN, rounds(Rounds::UnderWay)),
    (Scheme::PreCopy, Phase::Freeze, UNKNOWN, rounds(Rounds::Ready)),
    (Scheme::StopAndCopy, Phase::Freeze, UNKNOWN, Task::None),
    (Scheme::Redundancy, Phase::Freeze, KNOWN, Task::None),
    (Scheme::PostCopy, Phase::Freeze, KNOWN, SENDING),
    (Scheme::PostCopy, Phase::Transfer, KNOWN, SENDING),
    (Scheme::Redundancy, Phase::Snapshot, KNOWN, Task::Cutting { migration: M1 }),
    (Scheme::StopAndCopy, Phase::Transfer, KNOWN, SENDING),
    (Scheme::StopAndCopy, Phase::Restore, KNOWN, SENDING),
];

#[test]
fn a_lost_target_ends_the_migration_of_a_single_server() {
    for (scheme, phase, mark, source) in UNDER_WAY {
        let mut gone = single(scheme, phase, mark, source, RECEIVING);
        gone.view.lose(B1);
        assert_eq!(orders(&gone), cancel(AbortReason::TargetLost), "{scheme:?}, {phase}: its process ended");
        let mut anew = single(scheme, phase, mark, source, RECEIVING);
        anew.view.learn_server(at(0), report(B1, 3, Task::None));
        assert_eq!(orders(&anew), cancel(AbortReason::TargetLost), "{scheme:?}, {phase}: it started anew");
    }
}

#[test]
fn a_target_that_starts_anew_before_anything_was_sent_to_it_joins_again() {
    let bench = single(Scheme::StopAndCopy, Phase::Prepare, UNKNOWN, Task::None, Task::None);
    assert_eq!(orders(&bench), super::prepare());
}

#[test]
fn a_lost_source_ends_the_migration_of_a_single_server() {
    for (scheme, phase, mark, source) in UNDER_WAY {
        let mut bench = single(scheme, phase, mark, source, RECEIVING);
        bench.view.lose(A1);
        assert_eq!(orders(&bench), cancel(AbortReason::SourceLost), "{scheme:?}, {phase}");
    }
}

#[test]
fn a_source_that_did_not_stop_where_it_was_told_is_not_believed() {
    for (scheme, phase) in [
        (Scheme::StopAndCopy, Phase::Freeze),
        (Scheme::PostCopy, Phase::Transfer),
        (Scheme::Redundancy, Phase::Snapshot),
    ] {
        let elsewhere = Task::Sending { migration: M1, mark: MARK.next(), digest: DIGEST };
        let bench = single(scheme, phase, KNOWN, elsewhere, RECEIVING);
        assert_eq!(orders(&bench), cancel(AbortReason::SourceLost), "{scheme:?}, {phase}");
    }
}

#[test]
fn a_quarantined_source_ends_the_migration_of_a_single_server() {
    for (scheme, phase, mark, source) in UNDER_WAY {
        let mut bench = single(scheme, phase, mark, source, RECEIVING);
        bench.service.serving[0].health = Health::Quarantined;
        assert_eq!(orders(&bench), cancel(AbortReason::NoStandby), "{scheme:?}, {phase}");
    }
}

#[test]
fn a_kernel_that_does_not_track_or_fetch_pages_ends_the_migration() {
    let failed = Task::Failed { migration: M1, reason: JobFailure::Paging };
    let bench = single(Scheme::PreCopy, Phase::Rounds, UNKNOWN, failed, RECEIVING);
    assert_eq!(orders(&bench), cancel(AbortReason::TransferFailed));
}

#[test]
fn each_phase_of_a_single_server_has_its_limit() {
    for (scheme, phase, limit_ms) in [
        (Scheme::PreCopy, Phase::Prepare, 4_000),
        (Scheme::PreCopy, Phase::Rounds, 5_000),
        (Scheme::PreCopy, Phase::Freeze, 1_000),
        (Scheme::Redundancy, Phase::Snapshot, 1_000),
        (Scheme::PostCopy, Phase::Transfer, 2_000),
        (Scheme::PreCopy, Phase::Restore, 3_000),
    ] {
        let mark = (phase > Phase::Freeze).then_some(MARK);
        let bench = single(scheme, phase, mark, Task::None, RECEIVING);
        let before = due(&bench.situation(limit_ms - 1));
        assert_eq!(before.look_again, Some(at(limit_ms)), "{scheme:?}, {phase}");
        assert_ne!(before.orders, cancel(AbortReason::PhaseTimeout), "{scheme:?}, {phase}");
        let after = due(&bench.situation(limit_ms)).orders;
        assert_eq!(after, cancel(AbortReason::PhaseTimeout), "{scheme:?}, {phase}");
    }
}

#[test]
fn after_the_commit_point_there_is_no_limit() {
    for phase in [Phase::SwitchOver, Phase::Pull] {
        let bench = single(Scheme::PostCopy, phase, KNOWN, SENDING, PULLING);
        let due = due(&bench.situation(1_000_000));
        assert_eq!((due.orders, due.look_again), (vec![], None), "{phase}");
    }
}

#[test]
fn a_migration_of_another_scheme_goes_on_after_its_commit_point() {
    let mut bench = single(Scheme::PostCopy, Phase::Pull, KNOWN, SENT, RESTORED);
    bench.config.scheme = Scheme::HotStandby;
    assert_eq!(orders(&bench), [Step::Anchor(ServiceOrder::Pulled { migration: M1 })]);
}
