//! The radio between one station and the access points: a frame of the station goes to the access point that it is associated
//! with; frames for it are delivered by that one, and for a while by the one before (make before break).
//!
//! The station's port is [`STATION`]; the n-th access point's uplink into the network is port n + 1.

use std::collections::{BTreeMap, VecDeque};
use zerogap_proto::{
    Control, DropReason, Duration, Frame, Input, Instant, Node, NodeId, Output, PortId, Timer,
};

/// The port that leads to the station.
pub const STATION: PortId = PortId(0);

/// Frames that wait for the end of a handover, in each direction, at the most.
const HELD_MAX: usize = 256;

/// What the radio is like.
#[derive(Clone, Debug)]
pub struct RadioConfig {
    /// The station's node: only it may associate.
    pub station: NodeId,
    /// The access points, in the order of their ports.
    pub access_points: Vec<NodeId>,
    /// How long after a handover nothing passes; what is sent meanwhile waits. 0: make before break.
    pub handover_interruption: Duration,
    /// How long after a handover the access point before it still delivers.
    pub overlap: Duration,
}

/// One station's radio.
#[derive(Debug)]
pub struct Radio {
    config: RadioConfig,
    current: Option<usize>,
    previous: Option<(usize, Instant)>,
    silent_until: Instant,
    held: VecDeque<(PortId, Frame)>,
    dropped: BTreeMap<DropReason, u64>,
    outputs: VecDeque<Output>,
}

impl Radio {
    /// A radio whose station is not associated yet.
    pub fn new(config: RadioConfig) -> Self {
        Self {
            config,
            current: None,
            previous: None,
            silent_until: Instant::ZERO,
            held: VecDeque::new(),
            dropped: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// The access point that the station is associated with, by its place in the configuration.
    pub fn access_point(&self) -> Option<usize> {
        self.current
    }

    /// What went no further, by reason.
    pub fn dropped(&self) -> &BTreeMap<DropReason, u64> {
        &self.dropped
    }

    fn associate(&mut self, now: Instant, ap: NodeId) {
        let Some(index) = self.config.access_points.iter().position(|known| *known == ap) else { return };
        if self.current == Some(index) {
            return;
        }
        self.previous = self.current.map(|before| (before, now + self.config.overlap));
        if self.current.is_some() {
            self.silent_until = now + self.config.handover_interruption;
        }
        self.current = Some(index);
    }

    fn frame(&mut self, now: Instant, port: PortId, frame: Frame) {
        if now < self.silent_until {
            if self.held.len() < HELD_MAX {
                self.held.push_back((port, frame));
            } else {
                *self.dropped.entry(DropReason::HoldQueueFull).or_default() += 1;
            }
            return;
        }
        match self.exit_for(now, port) {
            Some(exit) => self.outputs.push_back(Output::Frame { port: exit, frame }),
            None => *self.dropped.entry(DropReason::NotAssociated).or_default() += 1,
        }
    }

    fn exit_for(&self, now: Instant, port: PortId) -> Option<PortId> {
        let current = self.current?;
        if port == STATION {
            return Some(PortId(current as u16 + 1));
        }
        let from = usize::from(port.0 - 1);
        let still = self.previous.is_some_and(|(before, until)| before == from && now <= until);
        (from == current || still).then_some(STATION)
    }

    fn release_held(&mut self, now: Instant) {
        if now >= self.silent_until {
            for (port, frame) in std::mem::take(&mut self.held) {
                self.frame(now, port, frame);
            }
        }
    }
}

impl Node for Radio {
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.release_held(now);
        match input {
            Input::Frame { port, frame } => self.frame(now, port, frame),
            Input::Control { from, message: Control::Associate { ap } } if from == self.config.station => {
                self.associate(now, ap);
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
        (!self.held.is_empty()).then_some((self.silent_until, Timer::Age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AP1: NodeId = NodeId(11);
    const AP3: NodeId = NodeId(13);
    const AGV: NodeId = NodeId(1);

    fn ms(n: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(n)
    }

    fn radio(interruption: Duration) -> Radio {
        Radio::new(RadioConfig {
            station: AGV,
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
}
