//! The app: an occupancy grid of the factory floor that each report updates, a belief about where the AGV is, and the
//! command that follows. Integers only; answer and next state depend on state and report and on nothing else. It accepts
//! any report and costs the same for each, some 2,000 cells.

mod takeover;

pub use takeover::Scan;

use crate::angle::{BEAM_DIRECTIONS, Direction, FULL_TURN_MRAD};
use crate::digest::Chain;
use crate::grid::{Floor, Layout};
use crate::memory::{Memory, PAGE_LEN};
use crate::pages::PageSet;
use crate::steer;
use crate::sums::Sums;
use serde::{Deserialize, Serialize};
use zerogap_proto::agv::{BEAMS, Command, NO_ECHO, Pose, Report};

/// Added to the cell in which a beam ends.
const OCCUPIED: i8 = 12;
/// Taken from each cell before it. Only a band before the end is carved out: the rest of the beam's way would touch
/// the whole floor with each scan.
const FREE: i8 = -3;
const FREE_CELLS: i64 = 7;
/// Log-odds end here, so that a moved shelf is noticed in a second.
const CERTAIN: i8 = 100;
/// Every eighth beam decides about the correction of the pose.
const MATCH_EVERY: usize = 8;
/// A correction must fit the grid better than none by so much.
const MATCH_MARGIN: i64 = 64;
/// The pose differs from the odometry by this at most, in each axis.
pub const SHIFT_MAX_MM: i32 = 40;
/// Places beyond 100 km are taken for 100 km.
const FAR_MM: i64 = 100_000_000;

/// What the app holds beside the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belief {
    /// Where the AGV was when it last reported.
    pub pose: Pose,
    /// Correction of the odometry, east; within ±[`SHIFT_MAX_MM`].
    pub shift_x_mm: i32,
    /// Correction of the odometry, north; within ±[`SHIFT_MAX_MM`].
    pub shift_y_mm: i32,
    /// Reports applied so far, from the first server on.
    pub applied: u64,
}

/// The app and its memory.
#[derive(Clone, Debug)]
pub struct App<M> {
    memory: M,
    layout: Layout,
    sums: Sums,
    belief: Belief,
    next_scrub: usize,
}

impl<M: Memory> App<M> {
    /// The app in its initial state; `memory` must hold nothing but its prior. Bounds as for [`Layout::new`].
    pub fn new(memory: M, floor: Floor) -> Self {
        let layout = Layout::new(floor, memory.len());
        let sums = Sums::of_prior(memory.chunks());
        Self { memory, layout, sums, belief: Belief::default(), next_scrub: 0 }
    }

    /// Applies one report. The digest in the answer is the app's own, [`App::digest`].
    pub fn apply(&mut self, report: &Report) -> Command {
        let (heading_mrad, x_mm, y_mm) = heard_at(report);
        let echoes = echoes(report, heading_mrad);
        self.correct(&echoes, x_mm, y_mm);
        let x_mm = x_mm + i64::from(self.belief.shift_x_mm);
        let y_mm = y_mm + i64::from(self.belief.shift_y_mm);
        self.draw(&echoes, x_mm, y_mm);
        let pose = Pose { x_mm: x_mm as i32, y_mm: y_mm as i32, heading_mrad: heading_mrad as i32 };
        self.belief.pose = pose;
        self.belief.applied = self.belief.applied.wrapping_add(1);
        let (speed_mm_s, turn_mrad_s) = steer::towards_goal(report, pose);
        Command { speed_mm_s, turn_mrad_s, pose, digest: self.digest() }
    }

    /// Digest of the grid and the belief, kept while they change.
    pub fn digest(&self) -> u64 {
        let Belief { pose, shift_x_mm, shift_y_mm, applied } = self.belief;
        [pose.x_mm, pose.y_mm, pose.heading_mrad, shift_x_mm, shift_y_mm]
            .into_iter()
            .fold(Chain::new(1).with(self.sums.total()).with(applied), Chain::with_signed)
            .finish()
    }

    /// Digest of the grid alone: the sum over its cells.
    pub const fn memory_digest(&self) -> u64 {
        self.sums.total()
    }

    /// Rechecks one chunk of memory, each time the next one: whether it is what the digest says.
    pub fn scrub_next_chunk(&mut self) -> bool {
        let chunk = self.next_scrub;
        self.next_scrub = (chunk + 1) % self.memory.chunks();
        self.sums.check(&self.memory, chunk)
    }

    /// A fault: flips one bit of the memory (`byte` modulo its size, `bit` modulo 8) without telling the digest.
    /// Returns which byte and bit it was.
    pub fn flip_bit(&mut self, byte: u64, bit: u8) -> (u64, u8) {
        let (byte, bit) = (byte % self.memory.len() as u64, bit % 8);
        let index = byte as usize;
        self.memory.set(index, self.memory.get(index) ^ (1 << bit));
        (byte, bit)
    }

    /// What it holds beside the grid.
    pub const fn belief(&self) -> Belief {
        self.belief
    }

    /// The memory.
    pub const fn memory(&self) -> &M {
        &self.memory
    }

    /// Moves the correction by 1 mm towards where the scan fits the grid best, and back towards none if that is here.
    fn correct(&mut self, echoes: &[Echo], x_mm: i64, y_mm: i64) {
        let step = self.layout.cell_mm().max(10);
        let (x, y) = (x_mm + i64::from(self.belief.shift_x_mm), y_mm + i64::from(self.belief.shift_y_mm));
        let fit = |dx: i64, dy: i64| -> i64 {
            echoes
                .iter()
                .filter(|echo| echo.beam % MATCH_EVERY == 0)
                .filter_map(|echo| self.layout.cell(x + dx + echo.end_mm.0, y + dy + echo.end_mm.1))
                .map(|cell| i64::from(self.memory.get(cell) as i8))
                .sum()
        };
        let here = fit(0, 0) + MATCH_MARGIN;
        let towards = |minus: i64, plus: i64, shift: i32| -> i32 {
            let by = if minus.max(plus) <= here { -shift.signum() } else { (plus - minus).signum() as i32 };
            (shift + by).clamp(-SHIFT_MAX_MM, SHIFT_MAX_MM)
        };
        let shift_x_mm = towards(fit(-step, 0), fit(step, 0), self.belief.shift_x_mm);
        let shift_y_mm = towards(fit(0, -step), fit(0, step), self.belief.shift_y_mm);
        (self.belief.shift_x_mm, self.belief.shift_y_mm) = (shift_x_mm, shift_y_mm);
    }

    /// The pages that the report's scan is drawn on, each once and in the order in which they are touched, if the correction
    /// of the pose stays as it is. For virtual time, where nothing traps what a process touches.
    pub fn footprint(&self, report: &Report) -> Vec<usize> {
        let (ahead_mrad, x_mm, y_mm) = heard_at(report);
        let (x_mm, y_mm) =
            (x_mm + i64::from(self.belief.shift_x_mm), y_mm + i64::from(self.belief.shift_y_mm));
        let (mut touched, mut pages) = (PageSet::none(self.memory.pages()), Vec::new());
        trace(&echoes(report, ahead_mrad), (x_mm, y_mm), self.layout.cell_mm(), |(x_mm, y_mm), _| {
            let page = self.layout.cell(x_mm, y_mm).map(|cell| cell / PAGE_LEN);
            pages.extend(page.filter(|&page| touched.insert(page)));
        });
        pages
    }

    fn draw(&mut self, echoes: &[Echo], x_mm: i64, y_mm: i64) {
        let step = self.layout.cell_mm();
        trace(echoes, (x_mm, y_mm), step, |place, evidence| self.add(place, evidence));
    }

    #[inline]
    fn add(&mut self, (x_mm, y_mm): (i64, i64), evidence: i8) {
        let Some(index) = self.layout.cell(x_mm, y_mm) else { return };
        let sum = |old: u8| (old as i8).saturating_add(evidence).clamp(-CERTAIN, CERTAIN) as u8;
        let (old, new) = self.memory.update(index, sum);
        if new != old {
            self.sums.change(self.memory.prior(), index, old, new);
        }
    }
}

/// Heading in milliradians and place of a report, bounded.
fn heard_at(report: &Report) -> (i64, i64, i64) {
    let Pose { x_mm, y_mm, heading_mrad } = report.odometry;
    let bounded = |at: i32| i64::from(at).clamp(-FAR_MM, FAR_MM);
    (i64::from(heading_mrad).rem_euclid(FULL_TURN_MRAD), bounded(x_mm), bounded(y_mm))
}

/// A beam that came back.
struct Echo {
    beam: usize,
    towards: Direction,
    range_mm: i64,
    /// Where it ended, east and north of the AGV.
    end_mm: (i64, i64),
}

/// A scanner of few beams leaves most of a scan empty, and that is seen so many beams at a time.
const GROUP: usize = 8;
const _: () = assert!(BEAMS.is_multiple_of(GROUP));

fn echoes(report: &Report, heading_mrad: i64) -> Vec<Echo> {
    let ahead = Direction::of(heading_mrad * 1_000);
    let mut echoes = Vec::new();
    for (group, ranges_mm) in report.scan_mm.as_chunks::<GROUP>().0.iter().enumerate() {
        if *ranges_mm == [NO_ECHO; GROUP] {
            continue;
        }
        for (beam, &range_mm) in (group * GROUP..).zip(ranges_mm) {
            if range_mm != NO_ECHO {
                let (towards, range_mm) = (ahead.turned(BEAM_DIRECTIONS[beam]), i64::from(range_mm));
                echoes.push(Echo { beam, towards, range_mm, end_mm: towards.from_point(0, 0, range_mm) });
            }
        }
    }
    echoes
}

/// Shows every place that a scan says something about, and what it says.
#[inline]
fn trace(echoes: &[Echo], (x_mm, y_mm): (i64, i64), step: i64, mut visit: impl FnMut((i64, i64), i8)) {
    for Echo { towards, range_mm, end_mm, .. } in echoes {
        visit((x_mm + end_mm.0, y_mm + end_mm.1), OCCUPIED);
        for before in 1..=FREE_CELLS {
            let distance = range_mm - before * step;
            if distance <= 0 {
                break;
            }
            visit(towards.from_point(x_mm, y_mm, distance), FREE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Prior, SparseMemory};
    use proptest::prelude::*;
    use zerogap_proto::message::BODY_LEN;

    const FLOOR: Floor = Floor { w_mm: 20_000, h_mm: 15_000 };

    fn app(prior: Prior) -> App<SparseMemory> {
        App::new(SparseMemory::new(1_000_000, prior), FLOOR)
    }

    fn facing_a_wall(range_mm: u16) -> Report {
        let mut scan_mm = [NO_ECHO; BEAMS];
        scan_mm[0] = range_mm;
        let odometry = Pose { x_mm: 5_000, y_mm: 5_000, heading_mrad: 0 };
        Report { odometry, speed_mm_s: 0, goal_x_mm: 9_000, goal_y_mm: 5_000, scan_mm }
    }

    #[test]
    fn where_a_beam_ends_is_occupied_and_what_lies_before_it_is_free() {
        let mut app = app(Prior::Unknown);
        for _ in 0..20 {
            app.apply(&facing_a_wall(4_000));
        }
        let cell = |x: i64| app.memory.get(app.layout.cell(x, 5_000).unwrap()) as i8;
        let step = app.layout.cell_mm();
        assert_eq!((cell(9_000), cell(9_000 - 2 * step)), (CERTAIN, -60));
        assert_eq!((cell(9_000 + 3 * step), cell(6_000)), (0, 0), "beyond the band nothing is known");
    }

    #[test]
    fn the_digest_tells_states_apart_and_is_the_same_for_the_same_reports() {
        let (mut a, mut b) = (app(Prior::FloorPlan), app(Prior::FloorPlan));
        assert_eq!(a.apply(&facing_a_wall(4_000)), b.apply(&facing_a_wall(4_000)));
        let (ahead, behind) = (a.apply(&facing_a_wall(4_000)), b.apply(&facing_a_wall(4_100)));
        assert_eq!(
            (ahead.speed_mm_s, ahead.pose),
            (behind.speed_mm_s, behind.pose),
            "the command is the same"
        );
        assert_ne!(ahead.digest, behind.digest, "the grid is not");
    }

    #[test]
    fn a_scan_that_fits_the_grid_elsewhere_corrects_the_pose_within_its_bound() {
        let mut app = app(Prior::Unknown);
        let mut room = facing_a_wall(4_000);
        room.scan_mm = [3_000; BEAMS];
        for _ in 0..50 {
            app.apply(&room);
        }
        assert_eq!(app.belief.pose, room.odometry, "nothing to correct");
        room.odometry.x_mm += 20;
        let corrected = (0..10).map(|_| app.apply(&room).pose.x_mm).min().unwrap();
        assert!((4_980..5_020).contains(&corrected), "odometry says 5020, the grid 5000: {corrected}");
        assert!(app.belief.shift_x_mm.abs() <= SHIFT_MAX_MM);
    }

    #[test]
    fn odometry_that_goes_on_slipping_is_corrected_no_further_than_the_bound() {
        let mut app = app(Prior::Unknown);
        let mut room = facing_a_wall(4_000);
        room.scan_mm = [3_000; BEAMS];
        for _ in 0..50 {
            app.apply(&room);
        }
        let mut furthest = 0;
        for _ in 0..150 {
            room.odometry.x_mm += 1;
            app.apply(&room);
            furthest = furthest.min(app.belief.shift_x_mm);
        }
        assert_eq!(furthest, -SHIFT_MAX_MM);
    }

    proptest! {
        #[test]
        fn any_body_is_survived_and_the_kept_digest_stays_the_scanned_one(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), BODY_LEN), 1..6),
            near in any::<bool>(),
        ) {
            let mut app = app(Prior::FloorPlan);
            for body in &bodies {
                let mut report = Report::from_body(body.as_slice().try_into().unwrap());
                if near {
                    report.odometry.x_mm = report.odometry.x_mm.rem_euclid(20_000);
                    report.odometry.y_mm = report.odometry.y_mm.rem_euclid(15_000);
                }
                app.apply(&report);
            }
            let kept = app.digest();
            app.adopt(app.belief(), Scan::All);
            prop_assert_eq!(app.digest(), kept);
        }

        #[test]
        fn a_flipped_bit_anywhere_is_found_by_the_scan_and_by_the_scrub(
            byte in any::<u64>(), bit in any::<u8>(), known in any::<bool>(),
        ) {
            let mut app = app(if known { Prior::FloorPlan } else { Prior::Unknown });
            app.apply(&facing_a_wall(4_000));
            prop_assert!((0..app.memory.chunks()).all(|_| app.scrub_next_chunk()), "it was right before");
            let kept = app.digest();
            app.flip_bit(byte, bit);
            let wrong = (0..app.memory.chunks()).filter(|_| !app.scrub_next_chunk()).count();
            prop_assert_eq!(wrong, 1);
            app.adopt(app.belief(), Scan::All);
            prop_assert_ne!(app.digest(), kept);
        }
    }
}
