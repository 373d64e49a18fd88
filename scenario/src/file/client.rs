//! The AGV and the floor it drives on, as the testbed file describes them. Lengths are millimetres; x counts to the east
//! and y to the north of the floor's south-west corner.

use super::Distribution;
use crate::size::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The AGV.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// How many there are, each with a service of its own. Another way to say `fleet.agvs`: a loaded testbed has both.
    pub count: u32,
    /// Time from one request to the next. The schedule is absolute: a late answer does not shift it.
    pub interval: Distribution,
    /// How long after a request was sent its answer is no longer waited for. Longer than the threshold.
    pub give_up: Span,
    /// Time from the start of the run to the first request.
    pub start_delay: Span,
    /// How much nearer another access point must be before the AGV changes to it, in millimetres.
    pub hysteresis_mm: u32,
    /// Its highest speed, in millimetres a second.
    pub max_speed_mm_s: u32,
    /// The way that it shuttles: from the first waypoint to the last, back again, and so on.
    pub route: Vec<Point>,
    /// How long it stays at each end of its route.
    pub dwell: Span,
    /// How near it must come to a waypoint to have reached it, in millimetres.
    pub reach_mm: u32,
    /// Beams of its lidar: a power of two up to 256. A packet has room for 256, whatever there are. Fewer beams are less work
    /// for a server, and a coarser map.
    pub lidar_beams: u16,
}

/// A place on the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Millimetres east of the floor's south-west corner.
    pub x_mm: i32,
    /// Millimetres north of it.
    pub y_mm: i32,
}

/// The factory floor: a rectangle with walls around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Floor {
    /// From west to east, in millimetres.
    pub width_mm: u32,
    /// From south to north, in millimetres.
    pub height_mm: u32,
    /// What stands on it, for the AGV's lidar to see.
    pub obstacles: Vec<Obstacle>,
}

/// A rectangle on the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Obstacle {
    /// Its western edge, in millimetres.
    pub x_mm: i32,
    /// Its southern edge, in millimetres.
    pub y_mm: i32,
    /// From west to east, in millimetres.
    pub width_mm: u32,
    /// From south to north, in millimetres.
    pub height_mm: u32,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            name: "agv".into(),
            count: 1,
            // The paper, section IV: mean 10 ms and "variance 0.2 ms". NS-3 takes a variance, so that is 0.2 ms².
            interval: Distribution::Normal { mean: Span::ms(10), variance_ms2: Some(0.2), std_dev: None },
            give_up: Span::s(60),
            start_delay: Span::ms(200),
            hysteresis_mm: 500,
            max_speed_mm_s: 2_000,
            route: vec![Point { x_mm: 8_000, y_mm: 10_000 }, Point { x_mm: 20_000, y_mm: 10_000 }],
            dwell: Span::ms(500),
            reach_mm: 300,
            lidar_beams: 256,
        }
    }
}

impl Default for Floor {
    fn default() -> Self {
        let machine = |x_mm, y_mm, width_mm, height_mm| Obstacle { x_mm, y_mm, width_mm, height_mm };
        Self {
            width_mm: 40_000,
            height_mm: 20_000,
            obstacles: vec![
                machine(10_000, 13_000, 4_000, 2_000),
                machine(13_000, 5_000, 3_000, 2_500),
                machine(26_000, 8_000, 2_000, 6_000),
            ],
        }
    }
}
