//! The loop closed: an AGV that does what it is told reaches its waypoints, smoothly and without hitting anything.

use std::f64::consts::TAU;
use zerogap_proto::agv::{BEAMS, Command, Pose, Report};
use zerogap_server_app::{App, Floor, Prior, SparseMemory};

const W_MM: f64 = 20_000.0;
const H_MM: f64 = 15_000.0;
const STEP_S: f64 = 0.01;

/// Most that speed and rate of turn change in 10 ms: 2 m/s² and 8 rad/s².
const SPEED_STEP_MM_S: f64 = 20.0;
const TURN_STEP_MRAD_S: f64 = 80.0;

/// A point with a heading in an empty hall, which follows each command for 10 ms as fast as its weight allows.
struct Agv {
    x: f64,
    y: f64,
    heading: f64,
    speed_mm_s: f64,
    turn_mrad_s: f64,
}

impl Agv {
    fn report(&self, goal: (i32, i32)) -> Report {
        let heading_mrad = (self.heading.rem_euclid(TAU) * 1e3) as i32;
        Report {
            odometry: Pose { x_mm: self.x as i32, y_mm: self.y as i32, heading_mrad },
            speed_mm_s: self.speed_mm_s as i32,
            goal_x_mm: goal.0,
            goal_y_mm: goal.1,
            scan_mm: std::array::from_fn(|beam| self.range(beam)),
        }
    }

    fn range(&self, beam: usize) -> u16 {
        let (sin, cos) = (self.heading + beam as f64 * TAU / BEAMS as f64).sin_cos();
        let until = |at: f64, end: f64, by: f64| {
            if by.abs() < 1e-9 { f64::MAX } else { (if by > 0.0 { end - at } else { -at }) / by }
        };
        until(self.x, W_MM, cos).min(until(self.y, H_MM, sin)) as u16
    }

    fn follow(&mut self, command: Command) {
        let approach = |now: f64, wanted: i32, step: f64| now + (f64::from(wanted) - now).clamp(-step, step);
        self.speed_mm_s = approach(self.speed_mm_s, command.speed_mm_s, SPEED_STEP_MM_S);
        self.turn_mrad_s = approach(self.turn_mrad_s, command.turn_mrad_s, TURN_STEP_MRAD_S);
        self.heading += self.turn_mrad_s / 1e3 * STEP_S;
        self.x += self.speed_mm_s * self.heading.cos() * STEP_S;
        self.y += self.speed_mm_s * self.heading.sin() * STEP_S;
    }

    fn distance_to(&self, goal: (i32, i32)) -> f64 {
        (self.x - f64::from(goal.0)).hypot(self.y - f64::from(goal.1))
    }
}

fn drive(prior: Prior, state_bytes: usize) -> (Vec<f64>, Vec<Command>) {
    let floor = Floor { w_mm: W_MM as u32, h_mm: H_MM as u32 };
    let mut app = App::new(SparseMemory::new(state_bytes, prior), floor);
    let mut agv = Agv { x: 2_000.0, y: 2_000.0, heading: 3.0, speed_mm_s: 0.0, turn_mrad_s: 0.0 };
    let (mut legs, mut commands) = (Vec::new(), Vec::new());
    for goal in [(17_000, 2_000), (17_000, 12_000), (10_000, 7_500), (2_000, 12_500), (2_000, 2_000)] {
        let started = commands.len();
        while agv.distance_to(goal) > 150.0 {
            let command = app.apply(&agv.report(goal));
            agv.follow(command);
            commands.push(command);
            assert!((0.0..W_MM).contains(&agv.x) && (0.0..H_MM).contains(&agv.y), "it left the hall");
            assert!(commands.len() - started < 3_000, "{goal:?} not reached, at {}, {}", agv.x, agv.y);
        }
        legs.push((commands.len() - started) as f64 * STEP_S);
    }
    for _ in 0..200 {
        let command = app.apply(&agv.report((2_000, 2_000)));
        agv.follow(command);
    }
    assert_eq!(agv.speed_mm_s, 0.0, "it stops at the last one, {} mm away", agv.distance_to((2_000, 2_000)));
    (legs, commands)
}

#[test]
fn an_agv_that_follows_the_commands_reaches_its_waypoints_at_a_fair_speed() {
    for (prior, state_bytes) in
        [(Prior::Unknown, 65_536), (Prior::FloorPlan, 4_000_000), (Prior::Unknown, 40_000_000)]
    {
        let (legs, commands) = drive(prior, state_bytes);
        assert!(legs.iter().all(|&seconds| seconds < 16.0), "{legs:?}");
        assert!(commands.iter().any(|command| command.speed_mm_s > 1_900), "it gets up to speed");
    }
}

#[test]
fn the_drive_is_smooth() {
    let (_, commands) = drive(Prior::FloorPlan, 4_000_000);
    for pair in commands.windows(2) {
        let change = pair[1].speed_mm_s - pair[0].speed_mm_s;
        assert!((-40..=20).contains(&change), "from {:?} to {:?}", pair[0], pair[1]);
    }
    let corrections =
        commands.windows(2).filter(|pair| (pair[0].turn_mrad_s * pair[1].turn_mrad_s) < -10_000);
    assert_eq!(corrections.count(), 0, "it does not swing from side to side");
}
