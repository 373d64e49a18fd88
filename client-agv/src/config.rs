//! What an AGV is told before it starts, and the check that it makes sense. The scenario draws the intervals from its seed, so
//! that the AGV itself needs no randomness.

use crate::floor::Floor;
use crate::point::Point;
use crate::roaming::AccessPoint;
use crate::route::Route;
use serde::{Deserialize, Serialize};
use zerogap_proto::agv::BEAMS;
use zerogap_proto::{ClientId, Duration, Endpoint, Incarnation, NodeId};

/// All that an AGV needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgvConfig {
    /// Its node.
    pub node: NodeId,
    /// How it names itself in its requests.
    pub client: ClientId,
    /// Its life.
    pub incarnation: Incarnation,
    /// Where its service is.
    pub service: Endpoint,
    /// The node that carries out its associations.
    pub radio: NodeId,
    /// Where it drives.
    pub floor: Floor,
    /// Its way.
    pub route: Route,
    /// What it can associate with.
    pub access_points: Vec<AccessPoint>,
    /// How much nearer another access point must be.
    pub hysteresis_mm: u32,
    /// How many of a scan's beams its lidar has, evenly spread: a power of two, at most [`BEAMS`]. The others have no echo.
    pub lidar_beams: u16,
    /// The time between requests, used in turn, again and again.
    pub intervals: Vec<Duration>,
    /// How long after a request was due its answer is still in time.
    pub threshold: Duration,
    /// How long after a request was sent its answer is no longer waited for.
    pub give_up: Duration,
    /// It drives no faster.
    pub max_speed_mm_s: i32,
    /// From the start of the run to the first request.
    pub start_delay: Duration,
}

/// Why an AGV cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The floor has no area.
    #[error("the floor is {width_mm} mm by {height_mm} mm: both must be more than 0")]
    EmptyFloor {
        /// From west to east.
        width_mm: i32,
        /// From south to north.
        height_mm: i32,
    },
    /// An obstacle has no area.
    #[error("obstacle {index} (counted from 0) has no area: its width and height must be more than 0")]
    EmptyObstacle {
        /// Which one.
        index: usize,
    },
    /// The route leads nowhere.
    #[error("the route has fewer than 2 waypoints: give it a start and an end")]
    ShortRoute,
    /// The AGV could never get there.
    #[error(
        "waypoint {index} (counted from 0) at ({x_mm} mm, {y_mm} mm) is off the floor or in an obstacle: move it"
    )]
    WaypointNotFree {
        /// Which one.
        index: usize,
        /// Where it is.
        x_mm: i32,
        /// Where it is.
        y_mm: i32,
    },
    /// There is nothing to associate with.
    #[error("there is no access point: the AGV needs at least one")]
    NoAccessPoint,
    /// Beams cannot be spread evenly.
    #[error("a lidar of {0} beams: it must be a power of two, at most {BEAMS}")]
    LidarBeams(u16),
    /// There is no schedule.
    #[error("the intervals between requests are none or all zero: give at least one that is more than 0")]
    NoInterval,
    /// It may not move.
    #[error("the highest speed is {0} mm/s: it must be more than 0")]
    NoSpeed(i32),
    /// Requests would be given up before they are late.
    #[error("requests are given up after {give_up}, which must be longer than the threshold of {threshold}")]
    GivesUpTooSoon {
        /// When they are given up.
        give_up: Duration,
        /// When they are late.
        threshold: Duration,
    },
}

impl AgvConfig {
    /// Whether an AGV can be built from it.
    ///
    /// # Errors
    /// The first thing that does not make sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Floor { width_mm, height_mm, ref obstacles } = self.floor;
        if width_mm <= 0 || height_mm <= 0 {
            return Err(ConfigError::EmptyFloor { width_mm, height_mm });
        }
        if let Some(index) = obstacles.iter().position(|o| o.width_mm <= 0 || o.height_mm <= 0) {
            return Err(ConfigError::EmptyObstacle { index });
        }
        if self.route.waypoints.len() < 2 {
            return Err(ConfigError::ShortRoute);
        }
        let mut waypoints = self.route.waypoints.iter().enumerate();
        if let Some((index, &Point { x_mm, y_mm })) = waypoints.find(|&(_, &at)| !self.floor.is_free(at)) {
            return Err(ConfigError::WaypointNotFree { index, x_mm, y_mm });
        }
        if self.access_points.is_empty() {
            return Err(ConfigError::NoAccessPoint);
        }
        if !self.lidar_beams.is_power_of_two() || usize::from(self.lidar_beams) > BEAMS {
            return Err(ConfigError::LidarBeams(self.lidar_beams));
        }
        if self.intervals.iter().all(|&interval| interval == Duration::ZERO) {
            return Err(ConfigError::NoInterval);
        }
        if self.max_speed_mm_s <= 0 {
            return Err(ConfigError::NoSpeed(self.max_speed_mm_s));
        }
        if self.give_up <= self.threshold {
            return Err(ConfigError::GivesUpTooSoon { give_up: self.give_up, threshold: self.threshold });
        }
        Ok(())
    }
}
