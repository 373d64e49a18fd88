//! The AGV as a [`Node`]: joins the parts of this crate. With each request it looks where it is, chooses its access point, scans
//! and asks; with each answer it measures and follows the newest command, if that came in time.

use crate::config::{AgvConfig, ConfigError};
use crate::ledger::{Ledger, Reply};
use crate::motion::Plant;
use crate::pacing::Schedule;
use crate::point::Point;
use crate::roaming::Roaming;
use crate::route::Tour;
use crate::trig::heading_to;
use crate::watch::Watch;
use std::collections::VecDeque;
use zerogap_proto::agv::{BEAMS, Command, Pose, Report};
use zerogap_proto::node::earlier;
use zerogap_proto::{
    Control, Duration, Endpoint, Event, Input, Instant, Kind, Message, Node, Output, Stamp, Timer,
};

/// How many overdue requests are sent on one wake-up; the deadline then lies in the past and the rest follows at once. It
/// bounds the outputs that wait to be polled.
const BURST: usize = 32;
/// While no answer comes in time, the association is asked for again this often: the message may have been lost.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What came in and was not for this AGV, or too late for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Datagrams that were not from the service.
    pub strangers: u64,
    /// Datagrams that were no messages, or no answers.
    pub not_answers: u64,
    /// Answers to another client, or to another life of this one.
    pub other_lives: u64,
    /// Answers to requests that were never sent or whose records are closed.
    pub unknown: u64,
    /// Frames, jobs and control messages that an AGV has no use for.
    pub inputs: u64,
}

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    Driving,
    Stopping,
    Done,
}

/// An AGV and what it measured.
#[derive(Clone, Debug)]
pub struct Agv {
    config: AgvConfig,
    plant: Plant,
    tour: Tour,
    roaming: Roaming,
    asked_at: Instant,
    /// There is none before the start.
    schedule: Option<Schedule>,
    ledger: Ledger,
    watch: Watch,
    stage: Stage,
    outputs: VecDeque<Output>,
    ignored: Ignored,
}

impl Agv {
    /// An AGV that stands at the first waypoint and faces the second.
    ///
    /// # Errors
    /// If the configuration does not make sense.
    pub fn new(config: AgvConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let tour = Tour::new(config.route.clone()).ok_or(ConfigError::ShortRoute)?;
        let (start, goal) = (config.route.waypoints[0], tour.goal());
        let across = |from: i32, to: i32| i64::from(to) - i64::from(from);
        let heading_nrad = heading_to(across(start.x_mm, goal.x_mm), across(start.y_mm, goal.y_mm));
        Ok(Self {
            plant: Plant::new(start, heading_nrad, config.max_speed_mm_s),
            tour,
            roaming: Roaming::new(config.access_points.clone(), config.hysteresis_mm),
            asked_at: Instant::ZERO,
            schedule: None,
            ledger: Ledger::new(config.give_up),
            watch: Watch::new(config.threshold),
            stage: Stage::Waiting,
            outputs: VecDeque::new(),
            ignored: Ignored::default(),
            config,
        })
    }

    /// Where it was at its newest input.
    pub const fn pose(&self) -> Pose {
        self.plant.pose()
    }
    /// How often it has reached an end of its route.
    pub const fn arrivals(&self) -> u32 {
        self.tour.arrivals()
    }
    /// What came in and was ignored.
    pub const fn ignored(&self) -> Ignored {
        self.ignored
    }
    /// Records that were closed before their time because too many were open.
    pub const fn crowded_out(&self) -> u64 {
        self.ledger.crowded_out()
    }

    fn start(&mut self, now: Instant) {
        if self.stage == Stage::Waiting {
            self.stage = Stage::Driving;
            self.schedule = Schedule::new(now + self.config.start_delay, self.config.intervals.clone());
            self.associate(now);
        }
    }

    fn send_due(&mut self, now: Instant) {
        for _ in 0..BURST {
            if self.stage != Stage::Driving {
                return;
            }
            let Some(due) = self.schedule.as_mut().and_then(|schedule| schedule.take(now)) else { return };
            self.send(now, due);
        }
    }

    fn send(&mut self, now: Instant, due: Instant) {
        let odometry = self.plant.pose();
        self.tour.update(now, odometry.into());
        self.associate(now);
        let Point { x_mm: goal_x_mm, y_mm: goal_y_mm } = self.tour.goal();
        let speed_mm_s = self.plant.speed_mm_s();
        let scan_mm = self.config.floor.scan(odometry, BEAMS / usize::from(self.config.lidar_beams));
        let message = Message {
            kind: Kind::Request,
            client: self.config.client,
            client_incarnation: self.config.incarnation,
            sequence: self.ledger.next(),
            stamp: Stamp::default(),
            body: &Report { odometry, speed_mm_s, goal_x_mm, goal_y_mm, scan_mm }.to_body(),
        };
        self.outputs.push_back(Output::Datagram { to: self.config.service, payload: message.to_bytes() });
        self.ledger.send(now, due);
    }

    /// Associates if another access point is nearer now, or again if answers fail to come.
    fn associate(&mut self, now: Instant) {
        let moved_to = self.roaming.update(self.plant.pose().into());
        if let Some(ap) = moved_to {
            self.outputs.push_back(Output::Event(Event::Associated { client: self.config.node, ap }));
        }
        let again = self.watch.stopped() && now.since(self.asked_at) >= ASK_AGAIN;
        if let Some(ap) = moved_to.or(self.roaming.current().filter(|_| again)) {
            self.asked_at = now;
            let message = Control::Associate { ap };
            self.outputs.push_back(Output::Control { to: self.config.radio, message });
        }
    }

    fn receive(&mut self, now: Instant, from: Endpoint, payload: &[u8]) {
        if from != self.config.service {
            self.ignored.strangers += 1;
            return;
        }
        let Some(message) = Message::parse(payload).filter(|message| message.kind == Kind::Answer) else {
            self.ignored.not_answers += 1;
            return;
        };
        if (message.client, message.client_incarnation) != (self.config.client, self.config.incarnation) {
            self.ignored.other_lives += 1;
            return;
        }
        match self.ledger.answer(now, message.sequence) {
            Reply::First { due, reordered: false } if self.watch.in_time(now, due) => {
                self.follow(Command::from_body(message.body));
            }
            Reply::First { .. } | Reply::Duplicate => {}
            Reply::Unknown => self.ignored.unknown += 1,
        }
    }

    fn follow(&mut self, command: Command) {
        // Who was told to stop stands from then on.
        if self.stage != Stage::Driving {
            return;
        }
        self.plant.command(command.speed_mm_s, command.turn_mrad_s);
        if self.watch.resume() {
            self.outputs.push_back(Output::Event(Event::AgvResumed { client: self.config.node }));
        }
    }

    fn control(&mut self, now: Instant, message: &Control) {
        match message {
            Control::Stop => self.stop(now),
            Control::FlowMod(_)
            | Control::Barrier(_)
            | Control::Service(_)
            | Control::QueryService(_)
            | Control::PacketIn(_)
            | Control::BarrierDone(_)
            | Control::ServiceStatus(_)
            | Control::Refused { .. }
            | Control::ClientAt { .. }
            | Control::Server(_)
            | Control::ServerStatus(_)
            | Control::ServerLost { .. }
            | Control::Associate { .. } => self.ignored.inputs += 1,
        }
    }

    fn stop(&mut self, now: Instant) {
        match self.stage {
            Stage::Waiting | Stage::Driving => {
                self.stage = Stage::Stopping;
                self.plant.command(0, 0);
                self.ledger.stop(now);
            }
            Stage::Stopping | Stage::Done => {}
        }
    }

    /// Does what time has brought: late answers, records that can be closed, the end.
    fn settle(&mut self, now: Instant) {
        if self.stage == Stage::Driving && self.watch.check(now, &self.ledger) {
            self.plant.command(0, 0);
            self.outputs.push_back(Output::Event(Event::AgvStopped { client: self.config.node }));
        }
        while let Some(record) = self.ledger.close(now) {
            self.outputs.push_back(Output::Record(record));
        }
        if self.stage == Stage::Stopping && self.ledger.is_empty() {
            self.stage = Stage::Done;
            self.outputs.push_back(Output::Event(Event::ClientDone { client: self.config.node }));
        }
    }
}

impl Node for Agv {
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.plant.advance(now, &self.config.floor);
        // Before the input, so that an answer after its time finds its record closed or its request called late.
        self.settle(now);
        match input {
            Input::Start => self.start(now),
            Input::Wake(_) => self.send_due(now),
            Input::Datagram { from, payload } => self.receive(now, from, payload),
            Input::Control { from: _, message } => self.control(now, &message),
            Input::Frame { .. } | Input::JobDone { .. } => self.ignored.inputs += 1,
        }
        self.settle(now);
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        match self.stage {
            Stage::Waiting | Stage::Done => None,
            // Records are closed with the next request: waking up for each would disturb what is being measured.
            Stage::Driving => earlier(
                self.schedule.as_ref().map(|schedule| (schedule.due(), Timer::Request)),
                self.watch.late_at(&self.ledger).map(|at| (at, Timer::GiveUp)),
            ),
            Stage::Stopping => self.ledger.closing_at().map(|at| (at, Timer::GiveUp)),
        }
    }
}
