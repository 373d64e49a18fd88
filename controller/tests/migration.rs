//! Whole migrations in a small world: with controllers that are replaced at any moment, with messages that are lost, and
//! with servers that fail. What counts is where the service ends up, never which controller brought it there.

mod world;

use proptest::prelude::*;
use world::{A1, A2, B1, B2, EDGE, Restart, S1, S2, SDN, World};
use zerogap_controller::edge::REFRESH;
use zerogap_controller::{EdgeConfig, EdgeController, EdgeError, NoStandby, PhaseTimeouts, Site};
use zerogap_proto::*;

const LIMIT: Duration = Duration::from_secs(60);

fn config() -> EdgeConfig {
    let timeout = Duration::from_secs(1);
    EdgeConfig {
        node: EDGE,
        sdn: SDN,
        service: ServiceId(1),
        sites: vec![Site { switch: S1, servers: vec![A1, A2] }, Site { switch: S2, servers: vec![B1, B2] }],
        scheme: Scheme::HotStandby,
        review: ReviewRule { agreements: 20, absences_max: 5, deadline: Duration::from_secs(5) },
        timeouts: PhaseTimeouts { snapshot: timeout, transfer: timeout, restore: timeout },
        hold_time: Duration::from_millis(500),
        migrations_max: Some(1),
        no_standby: NoStandby::CopyOnWritePrimary,
        reseed: false,
        refresh: REFRESH,
    }
}

/// A world in which the client has just moved to the second site.
fn handover() -> World {
    let mut world = World::new(config());
    world.client_moves_to(S2);
    world
}

fn serving(world: &World) -> Vec<NodeId> {
    world.anchor.status.serving.iter().map(|s| s.server).collect()
}

/// The service is at the second site, and nothing is left of it on the first pair.
fn has_moved(world: &World) -> bool {
    let clean = |server| !world.servers[&server].status.holds_state;
    serving(world) == [B1, B2] && clean(A1) && clean(A2)
}

/// The orders by name, repeats included.
fn names(world: &World) -> Vec<&'static str> {
    world.orders.iter().map(name).collect()
}

fn name(order: &Control) -> &'static str {
    if let Control::Service(ServiceCommand { order, .. }) = order {
        return match order {
            ServiceOrder::Begin { .. } => "Begin",
            ServiceOrder::Mark { .. } => "Mark",
            ServiceOrder::Restoring { .. } => "Restoring",
            ServiceOrder::Read { .. } => "Read",
            ServiceOrder::Cancel { .. } => "Cancel",
            ServiceOrder::Remove { .. } => "Remove",
            ServiceOrder::Quarantine { .. } => "Quarantine",
        };
    }
    let Control::Server(command) = order else { panic!("{order:?} is not an order") };
    match command {
        ServerCommand::Prepare { .. } => "Prepare",
        ServerCommand::Snapshot { .. } => "Snapshot",
        ServerCommand::Cancel { .. } => "CancelJob",
        ServerCommand::Discard { .. } => "Discard",
        ServerCommand::Report | ServerCommand::FlipBit { .. } => panic!("{command:?} changes nothing"),
    }
}

fn count(world: &World, wanted: &str) -> usize {
    names(world).iter().filter(|name| **name == wanted).count()
}

#[test]
fn a_migration_takes_each_step_once_and_leaves_nothing_behind() {
    let mut world = handover();
    assert!(world.run_until(LIMIT, has_moved));
    world.run_for(Duration::from_secs(5));
    let steps =
        ["Begin", "Prepare", "Prepare", "Snapshot", "Mark", "Restoring", "Read", "Discard", "Discard"];
    assert_eq!(names(&world), steps);
}

#[test]
fn a_controller_that_is_replaced_at_any_moment_is_no_obstacle() {
    let mut undisturbed = handover();
    assert!(undisturbed.run_until(LIMIT, has_moved));
    for input in 0..undisturbed.inputs {
        let mut world = handover();
        world.restart = Restart::After(vec![input]);
        assert!(world.run_until(LIMIT, has_moved), "replaced after input {input}");
        assert_eq!(world.anchor.status.attempts, 1, "replaced after input {input}");
    }
}

#[test]
fn a_controller_that_is_replaced_after_every_single_step_gets_there() {
    let mut world = handover();
    world.restart = Restart::AfterOrders;
    assert!(world.run_until(LIMIT, has_moved));
    assert_eq!(world.anchor.status.attempts, 1);
}

#[test]
fn any_one_message_may_be_lost() {
    let mut undisturbed = handover();
    assert!(undisturbed.run_until(LIMIT, has_moved));
    for lost in 0..undisturbed.sent {
        let mut world = World::new(config());
        world.is_lost = Box::new(move |index| index == lost);
        world.client_moves_to(S2);
        assert!(world.run_until(LIMIT, has_moved), "message {lost} lost");
        assert_eq!(world.anchor.status.attempts, 1, "message {lost} lost");
    }
}

proptest! {
    #[test]
    fn many_lost_messages_and_replaced_controllers_delay_a_migration_but_do_not_prevent_it(
        chances in proptest::collection::vec(any::<u8>(), 0..1_500),
        lost_of_256 in 0..100_u8,
        replaced_after in proptest::collection::vec(0..300_u64, 0..8),
    ) {
        let mut world = World::new(config());
        let lost = move |index: u64| chances.get(index as usize).is_some_and(|&chance| chance < lost_of_256);
        world.is_lost = Box::new(lost);
        world.restart = Restart::After(replaced_after);
        world.client_moves_to(S2);
        prop_assert!(world.run_until(LIMIT.times(5), has_moved));
    }
}

/// Lets something go wrong once the phase is reached, and checks that the migration ends for this reason while the first
/// pair goes on, that nothing is left behind, and that the next attempt succeeds.
fn fails_once_then_succeeds(reason: AbortReason, phase: Phase, fault: fn(&mut World), mend: fn(&mut World)) {
    let mut world = handover();
    let is_in = |world: &World| world.anchor.status.plan.as_ref().is_some_and(|plan| plan.phase == phase);
    assert!(world.run_until(LIMIT, is_in));
    fault(&mut world);
    assert!(world.run_until(LIMIT, |world| world.anchor.status.plan.is_none()));
    assert_eq!(world.anchor.status.last, Some((MigrationId(1), Outcome::Aborted(reason))));
    assert_eq!(serving(&world)[0], A1, "the source goes on");
    let ended_at = world.now;
    world.run_for(Duration::from_millis(300));
    for (id, server) in world.servers.iter().filter(|(id, server)| **id >= B1 && server.alive) {
        assert!(!server.status.holds_state && server.status.task == Task::None, "{id}: {:?}", server.status);
    }
    mend(&mut world);
    assert!(world.run_until(LIMIT, has_moved));
    assert!(world.now.since(ended_at) >= config().hold_time, "the hold time is kept");
    assert_eq!(world.anchor.status.attempts, 2);
}

#[test]
fn after_a_lost_target_the_next_attempt_succeeds() {
    for phase in [Phase::Snapshot, Phase::Transfer, Phase::Restore, Phase::Review] {
        let (kill, revive) = (|world: &mut World| world.kill(B2), |world: &mut World| world.revive(B2));
        fails_once_then_succeeds(AbortReason::TargetLost, phase, kill, revive);
    }
}

#[test]
fn after_a_digest_mismatch_the_next_attempt_succeeds() {
    let corrupt = |world: &mut World| world.server(B1).corrupts_next = true;
    fails_once_then_succeeds(AbortReason::DigestMismatch, Phase::Transfer, corrupt, |_| ());
}

#[test]
fn after_a_torn_transfer_the_next_attempt_succeeds() {
    let tear = |world: &mut World| world.server(A2).next_sending = Some(Some(JobFailure::Torn));
    fails_once_then_succeeds(AbortReason::TransferFailed, Phase::Snapshot, tear, |_| ());
}

#[test]
fn after_a_sending_that_never_ended_the_next_attempt_succeeds() {
    let hang = |world: &mut World| world.server(A2).next_sending = Some(None);
    fails_once_then_succeeds(AbortReason::PhaseTimeout, Phase::Transfer, hang, |_| ());
}

#[test]
fn a_lost_standby_ends_the_migration_and_the_next_attempt_copies_the_primary() {
    let mut world = handover();
    let has_cut = |world: &World| matches!(world.servers[&A2].status.task, Task::Sending { .. });
    assert!(world.run_until(LIMIT, has_cut));
    world.kill(A2);
    assert!(world.run_until(LIMIT, |world| world.anchor.status.last.is_some()));
    let aborted = Outcome::Aborted(AbortReason::SourceLost);
    assert_eq!(world.anchor.status.last, Some((MigrationId(1), aborted)));
    assert!(world.run_until(LIMIT, |world| serving(world) == [B1, B2]));
    assert_eq!(world.anchor.status.attempts, 2);
}

#[test]
fn a_target_that_is_lost_after_the_commit_point_leaves_the_service_to_the_other() {
    let mut world = handover();
    let committed =
        |world: &World| world.anchor.status.plan.as_ref().is_some_and(|plan| plan.phase == Phase::SwitchOver);
    assert!(world.run_until(LIMIT, committed));
    world.kill(B1);
    assert!(world.run_until(LIMIT, |world| serving(world) == [B2]));
    assert_eq!(world.anchor.status.last, Some((MigrationId(1), Outcome::Complete)));
    assert_eq!(
        count(&world, "Cancel"),
        1,
        "the loss was heard of before the commit point; the anchor refused"
    );
    assert_eq!(count(&world, "Remove"), 1);
}

#[test]
fn the_control_run_orders_nothing() {
    let mut world = World::new(EdgeConfig { migrations_max: Some(0), ..config() });
    for place in [S2, S1, S2] {
        world.client_moves_to(place);
        world.run_for(Duration::from_secs(2));
    }
    assert_eq!(world.orders, []);
}

#[test]
fn going_back_and_forth_during_a_migration_changes_nothing_until_it_has_ended() {
    let mut world = World::new(EdgeConfig { migrations_max: None, ..config() });
    world.client_moves_to(S2);
    for place in [S1, S2, S1, S2, S1] {
        world.run_for(Duration::from_millis(12));
        world.client_moves_to(place);
    }
    assert!(world.run_until(LIMIT, has_moved));
    assert_eq!((count(&world, "Begin"), count(&world, "Cancel")), (1, 0));
    let ended_at = world.now;
    assert!(
        world.run_until(LIMIT, |world| serving(world) == [A1, A2]),
        "the client is back, the service follows"
    );
    assert!(world.now.since(ended_at) >= Duration::from_millis(400), "but only after the hold time");
    world.run_for(Duration::from_secs(5));
    assert_eq!((world.anchor.status.attempts, world.anchor.status.completed), (2, 2));
}

#[test]
fn after_a_fail_over_the_ended_server_becomes_the_standby_when_it_is_back() {
    let mut world = World::new(EdgeConfig { reseed: true, ..config() });
    world.run_for(Duration::from_secs(1));
    world.kill(A1);
    world.run_for(Duration::from_secs(1));
    assert_eq!((serving(&world), names(&world)), (vec![A2], vec!["Remove"]), "nobody is free beside it");
    world.revive(A1);
    assert!(world.run_until(LIMIT, |world| serving(world) == [A2, A1]));
    world.run_for(Duration::from_secs(2));
    assert_eq!((count(&world, "Begin"), world.anchor.status.completed), (1, 0), "once, and no switch-over");
}

#[test]
fn a_scheme_that_is_not_built_is_refused_with_the_choice_there_is() {
    let error = EdgeController::new(EdgeConfig { scheme: Scheme::PreCopy, ..config() }).unwrap_err();
    assert_eq!(error, EdgeError::SchemeNotBuilt(Scheme::PreCopy));
    assert_eq!(error.to_string(), "the scheme pre-copy is not built: choose hot-standby");
}
