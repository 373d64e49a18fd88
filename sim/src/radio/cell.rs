//! An access point and all that happens on its channel: our frames, its beacons, its neighbours' requests and answers.
//!
//! As long as nothing of ours is on its way, the cell asks for no time: it makes up for what it has missed when it is offered the
//! next frame. So what only neighbours do costs no event of the world, and an access point that nobody visits costs nothing.

use super::airtime::{BEACON_BYTES, mpdu_bytes};
use super::medium::{Medium, Report, Rules};
use super::neighbours::{Neighbours, Traffic};
use super::station::Packet;
use std::collections::VecDeque;
use zerogap_proto::frame::HEADERS_LEN;
use zerogap_proto::message::MESSAGE_LEN;
use zerogap_proto::{DropReason, Duration, Instant};
use zerogap_scenario::draw::stream;
use zerogap_scenario::file::{OfdmRate, Testbed, Wifi, WifiAccess, WifiRate};
use zerogap_scenario::results::RadioFigures;

/// A request or an answer as an Ethernet frame.
pub(super) const PACKET_LEN: usize = HEADERS_LEN + MESSAGE_LEN;

/// The access point's number among its stations; neighbours and ours follow.
const ACCESS_POINT: usize = 0;

/// What became of one of our frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// It is there, now.
    Arrived(u32),
    /// It will not be.
    Dropped(u32, DropReason),
}

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From this station of ours to the access point.
    Up(usize),
    /// From the access point to this station of ours.
    Down(usize),
}

/// What a packet on the channel is.
#[derive(Clone, Copy, Debug)]
enum Load {
    Ours(u32),
    Request(u16),
    Answer,
    Beacon,
}

/// An access point's channel.
#[derive(Debug)]
pub struct Cell<'a> {
    medium: Medium<Load>,
    neighbours: Neighbours<'a>,
    first_of_ours: usize,
    /// The neighbours drive beside our AGV: their rate is the one that it had last.
    rate: OfdmRate,
    beacon: Option<(Instant, Duration)>,
    /// How many of our frames are on their way.
    under_way: usize,
    landings: VecDeque<Landing>,
}

impl<'a> Cell<'a> {
    /// The channel of the access point of this name, with `ours` stations beside the neighbours.
    pub fn new(testbed: &'a Testbed, wifi: &Wifi, name: &str, ours: usize) -> Self {
        let dice = |what: &str| stream(testbed.seed, &format!("radio.{name}.{what}"));
        let rules = Rules {
            settle: match wifi.access {
                WifiAccess::Immediate => Duration::ZERO,
                WifiAccess::Difs => super::airtime::DIFS,
            },
            queue_max: wifi.queue_frames as usize,
            lifetime: wifi.lifetime.0,
            attempts: wifi.attempts,
            frame_error: wifi.frame_error,
        };
        let first_of_ours = ACCESS_POINT + 1 + usize::from(wifi.neighbours);
        let interval = wifi.beacons.0;
        let first = Duration::from_nanos((interval.as_nanos() as f64 * dice("beacons").dice()) as u64);
        Self {
            medium: Medium::new(rules, first_of_ours + ours, dice("backoff"), dice("errors")),
            neighbours: Neighbours::new(testbed, name, wifi.neighbours, dice("neighbours")),
            first_of_ours,
            rate: match wifi.rate {
                WifiRate::Fixed(rate) => rate,
                WifiRate::ByDistance => OfdmRate::Mbit54,
            },
            beacon: (interval > Duration::ZERO).then_some((Instant::ZERO + first, interval)),
            under_way: 0,
            landings: VecDeque::new(),
        }
    }

    /// Sends one of our frames, whose Ethernet frame has this length. Whoever offers it knows it by `ours`.
    pub fn offer(&mut self, now: Instant, way: Way, ours: u32, ethernet_len: usize, rate: OfdmRate) {
        self.wake(now);
        self.rate = rate;
        let (from, to) = match way {
            Way::Up(station) => (self.first_of_ours + station, ACCESS_POINT),
            Way::Down(station) => (ACCESS_POINT, self.first_of_ours + station),
        };
        self.under_way += 1;
        let bytes = mpdu_bytes(ethernet_len);
        self.medium.offer(now, from, Packet { load: Load::Ours(ours), bytes, rate, to: Some(to) });
        self.wake(now);
    }

    /// When it wants to be woken; `None` as long as nothing of ours is on its way.
    pub fn deadline(&self) -> Option<Instant> {
        if self.under_way == 0 { None } else { self.next() }
    }

    /// Everything that has happened until now.
    pub fn wake(&mut self, now: Instant) {
        self.collect(now);
        while let Some(at) = self.next().filter(|at| *at <= now) {
            if self.medium.deadline() == Some(at) {
                self.medium.wake(at);
            } else if let Some((due, interval)) = self.beacon.filter(|(due, _)| *due == at) {
                let (bytes, rate) = (BEACON_BYTES, OfdmRate::Mbit6);
                self.medium.offer_first(
                    at,
                    ACCESS_POINT,
                    Packet { load: Load::Beacon, bytes, rate, to: None },
                );
                self.beacon = Some((due + interval, interval));
            } else if let Some(traffic) = self.neighbours.take(at) {
                self.send_for(at, traffic);
            }
            self.collect(at);
        }
    }

    /// What has become of our frames.
    pub fn poll(&mut self) -> Option<Landing> {
        self.landings.pop_front()
    }

    /// What was counted on the channel.
    pub fn figures(&self) -> &RadioFigures {
        self.medium.figures()
    }

    fn next(&self) -> Option<Instant> {
        let beacon = self.beacon.map(|(due, _)| due);
        self.medium.deadline().into_iter().chain(self.neighbours.deadline()).chain(beacon).min()
    }

    fn send_for(&mut self, at: Instant, traffic: Traffic) {
        let station = |neighbour: u16| ACCESS_POINT + 1 + usize::from(neighbour);
        let (load, from, to) = match traffic {
            Traffic::Request(n) => (Load::Request(n), station(n), ACCESS_POINT),
            Traffic::Answer(n) => (Load::Answer, ACCESS_POINT, station(n)),
        };
        let bytes = mpdu_bytes(PACKET_LEN);
        self.medium.offer(at, from, Packet { load, bytes, rate: self.rate, to: Some(to) });
    }

    fn collect(&mut self, now: Instant) {
        while let Some(report) = self.medium.poll() {
            match report {
                Report::Delivered { load: Load::Ours(ours), .. } => self.land(Landing::Arrived(ours)),
                Report::Dropped { load: Load::Ours(ours), reason } => {
                    self.land(Landing::Dropped(ours, reason));
                }
                Report::Delivered { load: Load::Request(neighbour), .. } => {
                    self.neighbours.request_arrived(now, neighbour);
                }
                Report::Delivered { load: Load::Answer | Load::Beacon, .. }
                | Report::Dropped { load: Load::Request(_) | Load::Answer | Load::Beacon, .. } => {}
            }
        }
    }

    fn land(&mut self, landing: Landing) {
        self.under_way -= 1;
        self.landings.push_back(landing);
    }
}
