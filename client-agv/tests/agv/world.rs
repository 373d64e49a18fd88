//! A small world in virtual time for one AGV: a service that steers it to its goal, a network that does to each request what
//! the test says, and a driver that can be made to stall.

use std::collections::BTreeMap;
use zerogap_client_agv::trig::{NRAD_PER_MRAD, TURN_NRAD, heading_to};
use zerogap_client_agv::{AccessPoint, Agv, AgvConfig, Floor, Obstacle, Point, Route};
use zerogap_proto::agv::{Command, Pose, Report};
use zerogap_proto::{
    ClientId, Control, Duration, Endpoint, Event, Incarnation, Input, Instant, Kind, Message, Node, NodeId,
    Output, Record, Stamp,
};

pub(crate) const AGV: NodeId = NodeId(0);
pub(crate) const RADIO: NodeId = NodeId(9);
pub(crate) const AP_WEST: NodeId = NodeId(1);
pub(crate) const AP_EAST: NodeId = NodeId(2);

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
pub(crate) fn at_ms(at: u64) -> Instant {
    Instant::ZERO + ms(at)
}

/// A hall of 30 m by 10 m with a shelf in the middle, a way around it, an access point at each end, a request every 10 ms on
/// average, the first at 100 ms.
pub(crate) fn config() -> AgvConfig {
    let shelf = Obstacle { x_mm: 10_000, y_mm: 0, width_mm: 8_000, height_mm: 5_000 };
    let waypoints = [(3_000, 2_000), (8_000, 7_000), (20_000, 7_000), (27_000, 2_000)];
    let ap = |node, x_mm| AccessPoint { node, x_mm, y_mm: 5_000 };
    AgvConfig {
        node: AGV,
        client: ClientId(7),
        incarnation: Incarnation(3),
        service: endpoint(50),
        radio: RADIO,
        floor: Floor { width_mm: 30_000, height_mm: 10_000, obstacles: vec![shelf] },
        route: Route::new(waypoints.map(|(x_mm, y_mm)| Point::new(x_mm, y_mm)).to_vec()),
        access_points: vec![ap(AP_WEST, 5_000), ap(AP_EAST, 25_000)],
        hysteresis_mm: 1_000,
        lidar_beams: 256,
        intervals: [9_500, 10_200, 10_300].map(Duration::from_micros).to_vec(),
        threshold: ms(10),
        give_up: ms(1_000),
        max_speed_mm_s: 2_000,
        start_delay: ms(100),
    }
}

pub(crate) fn endpoint(host: u8) -> Endpoint {
    let octets = [10, 90, 0, host];
    Endpoint { addr: octets.into(), port: 7_000 }
}

/// What the network does with the request of this number, sent then: after how long each answer to it arrives.
pub(crate) type Network = fn(u64, Instant) -> Vec<Duration>;

/// Every answer after 2 ms.
pub(crate) fn perfect(_: u64, _: Instant) -> Vec<Duration> {
    vec![ms(2)]
}

/// The AGV and what has come of it.
pub(crate) struct World {
    pub(crate) agv: Agv,
    network: Network,
    stall: (Instant, Instant),
    now: Instant,
    arriving: BTreeMap<(Instant, usize), Vec<u8>>,
    pub(crate) events: Vec<(Instant, Event)>,
    pub(crate) controls: Vec<(Instant, NodeId, Control)>,
    pub(crate) records: Vec<Record>,
    pub(crate) reports: Vec<(Instant, Report)>,
}

impl World {
    /// A world in which the AGV has started.
    pub(crate) fn new(config: AgvConfig, network: Network) -> Self {
        let mut world = Self {
            agv: Agv::new(config).expect("a sound configuration"),
            network,
            stall: (Instant::FAR_FUTURE, Instant::FAR_FUTURE),
            now: Instant::ZERO,
            arriving: BTreeMap::new(),
            events: vec![],
            controls: vec![],
            records: vec![],
            reports: vec![],
        };
        world.give(Instant::ZERO, Input::Start);
        world
    }

    /// Between these instants the AGV's driver does not run.
    pub(crate) fn stalled(mut self, from_ms: u64, until_ms: u64) -> Self {
        self.stall = (at_ms(from_ms), at_ms(until_ms));
        self
    }

    /// Runs until this instant.
    pub(crate) fn run(&mut self, until_ms: u64) {
        loop {
            let wake = self.agv.deadline().map(|(at, timer)| (self.awake(at), timer));
            let arrival = self.arriving.keys().next().map(|key| (self.awake(key.0), *key));
            let first = wake.map(|w| w.0).into_iter().chain(arrival.map(|a| a.0)).min();
            if first.is_none_or(|first| first > at_ms(until_ms)) {
                self.now = at_ms(until_ms);
                return;
            }
            match (wake, arrival) {
                (Some((at, timer)), other) if other.is_none_or(|other| at <= other.0) => {
                    self.give(at, Input::Wake(timer));
                }
                (_, Some((at, key))) => {
                    let payload = self.arriving.remove(&key).expect("it was there");
                    self.give(at, Input::Datagram { from: endpoint(50), payload: &payload });
                }
                (_, None) => unreachable!("one of them is first"),
            }
        }
    }

    /// Tells the AGV to stop, now.
    pub(crate) fn stop(&mut self) {
        self.give(self.now, Input::Control { from: RADIO, message: Control::Stop });
    }

    /// Gives the AGV a datagram, now.
    pub(crate) fn datagram(&mut self, from: Endpoint, payload: &[u8]) {
        self.give(self.now, Input::Datagram { from, payload });
    }

    /// When events like this one happened, in milliseconds.
    pub(crate) fn times(&self, like: &Event) -> Vec<u64> {
        self.events.iter().filter(|(_, e)| e == like).map(|(at, _)| at.as_nanos() / 1_000_000).collect()
    }

    /// The access points that the AGV associated with.
    pub(crate) fn associations(&self) -> Vec<NodeId> {
        assert!(self.controls.iter().all(|(_, to, _)| *to == RADIO));
        let told = |control: &Control| if let Control::Associate { ap } = control { Some(*ap) } else { None };
        self.controls.iter().filter_map(|(_, _, control)| told(control)).collect()
    }

    fn awake(&self, at: Instant) -> Instant {
        let at = at.max(self.now);
        if (self.stall.0..self.stall.1).contains(&at) { self.stall.1 } else { at }
    }

    fn give(&mut self, now: Instant, input: Input<'_>) {
        self.now = now;
        self.agv.handle(now, input);
        while let Some(output) = self.agv.poll() {
            match output {
                Output::Event(event) => self.events.push((now, event)),
                Output::Control { to, message } => self.controls.push((now, to, message)),
                Output::Record(record) => self.records.push(record),
                Output::Datagram { to, payload } => {
                    assert_eq!(to, endpoint(50));
                    self.request(&payload);
                }
                Output::Frame { .. } | Output::Start(_) | Output::CancelJob(_) => {
                    panic!("{output:?} of an AGV")
                }
            }
        }
    }

    fn request(&mut self, payload: &[u8]) {
        let request = Message::parse(payload).expect("a message");
        assert_eq!((request.kind, request.stamp), (Kind::Request, Stamp::default()));
        let report = Report::from_body(request.body);
        let answer = Message { kind: Kind::Answer, body: &steer(&report).to_body(), ..request }.to_bytes();
        for (copy, delay) in (self.network)(request.sequence.0, self.now).into_iter().enumerate() {
            self.arriving.insert((self.now + delay, self.reports.len() * 10 + copy), answer.clone());
        }
        self.reports.push((self.now, report));
    }
}

/// The stub of a service: turn to the goal, drive when facing it, slow down near it.
fn steer(report: &Report) -> Command {
    let Pose { x_mm, y_mm, heading_mrad } = report.odometry;
    let (dx, dy) = (report.goal_x_mm - x_mm, report.goal_y_mm - y_mm);
    let off =
        (heading_to(dx.into(), dy.into()) - i64::from(heading_mrad) * NRAD_PER_MRAD).rem_euclid(TURN_NRAD);
    let off = if off > TURN_NRAD / 2 { off - TURN_NRAD } else { off };
    let off_mrad = (off / NRAD_PER_MRAD) as i32;
    let left = Point::new(0, 0).distance_mm(Point::new(dx, dy)) as i32;
    let speed_mm_s = if left < 100 || off_mrad.abs() > 300 { 0 } else { left };
    let turn_mrad_s = if left < 100 { 0 } else { off_mrad * 3 };
    Command { speed_mm_s, turn_mrad_s, pose: report.odometry, digest: 0 }
}
