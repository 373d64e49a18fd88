//! One station, or the access point, as the DCF sees it: a queue of packets, a contention window and a backoff that counts down
//! while the medium is idle (IEEE Std 802.11-2020, 10.3.3 and 10.3.4).
//!
//! ```text
//!   medium   ██████ busy ██████│◀─ IFS ─▶│slot│slot│slot│  packet ...
//!                              │         │              │
//!                          idle_from   ready          start = ready + backoff slots, if there is a packet
//! ```
//! Time is only told to it; it has none of its own.

use super::airtime::{CW_MAX, CW_MIN, SLOT};
use std::collections::VecDeque;
use zerogap_proto::{Duration, Instant};
use zerogap_scenario::file::OfdmRate;

/// What a station is asked to send.
#[derive(Clone, Copy, Debug)]
pub struct Packet<T> {
    /// What it is, for whoever sent it.
    pub load: T,
    /// Its length from MAC header to FCS.
    pub bytes: u32,
    /// Its rate.
    pub rate: OfdmRate,
    /// Whom it is for; `None` is everybody, which nobody acknowledges.
    pub to: Option<usize>,
}

/// A packet that waits, or is on the air.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queued<T> {
    pub(super) packet: Packet<T>,
    pub(super) since: Instant,
    /// How often it was sent in vain.
    pub(super) failures: u8,
    /// It has arrived, and only its sender does not know.
    pub(super) arrived: bool,
}

/// A station.
#[derive(Debug)]
pub(super) struct Station<T> {
    pub(super) queue: VecDeque<Queued<T>>,
    /// CW: backoffs are drawn from 0 to this many slots.
    window: u16,
    /// Slots left; `None` once it is over, or before the first.
    backoff: Option<u16>,
    /// Since when the medium is idle, as this station knows it: its NAV and its wait for an acknowledgement included.
    idle_from: Instant,
    /// From when slots count: an interframe space after that, or the arrival of a packet.
    ready: Instant,
    pub(super) on_air: bool,
}

impl<T: Copy> Station<T> {
    pub(super) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            window: CW_MIN,
            backoff: None,
            idle_from: Instant::ZERO,
            ready: Instant::ZERO,
            on_air: false,
        }
    }

    /// When it begins to send if the medium stays idle.
    pub(super) fn start(&self) -> Option<Instant> {
        (!self.queue.is_empty()).then(|| self.backoff_over())
    }

    fn backoff_over(&self) -> Instant {
        self.ready + SLOT.times(self.backoff.unwrap_or(0).into())
    }

    /// Whether the station would have sent a packet at once that came now, had nobody else begun.
    pub(super) fn was_free(&self, now: Instant) -> bool {
        self.queue.is_empty() && !self.on_air && self.backoff.is_none() && self.ready <= now
    }

    /// The first packet in an empty queue: it goes out when the medium has been idle for long enough, or after a backoff if the
    /// medium is busy (10.3.4.2). `settle` is what it waits for at the least.
    pub(super) fn wants_to_send(
        &mut self,
        now: Instant,
        busy: bool,
        settle: Duration,
        dice: &mut dyn FnMut() -> f64,
    ) {
        if busy || now < self.idle_from {
            self.backoff.get_or_insert_with(|| draw(self.window, dice));
        } else if self.backoff.is_none() || self.backoff_over() <= now {
            self.backoff = None;
            self.ready = self.ready.max(now + settle);
        }
    }

    /// Somebody else has begun to send: whole slots that have passed are counted, the rest is kept. Who wanted to send and had no
    /// backoff yet now needs one.
    pub(super) fn freeze(&mut self, now: Instant, dice: &mut dyn FnMut() -> f64) {
        let passed = now.since(self.ready).as_nanos() / SLOT.as_nanos();
        let left = self.backoff.map(|slots| u64::from(slots).saturating_sub(passed) as u16);
        self.backoff = match left {
            Some(0) | None if self.queue.is_empty() => None,
            None => Some(draw(self.window, dice)),
            Some(left) => Some(left),
        };
    }

    /// The medium is idle again, or will be then.
    pub(super) fn rest(&mut self, idle_from: Instant, space: Duration) {
        self.idle_from = idle_from;
        self.ready = idle_from + space;
    }

    /// Its packet has arrived, or nobody was to acknowledge it: it leaves the queue, and a backoff follows, whether anything waits
    /// or not (10.3.4.3).
    pub(super) fn succeed(&mut self, dice: &mut dyn FnMut() -> f64) -> Option<Queued<T>> {
        self.window = CW_MIN;
        self.backoff = Some(draw(self.window, dice));
        self.queue.pop_front()
    }

    /// Its packet was not acknowledged: the window doubles and it is sent again, unless it is given up for good: then it leaves
    /// the queue and the window is as at first (10.3.3).
    pub(super) fn fail(&mut self, attempts: u8, dice: &mut dyn FnMut() -> f64) -> Option<Queued<T>> {
        let head = self.queue.front_mut()?;
        head.failures += 1;
        let given_up = head.failures >= attempts;
        self.window = if given_up { CW_MIN } else { (2 * self.window + 1).min(CW_MAX) };
        self.backoff = Some(draw(self.window, dice));
        if given_up { self.queue.pop_front() } else { None }
    }

    /// The first packet, if it has waited for longer than it may; it leaves the queue.
    pub(super) fn expired(&mut self, now: Instant, lifetime: Duration) -> Option<Queued<T>> {
        let expired = self.queue.front().is_some_and(|head| now.since(head.since) > lifetime);
        if expired && !self.on_air { self.queue.pop_front() } else { None }
    }
}

/// Evenly distributed over 0 to `window` slots (10.3.3).
fn draw(window: u16, dice: &mut dyn FnMut() -> f64) -> u16 {
    (dice() * (f64::from(window) + 1.0)) as u16
}

#[cfg(test)]
mod tests {
    use super::super::airtime::{DIFS, EIFS};
    use super::*;

    fn us(n: u64) -> Instant {
        Instant::ZERO + Duration::from_micros(n)
    }

    fn station(packets: usize) -> Station<()> {
        let packet = Packet { load: (), bytes: 660, rate: OfdmRate::Mbit54, to: Some(0) };
        let mut station = Station::new();
        let queued = Queued { packet, since: Instant::ZERO, failures: 0, arrived: false };
        station.queue.extend((0..packets).map(|_| queued));
        station
    }

    fn no_dice() -> f64 {
        unreachable!("nothing is to be drawn")
    }

    #[test]
    fn an_idle_medium_is_taken_at_once_and_one_that_has_just_become_idle_after_the_rest_of_the_difs() {
        let mut s = station(0);
        s.rest(us(100), DIFS);
        for (now, start) in [(us(1_000), us(1_000)), (us(120), us(134))] {
            let mut s = station(1);
            s.rest(us(100), DIFS);
            s.wants_to_send(now, false, Duration::ZERO, &mut no_dice);
            assert_eq!(s.start(), Some(start));
        }
        assert_eq!(s.start(), None, "nothing waits");
    }

    #[test]
    fn a_busy_medium_costs_a_backoff_that_counts_whole_idle_slots_only() {
        let mut s = station(1);
        s.wants_to_send(us(50), true, Duration::ZERO, &mut || 0.6);
        s.rest(us(100), DIFS);
        assert_eq!(s.start(), Some(us(100 + 34 + 9 * 9)), "0.6 of 16 is 9");
        // Three slots and two thirds, then the others are busy again, and after an error the space is an EIFS.
        s.freeze(us(100 + 34 + 33), &mut no_dice);
        s.rest(us(400), EIFS);
        assert_eq!(s.start(), Some(us(400 + 94 + 6 * 9)));
    }

    #[test]
    fn who_is_interrupted_in_the_difs_before_an_immediate_access_draws_a_backoff() {
        let mut s = station(1);
        s.wants_to_send(us(50), false, DIFS, &mut no_dice);
        assert_eq!(s.start(), Some(us(84)));
        s.freeze(us(60), &mut || 0.99);
        s.rest(us(200), DIFS);
        assert_eq!(s.start(), Some(us(200 + 34 + 15 * 9)));
    }

    #[test]
    fn after_a_success_a_backoff_follows_although_nothing_waits_and_a_late_packet_does_not_pay_for_it() {
        let mut s = station(1);
        s.succeed(&mut || 0.5);
        s.rest(us(100), DIFS);
        assert_eq!(s.start(), None);
        let over = us(100 + 34 + 8 * 9);
        for (now, start) in [(us(140), over), (us(300), us(300))] {
            let mut s = station(1);
            s.queue.extend(station(1).queue);
            s.succeed(&mut || 0.5);
            s.rest(us(100), DIFS);
            s.wants_to_send(now, false, Duration::ZERO, &mut no_dice);
            assert_eq!(s.start(), Some(start));
        }
    }

    #[test]
    fn each_failure_doubles_the_window_up_to_1023_and_the_last_one_resets_it() {
        let mut s = station(1);
        let mut windows = Vec::new();
        for attempt in 1..=9 {
            let given_up = s.fail(9, &mut no_backoff);
            windows.push(s.window);
            assert_eq!(given_up.is_some(), attempt == 9);
        }
        assert_eq!(windows, [31, 63, 127, 255, 511, 1_023, 1_023, 1_023, 15]);
    }

    fn no_backoff() -> f64 {
        0.0
    }

    #[test]
    fn draws_cover_the_window_and_no_more() {
        assert_eq!([0.0, 0.0624, 0.0626, 0.999_999].map(|dice| draw(15, &mut || dice)), [0, 0, 1, 15]);
    }
}
