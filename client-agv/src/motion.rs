//! The plant: where the AGV truly is, integrated from the commands it was given, in steps of one millisecond on an absolute
//! grid, so that the way does not depend on how often somebody looks. Positions are kept in nanometres and headings in
//! nanoradians: a speed in µm/s is nanometres a millisecond, an acceleration in mm/s² is µm/s a millisecond, all exact.

use crate::floor::Floor;
use crate::point::Point;
use crate::trig::{NRAD_PER_MRAD, ONE_BITS, TURN_NRAD, sin_cos};
use zerogap_proto::Instant;
use zerogap_proto::agv::Pose;

/// How fast the speed changes, braking included.
pub const ACCELERATION_MM_S2: i64 = 2_000;
/// How fast the rate of turn changes.
pub const TURN_ACCELERATION_MRAD_S2: i64 = 8_000;
/// The highest rate of turn.
pub const MAX_TURN_MRAD_S: i32 = 2_000;

const NM_PER_MM: i64 = 1_000_000;
const NS_PER_STEP: u64 = 1_000_000;

/// The moving AGV.
#[derive(Clone, Debug)]
pub struct Plant {
    x_nm: i64,
    y_nm: i64,
    heading_nrad: i64,
    /// Sine and cosine of the heading.
    towards: (i64, i64),
    speed_um_s: i64,
    turn_urad_s: i64,
    wanted_speed_um_s: i64,
    wanted_turn_urad_s: i64,
    max_speed_mm_s: i32,
    /// Steps since the start of the run.
    steps: u64,
}

impl Plant {
    /// An AGV that stands at `pose`. Its speed, forward or backward, stays within `max_speed_mm_s`, which must not be
    /// negative.
    pub fn new(at: Point, heading_nrad: i64, max_speed_mm_s: i32) -> Self {
        let heading_nrad = heading_nrad.rem_euclid(TURN_NRAD);
        Self {
            x_nm: i64::from(at.x_mm) * NM_PER_MM,
            y_nm: i64::from(at.y_mm) * NM_PER_MM,
            heading_nrad,
            towards: sin_cos(heading_nrad),
            speed_um_s: 0,
            turn_urad_s: 0,
            wanted_speed_um_s: 0,
            wanted_turn_urad_s: 0,
            max_speed_mm_s,
            steps: 0,
        }
    }

    /// Moves on to `now`. Walls and obstacles stop it, but let it turn.
    pub fn advance(&mut self, now: Instant, floor: &Floor) {
        let until = now.as_nanos() / NS_PER_STEP;
        while self.steps < until && !self.is_at_rest() {
            self.step(floor);
            self.steps += 1;
        }
        self.steps = self.steps.max(until);
    }

    /// From now on wants this speed and rate of turn, as far as the limits allow. Advance to now first.
    pub fn command(&mut self, speed_mm_s: i32, turn_mrad_s: i32) {
        let within = |wanted: i32, limit: i32| i64::from(wanted.clamp(-limit, limit)) * 1_000;
        self.wanted_speed_um_s = within(speed_mm_s, self.max_speed_mm_s);
        self.wanted_turn_urad_s = within(turn_mrad_s, MAX_TURN_MRAD_S);
    }

    /// Where it is, rounded down. Its wheels do not slip, so this is its odometry as well.
    pub const fn pose(&self) -> Pose {
        Pose {
            x_mm: self.x_nm.div_euclid(NM_PER_MM) as i32,
            y_mm: self.y_nm.div_euclid(NM_PER_MM) as i32,
            heading_mrad: (self.heading_nrad / NRAD_PER_MRAD) as i32,
        }
    }

    /// How fast it is.
    pub const fn speed_mm_s(&self) -> i32 {
        (self.speed_um_s / 1_000) as i32
    }

    const fn is_at_rest(&self) -> bool {
        let moving = self.speed_um_s | self.turn_urad_s | self.wanted_speed_um_s | self.wanted_turn_urad_s;
        moving == 0
    }

    fn step(&mut self, floor: &Floor) {
        self.speed_um_s = approach(self.speed_um_s, self.wanted_speed_um_s, ACCELERATION_MM_S2);
        self.turn_urad_s = approach(self.turn_urad_s, self.wanted_turn_urad_s, TURN_ACCELERATION_MRAD_S2);
        if self.turn_urad_s != 0 {
            self.heading_nrad = (self.heading_nrad + self.turn_urad_s).rem_euclid(TURN_NRAD);
            self.towards = sin_cos(self.heading_nrad);
        }
        let (sin, cos) = self.towards;
        let share = |part: i64| (self.speed_um_s * part) >> ONE_BITS;
        let before = (self.x_nm, self.y_nm);
        (self.x_nm, self.y_nm) = (before.0 + share(cos), before.1 + share(sin));
        if !floor.is_free(self.pose().into()) {
            (self.x_nm, self.y_nm) = before;
            self.speed_um_s = 0;
        }
    }
}

fn approach(value: i64, wanted: i64, step: i64) -> i64 {
    value + (wanted - value).clamp(-step, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::floor::Obstacle;
    use proptest::prelude::*;

    const START: Point = Point::new(10_000, 10_000);

    fn field() -> Floor {
        Floor { width_mm: 100_000, height_mm: 100_000, obstacles: vec![] }
    }
    fn ms(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }
    fn driving(speed_mm_s: i32, turn_mrad_s: i32) -> Plant {
        let mut plant = Plant::new(START, 0, 2_000);
        plant.command(speed_mm_s, turn_mrad_s);
        plant
    }

    #[test]
    fn it_accelerates_drives_and_brakes_as_the_limits_say() {
        let mut plant = driving(1_000, 0);
        plant.advance(ms(250), &field());
        assert_eq!(plant.speed_mm_s(), 500, "half a second to 1 m/s");
        plant.advance(ms(10_500), &field());
        assert_eq!(plant.speed_mm_s(), 1_000);
        // 250 mm on the way to its speed, then 10 s; half a step's rounding up in the ramp.
        assert_eq!(plant.pose(), Pose { x_mm: 20_250, y_mm: 10_000, heading_mrad: 0 });
        plant.command(0, 0);
        plant.advance(ms(20_000), &field());
        assert_eq!((plant.speed_mm_s(), plant.pose().x_mm), (0, 20_500), "250 mm to stand");
    }

    #[test]
    fn creeping_loses_no_fraction_of_a_millimetre() {
        let mut plant = driving(1, 0);
        for now in 0..=10_000 {
            plant.advance(ms(now), &field());
        }
        assert_eq!(plant.pose().x_mm, 10_010, "1 mm/s for 10 s, a thousandth of a millimetre a step");
    }

    #[test]
    fn time_at_rest_is_not_made_up_for() {
        let mut plant = Plant::new(START, 0, 2_000);
        plant.advance(ms(10_000), &field());
        plant.command(1_000, 0);
        plant.advance(ms(10_500), &field());
        assert_eq!(plant.pose().x_mm, 10_250);
    }

    #[test]
    fn commands_beyond_the_limits_are_cut_to_them() {
        let mut plant = driving(i32::MAX, i32::MIN);
        plant.advance(ms(5_000), &field());
        assert_eq!(plant.speed_mm_s(), 2_000);
        assert_eq!(plant.turn_urad_s, -2_000_000);
    }

    #[test]
    fn a_circle_closes() {
        let mut plant = driving(1_000, 1_000);
        plant.advance(ms(2_000), &field());
        let before = plant.pose();
        plant.advance(ms(2_000 + 6_283), &field());
        let after = plant.pose();
        assert!(Point::from(before).distance_mm(after.into()) <= 1, "{before:?} {after:?}");
        assert!(before.heading_mrad.abs_diff(after.heading_mrad) <= 1);
    }

    #[test]
    fn an_obstacle_stops_it_until_it_is_told_to_go_back() {
        let obstacle = Obstacle { x_mm: 11_000, y_mm: 0, width_mm: 500, height_mm: 50_000 };
        let floor = Floor { obstacles: vec![obstacle], ..field() };
        let mut plant = driving(1_000, 0);
        plant.advance(ms(5_000), &floor);
        assert_eq!(plant.pose().x_mm, 11_000);
        plant.command(-1_000, 0);
        plant.advance(ms(6_000), &floor);
        assert!(plant.pose().x_mm < 10_500);
    }

    proptest! {
        #[test]
        fn the_way_does_not_depend_on_how_often_it_is_looked_at(
            looks in proptest::collection::vec(0..4_000_000u64, 1..100), speed in -3_000..3_000, turn in -3_000..3_000,
        ) {
            let (mut often, mut once) = (driving(speed, turn), driving(speed, turn));
            let mut now = Instant::ZERO;
            for look in looks {
                now += zerogap_proto::Duration::from_nanos(look);
                often.advance(now, &field());
            }
            once.advance(now, &field());
            prop_assert_eq!(often.pose(), once.pose());
            prop_assert_eq!(often.speed_mm_s(), once.speed_mm_s());
        }
    }
}
