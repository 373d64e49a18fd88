//! The testbed file: what a run is made of, as typed values. Everything has a default, and an empty file is the demo;
//! `testbed.yaml` at the root of the repository shows every field. A [`Testbed`] that was loaded has been checked.
//!
//! ```text
//! text ──load──▶ tree of values ◀──overrides── --set PATH=VALUE
//!                     │ types (this module)
//!                     ▼
//!                  Testbed ──check──▶ Testbed, or a FileError that points at path and line
//! ```

mod blame;
mod check;
mod client;
mod control;
mod distribution;
mod error;
mod fault;
mod fleet;
mod load;
mod locate;
mod measured;
mod network;
mod overlay;
mod overrides;
mod service;
mod values;
mod virtual_time;
mod wifi;
mod words;

#[cfg(test)]
pub(crate) mod tests;

pub use client::{Client, Floor, Obstacle, Point};
pub use control::{Controllers, Copying, NoStandby, NotConverged, Review, Timeouts};
pub use distribution::Distribution;
pub use error::{FileError, Place};
pub use fault::{At, Fault};
pub use fleet::Fleet;
pub use load::{load, parse};
pub use network::{AccessPoint, Link, LinkOverride, Links, Radio, Server, Topology, Trunk};
pub use overlay::overlay;
pub use overrides::{Override, OverrideError};
pub use service::{Selection, Service};
pub use values::{Values, ValuesError};
pub use virtual_time::{Core, JobTime, Placement, Sim};
pub use wifi::{OfdmRate, Wifi, WifiAccess, WifiRange, WifiRate, WifiStandard};

use crate::size::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zerogap_proto::Scheme;

/// A testbed: topology, roles, distributions, scheme, thresholds, faults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Testbed {
    /// What the run is called in reports.
    pub name: String,
    /// Seed of everything random: the same seed gives the same draws.
    pub seed: u64,
    /// The least time that the AGV drives; it goes on until all migrations are done.
    pub duration: Span,
    /// How the service is moved.
    #[schemars(schema_with = "words::scheme")]
    pub scheme: Scheme,
    /// The app's state.
    pub state: State,
    /// An answer later than this after its request was due is an interruption (the paper, section II: 10 ms).
    pub threshold: Span,
    /// Migrations to wait for while the AGV shuttles; 0 is the control run.
    pub migrations: u32,
    /// The service and the rules of its anchor.
    pub service: Service,
    /// Switches, access points and servers.
    pub topology: Topology,
    /// The wires.
    pub links: Links,
    /// The link between the AGV and its access point.
    pub radio: Radio,
    /// The AGV.
    pub client: Client,
    /// More AGVs, and more halls.
    pub fleet: Fleet,
    /// The factory floor.
    pub floor: Floor,
    /// The SDN controller and the edge controller.
    pub controllers: Controllers,
    /// How pre-copy and hybrid copy while the source serves.
    pub copying: Copying,
    /// When the targets have proved themselves.
    pub review: Review,
    /// What shall go wrong, and when.
    pub faults: Vec<Fault>,
    /// What takes how long in virtual time; the real world takes what it takes.
    pub sim: Sim,
    /// Which cores the processes of a real run use.
    pub placement: Placement,
}

/// The app's state: the occupancy grid of the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// Its size in memory, 4 KiB to 64 GiB (the paper's Table I: 4, 20, 40 and 2000 MB).
    pub size: Size,
    /// What it holds at the start.
    pub fill: Fill,
}

/// What the state holds at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// The floor plan is known: every page is written, and all of it must travel.
    #[default]
    Dense,
    /// Nothing is known: pages that were never written are zero and cost nothing.
    Sparse,
}

impl Testbed {
    /// Why it can only be simulated, and what to change, if that is so.
    pub fn only_simulated(&self) -> Option<String> {
        fleet::only_simulated(self)
    }
}

impl Default for Testbed {
    fn default() -> Self {
        Self {
            name: "demo".into(),
            seed: 1,
            duration: Span::s(8),
            scheme: Scheme::HotStandby,
            state: State::default(),
            threshold: Span::ms(10),
            migrations: 1,
            service: Service::default(),
            topology: Topology::default(),
            links: Links::default(),
            radio: Radio::default(),
            client: Client::default(),
            fleet: Fleet::default(),
            floor: Floor::default(),
            controllers: Controllers::default(),
            copying: Copying::default(),
            review: Review::default(),
            faults: Vec::new(),
            sim: Sim::default(),
            placement: Placement::default(),
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self { size: Size(40_000_000), fill: Fill::Dense }
    }
}

/// The JSON schema of the testbed file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Testbed).to_value()
}
