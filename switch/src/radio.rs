//! The radio between stations and access points: a frame of a station goes to the access point that it is associated with;
//! frames for it are delivered by that one, and for a while by the one before (make before break).
//!
//! The first station's port is [`STATION`]; the n-th access point's uplink into the network is port n + 1, and further
//! stations have the ports after those ([`station_port`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use zerogap_proto::{
    Control, DropReason, Duration, Frame, Input, Instant, Node, NodeId, Output, PortId, Timer,
};

/// The port that leads to the first station.
pub const STATION: PortId = PortId(0);

/// The port that leads to the `index`-th station of a radio with this many access points.
pub const fn station_port(access_points: usize, index: usize) -> PortId {
    if index == 0 { STATION } else { PortId((access_points + index) as u16) }
}

/// Frames of one station that wait for the end of a handover, in both directions, at the most.
const HELD_MAX: usize = 256;

/// What the radio is like.
#[derive(Clone, Debug)]
pub struct RadioConfig {
    /// The stations' nodes, in the order of their ports: only they may associate.
    pub stations: Vec<NodeId>,
    /// The access points, in the order of their ports.
    pub access_points: Vec<NodeId>,
    /// How long after a handover nothing passes; what is sent meanwhile waits. 0: make before break.
    pub handover_interruption: Duration,
    /// How long after a handover the access point before it still delivers.
    pub overlap: Duration,
}

/// The radio of some stations that share access points.
#[derive(Debug)]
pub struct Radio {
    config: RadioConfig,
    stations: Vec<Station>,
    by_node: BTreeMap<NodeId, usize>,
    /// The stations for which frames wait, by when these may go on.
    holding: BTreeSet<(Instant, usize)>,
    dropped: BTreeMap<DropReason, u64>,
    outputs: VecDeque<Output>,
}

/// One station.
#[derive(Debug, Default)]
struct Station {
    current: Option<usize>,
    previous: Option<(usize, Instant)>,
    silent_until: Instant,
    held: VecDeque<(PortId, Frame)>,
}

impl Station {
    /// Where a frame that came in by this port leaves, if it does: towards the access point, or towards the station.
    fn exit_for(&self, now: Instant, own: PortId, port: PortId) -> Option<PortId> {
        let current = self.current?;
        if port == own {
            return Some(PortId(current as u16 + 1));
        }
        let from = usize::from(port.0 - 1);
        let still = self.previous.is_some_and(|(before, until)| before == from && now <= until);
        (from == current || still).then_some(own)
    }
}

impl Radio {
    /// A radio whose stations are not associated yet.
    pub fn new(config: RadioConfig) -> Self {
        Self {
            stations: config.stations.iter().map(|_| Station::default()).collect(),
            by_node: config.stations.iter().enumerate().map(|(index, node)| (*node, index)).collect(),
            holding: BTreeSet::new(),
            dropped: BTreeMap::new(),
            outputs: VecDeque::new(),
            config,
        }
    }

    /// The access point that the station is associated with, by its place in the configuration.
    pub fn access_point(&self) -> Option<usize> {
        self.stations.first()?.current
    }

    /// What went no further, by reason.
    pub fn dropped(&self) -> &BTreeMap<DropReason, u64> {
        &self.dropped
    }

    fn associate(&mut self, now: Instant, index: usize, ap: NodeId) {
        let Some(to) = self.config.access_points.iter().position(|known| *known == ap) else { return };
        let station = &mut self.stations[index];
        if station.current == Some(to) {
            return;
        }
        station.previous = station.current.map(|before| (before, now + self.config.overlap));
        if station.current.is_some() {
            self.holding.remove(&(station.silent_until, index));
            station.silent_until = now + self.config.handover_interruption;
            if !station.held.is_empty() {
                self.holding.insert((station.silent_until, index));
            }
        }
        station.current = Some(to);
    }

    fn frame(&mut self, now: Instant, port: PortId, frame: Frame) {
        match self.station_at(port).or_else(|| self.addressee(&frame)) {
            Some(index) => self.pass(now, index, port, frame),
            None => self.broadcast(now, port, &frame),
        }
    }

    /// The station behind a port; `None` for an access point's.
    fn station_at(&self, port: PortId) -> Option<usize> {
        if port == STATION {
            return Some(0);
        }
        let index = usize::from(port.0).checked_sub(self.config.access_points.len())?;
        (1..self.stations.len()).contains(&index).then_some(index)
    }

    /// The station that an access point's frame is for, if it is for one.
    fn addressee(&self, frame: &Frame) -> Option<usize> {
        self.by_node.get(&frame.addressee()?).copied()
    }

    /// An access point's frame for nobody in particular goes to all that it serves.
    fn broadcast(&mut self, now: Instant, port: PortId, frame: &Frame) {
        let hears = |(index, station): &(usize, &Station)| {
            let own = station_port(self.config.access_points.len(), *index);
            now < station.silent_until || station.exit_for(now, own, port).is_some()
        };
        let hearers: Vec<usize> =
            self.stations.iter().enumerate().filter(hears).map(|(index, _)| index).collect();
        if hearers.is_empty() {
            self.drop(DropReason::NotAssociated);
        }
        for index in hearers {
            self.pass(now, index, port, frame.clone());
        }
    }

    /// A frame from or for this station.
    fn pass(&mut self, now: Instant, index: usize, port: PortId, frame: Frame) {
        let own = station_port(self.config.access_points.len(), index);
        let station = &mut self.stations[index];
        if now < station.silent_until {
            if station.held.len() < HELD_MAX {
                station.held.push_back((port, frame));
                self.holding.insert((station.silent_until, index));
            } else {
                self.drop(DropReason::HoldQueueFull);
            }
            return;
        }
        match station.exit_for(now, own, port) {
            Some(exit) => self.outputs.push_back(Output::Frame { port: exit, frame }),
            None => self.drop(DropReason::NotAssociated),
        }
    }

    fn drop(&mut self, reason: DropReason) {
        *self.dropped.entry(reason).or_default() += 1;
    }

    fn release_held(&mut self, now: Instant) {
        while let Some((_, index)) = self.holding.first().copied().filter(|(until, _)| *until <= now) {
            self.holding.pop_first();
            for (port, frame) in std::mem::take(&mut self.stations[index].held) {
                self.pass(now, index, port, frame);
            }
        }
    }
}

impl Node for Radio {
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.release_held(now);
        match input {
            Input::Frame { port, frame } => self.frame(now, port, frame),
            Input::Control { from, message: Control::Associate { ap } } => {
                if let Some(&index) = self.by_node.get(&from) {
                    self.associate(now, index, ap);
                }
            }
            Input::Control { .. }
            | Input::Start
            | Input::Wake(_)
            | Input::Datagram { .. }
            | Input::JobDone { .. } => {}
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        self.holding.first().map(|(until, _)| (*until, Timer::Age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AP1: NodeId = NodeId(11);
    const AP3: NodeId = NodeId(13);
    const AGV: NodeId = NodeId(1);
    const OTHER: NodeId = NodeId(2);

    fn ms(n: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(n)
    }

    fn radio(interruption: Duration) -> Radio {
        Radio::new(RadioConfig {
            stations: vec![AGV, OTHER],
            access_points: vec![AP1, AP3],
            handover_interruption: interruption,
            overlap: Duration::from_millis(100),
        })
    }

    fn associate(radio: &mut Radio, now: Instant, from: NodeId, ap: NodeId) {
        radio.handle(now, Input::Control { from, message: Control::Associate { ap } });
    }

    fn exit(radio: &mut Radio, now: Instant, port: u16) -> Option<u16> {
        radio.handle(now, Input::Frame { port: PortId(port), frame: Frame::new(&[1]) });
        match radio.poll() {
            Some(Output::Frame { port, .. }) => Some(port.0),
            Some(other) => panic!("{other:?}"),
            None => None,
        }
    }

    #[test]
    fn make_before_break() {
        let mut r = radio(Duration::ZERO);
        assert_eq!(exit(&mut r, ms(0), 0), None, "not associated yet");
        associate(&mut r, ms(0), AGV, AP1);
        assert_eq!(exit(&mut r, ms(0), 0), Some(1));
        associate(&mut r, ms(10), AGV, AP3);
        assert_eq!(exit(&mut r, ms(10), 0), Some(2));
        assert_eq!(exit(&mut r, ms(110), 1), Some(0), "the access point before still delivers");
        assert_eq!(exit(&mut r, ms(111), 1), None);
        assert_eq!(exit(&mut r, ms(111), 2), Some(0));
        assert_eq!(r.dropped()[&DropReason::NotAssociated], 2);
    }

    #[test]
    fn an_interruption_holds_frames_and_then_lets_them_pass_in_order() {
        let mut r = radio(Duration::from_millis(5));
        associate(&mut r, ms(0), AGV, AP1);
        associate(&mut r, ms(10), AGV, AP3);
        assert_eq!(exit(&mut r, ms(12), 0), None);
        assert_eq!(r.deadline(), Some((ms(15), Timer::Age)));
        r.handle(ms(15), Input::Wake(Timer::Age));
        assert!(matches!(r.poll(), Some(Output::Frame { port: PortId(2), .. })));
    }

    #[test]
    fn nobody_else_can_move_the_station() {
        let mut r = radio(Duration::ZERO);
        associate(&mut r, ms(0), NodeId(66), AP1);
        assert_eq!(exit(&mut r, ms(0), 0), None);
    }

    #[test]
    fn each_station_has_its_own_association_and_gets_what_is_for_it() {
        let mut r = radio(Duration::ZERO);
        associate(&mut r, ms(0), AGV, AP1);
        associate(&mut r, ms(0), OTHER, AP3);
        let to = |node| {
            let mut bytes = [0; 60];
            bytes[..6].copy_from_slice(&zerogap_proto::address::service_mac(node).0);
            Frame::new(&bytes)
        };
        let mut exits = |port, frame: &Frame| {
            r.handle(ms(1), Input::Frame { port: PortId(port), frame: frame.clone() });
            let port = |output| {
                let Output::Frame { port, .. } = output else { return None };
                Some(port.0)
            };
            std::iter::from_fn(|| r.poll()).filter_map(port).collect::<Vec<_>>()
        };
        let (first, second) = (STATION.0, station_port(2, 1).0);
        assert_eq!(second, 3, "after the access points");
        assert_eq!((exits(first, &to(NodeId(9))), exits(second, &to(NodeId(9)))), (vec![1], vec![2]));
        assert_eq!(exits(1, &to(AGV)), [first]);
        assert_eq!(exits(1, &to(OTHER)), [0_u16; 0], "that one is at the other access point");
        assert_eq!(exits(2, &to(OTHER)), [second]);
        assert_eq!(exits(2, &Frame::new(&[0xff; 60])), [second], "a broadcast goes to all that it serves");
    }
}
