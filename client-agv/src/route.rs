//! The way the AGV shuttles: from the first waypoint to the last and back, again and again, with a pause at both ends.
//! [`Route`] is what was asked for, [`Tour`] how far it got.

use crate::point::Point;
use serde::{Deserialize, Serialize};
use zerogap_proto::{Duration, Instant};

/// Where to drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// From one end to the other; at least two. The AGV starts at the first, facing the second.
    pub waypoints: Vec<Point>,
    /// How long the AGV stays at an end.
    #[serde(default = "default_dwell")]
    pub dwell: Duration,
    /// How near the AGV must come to a waypoint to have reached it.
    #[serde(default = "default_reach_mm")]
    pub reach_mm: u32,
}

const fn default_dwell() -> Duration {
    Duration::from_millis(500)
}
const fn default_reach_mm() -> u32 {
    300
}

impl Route {
    /// A route with the usual pause and reach.
    pub const fn new(waypoints: Vec<Point>) -> Self {
        Self { waypoints, dwell: default_dwell(), reach_mm: default_reach_mm() }
    }
}

/// A route under way.
#[derive(Clone, Debug)]
pub struct Tour {
    route: Route,
    /// Index of the waypoint it drives to, or stays at.
    next: usize,
    outward: bool,
    leaves: Option<Instant>,
    arrivals: u32,
}

impl Tour {
    /// A tour that begins at the first waypoint. `None` if there are fewer than two.
    pub fn new(route: Route) -> Option<Self> {
        let enough = route.waypoints.len() >= 2;
        enough.then_some(Self { route, next: 1, outward: true, leaves: None, arrivals: 0 })
    }

    /// Where to drive now; during the pause the end it stands at.
    pub fn goal(&self) -> Point {
        self.route.waypoints[self.next]
    }

    /// How often it has reached an end.
    pub const fn arrivals(&self) -> u32 {
        self.arrivals
    }

    /// Takes note of where the AGV is. Whoever has arrived at an end pauses even if it is pushed away from there.
    pub fn update(&mut self, now: Instant, at: Point) {
        if let Some(leaves) = self.leaves {
            if now >= leaves {
                self.leaves = None;
                self.outward = !self.outward;
                self.step();
            }
        } else if at.distance_mm(self.goal()) <= u64::from(self.route.reach_mm) {
            let end = if self.outward { self.route.waypoints.len() - 1 } else { 0 };
            if self.next == end {
                self.leaves = Some(now + self.route.dwell);
                self.arrivals = self.arrivals.saturating_add(1);
            } else {
                self.step();
            }
        }
    }

    const fn step(&mut self) {
        self.next = if self.outward { self.next + 1 } else { self.next - 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: [Point; 3] = [Point::new(0, 0), Point::new(5_000, 0), Point::new(5_000, 5_000)];

    fn ms(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn it_goes_to_the_end_and_back_to_the_start_and_again_with_a_pause_at_the_ends() {
        let mut tour = Tour::new(Route::new(ENDS.to_vec())).expect("three waypoints");
        let [start, corner, end] = ENDS;
        // Time, place, goal afterwards, ends reached.
        let table = [
            (0, start, corner, 0),
            (100, Point::new(4_699, 0), corner, 0),
            (200, Point::new(4_700, 0), end, 0),
            (300, end, end, 1),
            (799, end, end, 1),
            (800, end, corner, 1),
            (900, corner, start, 1),
            (1_000, start, start, 2),
            (1_400, corner, start, 2),
            (1_500, corner, corner, 2),
            (1_600, corner, end, 2),
        ];
        for (at_ms, place, goal, arrivals) in table {
            tour.update(ms(at_ms), place);
            assert_eq!((tour.goal(), tour.arrivals()), (goal, arrivals), "at {at_ms} ms");
        }
    }

    #[test]
    fn a_route_needs_two_ends() {
        assert!(Tour::new(Route::new(vec![ENDS[0]])).is_none());
        assert!(Tour::new(Route::new(vec![])).is_none());
    }
}
