//! Whether a migration begins, and of whom.

use super::{RECEIVING, RESTORED, SENDING, SENT, anchor, bench, cancel, due, orders};
use crate::edge::config::NoStandby;
use crate::edge::fixture::{A1, A2, B1, B2, Bench, M1, S1, S2, at, report};
use crate::edge::step::Step;
use zerogap_proto::*;

/// Those with a single server.
const SINGLE: [Scheme; 5] =
    [Scheme::StopAndCopy, Scheme::PreCopy, Scheme::PostCopy, Scheme::Hybrid, Scheme::Redundancy];

fn begin(goal: Goal, snapshotter: NodeId, targets: &[NodeId]) -> Vec<Step> {
    begin_as(Scheme::HotStandby, goal, snapshotter, targets)
}

fn begin_as(scheme: Scheme, goal: Goal, snapshotter: NodeId, targets: &[NodeId]) -> Vec<Step> {
    let targets = targets.to_vec();
    anchor(ServiceOrder::Begin { migration: M1, scheme, goal, snapshotter, targets })
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
        bench.view.learn_server(at(0), report(spare, 1, Task::None));
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
    bench.view.learn_server(at(0), report(NodeId(23), 1, Task::None));
    assert_eq!(orders(&bench), begin(Goal::SwitchOver, A2, &[B1, NodeId(23)]), "the next in preference");
}

#[test]
fn nothing_begins_before_it_is_known_how_the_latest_migration_has_ended() {
    let mut bench = client_moved();
    bench.service.attempts = 1;
    assert_eq!(orders(&bench), []);
    bench.service.last = Some((MigrationId(1), Outcome::Aborted(AbortReason::FellBack)));
    assert_eq!(orders(&bench).len(), 1);
}

#[test]
fn nothing_begins_before_the_hold_time_is_over() {
    let mut bench = client_moved();
    bench.service.last = Some((MigrationId(0), Outcome::Complete));
    bench.view.learn_service(at(1_000), bench.service.clone());
    let steps = due(&bench.situation(1_499));
    assert_eq!((steps.orders, steps.look_again), (vec![], Some(at(1_500))));
    assert_eq!(due(&bench.situation(1_500)).orders.len(), 1);
}

#[test]
fn without_a_hold_time_an_attempt_still_waits_for_one_refresh() {
    let mut bench = client_moved();
    bench.config.hold_time = Duration::ZERO;
    bench.service.last = Some((MigrationId(0), Outcome::Aborted(AbortReason::NoStandby)));
    bench.view.learn_service(at(0), bench.service.clone());
    assert_eq!(due(&bench.situation(99)).orders, []);
    assert_eq!(due(&bench.situation(100)).orders.len(), 1);
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
    bench.view.learn_server(at(0), report(A2, 1, SENDING));
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
    bench.view.learn_server(at(0), report(A1, 1, SENDING));
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
    bench.view.learn_server(at(0), report(NodeId(13), 1, Task::None));
    assert_eq!(orders(&bench), begin(Goal::Reseed, A1, &[NodeId(13)]));
}

/// The client has moved away from the only server.
fn client_left(scheme: Scheme) -> Bench {
    let mut bench = client_moved();
    bench.config.scheme = scheme;
    bench.service.serving.truncate(1);
    bench
}

#[test]
fn a_scheme_with_a_single_server_copies_that_one_and_needs_one_free_server() {
    for scheme in SINGLE {
        let mut bench = client_left(scheme);
        bench.config.no_standby = NoStandby::Abort;
        assert_eq!(orders(&bench), begin_as(scheme, Goal::SwitchOver, A1, &[B1]), "{scheme:?}");
        bench.view.lose(B1);
        assert_eq!(orders(&bench), begin_as(scheme, Goal::SwitchOver, A1, &[B2]), "{scheme:?}");
        bench.view.lose(B2);
        assert_eq!(orders(&bench), [], "{scheme:?}: nobody is free");
    }
}

#[test]
fn a_single_server_gets_no_standby() {
    for scheme in SINGLE {
        let mut bench = client_left(scheme);
        bench.service.ingress = Some(S1);
        bench.config.reseed = true;
        assert_eq!(orders(&bench), [], "{scheme:?}");
    }
}

#[test]
fn nothing_begins_while_the_source_keeps_account_of_changes_for_an_earlier_migration() {
    for task in
        [Task::Rounds { migration: M1, done: 3, state: Rounds::GaveUp }, Task::Cutting { migration: M1 }]
    {
        let mut bench = client_left(Scheme::PreCopy);
        bench.service.attempts = 1;
        bench.view.learn_server(at(0), report(A1, 1, task));
        assert_eq!(orders(&bench), [], "{task:?}");
    }
}

#[test]
fn a_server_that_holds_only_part_of_its_state_is_not_copied() {
    let part = Task::Pulling { migration: M1, mark: Offset(1), digest: 2 };
    for (task, holds_state) in
        [(part, true), (Task::Failed { migration: M1, reason: JobFailure::Torn }, false)]
    {
        let mut bench = client_left(Scheme::PostCopy);
        bench.view.learn_server(at(0), ServerStatus { holds_state, ..report(A1, 1, task) });
        assert_eq!(orders(&bench), [], "{task:?}");
    }
}
