//! One channel of 802.11a, shared by an access point and its stations: an event-driven DCF (IEEE Std 802.11-2020, 10.3). Everybody
//! hears everybody. It has two kinds of event, "the next one begins to send" and "what is on the air is over", and costs one look
//! at each station for either; nothing is allocated for a packet.
//!
//! The driving contract is that of our nodes: [`offer`](Medium::offer) at any time not before the last, drain
//! [`poll`](Medium::poll), come back with [`wake`](Medium::wake) at [`deadline`](Medium::deadline).

use super::airtime::{ACK_TIMEOUT, CCA_TIME, DIFS, EIFS, acknowledged_after, airtime};
use super::station::{Packet, Queued, Station};
use std::collections::VecDeque;
use zerogap_proto::{DropReason, Duration, Instant};
use zerogap_scenario::draw::Sampler;
use zerogap_scenario::results::RadioFigures;

/// What the stations of a channel keep to.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What a packet that finds the medium idle waits for all the same; zero is the standard's immediate access.
    pub settle: Duration,
    /// Packets that wait in one station at the most, the one on the air included.
    pub queue_max: usize,
    /// How long a packet may wait and be tried.
    pub lifetime: Duration,
    /// How often a packet is sent at the most.
    pub attempts: u8,
    /// Probability that a frame of 1000 bytes is damaged.
    pub frame_error: f64,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report<T> {
    /// It has arrived, now.
    Delivered {
        /// What it was.
        load: T,
        /// Who sent it.
        from: usize,
    },
    /// It never will.
    Dropped {
        /// What it was.
        load: T,
        /// Why.
        reason: DropReason,
    },
}

/// The channel.
#[derive(Debug)]
pub struct Medium<T> {
    rules: Rules,
    stations: Vec<Station<T>>,
    /// Who is on the air, and until when; more than one is a collision.
    on_air: Vec<(usize, Instant)>,
    began: Instant,
    /// The next event.
    next: Option<Instant>,
    backoffs: Sampler,
    errors: Sampler,
    reports: VecDeque<Report<T>>,
    figures: RadioFigures,
}

impl<T: Copy> Medium<T> {
    /// An idle channel with this many stations, numbered from 0.
    pub fn new(rules: Rules, stations: usize, backoffs: Sampler, errors: Sampler) -> Self {
        Self {
            rules,
            stations: (0..stations).map(|_| Station::new()).collect(),
            on_air: Vec::with_capacity(stations),
            began: Instant::ZERO,
            next: None,
            backoffs,
            errors,
            reports: VecDeque::new(),
            figures: RadioFigures::default(),
        }
    }

    /// Gives a station a packet to send. A full queue drops it.
    pub fn offer(&mut self, now: Instant, from: usize, packet: Packet<T>) {
        self.expire(now, from);
        if self.stations[from].queue.len() >= self.rules.queue_max {
            self.report_drop(packet.load, DropReason::QueueFull);
            return;
        }
        let queued = Queued { packet, since: now, failures: 0, arrived: false };
        if !self.stations[from].queue.is_empty() {
            self.stations[from].queue.push_back(queued);
            return;
        }
        let joins = !self.on_air.is_empty()
            && now < self.began + CCA_TIME
            && self.rules.settle == Duration::ZERO
            && self.stations[from].was_free(now);
        self.stations[from].queue.push_back(queued);
        if joins {
            self.begin_sending(from, now);
            self.next = self.on_air.iter().map(|(_, end)| *end).max();
        } else {
            self.wants_to_send(now, from);
        }
    }

    /// Gives a station a packet that goes before all others (a beacon), except for one that is on the air.
    pub fn offer_first(&mut self, now: Instant, from: usize, packet: Packet<T>) {
        let queued = Queued { packet, since: now, failures: 0, arrived: false };
        let station = &mut self.stations[from];
        let alone = station.queue.is_empty();
        station.queue.insert(usize::from(station.on_air), queued);
        if alone {
            self.wants_to_send(now, from);
        }
    }

    /// The next event.
    pub fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// What has become of packets.
    pub fn poll(&mut self) -> Option<Report<T>> {
        self.reports.pop_front()
    }

    /// What was counted.
    pub fn figures(&self) -> &RadioFigures {
        &self.figures
    }

    /// Carries out the next event, if it is due.
    pub fn wake(&mut self, now: Instant) {
        match self.next {
            Some(at) if at <= now && self.on_air.is_empty() => self.begin(at),
            Some(at) if at <= now => self.conclude(at),
            Some(_) | None => {}
        }
    }

    fn wants_to_send(&mut self, now: Instant, from: usize) {
        let busy = !self.on_air.is_empty();
        let (settle, backoffs) = (self.rules.settle, &mut self.backoffs);
        self.stations[from].wants_to_send(now, busy, settle, &mut || backoffs.dice());
        if !busy && let Some(start) = self.stations[from].start() {
            self.next = Some(self.next.map_or(start, |next| next.min(start)));
        }
    }

    /// The first one begins to send, and with it all who cannot have noticed it when they do so too. The others freeze.
    fn begin(&mut self, at: Instant) {
        for index in 0..self.stations.len() {
            if let Some(start) = self.stations[index].start().filter(|start| *start < at + CCA_TIME) {
                self.expire(start, index);
                if !self.stations[index].queue.is_empty() {
                    self.begin_sending(index, start);
                }
            }
        }
        if self.on_air.is_empty() {
            return self.look_ahead();
        }
        self.began = at;
        let backoffs = &mut self.backoffs;
        for station in self.stations.iter_mut().filter(|station| !station.on_air) {
            station.freeze(at, &mut || backoffs.dice());
        }
        self.next = self.on_air.iter().map(|(_, end)| *end).max();
    }

    fn begin_sending(&mut self, index: usize, start: Instant) {
        let station = &mut self.stations[index];
        let Some(head) = station.queue.front() else { return };
        station.on_air = true;
        let lasts = airtime(head.packet.bytes, head.packet.rate);
        self.on_air.push((index, start + lasts));
        self.figures.sent += 1;
        self.figures.retries += u64::from(head.failures > 0);
    }

    /// What was on the air is over: it arrived, was damaged, or collided.
    fn conclude(&mut self, at: Instant) {
        self.figures.busy_ns += at.since(self.began).as_nanos();
        for &(index, _) in &self.on_air {
            self.stations[index].on_air = false;
        }
        match self.on_air[..] {
            [(sender, _)] => self.alone(at, sender),
            _ => self.collided(at),
        }
        self.on_air.clear();
        self.look_ahead();
    }

    fn alone(&mut self, end: Instant, sender: usize) {
        let Some(packet) = self.stations[sender].queue.front().map(|head| head.packet) else { return };
        let Some(receiver) = packet.to else {
            self.all_rest(end, DIFS);
            return self.delivered(sender, true);
        };
        // While the acknowledgement lasts, the others have their NAV set, whether it comes or not (10.3.2.4).
        let acknowledged = end + acknowledged_after(packet.rate);
        self.all_rest(acknowledged, DIFS);
        if self.damaged(packet.bytes) {
            self.figures.damaged += 1;
            self.stations[receiver].rest(end, EIFS);
            self.stations[sender].rest(end + ACK_TIMEOUT, DIFS);
            return self.failed(sender);
        }
        self.figures.busy_ns += acknowledged.since(end).as_nanos();
        let confirmed = !self.damaged(super::airtime::ACK_BYTES);
        self.delivered(sender, confirmed);
        if !confirmed {
            self.figures.acks_damaged += 1;
            self.stations[sender].rest(acknowledged, EIFS);
            self.failed(sender);
        }
    }

    /// Nobody can understand anything: senders miss their acknowledgements, all others wait for an EIFS.
    fn collided(&mut self, over: Instant) {
        self.all_rest(over, EIFS);
        for i in 0..self.on_air.len() {
            let (sender, end) = self.on_air[i];
            self.figures.collided += 1;
            let to_all = self.stations[sender].queue.front().is_some_and(|head| head.packet.to.is_none());
            if to_all {
                self.stations[sender].rest(over, DIFS);
                self.leave(sender);
            } else {
                self.stations[sender].rest(over.max(end + ACK_TIMEOUT), DIFS);
                self.failed(sender);
            }
        }
    }

    fn all_rest(&mut self, idle_from: Instant, space: Duration) {
        self.stations.iter_mut().for_each(|station| station.rest(idle_from, space));
    }

    /// A packet has arrived: once, however often it is sent because its sender does not hear of it (10.3.2.14).
    fn delivered(&mut self, from: usize, confirmed: bool) {
        let Some(head) = self.stations[from].queue.front_mut() else { return };
        let load = head.packet.load;
        if std::mem::replace(&mut head.arrived, true) {
            self.figures.repeats += 1;
        } else {
            self.figures.delivered += 1;
            self.reports.push_back(Report::Delivered { load, from });
        }
        if confirmed {
            self.leave(from);
        }
    }

    fn leave(&mut self, from: usize) {
        let backoffs = &mut self.backoffs;
        self.stations[from].succeed(&mut || backoffs.dice());
    }

    fn failed(&mut self, from: usize) {
        let (attempts, backoffs) = (self.rules.attempts, &mut self.backoffs);
        let given_up = self.stations[from].fail(attempts, &mut || backoffs.dice());
        if let Some(queued) = given_up.filter(|queued| !queued.arrived) {
            self.report_drop(queued.packet.load, DropReason::RetriesOver);
        }
    }

    fn expire(&mut self, now: Instant, index: usize) {
        while let Some(queued) = self.stations[index].expired(now, self.rules.lifetime) {
            if !queued.arrived {
                self.report_drop(queued.packet.load, DropReason::LifetimeOver);
            }
        }
    }

    fn report_drop(&mut self, load: T, reason: DropReason) {
        *self.figures.dropped.entry(reason).or_default() += 1;
        self.reports.push_back(Report::Dropped { load, reason });
    }

    fn damaged(&mut self, bytes: u32) -> bool {
        let error = self.rules.frame_error;
        error > 0.0 && self.errors.dice() >= (1.0 - error).powf(f64::from(bytes) / 1e3)
    }

    fn look_ahead(&mut self) {
        self.next = self.stations.iter().filter_map(Station::start).min();
    }
}
