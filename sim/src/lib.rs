//! The driver in virtual time: the very nodes that run on TAPs, one event queue, modelled links and jobs, seeded randomness.
//! The same scenario and seed give the same run, to the byte.
//!
//! [`World`](world::World) owns the nodes and the clock; [`queue`] orders what happens; [`host`] is what a process and its kernel add around a server or the AGV; [`transfers`] move states.

pub mod host;
pub mod queue;
pub mod transfers;
pub mod world;

mod faults;

use zerogap_controller::EdgeError;
use zerogap_proto::{Event, Instant, NodeId};
use zerogap_scenario::{Finished, Scenario};

/// Why a scenario cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimError {
    /// The edge controller cannot be built.
    Edge(EdgeError),
    /// A server cannot be built.
    Server(zerogap_server_app::ConfigError),
    /// The AGV cannot be built.
    Agv(zerogap_client_agv::ConfigError),
}

impl std::fmt::Display for SimError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Edge(error) => error.fmt(f),
            Self::Server(error) => error.fmt(f),
            Self::Agv(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SimError {}

/// Runs a scenario to its end. `watch` sees each event as it happens.
///
/// # Errors
/// The scenario has a part that cannot be built.
pub fn simulate(
    scenario: &Scenario,
    watch: &mut dyn FnMut(Instant, NodeId, &Event),
) -> Result<Finished, SimError> {
    let mut world = world::World::new(scenario)?;
    world.run(watch);
    Ok(world.finish())
}
