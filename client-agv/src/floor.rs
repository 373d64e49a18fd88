//! The factory floor and what the AGV's lidar sees of it: ray casting against the four walls and axis-aligned obstacles.
//! Integers only, one division a hit, so a scan is the same on every machine and costs a few microseconds.

use crate::point::Point;
use crate::trig::{NRAD_PER_MRAD, ONE, ONE_BITS, TURN_NRAD, sin_cos};
use serde::{Deserialize, Serialize};
use zerogap_proto::agv::{BEAMS, NO_ECHO, Pose};

/// How far the lidar sees; what is farther gives no echo.
pub const RANGE_MM: i64 = 30_000;

/// A rectangular floor with walls around it and obstacles on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// From west to east.
    pub width_mm: i32,
    /// From south to north.
    pub height_mm: i32,
    /// What stands on it.
    #[serde(default)]
    pub obstacles: Vec<Obstacle>,
}

/// A rectangle that neither the AGV nor its lidar passes. Its edges are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// Its western edge.
    pub x_mm: i32,
    /// Its southern edge.
    pub y_mm: i32,
    /// From west to east.
    pub width_mm: i32,
    /// From south to north.
    pub height_mm: i32,
}

/// A beam's direction: cosine and sine, as multiples of 1 / [`ONE`].
#[derive(Clone, Copy)]
struct Beam {
    cos: i64,
    sin: i64,
}

impl Floor {
    /// Whether the AGV can be at this place: on the floor and not within an obstacle.
    pub fn is_free(&self, at: Point) -> bool {
        (0..=self.width_mm).contains(&at.x_mm)
            && (0..=self.height_mm).contains(&at.y_mm)
            && !self.obstacles.iter().any(|obstacle| obstacle.contains(at))
    }

    /// The range of every `step`-th beam in millimetres, rounded down; [`NO_ECHO`] beyond [`RANGE_MM`] and for the other
    /// beams. From a place that is not free all ranges are 0.
    pub fn scan(&self, from: Pose, step: usize) -> [u16; BEAMS] {
        let at = Point::from(from);
        if !self.is_free(at) {
            return [0; BEAMS];
        }
        let mut ranges = [NO_ECHO; BEAMS];
        let ahead = sin_cos(i64::from(from.heading_mrad) * NRAD_PER_MRAD);
        for (range, beam) in ranges.iter_mut().zip(&AHEAD).step_by(step) {
            let beam = beam.turned(ahead);
            let hits = self.obstacles.iter().filter_map(|obstacle| obstacle.entered_at(at, beam));
            let nearest = hits.fold(self.wall_at(at, beam), i64::min);
            if nearest <= RANGE_MM {
                *range = nearest as u16;
            }
        }
        ranges
    }

    /// How far it is to the wall.
    fn wall_at(&self, at: Point, Beam { cos, sin }: Beam) -> i64 {
        let ahead = |cos: i64, at: i32, end: i32| i64::from(if cos >= 0 { end - at } else { at });
        let (x, y) = (ahead(cos, at.x_mm, self.width_mm), ahead(sin, at.y_mm, self.height_mm));
        // Of x/cos and y/sin the smaller, found without dividing.
        let by_x = sin == 0 || (cos != 0 && x * sin.abs() < y * cos.abs());
        if by_x { x * ONE / cos.abs() } else { y * ONE / sin.abs() }
    }
}

impl Obstacle {
    fn contains(&self, at: Point) -> bool {
        let within = |at: i32, from: i32, len: i32| {
            let inside = i64::from(at) - i64::from(from);
            0 < inside && inside < i64::from(len)
        };
        within(at.x_mm, self.x_mm, self.width_mm) && within(at.y_mm, self.y_mm, self.height_mm)
    }

    /// How far it is to where the beam enters; `None` if it passes by. `at` must not lie inside, so the obstacle is
    /// wholly before or wholly behind it on the beam's line.
    fn entered_at(&self, at: Point, Beam { cos, sin }: Beam) -> Option<i64> {
        let (width, height) = (i64::from(self.width_mm), i64::from(self.height_mm));
        let (west, south) =
            (i64::from(self.x_mm) - i64::from(at.x_mm), i64::from(self.y_mm) - i64::from(at.y_mm));
        // How far its near edges are ahead; if a far one is not ahead, the beam leads away from it. This spares most beams
        // the multiplications.
        let x = if cos >= 0 { west } else { -west - width };
        let y = if sin >= 0 { south } else { -south - height };
        if x + width <= 0 || y + height <= 0 {
            return None;
        }
        // The line meets the inside if the centre is nearer to it than half the rectangle's extent across it.
        let off_centre = (2 * west + width) * sin - (2 * south + height) * cos;
        if off_centre.abs() >= width * sin.abs() + height * cos.abs() {
            return None;
        }
        // It enters by the later of the two near edges. Along an axis that it does not move on, the near edge is
        // negative (the line meets the inside), so the other one is taken.
        let by_x = x * sin.abs() > y * cos.abs();
        let (edge, slope) = if by_x { (x, cos.abs()) } else { (y, sin.abs()) };
        (edge >= 0).then(|| edge * ONE / slope)
    }
}

/// The directions of all beams, relative to straight ahead.
const AHEAD: [Beam; BEAMS] = {
    let mut beams = [Beam { cos: 0, sin: 0 }; BEAMS];
    let mut index = 0;
    while index < BEAMS {
        let (sin, cos) = sin_cos(index as i64 * TURN_NRAD / BEAMS as i64);
        beams[index] = Beam { cos, sin };
        index += 1;
    }
    beams
};

impl Beam {
    /// This direction turned by the angle of this sine and cosine.
    const fn turned(self, (sin, cos): (i64, i64)) -> Self {
        Self {
            cos: (self.cos * cos - self.sin * sin) >> ONE_BITS,
            sin: (self.sin * cos + self.cos * sin) >> ONE_BITS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EAST: usize = 0;
    const NORTH_EAST: usize = BEAMS / 8;
    const NORTH: usize = BEAMS / 4;
    const WEST: usize = BEAMS / 2;
    const SOUTH: usize = BEAMS * 3 / 4;

    fn hall(obstacles: &[Obstacle]) -> Floor {
        Floor { width_mm: 20_000, height_mm: 10_000, obstacles: obstacles.to_vec() }
    }
    fn facing(x_mm: i32, y_mm: i32, heading_mrad: i32) -> Pose {
        Pose { x_mm, y_mm, heading_mrad }
    }
    const PILLAR: Obstacle = Obstacle { x_mm: 8_000, y_mm: 4_000, width_mm: 1_000, height_mm: 2_000 };

    #[test]
    fn an_empty_hall_gives_the_distances_to_its_walls() {
        let scan = hall(&[]).scan(facing(5_000, 4_000, 0), 1);
        assert_eq!([EAST, NORTH, WEST, SOUTH].map(|beam| scan[beam]), [15_000, 6_000, 5_000, 4_000]);
        assert_eq!(scan[NORTH_EAST], 8_485, "6 m north at 45° is 6 m · √2");
    }

    #[test]
    fn beams_turn_with_the_heading_counter_clockwise() {
        // 1571 mrad is 0.2 mrad more than a quarter, which makes no millimetre at these ranges.
        let scan = hall(&[]).scan(facing(5_000, 4_000, 1_571), 1);
        assert_eq!([EAST, NORTH, WEST, SOUTH].map(|beam| scan[beam]), [6_000, 5_000, 4_000, 15_000]);
    }

    #[test]
    fn an_obstacle_hides_what_is_behind_it_and_nothing_else() {
        let scan = hall(&[PILLAR]).scan(facing(5_000, 5_000, 0), 1);
        assert_eq!([EAST, NORTH, WEST, SOUTH].map(|beam| scan[beam]), [3_000, 5_000, 5_000, 5_000]);
        // Its near edge spans atan(1/3) = 321.75 mrad either side: 13 beams of 24.54 mrad, the 14th passes by.
        assert_eq!(scan[13], 3_159, "3 m / cos(13 · 24.54 mrad)");
        assert_eq!(scan[14], hall(&[]).scan(facing(5_000, 5_000, 0), 1)[14]);
        assert_eq!(scan[BEAMS - 13], scan[13]);
    }

    #[test]
    fn beyond_thirty_metres_there_is_no_echo() {
        let long = Floor { width_mm: 40_000, height_mm: 1_000, obstacles: vec![] };
        assert_eq!(long.scan(facing(10_000, 500, 0), 1)[EAST], 30_000);
        assert_eq!(long.scan(facing(9_999, 500, 0), 1)[EAST], NO_ECHO);
    }

    #[test]
    fn an_obstacle_whose_corners_are_all_out_of_range_is_still_seen() {
        let wall = Obstacle { x_mm: 0, y_mm: 0, width_mm: 100_000, height_mm: 2_000 };
        let long = Floor { width_mm: 100_000, height_mm: 10_000, obstacles: vec![wall] };
        assert_eq!(long.scan(facing(50_000, 5_000, 0), 1)[SOUTH], 3_000);
    }

    #[test]
    fn edges_are_free_and_the_inside_is_not() {
        let hall = hall(&[PILLAR]);
        let at_its_west = hall.scan(facing(8_000, 5_000, 0), 1);
        assert_eq!([at_its_west[EAST], at_its_west[WEST]], [0, 8_000]);
        assert_eq!(at_its_west[NORTH], 5_000, "a beam along the edge is not stopped");
        let at_its_south = hall.scan(facing(5_000, 4_000, 0), 1);
        assert_eq!(at_its_south[EAST], 15_000, "nor one that comes along an edge");
        assert_eq!(hall.scan(facing(8_001, 5_000, 0), 1), [0; BEAMS]);
        assert_eq!(hall.scan(facing(-1, 5_000, 0), 1), [0; BEAMS]);
        let in_the_corner = hall.scan(facing(0, 10_000, 0), 1);
        assert_eq!([in_the_corner[EAST], in_the_corner[NORTH]], [20_000, 0], "nor one along a wall");
    }

    prop_compose! {
        fn obstacle()(x_mm in 0..18_000, y_mm in 0..9_000, width_mm in 1..2_000, height_mm in 1..1_000) -> Obstacle {
            Obstacle { x_mm, y_mm, width_mm, height_mm }
        }
    }

    proptest! {
        #[test]
        fn every_echo_lies_on_an_edge_and_the_way_to_it_is_free(
            obstacles in proptest::collection::vec(obstacle(), 0..6),
            x_mm in 0..=20_000, y_mm in 0..=10_000, heading_mrad in 0..=6_283,
        ) {
            let hall = hall(&obstacles);
            prop_assume!(hall.is_free(Point::new(x_mm, y_mm)));
            let scan = hall.scan(facing(x_mm, y_mm, heading_mrad), 1);
            for (index, &range) in scan.iter().enumerate() {
                let angle = f64::from(heading_mrad) / 1e3 + index as f64 * std::f64::consts::TAU / BEAMS as f64;
                let at = |range: f64| {
                    (f64::from(x_mm) + range * angle.cos(), f64::from(y_mm) + range * angle.sin())
                };
                // Inside an obstacle, or outside the hall, by more than the rounding.
                let inside = |(x, y): (f64, f64), by: f64| {
                    let beyond = |at: f64, from: i32, len: i32| at > f64::from(from) + by && at < f64::from(from + len) - by;
                    x < -by || y < -by || x > 20_000.0 + by || y > 10_000.0 + by
                        || obstacles.iter().any(|o| beyond(x, o.x_mm, o.width_mm) && beyond(y, o.y_mm, o.height_mm))
                };
                let range = f64::from(range);
                for tenth in 0..=10 {
                    prop_assert!(!inside(at(range * f64::from(tenth) / 10.0), 0.1), "beam {index} passed something");
                }
                let mut hits = (0..=10).map(|tenth| at(range + f64::from(tenth) / 10.0));
                prop_assert!(hits.any(|hit| inside(hit, -0.1)), "beam {index} stopped in the open");
            }
        }
    }
}
