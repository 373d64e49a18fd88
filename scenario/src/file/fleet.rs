//! More than one AGV, as the testbed file describes them: halls like the one that the file draws, and AGVs in each of them.

use super::Testbed;
use super::check::{Checked, within};
use super::error::Problem;
use crate::size::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often there is what the file describes. A real run has one hall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fleet {
    /// Halls, each with the file's topology and floor. From the second on, the switches of all are joined by one more, `spine`.
    pub halls: u32,
    /// AGVs in each hall, each with a service of its own: its own port from `service.port` on, its own server on each of the
    /// hall's hosts, its own edge controller. The radio's model is that of each AGV. `client.count` says the same.
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

/// Lets `client.count` and `fleet.agvs` both say what one of them does.
pub(super) fn settle(testbed: &mut Testbed) {
    let agvs = testbed.fleet.agvs.max(testbed.client.count);
    (testbed.fleet.agvs, testbed.client.count) = (agvs, agvs);
}

/// Why this testbed can only be simulated, and what to change, if that is so.
pub(super) fn only_simulated(testbed: &Testbed) -> Option<String> {
    let fleet = testbed.fleet;
    if fleet.is_one() {
        return None;
    }
    if fleet.halls > 1 {
        let halls = fleet.halls;
        return Some(format!("a real run has one hall, not {halls}: leave fleet.halls out"));
    }
    if fleet.agvs > REAL_AGVS_MAX {
        let agvs = fleet.agvs;
        return Some(format!("a real run has at most {REAL_AGVS_MAX} AGVs, not {agvs}"));
    }
    if testbed.scheme.pulls() {
        let scheme = testbed.scheme.name();
        return Some(format!(
            "{scheme} stops the process that waits for a page, and in a real run it serves all AGVs: choose \
             another scheme, or one AGV"
        ));
    }
    None
}

/// Ids of nodes: those beyond have the address of a service.
const NODES_MAX: usize = 0xfeff;
/// AGVs of a hall.
const AGVS_MAX: u32 = 50_000;
/// AGVs of a real run: what a host is told of its addresses and neighbours fits one message.
const REAL_AGVS_MAX: u32 = 1_000;

/// The first mistake.
pub(super) fn check(testbed: &Testbed) -> Checked {
    let fleet = Fleet { agvs: agvs(testbed)?, ..testbed.fleet };
    within("fleet.halls", fleet.halls, 1..=10_000)?;
    within("fleet.stagger", fleet.stagger, Span::default()..=Span::s(3_600))?;
    if !fleet.is_one() && testbed.radio.wifi.is_some() {
        let wrong = "the 802.11 channel knows one AGV of ours";
        let right = "leave the AGVs or radio.wifi out; radio.wifi.neighbours puts more stations on a channel";
        return Err(Problem::at("radio.wifi", wrong, right).with(&[
            "client.count",
            "fleet.agvs",
            "fleet.halls",
        ]));
    }
    let services = fleet.agvs_in_all();
    let ports_left = usize::from(u16::MAX - testbed.service.port) + 1;
    if services > ports_left {
        let wrong = format!("{services} services do not fit the {ports_left} ports from service.port on");
        return Err(Problem::at(said(testbed), wrong, "fewer AGVs, or a lower service.port")
            .with(&["fleet.halls", "service.port"]));
    }
    let nodes = nodes(testbed, fleet);
    if nodes > NODES_MAX {
        let wrong = format!("so many AGVs, with their servers, make {nodes} nodes");
        return Err(
            Problem::at(said(testbed), wrong, format!("{NODES_MAX} are the most")).with(&["fleet.halls"])
        );
    }
    Ok(())
}

/// AGVs in each hall, however they are given.
fn agvs(testbed: &Testbed) -> Result<u32, Problem> {
    let (agvs, count) = (testbed.fleet.agvs, testbed.client.count);
    within("fleet.agvs", agvs, 1..=AGVS_MAX)?;
    within("client.count", count, 1..=AGVS_MAX)?;
    if agvs == count || agvs == 1 || count == 1 {
        return Ok(agvs.max(count));
    }
    let wrong = format!("{count} AGVs, and {agvs} by fleet.agvs, which says the same");
    Err(Problem::at("client.count", wrong, "leave one of them out").with(&["fleet.agvs"]))
}

/// Which field gives the number of AGVs.
fn said(testbed: &Testbed) -> &'static str {
    if testbed.fleet.agvs > 1 { "fleet.agvs" } else { "client.count" }
}

/// In each hall switches, access points and a radio; for each AGV itself, its processes and its edge controller; the spine, the
/// SDN controller and the driver.
fn nodes(testbed: &Testbed, fleet: Fleet) -> usize {
    let t = &testbed.topology;
    let hall = t.switches.len() + t.access_points.len() + 1;
    fleet.halls as usize * hall + fleet.agvs_in_all() * (t.servers.len() + 2) + 3
}

impl Default for Fleet {
    fn default() -> Self {
        Self { halls: 1, agvs: 1, stagger: Span::default() }
    }
}
