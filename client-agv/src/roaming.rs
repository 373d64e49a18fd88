//! The station's choice of access point: the nearest one, with a hysteresis so that it does not swing between two that are
//! equally near. Only the choice is here; the radio carries it out.

use crate::point::Point;
use serde::{Deserialize, Serialize};
use zerogap_proto::NodeId;

/// An access point and where it hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPoint {
    /// Its node.
    pub node: NodeId,
    /// East of the floor's south-west corner.
    pub x_mm: i32,
    /// North of it.
    pub y_mm: i32,
}

impl AccessPoint {
    fn distance_mm(&self, at: Point) -> u64 {
        Point::new(self.x_mm, self.y_mm).distance_mm(at)
    }
}

/// The station's association.
#[derive(Clone, Debug)]
pub struct Roaming {
    points: Vec<AccessPoint>,
    hysteresis_mm: u32,
    current: Option<AccessPoint>,
}

impl Roaming {
    /// A station that is not associated yet. It leaves an access point for one that is nearer by more than
    /// `hysteresis_mm`.
    pub const fn new(points: Vec<AccessPoint>, hysteresis_mm: u32) -> Self {
        Self { points, hysteresis_mm, current: None }
    }

    /// The access point it uses.
    pub fn current(&self) -> Option<NodeId> {
        self.current.map(|point| point.node)
    }

    /// The access point to associate with now that the station is here, if it is another one than before. Of several
    /// that are equally near, the first of the list.
    pub fn update(&mut self, at: Point) -> Option<NodeId> {
        let nearest = *self.points.iter().min_by_key(|point| point.distance_mm(at))?;
        let better = self.current.is_none_or(|current| {
            nearest.distance_mm(at) + u64::from(self.hysteresis_mm) < current.distance_mm(at)
        });
        better.then(|| {
            self.current = Some(nearest);
            nearest.node
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEST: NodeId = NodeId(1);
    const EAST: NodeId = NodeId(2);

    fn station(hysteresis_mm: u32) -> Roaming {
        let points = [(WEST, 0), (EAST, 10_000)].map(|(node, x_mm)| AccessPoint { node, x_mm, y_mm: 0 });
        Roaming::new(points.to_vec(), hysteresis_mm)
    }

    #[test]
    fn it_associates_with_the_nearest_and_changes_only_past_the_hysteresis() {
        // Place, and the change it causes.
        let table = [
            (4_000, Some(WEST)),
            (5_000, None),
            (5_500, None), // 5.5 m and 4.5 m: nearer by the hysteresis, but not by more
            (5_501, Some(EAST)),
            (5_499, None),
            (4_500, None),
            (4_499, Some(WEST)),
            (9_000, Some(EAST)),
        ];
        let mut station = station(1_000);
        for (x_mm, change) in table {
            assert_eq!(station.update(Point::new(x_mm, 0)), change, "at {x_mm} mm");
        }
        assert_eq!(station.current(), Some(EAST));
    }

    #[test]
    fn the_first_association_takes_the_nearest_whatever_the_hysteresis() {
        assert_eq!(station(u32::MAX).update(Point::new(5_001, 0)), Some(EAST));
        assert_eq!(station(0).update(Point::new(5_000, 0)), Some(WEST), "the first of equals");
    }

    #[test]
    fn without_access_points_there_is_nothing_to_associate_with() {
        assert_eq!(Roaming::new(vec![], 0).update(Point::new(0, 0)), None);
    }
}
