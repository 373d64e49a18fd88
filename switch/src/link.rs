//! The model of one direction of a link: rate, delay, jitter, queue limit, loss, duplication, reordering. A pure function of
//! time, length and dice; the simulator and the real driver ask it when a frame arrives and then keep their promise.
//!
//! Requests go before bulk: a request waits at most for the bulk segment that is being sent, and pushes the rest back.

use serde::{Deserialize, Serialize};
use zerogap_proto::{DropReason, Duration, Instant};

/// What a link is like. All defaults are those of an ideal, infinitely fast link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinkConfig {
    /// Bits per second; 0 is unlimited.
    pub rate_bps: u64,
    /// Propagation delay.
    pub delay: Duration,
    /// Up to this much more, evenly distributed.
    pub jitter: Duration,
    /// Bytes of requests that may wait for their turn; 0 is unlimited. Bulk is never dropped: its source is held back.
    pub queue_bytes: u64,
    /// Probability that a frame is lost.
    pub loss: f64,
    /// Probability that a frame arrives twice.
    pub duplicate: f64,
    /// Probability that a frame is held back by `reorder_by`.
    pub reorder: f64,
    /// How far a reordered frame is held back.
    pub reorder_by: Duration,
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A service's frames and everything else that is small and urgent.
    Request,
    /// State transfers.
    Bulk,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives then, and perhaps a second time.
    Arrives {
        /// When.
        at: Instant,
        /// When its double arrives.
        again: Option<Instant>,
    },
    /// It does not arrive.
    Dropped(DropReason),
}

/// One direction of a link.
#[derive(Clone, Debug)]
pub struct Link {
    config: LinkConfig,
    up: bool,
    request_free: Instant,
    bulk_free: Instant,
    /// The latest arrival of each class, so that jitter does not reorder.
    latest: [Instant; 2],
}

/// The longest bulk segment that a request may have to wait for.
const SEGMENT_BYTES: u64 = 1_514;

impl Link {
    /// An idle link that is up.
    pub fn new(config: LinkConfig) -> Self {
        Self {
            config,
            up: true,
            request_free: Instant::ZERO,
            bulk_free: Instant::ZERO,
            latest: [Instant::ZERO; 2],
        }
    }

    /// Its configuration.
    pub fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// Takes the link down or up.
    pub fn set_up(&mut self, up: bool) {
        self.up = up;
    }

    /// Offers a frame of `len` bytes. `dice` gives evenly distributed numbers in [0, 1); it is only asked for what the
    /// configuration needs.
    pub fn offer(&mut self, now: Instant, len: usize, class: Class, dice: &mut dyn FnMut() -> f64) -> Fate {
        let LinkConfig { rate_bps, delay, jitter, queue_bytes, loss, duplicate, reorder, reorder_by } =
            self.config;
        if !self.up {
            return Fate::Dropped(DropReason::LinkDown);
        }
        let bounded = queue_bytes > 0 && class == Class::Request;
        if bounded && self.backlog_bytes(now) + len as u64 > queue_bytes {
            return Fate::Dropped(DropReason::QueueFull);
        }
        let mut chance = |probability: f64| probability > 0.0 && dice() < probability;
        let (lost, doubled, held_back) = (chance(loss), chance(duplicate), chance(reorder));
        let sent = self.transmit(now, Duration::of_bytes(len as u64, rate_bps), class);
        if lost {
            return Fate::Dropped(DropReason::LinkLoss);
        }
        let extra = if jitter > Duration::ZERO {
            Duration::from_nanos((jitter.as_nanos() as f64 * dice()) as u64)
        } else {
            Duration::ZERO
        };
        let mut at = sent + delay + extra;
        if held_back {
            at += reorder_by;
        } else {
            // Jitter delays, it does not reorder: only `reorder` does.
            let latest = &mut self.latest[class as usize];
            at = at.max(*latest);
            *latest = at;
        }
        Fate::Arrives { at, again: doubled.then_some(at) }
    }

    /// Says what the other class does on this link, where somebody else offers its frames: bulk is busy until then, and
    /// requests have taken this much more time from it.
    pub fn share(&mut self, bulk_free: Instant, taken_by_requests: Duration) {
        self.bulk_free = self.bulk_free.max(bulk_free) + taken_by_requests;
    }

    /// When bulk data that is offered now would have left: what backpressure is computed from.
    pub fn bulk_free_at(&self) -> Instant {
        self.bulk_free
    }

    fn transmit(&mut self, now: Instant, takes: Duration, class: Class) -> Instant {
        match class {
            Class::Request => {
                let segment = Duration::of_bytes(SEGMENT_BYTES, self.config.rate_bps);
                let in_the_way = self.bulk_free.since(now).min(segment);
                let start = self.request_free.max(now + in_the_way);
                self.request_free = start + takes;
                if self.bulk_free > now {
                    self.bulk_free += takes;
                }
                self.request_free
            }
            Class::Bulk => {
                self.bulk_free = self.bulk_free.max(self.request_free).max(now) + takes;
                self.bulk_free
            }
        }
    }

    fn backlog_bytes(&self, now: Instant) -> u64 {
        let waits = self.request_free.since(now);
        (u128::from(waits.as_nanos()) * u128::from(self.config.rate_bps) / 8_000_000_000) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIGABIT: LinkConfig = LinkConfig {
        rate_bps: 1_000_000_000,
        delay: Duration::from_nanos(200),
        jitter: Duration::ZERO,
        queue_bytes: 0,
        loss: 0.0,
        duplicate: 0.0,
        reorder: 0.0,
        reorder_by: Duration::ZERO,
    };

    fn offer(link: &mut Link, now_ns: u64, len: usize, class: Class) -> Fate {
        link.offer(Instant::from_nanos(now_ns), len, class, &mut || unreachable!("nothing is random here"))
    }

    fn arrives(ns: u64) -> Fate {
        Fate::Arrives { at: Instant::from_nanos(ns), again: None }
    }

    #[test]
    fn a_frame_takes_its_time_and_the_next_waits_for_it() {
        let mut link = Link::new(GIGABIT);
        assert_eq!(offer(&mut link, 0, 1_250, Class::Request), arrives(10_200));
        assert_eq!(offer(&mut link, 0, 1_250, Class::Request), arrives(20_200));
        assert_eq!(offer(&mut link, 90_000, 125, Class::Request), arrives(91_200));
    }

    #[test]
    fn a_request_waits_for_one_bulk_segment_at_the_most_and_pushes_the_rest_back() {
        let mut link = Link::new(GIGABIT);
        offer(&mut link, 0, 125_000, Class::Bulk);
        assert_eq!(offer(&mut link, 0, 125, Class::Request), arrives(12_112 + 1_000 + 200));
        assert_eq!(link.bulk_free_at(), Instant::from_nanos(1_001_000));
    }

    #[test]
    fn a_full_queue_and_a_link_that_is_down_drop() {
        let mut link = Link::new(LinkConfig { queue_bytes: 2_000, ..GIGABIT });
        offer(&mut link, 0, 1_500, Class::Request);
        assert_eq!(offer(&mut link, 0, 1_500, Class::Request), Fate::Dropped(DropReason::QueueFull));
        link.set_up(false);
        assert_eq!(offer(&mut link, 99_999, 10, Class::Request), Fate::Dropped(DropReason::LinkDown));
    }

    #[test]
    fn dice_decide_loss_and_doubles() {
        let config = LinkConfig { loss: 0.5, duplicate: 0.5, ..GIGABIT };
        let fate = |dice: [f64; 2]| {
            let mut dice = dice.into_iter();
            Link::new(config)
                .offer(Instant::ZERO, 125, Class::Request, &mut || dice.next().expect("two throws"))
        };
        assert_eq!(fate([0.4, 0.9]), Fate::Dropped(DropReason::LinkLoss));
        let at = Instant::from_nanos(1_200);
        assert_eq!(fate([0.6, 0.4]), Fate::Arrives { at, again: Some(at) });
    }

    proptest! {
        #[test]
        fn without_reordering_frames_of_a_class_arrive_in_order(
            frames in proptest::collection::vec((0_u64..50_000, 60_usize..1_500, any::<bool>()), 1..60),
            jitter_ns in 0_u64..100_000,
        ) {
            let mut link = Link::new(LinkConfig { jitter: Duration::from_nanos(jitter_ns), ..GIGABIT });
            let (mut now, mut last) = (0, [Instant::ZERO; 2]);
            for (i, (gap, len, bulk)) in frames.into_iter().enumerate() {
                now += gap;
                let class = if bulk { Class::Bulk } else { Class::Request };
                let fate = link.offer(Instant::from_nanos(now), len, class, &mut || (i as f64 * 0.37).fract());
                let Fate::Arrives { at, .. } = fate else { panic!("nothing drops here") };
                prop_assert!(at >= last[usize::from(bulk)]);
                last[usize::from(bulk)] = at;
            }
        }
    }
}
