//! The pull, in which the state is in two parts: what is left of the service when one of them fails, and that what happened
//! is called by its name, whichever news comes first.

use crate::world::words::{LIMIT, config, handover, has_moved, is_in, serving};
use crate::world::{A1, B1, Restart, S1, World};
use zerogap_controller::EdgeConfig;
use zerogap_proto::*;

const LAZY: [Scheme; 2] = [Scheme::PostCopy, Scheme::Hybrid];

/// In the pull, or before the target has answered anything.
fn committed(scheme: Scheme, phase: Phase) -> World {
    let mut world = handover(scheme);
    assert!(world.run_until(LIMIT, |world| is_in(world, phase)), "{scheme:?} gets to {phase}");
    world
}

fn outcome(world: &World) -> Option<Outcome> {
    world.anchor.status.last.map(|(_, outcome)| outcome)
}

#[test]
fn a_source_that_is_lost_takes_the_state_with_it_and_the_outcome_says_so() {
    for scheme in LAZY {
        for phase in [Phase::SwitchOver, Phase::Pull] {
            let mut world = committed(scheme, phase);
            world.kill(A1);
            assert!(
                world.run_until(LIMIT, |world| world.anchor.status.plan.is_none()),
                "{scheme:?}, {phase}"
            );
            let lost = Outcome::Aborted(AbortReason::SourceLostInPull);
            assert_eq!(outcome(&world), Some(lost), "{scheme:?}, {phase}");
            world.revive(A1);
            world.client_moves_to(S1);
            world.run_for(Duration::from_secs(5));
            assert_eq!(serving(&world), [], "{scheme:?}, {phase}: nobody serves with part of a state");
            assert_eq!(world.anchor.status.attempts, 1, "{scheme:?}, {phase}: nor is that copied");
        }
    }
}

#[test]
fn a_source_that_is_lost_is_called_so_by_a_controller_that_came_at_any_moment() {
    let first = committed(Scheme::PostCopy, Phase::Pull).inputs;
    for input in first - 3..first + 12 {
        let mut world = handover(Scheme::PostCopy);
        world.restart = Restart::After(vec![input]);
        assert!(world.run_until(LIMIT, |world| is_in(world, Phase::Pull)));
        world.kill(A1);
        world.run_for(Duration::from_millis(500));
        world.revive(A1);
        assert!(world.run_until(LIMIT, |world| world.anchor.status.plan.is_none()), "replaced after {input}");
        assert!(matches!(outcome(&world), Some(Outcome::Aborted(_))), "replaced after {input}");
        assert!(world.run_until(LIMIT, |world| serving(world).is_empty()), "replaced after {input}");
    }
}

#[test]
fn a_source_that_is_lost_after_all_was_pulled_is_missed_by_nobody() {
    for scheme in LAZY {
        let mut world = committed(scheme, Phase::SwitchOver);
        let is_out = |world: &World| matches!(world.servers[&A1].status.task, Task::Sent { .. });
        assert!(world.run_until(LIMIT, is_out), "{scheme:?}");
        world.kill(A1);
        assert!(world.run_until(LIMIT, |world| world.anchor.status.plan.is_none()), "{scheme:?}");
        assert_eq!((outcome(&world), serving(&world)), (Some(Outcome::Complete), vec![B1]), "{scheme:?}");
    }
}

/// Lets the pull fail while the source is there: it goes on, and the next attempt succeeds.
fn gives_back(fault: fn(&mut World)) {
    for scheme in LAZY {
        let mut world = committed(scheme, Phase::SwitchOver);
        fault(&mut world);
        assert!(world.run_until(LIMIT, |world| world.anchor.status.last.is_some()), "{scheme:?}");
        assert_eq!(outcome(&world), Some(Outcome::Aborted(AbortReason::FellBack)), "{scheme:?}");
        assert_eq!(serving(&world), [A1], "{scheme:?}");
        assert!(world.run_until(LIMIT, has_moved), "{scheme:?}");
        assert_eq!(world.anchor.status.attempts, 2, "{scheme:?}");
    }
}

#[test]
fn pages_that_are_not_what_was_cut_give_the_service_back_to_the_source() {
    gives_back(|world| world.server(B1).corrupts_next = true);
}

#[test]
fn a_torn_pull_gives_the_service_back_to_the_source() {
    gives_back(|world| world.server(A1).next_sending = Some(Some(JobFailure::Torn)));
}

#[test]
fn there_and_back_again() {
    for scheme in Scheme::ALL {
        let mut world = World::new(EdgeConfig { migrations_max: Some(2), ..config(scheme) });
        world.client_moves_to(crate::S2);
        assert!(world.run_until(LIMIT, has_moved), "{scheme:?}");
        world.client_moves_to(S1);
        assert!(world.run_until(LIMIT, |world| world.anchor.status.completed == 2), "{scheme:?}");
        assert_eq!(serving(&world)[0], A1, "{scheme:?}");
    }
}
