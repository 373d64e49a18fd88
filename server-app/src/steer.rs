//! The velocity command: turn towards the goal, drive as fast as the way to it, the bearing error and the room ahead
//! allow, and stop there. It depends on nothing but its arguments; the AGV is expected to report its speed each time.

use crate::angle::{atan2_urad, wrapped_mrad};
use zerogap_proto::agv::{BEAMS, NO_ECHO, Pose, Report};

/// The AGV's top speed.
pub const SPEED_MAX_MM_S: i64 = 2_000;
/// The AGV's fastest turn.
pub const TURN_MAX_MRAD_S: i64 = 1_500;
/// At this distance from the goal, and nearer, the AGV is there.
pub const ARRIVED_MM: i64 = 50;

/// Slowest command other than to stop.
const CRAWL_MM_S: i64 = 100;
/// Most that one command adds to the reported speed, at 100 commands a second 2 m/s².
const SPEED_UP_MM_S: i64 = 20;
/// Most that one command takes from it, 4 m/s².
const SLOW_DOWN_MM_S: i64 = 40;
/// Beams to either side that look ahead: 11 degrees.
const AHEAD: usize = 8;
/// With less room than this ahead it does not drive, whatever the braking distance.
const CLEARANCE_MM: i64 = 200;
/// Distance kept from what is ahead.
const KEEP_MM: i64 = 300;
/// Bearing error at and above which it turns on the spot.
const TURN_ON_THE_SPOT_MRAD: i64 = 1_000;
/// Goals and places are looked at within 100 km; what is further away is looked at there.
const FAR_MM: i64 = 100_000_000;

/// Forward speed in mm/s and rate of turn in mrad/s for an AGV at `pose` that made this report.
pub fn towards_goal(report: &Report, pose: Pose) -> (i32, i32) {
    let far = |goal: i32, own: i32| (i64::from(goal) - i64::from(own)).clamp(-FAR_MM, FAR_MM);
    let (dx, dy) = (far(report.goal_x_mm, pose.x_mm), far(report.goal_y_mm, pose.y_mm));
    let distance = (dx * dx + dy * dy).isqrt();
    if distance <= ARRIVED_MM {
        return (0, 0);
    }
    let error = wrapped_mrad(atan2_urad(dy, dx) / 1_000 - i64::from(pose.heading_mrad));
    let turn = (3 * error).clamp(-TURN_MAX_MRAD_S, TURN_MAX_MRAD_S);
    let room = room_ahead_mm(report);
    if room < CLEARANCE_MM {
        return (0, turn as i32);
    }
    let wanted = wanted_speed(distance, error, room);
    let now = i64::from(report.speed_mm_s).clamp(-SPEED_MAX_MM_S, SPEED_MAX_MM_S);
    (wanted.clamp(now - SLOW_DOWN_MM_S, now + SPEED_UP_MM_S).max(0) as i32, turn as i32)
}

fn wanted_speed(distance: i64, error: i64, room: i64) -> i64 {
    if error.abs() >= TURN_ON_THE_SPOT_MRAD {
        return 0;
    }
    let by_bearing = SPEED_MAX_MM_S * (TURN_ON_THE_SPOT_MRAD - error.abs()) / TURN_ON_THE_SPOT_MRAD;
    let by_distance = distance * 3 / 2;
    let by_room = (room - KEEP_MM) * 3 / 2;
    by_bearing.min(by_distance).min(by_room).max(CRAWL_MM_S)
}

fn room_ahead_mm(report: &Report) -> i64 {
    let (left, right) = (&report.scan_mm[..=AHEAD], &report.scan_mm[BEAMS - AHEAD..]);
    i64::from(left.iter().chain(right).copied().min().unwrap_or(NO_ECHO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(goal: (i32, i32), speed_mm_s: i32) -> Report {
        let odometry = Pose { x_mm: 10_000, y_mm: 10_000, heading_mrad: 0 };
        Report { odometry, speed_mm_s, goal_x_mm: goal.0, goal_y_mm: goal.1, scan_mm: [NO_ECHO; BEAMS] }
    }

    fn command(report: &Report) -> (i32, i32) {
        towards_goal(report, report.odometry)
    }

    #[test]
    fn it_drives_straight_to_a_goal_ahead_and_stops_there() {
        assert_eq!(command(&report((19_000, 10_000), 2_000)), (2_000, 0));
        assert_eq!(command(&report((19_000, 10_000), 500)), (520, 0), "it speeds up gently");
        assert_eq!(command(&report((10_040, 10_000), 300)), (0, 0), "it is there");
    }

    #[test]
    fn it_turns_the_shorter_way_and_on_the_spot_if_the_goal_is_behind() {
        let (speed, turn) = command(&report((10_000, 12_000), 0));
        assert_eq!((speed, turn), (0, 1_500), "the goal is to the left");
        let (speed, turn) = command(&report((12_000, 9_900), 1_000));
        assert!(speed > 1_000 && (-200..0).contains(&turn), "a little to the right: {turn}");
        let mut turned = report((12_000, 10_000), 0);
        turned.odometry.heading_mrad = 6_183;
        assert_eq!(command(&turned).1, 300, "across the zero of headings");
    }

    #[test]
    fn it_slows_down_for_what_is_ahead_and_not_for_what_is_beside() {
        let mut near = report((19_000, 10_000), 600);
        near.scan_mm[64] = 250;
        near.scan_mm[192] = 250;
        assert_eq!(command(&near).0, 620, "walls on both sides");
        near.scan_mm[BEAMS - 1] = 500;
        assert_eq!(command(&near).0, 560, "something half a metre ahead");
        near.scan_mm[3] = 150;
        assert_eq!(command(&near).0, 0, "something right ahead");
    }

    #[test]
    fn the_ends_of_all_numbers_are_survived() {
        for extreme in [i32::MIN, i32::MAX] {
            let odometry = Pose { x_mm: extreme, y_mm: !extreme, heading_mrad: extreme };
            let report = Report {
                odometry,
                speed_mm_s: extreme,
                goal_x_mm: !extreme,
                goal_y_mm: extreme,
                scan_mm: [0; BEAMS],
            };
            let (speed, turn) = command(&report);
            assert_eq!(speed, 0);
            assert!(i64::from(turn).abs() <= TURN_MAX_MRAD_S);
        }
    }
}
