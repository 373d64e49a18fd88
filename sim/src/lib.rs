//! The driver in virtual time: the very nodes that run on TAPs, one event queue, modelled links and jobs, seeded randomness.
//! The same scenario and seed give the same run, to the byte.
//!
//! [`World`](world::World) owns the nodes and the clock; [`queue`] orders what happens; [`host`] is what a process and its kernel add around a server or the AGV; [`transfers`] move states; [`radio`] is the air.

mod by_node;
pub mod check;
pub mod explore;
pub mod frames;
pub mod host;
pub mod observe;
pub mod queue;
pub mod radio;
pub mod transfers;
pub mod world;

mod faults;
mod processes;
mod shared;

use zerogap_proto::{Event, Instant, NodeId};
use zerogap_scenario::{Finished, Scenario, ScenarioError};

/// Runs a scenario to its end. `watch` sees each event as it happens.
///
/// # Errors
/// The scenario has a part that cannot be built.
pub fn simulate(
    scenario: &Scenario,
    watch: &mut dyn FnMut(Instant, NodeId, &Event),
) -> Result<Finished, ScenarioError> {
    simulate_observed(scenario, watch, &mut [])
}

/// Runs a scenario to its end, as [`simulate`] does; the observers see all that passes between its nodes.
///
/// # Errors
/// The scenario has a part that cannot be built.
pub fn simulate_observed(
    scenario: &Scenario,
    watch: &mut dyn FnMut(Instant, NodeId, &Event),
    observers: &mut [&mut dyn observe::Observer],
) -> Result<Finished, ScenarioError> {
    let mut world = world::World::new(scenario)?;
    for observer in observers {
        world.watched_by(&mut **observer);
    }
    world.run(watch);
    Ok(world.finish())
}
