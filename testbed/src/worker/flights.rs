//! Frames on their way over links. What is due sooner than anybody can wait for is handed on at once, but never past a frame
//! that is still on its way over the same link.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use zerogap_proto::{Duration, Frame, Instant};
use zerogap_scenario::topology::End;

/// A frame that is due sooner than this is handed on at once: waiting would take longer than the link.
const AT_ONCE: Duration = Duration::from_micros(20);
/// Frames on their way at the most.
const FLIGHTS_MAX: usize = 65_536;

/// The frames that have been sent and have not arrived.
#[derive(Default)]
pub(super) struct Flights {
    heap: BinaryHeap<Reverse<Flight>>,
    /// How many are on their way to each end of a link.
    to: BTreeMap<End, usize>,
    sequence: u64,
}

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// Hand it on now.
    Now,
    /// It comes back from [`Flights::land`].
    Later,
    /// There is no room.
    Full,
}

struct Flight {
    at: Instant,
    sequence: u64,
    to: End,
    frame: Frame,
}

impl Flights {
    /// Takes a frame that arrives at `to` at the instant `at`, unless it is to be handed on now.
    pub(super) fn depart(&mut self, now: Instant, at: Instant, to: End, frame: &Frame) -> Landing {
        let others = self.to.entry(to).or_default();
        if *others == 0 && at.since(now) < AT_ONCE {
            return Landing::Now;
        }
        if self.heap.len() >= FLIGHTS_MAX {
            return Landing::Full;
        }
        *others += 1;
        self.sequence += 1;
        self.heap.push(Reverse(Flight { at, sequence: self.sequence, to, frame: frame.clone() }));
        Landing::Later
    }

    /// The next frame that has arrived by now.
    pub(super) fn land(&mut self, now: Instant) -> Option<(End, Frame)> {
        self.next_at().filter(|at| *at <= now)?;
        let Reverse(flight) = self.heap.pop()?;
        if let Some(others) = self.to.get_mut(&flight.to) {
            *others -= 1;
        }
        Some((flight.to, flight.frame))
    }

    /// When the next frame arrives.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(flight)| flight.at)
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}
impl Eq for Flight {}
impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Flight {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_proto::{NodeId, PortId};

    const HERE: End = End { node: NodeId(1), port: PortId(0) };
    const THERE: End = End { node: NodeId(2), port: PortId(0) };

    fn us(n: u64) -> Instant {
        Instant::ZERO + Duration::from_micros(n)
    }

    #[test]
    fn a_frame_that_is_due_at_once_does_not_pass_one_on_the_same_link() {
        let mut flights = Flights::default();
        let frame = |n| Frame::new(&[n]);
        assert_eq!(flights.depart(us(0), us(5), HERE, &frame(1)), Landing::Now);
        assert_eq!(flights.depart(us(0), us(30), HERE, &frame(2)), Landing::Later);
        assert_eq!(flights.depart(us(25), us(35), HERE, &frame(3)), Landing::Later);
        assert_eq!(flights.depart(us(25), us(35), THERE, &frame(4)), Landing::Now, "another link");
        assert!(flights.land(us(29)).is_none());
        assert_eq!(flights.land(us(40)).map(|(_, f)| f[0]), Some(2));
        assert_eq!(flights.land(us(40)).map(|(_, f)| f[0]), Some(3));
        assert_eq!(flights.depart(us(40), us(41), HERE, &frame(5)), Landing::Now, "the link is empty again");
    }
}
