//! More than one AGV, as the testbed file describes them: halls like the one that the file draws, and AGVs in each of them.

use super::Testbed;
use super::check::{Checked, within};
use super::error::Problem;
use crate::size::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often there is what the file describes. Only in virtual time: a real run has one hall and one AGV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fleet {
    /// Halls, each with the file's topology and floor. From the second on, the switches of all are joined by one more, `spine`.
    pub halls: u32,
    /// AGVs in each hall, each with a service of its own: its own port from `service.port` on, its own process on each of the
    /// hall's servers, its own edge controller. The radio's model is that of each AGV.
    pub agvs: u32,
    /// The AGVs start one after the other, evenly over this time, so that there are handovers all the time.
    pub stagger: Span,
}

impl Fleet {
    /// All AGVs.
    pub const fn agvs_in_all(&self) -> usize {
        self.halls as usize * self.agvs as usize
    }

    /// Whether it is the one AGV that the file describes, and no more.
    pub const fn is_one(&self) -> bool {
        self.agvs_in_all() == 1
    }
}

/// Ids of nodes: those beyond have the address of a service.
const NODES_MAX: usize = 0xfeff;

/// The first mistake.
pub(super) fn check(testbed: &Testbed) -> Checked {
    let fleet = testbed.fleet;
    within("fleet.halls", fleet.halls, 1..=10_000)?;
    within("fleet.agvs", fleet.agvs, 1..=50_000)?;
    within("fleet.stagger", fleet.stagger, Span::default()..=Span::s(3_600))?;
    if !fleet.is_one() && testbed.radio.wifi.is_some() {
        let wrong = "the 802.11 channel knows one AGV of ours";
        let right = "leave `fleet` or radio.wifi out; radio.wifi.neighbours puts more stations on a channel";
        return Err(Problem::at("radio.wifi", wrong, right).with(&["fleet.agvs", "fleet.halls"]));
    }
    let services = fleet.agvs_in_all();
    let ports_left = usize::from(u16::MAX - testbed.service.port) + 1;
    if services > ports_left {
        let wrong = format!("{services} services do not fit the {ports_left} ports from service.port on");
        return Err(Problem::at("fleet.agvs", wrong, "fewer AGVs, or a lower service.port")
            .with(&["fleet.halls", "service.port"]));
    }
    let nodes = nodes(testbed);
    if nodes > NODES_MAX {
        let wrong = format!("so many AGVs, with their servers, make {nodes} nodes");
        return Err(
            Problem::at("fleet.agvs", wrong, format!("{NODES_MAX} are the most")).with(&["fleet.halls"])
        );
    }
    Ok(())
}

/// In each hall switches, access points and a radio; for each AGV itself, its processes and its edge controller; the spine, the
/// SDN controller and the driver.
fn nodes(testbed: &Testbed) -> usize {
    let t = &testbed.topology;
    let hall = t.switches.len() + t.access_points.len() + 1;
    testbed.fleet.halls as usize * hall + testbed.fleet.agvs_in_all() * (t.servers.len() + 2) + 3
}

impl Default for Fleet {
    fn default() -> Self {
        Self { halls: 1, agvs: 1, stagger: Span::default() }
    }
}
