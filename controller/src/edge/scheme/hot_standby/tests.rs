//! One table a rule. Each test starts from a situation in which nothing or one thing is due, and changes one fact.

use super::next;
use crate::edge::config::{NoStandby, transfer_endpoint};
use crate::edge::fixture::{A1, A2, B1, B2, Bench, M1, S1, S2, at, report};
use crate::edge::step::Step;
use zerogap_proto::*;

const MARK: Offset = Offset(50);
const DIGEST: u64 = 0xd1;
const SENDING: Task = Task::Sending { migration: M1, mark: MARK, digest: DIGEST };
const SENT: Task = Task::Sent { migration: M1, mark: MARK, digest: DIGEST, bytes: 1 };
const RECEIVING: Task = Task::Receiving { migration: M1 };
const RESTORING: Task = Task::Restoring { migration: M1 };
const RESTORED: Task = Task::Restored { migration: M1, mark: MARK, digest: DIGEST };

/// With these tasks of snapshotter and targets.
fn bench(phase: Phase, snapshotter: Task, targets: [Task; 2]) -> Bench {
    let mut bench = Bench::in_phase(phase);
    bench.view.learn_server(report(A2, 1, snapshotter));
    bench.view.learn_server(report(B1, 2, targets[0]));
    bench.view.learn_server(report(B2, 2, targets[1]));
    bench
}

fn orders(bench: &Bench) -> Vec<Step> {
    next(&bench.situation(0)).orders
}

fn anchor(order: ServiceOrder) -> Vec<Step> {
    vec![Step::Anchor(order)]
}

fn cancel(reason: AbortReason) -> Vec<Step> {
    anchor(ServiceOrder::Cancel { migration: M1, reason })
}

fn begin(goal: Goal, snapshotter: NodeId, targets: &[NodeId]) -> Vec<Step> {
    let targets = targets.to_vec();
    anchor(ServiceOrder::Begin { migration: M1, scheme: Scheme::HotStandby, goal, snapshotter, targets })
}

fn client_moved() -> Bench {
    let mut bench = Bench::new();
    bench.service.ingress = Some(S2);
    bench
}

#[test]
fn a_migration_begins_when_the_client_is_at_another_site() {
    let mut bench = Bench::new();
    assert_eq!(orders(&bench), []);
    for spare in [NodeId(13), NodeId(14)] {
        bench.config.sites[0].servers.push(spare);
        bench.view.learn_server(report(spare, 1, Task::None));
    }
    assert_eq!(orders(&bench), [], "other servers beside the primary are no reason to move");
    assert_eq!(orders(&client_moved()), begin(Goal::SwitchOver, A2, &[B1, B2]));
}

#[test]
fn the_sdn_controllers_word_counts_only_until_the_anchor_has_seen_the_client() {
    let mut bench = Bench::new();
    bench.view.client_is_at(S2);
    assert_eq!(orders(&bench), [], "the anchor says S1");
    bench.service.ingress = None;
    assert_eq!(orders(&bench), begin(Goal::SwitchOver, A2, &[B1, B2]));
}

#[test]
fn nothing_begins_where_nobody_serves_or_where_the_client_is_at_no_site() {
    let mut bench = client_moved();
    bench.service.ingress = Some(NodeId(3));
    assert_eq!(orders(&bench), []);
    bench.service.ingress = Some(S2);
    bench.service.serving.clear();
    bench.config.reseed = true;
    assert_eq!(orders(&bench), []);
}

#[test]
fn nothing_begins_while_a_target_is_missing() {
    let mut bench = client_moved();
    bench.view.lose(B2);
    assert_eq!(orders(&bench), []);
    bench.config.sites[1].servers.push(NodeId(23));
    bench.view.learn_server(report(NodeId(23), 1, Task::None));
    assert_eq!(orders(&bench), begin(Goal::SwitchOver, A2, &[B1, NodeId(23)]), "the next in preference");
}

#[test]
fn nothing_begins_before_the_hold_time_is_over() {
    let mut bench = client_moved();
    bench.service.last = Some((MigrationId(0), Outcome::Complete));
    bench.view.learn_service(at(1_000), bench.service.clone());
    let steps = next(&bench.situation(1_499));
    assert_eq!((steps.orders, steps.look_again), (vec![], Some(at(1_500))));
    assert_eq!(next(&bench.situation(1_500)).orders.len(), 1);
}

#[test]
fn without_a_hold_time_an_attempt_still_waits_for_one_refresh() {
    let mut bench = client_moved();
    bench.config.hold_time = Duration::ZERO;
    bench.service.last = Some((MigrationId(0), Outcome::Aborted(AbortReason::NoStandby)));
    bench.view.learn_service(at(0), bench.service.clone());
    assert_eq!(next(&bench.situation(99)).orders, []);
    assert_eq!(next(&bench.situation(100)).orders.len(), 1);
}

#[test]
fn no_more_migrations_begin_than_allowed() {
    for (max, completed, begins) in
        [(None, 9, true), (Some(0), 0, false), (Some(2), 1, true), (Some(2), 2, false)]
    {
        let mut bench = client_moved();
        bench.config.migrations_max = max;
        bench.service.completed = completed;
        assert_eq!(!orders(&bench).is_empty(), begins, "{max:?}, {completed} completed");
    }
}

#[test]
fn nothing_begins_while_the_snapshotter_still_sends_for_an_earlier_migration() {
    let mut bench = client_moved();
    bench.service.attempts = 1;
    bench.view.learn_server(report(A2, 1, SENDING));
    assert_eq!(orders(&bench), []);
}

#[test]
fn without_a_healthy_standby_the_primary_is_snapshotted_or_the_migration_aborts() {
    for health in [Health::Absent, Health::Quarantined] {
        let mut bench = client_moved();
        bench.service.serving[1].health = health;
        assert_eq!(orders(&bench), begin(Goal::SwitchOver, A1, &[B1, B2]), "{health:?}");
    }
    let mut bench = bench(Phase::Snapshot, Task::None, [RECEIVING; 2]);
    bench.service.plan.as_mut().unwrap().snapshotter = A1;
    assert_eq!(orders(&bench).len(), 1, "by default it may be");
    bench.config.no_standby = NoStandby::Abort;
    assert_eq!(orders(&bench), cancel(AbortReason::NoStandby));
    bench.view.learn_server(report(A1, 1, SENDING));
    assert!(
        matches!(orders(&bench)[..], [Step::Anchor(ServiceOrder::Mark { .. })]),
        "promoted after the cut"
    );
}

#[test]
fn a_quarantined_server_is_never_snapshotted_and_what_it_sent_is_not_believed() {
    for phase in [Phase::Snapshot, Phase::Transfer, Phase::Restore] {
        let mut bench = bench(phase, SENT, [RESTORED; 2]);
        bench.service.serving[1].health = Health::Quarantined;
        assert_eq!(orders(&bench), cancel(AbortReason::NoStandby), "{phase}");
    }
    let mut bench = client_moved();
    bench.service.serving[0].health = Health::Quarantined;
    bench.service.serving.pop();
    bench.config.reseed = true;
    assert_eq!(orders(&bench), [], "the last resort is not copied");
}

#[test]
fn a_primary_alone_gets_a_standby_at_its_own_site_if_so_configured() {
    let mut bench = Bench::new();
    bench.service.serving.pop();
    assert_eq!(orders(&bench), []);
    bench.config.reseed = true;
    bench.config.migrations_max = Some(0);
    assert_eq!(orders(&bench), begin(Goal::Reseed, A1, &[A2]));
}

#[test]
fn a_switch_over_that_is_wanted_comes_before_a_re_seed_unless_it_needs_the_standby() {
    let mut bench = client_moved();
    bench.service.serving.pop();
    bench.config.reseed = true;
    assert_eq!(orders(&bench), begin(Goal::SwitchOver, A1, &[B1, B2]));
    bench.config.no_standby = NoStandby::Abort;
    assert_eq!(orders(&bench), begin(Goal::Reseed, A1, &[A2]));
}

#[test]
fn a_quarantined_standby_makes_room_when_no_other_server_is_free() {
    let mut bench = Bench::new();
    bench.config.reseed = true;
    bench.service.serving[1].health = Health::Quarantined;
    assert_eq!(orders(&bench), anchor(ServiceOrder::Remove { server: A2, incarnation: Incarnation(1) }));
    bench.config.sites[0].servers.push(NodeId(13));
    bench.view.learn_server(report(NodeId(13), 1, Task::None));
    assert_eq!(orders(&bench), begin(Goal::Reseed, A1, &[NodeId(13)]));
}

#[test]
fn in_the_snapshot_phase_first_the_targets_then_the_snapshotter_then_the_anchor_is_told() {
    let prepare = |server| Step::Server(server, ServerCommand::Prepare { migration: M1 });
    let old = Task::Restored { migration: MigrationId(0), mark: MARK, digest: DIGEST };
    let targets = vec![transfer_endpoint(B1), transfer_endpoint(B2)];
    let cut = vec![Step::Server(A2, ServerCommand::Snapshot { migration: M1, targets })];
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
        let expected = if due { anchor(ServiceOrder::Restoring { migration: M1 }) } else { vec![] };
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

#[test]
fn a_target_whose_scrub_fails_ends_the_migration_up_to_the_commit_point() {
    let corrupt = |phase| {
        let mut bench = bench(phase, SENT, [RESTORED; 2]);
        bench.view.learn_server(ServerStatus { scrub_failed: true, ..report(B2, 2, RESTORED) });
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
        anew.view.learn_server(report(B2, 3, Task::None));
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
        let before = next(&bench.situation(limit_ms - 1));
        assert_eq!(before.look_again, Some(at(limit_ms)), "{phase}");
        assert_ne!(before.orders, cancel(AbortReason::PhaseTimeout), "{phase}");
        assert_eq!(next(&bench.situation(limit_ms)).orders, cancel(AbortReason::PhaseTimeout), "{phase}");
    }
    let review = bench(Phase::Review, SENT, [RESTORED; 2]);
    assert_eq!(next(&review.situation(1_000_000)).orders, [], "the anchor has its own deadline");
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
