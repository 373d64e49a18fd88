//! Other AGVs at the same access point. Each is a station that sends a request at its own times, drawn from the client's
//! distribution, and is answered by the access point after as long as an idle server beyond two wires takes. That is all there is
//! to them: they load the channel.

use super::cell::PACKET_LEN;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use zerogap_proto::{Duration, Instant};
use zerogap_scenario::draw::Sampler;
use zerogap_scenario::file::Testbed;

/// What is sent next on a neighbour's behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Traffic {
    /// By the neighbour.
    Request(u16),
    /// To the neighbour, by the access point.
    Answer(u16),
}

/// The neighbours at one access point.
#[derive(Debug)]
pub(super) struct Neighbours<'a> {
    testbed: &'a Testbed,
    dice: Sampler,
    /// From a request's arrival at the access point to its answer's, but for what the server's host adds.
    turnaround: Duration,
    /// One request for each neighbour, and no more answers than the channel delivers requests in one turnaround.
    due: BinaryHeap<Reverse<(Instant, Traffic)>>,
}

impl<'a> Neighbours<'a> {
    /// Neighbours at the access point of this name. They begin with the client, each at a random point of its interval.
    pub(super) fn new(testbed: &'a Testbed, point: &str, count: u16, mut dice: Sampler) -> Self {
        let begin = Instant::ZERO + testbed.client.start_delay.0;
        let interval_ns = testbed.client.interval.mean().as_nanos() as f64;
        let mut first = || begin + Duration::from_nanos((interval_ns * dice.dice()) as u64);
        let due = (0..count).map(|neighbour| Reverse((first(), Traffic::Request(neighbour)))).collect();
        let wires = testbed.service.serving.first().map(String::as_str).into_iter().chain([point]);
        let one_way = wires.fold(Duration::ZERO, |sum, wire| {
            let link = testbed.links.of(wire);
            sum + link.delay.0 + Duration::of_bytes(PACKET_LEN as u64, link.rate.0)
        });
        Self { testbed, dice, turnaround: testbed.service.service_time.0 + one_way.times(2), due }
    }

    /// When the next of them is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// What is due at the latest now.
    pub(super) fn take(&mut self, now: Instant) -> Option<Traffic> {
        let mut first = self.due.peek_mut().filter(|first| first.0.0 <= now)?;
        let Reverse((at, traffic)) = *first;
        match traffic {
            // The schedule is absolute, as the client's is: a crowded channel does not slow it down.
            Traffic::Request(_) => {
                *first = Reverse((at + self.dice.draw(&self.testbed.client.interval), traffic));
            }
            Traffic::Answer(_) => {
                PeekMut::pop(first);
            }
        }
        Some(traffic)
    }

    /// A neighbour's request has come to the access point.
    pub(super) fn request_arrived(&mut self, now: Instant, neighbour: u16) {
        let at = now + self.turnaround + self.dice.draw(&self.testbed.sim.host_latency);
        self.due.push(Reverse((at, Traffic::Answer(neighbour))));
    }
}
