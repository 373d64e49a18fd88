//! Whole migrations in a small world, in every scheme: with controllers that are replaced at any moment, with messages that are
//! lost, and with servers that fail. What counts is where the service ends up, never which controller brought it there.

mod pull;
mod world;

use proptest::prelude::*;
use world::words::{LIMIT, config, count, handover, has_moved, is_in, names, serving};
use world::{A1, A2, B1, B2, Restart, S1, S2, World};
use zerogap_controller::{EdgeConfig, NotConverged};
use zerogap_proto::*;

/// The orders of an undisturbed migration.
const fn orders(scheme: Scheme) -> &'static [&'static str] {
    match scheme {
        Scheme::StopAndCopy => &[
            "Begin",
            "prepare",
            "Freeze",
            "finish",
            "Reached Transfer",
            "Reached Restore",
            "Take",
            "discard",
        ],
        Scheme::PreCopy => &[
            "Begin",
            "prepare",
            "rounds",
            "Reached Rounds",
            "Freeze",
            "finish",
            "Reached Transfer",
            "Reached Restore",
            "Take",
            "discard",
        ],
        Scheme::PostCopy => {
            &["Begin", "prepare", "Freeze", "finish", "Reached Transfer", "Take", "Pulled", "discard"]
        }
        Scheme::Hybrid => &[
            "Begin",
            "prepare",
            "rounds",
            "Reached Rounds",
            "Freeze",
            "finish",
            "Reached Transfer",
            "Take",
            "Pulled",
            "discard",
        ],
        Scheme::Redundancy => &[
            "Begin",
            "prepare",
            "Freeze",
            "snapshot",
            "Reached Snapshot",
            "Thaw",
            "Reached Restore",
            "Read",
            "discard",
        ],
        Scheme::HotStandby => &[
            "Begin",
            "prepare",
            "prepare",
            "snapshot",
            "Mark",
            "Reached Restore",
            "Read",
            "discard",
            "discard",
        ],
    }
}

/// The phases up to the commit point.
const fn before_commit(scheme: Scheme) -> &'static [Phase] {
    use Phase::{Freeze, Prepare, Restore, Review, Rounds, Snapshot, Transfer};
    match scheme {
        Scheme::StopAndCopy => &[Prepare, Freeze, Transfer, Restore],
        Scheme::PreCopy => &[Prepare, Rounds, Freeze, Transfer, Restore],
        Scheme::PostCopy => &[Prepare, Freeze, Transfer],
        Scheme::Hybrid => &[Prepare, Rounds, Freeze, Transfer],
        Scheme::Redundancy => &[Prepare, Freeze, Snapshot, Transfer, Restore, Review],
        Scheme::HotStandby => &[Snapshot, Transfer, Restore, Review],
    }
}

/// Those in which a single target takes over, and what comes from then on until it is complete.
const AFTER_COMMIT: [(Scheme, Phase); 7] = [
    (Scheme::StopAndCopy, Phase::SwitchOver),
    (Scheme::PreCopy, Phase::SwitchOver),
    (Scheme::PostCopy, Phase::SwitchOver),
    (Scheme::PostCopy, Phase::Pull),
    (Scheme::Hybrid, Phase::SwitchOver),
    (Scheme::Hybrid, Phase::Pull),
    (Scheme::Redundancy, Phase::SwitchOver),
];

#[test]
fn a_migration_takes_each_step_once_and_leaves_nothing_behind() {
    for scheme in Scheme::ALL {
        let mut world = handover(scheme);
        assert!(world.run_until(LIMIT, has_moved), "{scheme:?}");
        world.run_for(Duration::from_secs(5));
        assert_eq!(names(&world), orders(scheme), "{scheme:?}");
    }
}

#[test]
fn a_controller_that_is_replaced_at_any_moment_is_no_obstacle() {
    for scheme in Scheme::ALL {
        let mut undisturbed = handover(scheme);
        assert!(undisturbed.run_until(LIMIT, has_moved));
        for input in 0..undisturbed.inputs {
            let mut world = handover(scheme);
            world.restart = Restart::After(vec![input]);
            assert!(world.run_until(LIMIT, has_moved), "{scheme:?}, replaced after input {input}");
            assert_eq!(world.anchor.status.attempts, 1, "{scheme:?}, replaced after input {input}");
        }
    }
}

#[test]
fn a_controller_that_is_replaced_after_every_single_step_gets_there() {
    for scheme in Scheme::ALL {
        let mut world = handover(scheme);
        world.restart = Restart::AfterOrders;
        assert!(world.run_until(LIMIT, has_moved), "{scheme:?}");
        assert_eq!(world.anchor.status.attempts, 1, "{scheme:?}");
    }
}

#[test]
fn any_one_message_may_be_lost() {
    for scheme in Scheme::ALL {
        let mut undisturbed = handover(scheme);
        assert!(undisturbed.run_until(LIMIT, has_moved));
        for lost in 0..undisturbed.sent {
            let mut world = World::new(config(scheme));
            world.is_lost = Box::new(move |index| index == lost);
            world.client_moves_to(S2);
            assert!(world.run_until(LIMIT, has_moved), "{scheme:?}, message {lost} lost");
            assert_eq!(world.anchor.status.attempts, 1, "{scheme:?}, message {lost} lost");
        }
    }
}

proptest! {
    #[test]
    fn many_lost_messages_and_replaced_controllers_delay_a_migration_but_do_not_prevent_it(
        scheme in proptest::sample::select(Scheme::ALL.to_vec()),
        chances in proptest::collection::vec(any::<u8>(), 0..1_500),
        lost_of_256 in 0..100_u8,
        replaced_after in proptest::collection::vec(0..300_u64, 0..8),
    ) {
        let mut world = World::new(config(scheme));
        let lost = move |index: u64| chances.get(index as usize).is_some_and(|&chance| chance < lost_of_256);
        world.is_lost = Box::new(lost);
        world.restart = Restart::After(replaced_after);
        world.client_moves_to(S2);
        prop_assert!(world.run_until(LIMIT.times(5), has_moved));
    }
}

/// Lets something go wrong once the phase is reached, and checks that the migration ends for this reason while the source
/// goes on, that nothing is left behind, and that the next attempt succeeds.
fn fails_once_then_succeeds(
    scheme: Scheme,
    reason: AbortReason,
    phase: Phase,
    fault: fn(&mut World),
    mend: fn(&mut World),
) {
    let mut world = handover(scheme);
    assert!(world.run_until(LIMIT, |world| is_in(world, phase)), "{scheme:?} gets to {phase}");
    fault(&mut world);
    assert!(world.run_until(LIMIT, |world| world.anchor.status.last.is_some()));
    let ended = Some((MigrationId(1), Outcome::Aborted(reason)));
    assert_eq!(world.anchor.status.last, ended, "{scheme:?} in {phase}");
    assert_eq!(serving(&world)[0], A1, "the source goes on");
    let ended_at = world.now;
    world.run_for(Duration::from_millis(300));
    for (id, server) in world.servers.iter().filter(|(id, server)| **id >= B1 && server.alive) {
        assert!(!server.status.holds_state && server.status.task == Task::None, "{id}: {:?}", server.status);
    }
    mend(&mut world);
    assert!(world.run_until(LIMIT, has_moved), "{scheme:?} after {phase}");
    assert!(world.now.since(ended_at) >= config(scheme).hold_time, "the hold time is kept");
    assert_eq!(world.anchor.status.attempts, 2, "{scheme:?} after {phase}");
}

fn kill_target(world: &mut World) {
    let targets = world.anchor.status.plan.as_ref().map(|plan| plan.targets.clone());
    world.kill(targets.and_then(|targets| targets.last().copied()).expect("a migration is under way"));
}

fn revive_target(world: &mut World) {
    for server in [B1, B2] {
        if !world.servers[&server].alive {
            world.revive(server);
        }
    }
}

#[test]
fn after_a_lost_target_the_next_attempt_succeeds() {
    for scheme in Scheme::ALL {
        for &phase in before_commit(scheme) {
            fails_once_then_succeeds(scheme, AbortReason::TargetLost, phase, kill_target, revive_target);
        }
    }
}

#[test]
fn a_single_target_that_is_lost_after_the_commit_point_gives_the_service_back_to_the_source() {
    for (scheme, phase) in AFTER_COMMIT {
        fails_once_then_succeeds(scheme, AbortReason::FellBack, phase, kill_target, revive_target);
    }
}

#[test]
fn after_a_digest_mismatch_the_next_attempt_succeeds() {
    let corrupt = |world: &mut World| world.server(B1).corrupts_next = true;
    for scheme in [Scheme::StopAndCopy, Scheme::PreCopy, Scheme::Redundancy, Scheme::HotStandby] {
        let reason = AbortReason::DigestMismatch;
        fails_once_then_succeeds(scheme, reason, Phase::Transfer, corrupt, |_| ());
    }
}

fn source(world: &mut World) -> &mut world::server::Server {
    let source = world.anchor.status.plan.as_ref().map(|plan| plan.snapshotter);
    world.server(source.expect("a migration is under way"))
}

#[test]
fn after_a_torn_transfer_the_next_attempt_succeeds() {
    let tear = |world: &mut World| source(world).next_sending = Some(Some(JobFailure::Torn));
    for scheme in Scheme::ALL {
        fails_once_then_succeeds(scheme, AbortReason::TransferFailed, scheme.first_phase(), tear, |_| ());
    }
}

#[test]
fn after_a_sending_that_never_ended_the_next_attempt_succeeds() {
    let hang = |world: &mut World| source(world).next_sending = Some(None);
    for scheme in Scheme::ALL {
        fails_once_then_succeeds(scheme, AbortReason::PhaseTimeout, Phase::Transfer, hang, |_| ());
    }
}

#[test]
fn after_a_source_that_did_not_stop_where_it_was_told_the_next_attempt_succeeds() {
    let overrun = |world: &mut World| source(world).status.next = world::server::MARK.next();
    let stop = |world: &mut World| world.server(A1).status.next = world::server::MARK;
    for scheme in Scheme::ALL.into_iter().filter(|scheme| scheme.replicas() == 1) {
        fails_once_then_succeeds(scheme, AbortReason::SourceLost, Phase::Prepare, overrun, stop);
    }
}

#[test]
fn rounds_that_do_not_converge_end_a_pre_copy_only_if_so_configured() {
    for (scheme, not_converged, attempts) in [
        (Scheme::PreCopy, NotConverged::Stop, 1),
        (Scheme::PreCopy, NotConverged::Abort, 2),
        (Scheme::Hybrid, NotConverged::Abort, 1),
    ] {
        let mut config = config(scheme);
        config.copying.not_converged = not_converged;
        let mut world = World::new(config);
        world.server(A1).never_converges = true;
        world.client_moves_to(S2);
        assert!(
            world.run_until(LIMIT, |world| is_in(world, Phase::Freeze) || world.anchor.status.last.is_some())
        );
        let aborted = (MigrationId(1), Outcome::Aborted(AbortReason::NotConverged));
        assert_eq!(world.anchor.status.last, (attempts == 2).then_some(aborted), "{scheme:?}");
        world.server(A1).never_converges = false;
        assert!(world.run_until(LIMIT, has_moved), "{scheme:?}, {not_converged:?}");
        assert_eq!(world.anchor.status.attempts, attempts, "{scheme:?}, {not_converged:?}");
    }
}

#[test]
fn a_lost_standby_ends_the_migration_and_the_next_attempt_copies_the_primary() {
    let mut world = handover(Scheme::HotStandby);
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
    let mut world = handover(Scheme::HotStandby);
    assert!(world.run_until(LIMIT, |world| is_in(world, Phase::SwitchOver)));
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
    let mut world = World::new(EdgeConfig { migrations_max: Some(0), ..config(Scheme::HotStandby) });
    for place in [S2, S1, S2] {
        world.client_moves_to(place);
        world.run_for(Duration::from_secs(2));
    }
    assert_eq!(world.orders, []);
}

#[test]
fn going_back_and_forth_during_a_migration_changes_nothing_until_it_has_ended() {
    let mut world = World::new(EdgeConfig { migrations_max: None, ..config(Scheme::HotStandby) });
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
    let mut world = World::new(EdgeConfig { reseed: true, ..config(Scheme::HotStandby) });
    world.run_for(Duration::from_secs(1));
    world.kill(A1);
    world.run_for(Duration::from_secs(1));
    assert_eq!((serving(&world), names(&world)), (vec![A2], vec!["Remove"]), "nobody is free beside it");
    world.revive(A1);
    assert!(world.run_until(LIMIT, |world| serving(world) == [A2, A1]));
    world.run_for(Duration::from_secs(2));
    assert_eq!((count(&world, "Begin"), world.anchor.status.completed), (1, 0), "once, and no switch-over");
}
