//! Switches, access points, servers, and what the links between them are like. Every wire has a name: that of the server or
//! access point at its end, or `s1-s2` for the trunk between `s1` and `s2`.

use super::Wifi;
use crate::size::{Rate, Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Switches, access points and servers. Names are unique, of `a-z`, `0-9` and `-`, at most 15 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Topology {
    /// Names of the switches.
    pub switches: Vec<String>,
    /// What joins the switches: a tree, without loops.
    pub trunks: Vec<Trunk>,
    /// The access points.
    pub access_points: Vec<AccessPoint>,
    /// The edge servers. Those at the switch that the AGV comes to are the targets of a migration, in this order.
    pub servers: Vec<Server>,
}

/// A wire between two switches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    /// The two switches.
    pub between: [String; 2],
}

/// An access point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessPoint {
    /// Its name.
    pub name: String,
    /// The switch that it is wired to.
    pub switch: String,
    /// Millimetres east of the floor's south-west corner.
    pub x_mm: i32,
    /// Millimetres north of it.
    pub y_mm: i32,
}

/// An edge server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// The switch that it is wired to.
    pub switch: String,
}

/// The wires.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Links {
    /// What every wire is like in both directions, unless it is named in `overrides`.
    pub defaults: Link,
    /// What is different about single wires, by name: `edge-a1`, `ap1`, `s1-s2`.
    pub overrides: BTreeMap<String, LinkOverride>,
}

/// What a link is like, in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Link {
    /// Bits per second.
    pub rate: Rate,
    /// Propagation delay.
    pub delay: Span,
    /// Each frame is delayed by up to this much more, evenly distributed; order is kept.
    pub jitter: Span,
    /// Bytes that may wait for their turn; 0 is unlimited.
    pub queue: Size,
    /// Probability that a frame is lost, 0 to 1.
    pub loss: f64,
    /// Probability that a frame arrives twice, 0 to 1.
    pub duplicate: f64,
    /// Probability that a frame is held back while later ones pass it, 0 to 1.
    pub reorder: f64,
    /// How long such a frame is held back.
    pub reorder_by: Span,
}

/// What is different about one wire; what is left out is as in `links.defaults`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LinkOverride {
    /// Bits per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Propagation delay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// Largest further delay of a frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// Bytes that may wait for their turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Size>,
    /// Probability that a frame is lost, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Probability that a frame arrives twice, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<f64>,
    /// Probability that a frame is held back, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reorder: Option<f64>,
    /// How long such a frame is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reorder_by: Option<Span>,
}

/// The link between the AGV and its access point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Radio {
    /// What it is like while it is there.
    pub link: Link,
    /// How long there is no radio at all when the AGV changes its access point. 0 is make before break. A stock 802.11
    /// station takes about a second, which the paper leaves out.
    pub handover_interruption: Span,
    /// How long the old access point still carries frames after a change; without effect on an interrupted handover.
    pub overlap: Span,
    /// An IEEE 802.11a channel in place of `link`, in virtual time; left out for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wifi: Option<Wifi>,
}

impl Trunk {
    /// Its name as a wire.
    pub fn name(&self) -> String {
        self.between.join("-")
    }
}

impl Topology {
    /// Names of all wires: trunks, access points, servers.
    pub fn wires(&self) -> Vec<String> {
        let trunks = self.trunks.iter().map(Trunk::name);
        let points = self.access_points.iter().map(|point| point.name.clone());
        trunks.chain(points).chain(self.servers.iter().map(|server| server.name.clone())).collect()
    }
}

impl Links {
    /// What the wire of this name is like.
    pub fn of(&self, wire: &str) -> Link {
        let base = self.defaults;
        let own = self.overrides.get(wire).copied().unwrap_or_default();
        Link {
            rate: own.rate.unwrap_or(base.rate),
            delay: own.delay.unwrap_or(base.delay),
            jitter: own.jitter.unwrap_or(base.jitter),
            queue: own.queue.unwrap_or(base.queue),
            loss: own.loss.unwrap_or(base.loss),
            duplicate: own.duplicate.unwrap_or(base.duplicate),
            reorder: own.reorder.unwrap_or(base.reorder),
            reorder_by: own.reorder_by.unwrap_or(base.reorder_by),
        }
    }
}

impl Default for Topology {
    fn default() -> Self {
        let point = |name: &str, switch: &str, x_mm, y_mm| AccessPoint {
            name: name.into(),
            switch: switch.into(),
            x_mm,
            y_mm,
        };
        let server = |name: &str, switch: &str| Server { name: name.into(), switch: switch.into() };
        Self {
            switches: vec!["s1".into(), "s2".into()],
            trunks: vec![Trunk { between: ["s1".into(), "s2".into()] }],
            access_points: vec![
                point("ap1", "s1", 6_000, 14_000),
                point("ap2", "s1", 6_000, 3_000),
                point("ap3", "s2", 19_000, 14_000),
            ],
            servers: vec![
                server("edge-a1", "s1"),
                server("edge-a2", "s1"),
                server("edge-b1", "s2"),
                server("edge-b2", "s2"),
            ],
        }
    }
}

impl Default for Link {
    /// The paper's Table I: Ethernet, 1 Gbit/s, 0.2 µs.
    fn default() -> Self {
        Self {
            rate: Rate(1_000_000_000),
            delay: Span::ns(200),
            jitter: Span::default(),
            queue: Size(256_000),
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_by: Span::ms(1),
        }
    }
}

impl Default for Radio {
    /// The paper's Table I: IEEE 802.11a, 5 GHz. What a frame waits for the medium is that standard's: DIFS 34 µs and
    /// preamble 20 µs always, a back-off of 0 to 15 slots of 9 µs by chance.
    fn default() -> Self {
        let link =
            Link { rate: Rate(54_000_000), delay: Span::us(54), jitter: Span::us(135), ..Link::default() };
        Self { link, handover_interruption: Span::default(), overlap: Span::ms(100), wifi: None }
    }
}
