//! Other AGVs at the same access point. Each is a station that sends a request at its own times, drawn from the client's
//! distribution, and is answered by the access point after the service time. That is all there is to them: they load the channel.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use zerogap_proto::{Duration, Instant};
use zerogap_scenario::draw::Sampler;
use zerogap_scenario::file::Testbed;

/// What is sent next on a neighbour's behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    requests: BinaryHeap<Reverse<(Instant, u16)>>,
    /// As every answer takes as long, they are due in the order of their requests. No more than the channel delivers in one
    /// service time.
    answers: VecDeque<(Instant, u16)>,
}

impl<'a> Neighbours<'a> {
    /// Neighbours that begin with the client, each at a random point of its interval.
    pub(super) fn new(testbed: &'a Testbed, count: u16, mut dice: Sampler) -> Self {
        let begin = Instant::ZERO + testbed.client.start_delay.0;
        let interval_ns = testbed.client.interval.mean().as_nanos() as f64;
        let mut first = || begin + Duration::from_nanos((interval_ns * dice.dice()) as u64);
        let requests = (0..count).map(|neighbour| Reverse((first(), neighbour))).collect();
        Self { testbed, dice, requests, answers: VecDeque::new() }
    }

    /// When the next of them is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let request = self.requests.peek().map(|Reverse((at, _))| *at);
        let answer = self.answers.front().map(|(at, _)| *at);
        request.into_iter().chain(answer).min()
    }

    /// What is due at the latest now.
    pub(super) fn take(&mut self, now: Instant) -> Option<Traffic> {
        if self.answers.front().is_some_and(|(at, _)| *at <= now) {
            return self.answers.pop_front().map(|(_, neighbour)| Traffic::Answer(neighbour));
        }
        let mut first = self.requests.peek_mut().filter(|first| first.0.0 <= now)?;
        let Reverse((at, neighbour)) = *first;
        // The schedule is absolute, as the client's is: a crowded channel does not slow it down.
        *first = Reverse((at + self.dice.draw(&self.testbed.client.interval), neighbour));
        Some(Traffic::Request(neighbour))
    }

    /// A neighbour's request has come to the access point.
    pub(super) fn request_arrived(&mut self, now: Instant, neighbour: u16) {
        self.answers.push_back((now + self.testbed.service.service_time.0, neighbour));
    }
}
