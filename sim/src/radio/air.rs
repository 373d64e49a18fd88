//! The air of a testbed: the channels of all its access points, and our frames that are on their way there. It knows frames and
//! access points; who is associated with which of them is the radio node's business.

use super::cell::{Cell, Landing, Way};
use super::reach::Reach;
use std::collections::{BTreeMap, VecDeque};
use zerogap_proto::{DropReason, Frame, Instant};
use zerogap_scenario::Scenario;
use zerogap_scenario::results::RadioFigures;
use zerogap_scenario::topology::End;

/// Our stations at each access point: the one AGV.
const STATIONS: usize = 1;

/// The channels, by access point.
#[derive(Debug)]
pub struct Air<'a> {
    points: Vec<Point<'a>>,
    reach: Reach,
    /// Frames on their way, by the number under which their cell has them; a number is used again once its frame has landed.
    flying: Vec<Option<(End, Frame)>>,
    free: Vec<u32>,
    arrived: VecDeque<(End, Frame)>,
}

#[derive(Debug)]
struct Point<'a> {
    name: &'a str,
    place_mm: (i32, i32),
    cell: Cell<'a>,
    /// When it will be woken.
    wake: Option<Instant>,
    out_of_reach: u64,
}

impl<'a> Air<'a> {
    /// The air that the testbed file asks for; `None` if it has no `radio.wifi`.
    pub fn new(scenario: &'a Scenario) -> Option<Self> {
        let testbed = &scenario.testbed;
        let wifi = testbed.radio.wifi.as_ref()?;
        let points = testbed.topology.access_points.iter().map(|point| Point {
            name: &point.name,
            place_mm: (point.x_mm, point.y_mm),
            cell: Cell::new(testbed, wifi, &point.name, STATIONS),
            wake: None,
            out_of_reach: 0,
        });
        Some(Self {
            points: points.collect(),
            reach: Reach::new(wifi.rate, &wifi.range),
            flying: Vec::new(),
            free: Vec::new(),
            arrived: VecDeque::new(),
        })
    }

    /// Sends a frame over the channel of the `point`-th access point, to or from a station of ours at this place; it comes out at
    /// `to`. What no rate reaches is lost.
    pub fn send(
        &mut self,
        now: Instant,
        point: usize,
        way: Way,
        place_mm: (i32, i32),
        to: End,
        frame: Frame,
    ) {
        let Some(point) = self.points.get_mut(point) else { return };
        let Some(rate) = self.reach.rate(place_mm, point.place_mm) else {
            point.out_of_reach += 1;
            return;
        };
        let len = frame.len();
        let number = self.free.pop().unwrap_or(self.flying.len() as u32);
        if number as usize == self.flying.len() {
            self.flying.push(None);
        }
        self.flying[number as usize] = Some((to, frame));
        point.cell.offer(now, way, number, len, rate);
        while let Some(landing) = point.cell.poll() {
            land(&mut self.flying, &mut self.free, &mut self.arrived, landing);
        }
    }

    /// Everything that has happened at the `point`-th access point until now.
    pub fn wake(&mut self, now: Instant, point: usize) {
        let Some(point) = self.points.get_mut(point) else { return };
        point.wake = point.wake.filter(|at| *at > now);
        point.cell.wake(now);
        while let Some(landing) = point.cell.poll() {
            land(&mut self.flying, &mut self.free, &mut self.arrived, landing);
        }
    }

    /// When the `point`-th access point must be woken, if nobody knows it yet.
    pub fn wake_needed(&mut self, point: usize) -> Option<Instant> {
        let point = self.points.get_mut(point)?;
        let at = point.cell.deadline().filter(|at| point.wake.is_none_or(|known| *at < known))?;
        point.wake = Some(at);
        Some(at)
    }

    /// Frames that have arrived, now.
    pub fn poll(&mut self) -> Option<(End, Frame)> {
        self.arrived.pop_front()
    }

    /// What was counted, by the access points' names.
    pub fn figures(&self) -> BTreeMap<String, RadioFigures> {
        let figures = self.points.iter().map(|point| {
            let mut figures = point.cell.figures().clone();
            if point.out_of_reach > 0 {
                *figures.dropped.entry(DropReason::LinkLoss).or_default() += point.out_of_reach;
            }
            (point.name.to_owned(), figures)
        });
        figures.collect()
    }
}

fn land(
    flying: &mut [Option<(End, Frame)>],
    free: &mut Vec<u32>,
    arrived: &mut VecDeque<(End, Frame)>,
    landing: Landing,
) {
    let (Landing::Arrived(number) | Landing::Dropped(number, _)) = landing;
    let frame = flying.get_mut(number as usize).and_then(Option::take);
    free.push(number);
    match landing {
        Landing::Arrived(_) => arrived.extend(frame),
        Landing::Dropped(..) => {}
    }
}
