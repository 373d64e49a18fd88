//! A place on the factory floor, in whole millimetres from its south-west corner, and the distance between two.

use serde::{Deserialize, Serialize};
use zerogap_proto::agv::Pose;

/// A place on the floor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// East of the floor's south-west corner.
    pub x_mm: i32,
    /// North of it.
    pub y_mm: i32,
}

impl Point {
    /// The place `x_mm` east and `y_mm` north of the corner.
    pub const fn new(x_mm: i32, y_mm: i32) -> Self {
        Self { x_mm, y_mm }
    }

    /// How far it is to `other`, rounded down.
    pub fn distance_mm(self, other: Self) -> u64 {
        let square = |a: i32, b: i32| u128::from(a.abs_diff(b)).pow(2);
        (square(self.x_mm, other.x_mm) + square(self.y_mm, other.y_mm)).isqrt() as u64
    }
}

impl From<Pose> for Point {
    fn from(pose: Pose) -> Self {
        Self::new(pose.x_mm, pose.y_mm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_right_even_between_the_farthest_points() {
        assert_eq!(Point::new(-30, 0).distance_mm(Point::new(0, 40)), 50);
        assert_eq!(Point::new(0, 0).distance_mm(Point::new(1, 1)), 1, "rounded down");
        let corner = Point::new(i32::MIN, i32::MIN);
        assert_eq!(corner.distance_mm(Point::new(i32::MAX, i32::MIN)), u64::from(u32::MAX));
        assert_eq!(corner.distance_mm(Point::new(i32::MAX, i32::MAX)), 6_074_000_998);
    }
}
