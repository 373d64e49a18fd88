//! Which orders were given lately, so that an order is repeated only when it has had time to show its effect. Soft: when
//! this is lost, an order is given once more, and all orders may be repeated.

use std::collections::VecDeque;
use zerogap_proto::{Control, Duration, Instant, NodeId};

/// Orders that are remembered; the oldest makes room and may then be repeated early.
const REMEMBERED: usize = 64;

#[derive(Debug)]
pub(super) struct Repeats {
    interval: Duration,
    given: VecDeque<(Instant, NodeId, Control)>,
}

impl Repeats {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, given: VecDeque::new() }
    }

    /// Whether this order may be given now; if so it counts as given. Otherwise from when on it may be.
    pub(super) fn give(&mut self, now: Instant, to: NodeId, order: &Control) -> Result<(), Instant> {
        let interval = self.interval;
        self.given.retain(|(at, ..)| *at + interval > now);
        if let Some((at, ..)) = self.given.iter().find(|(_, whom, what)| *whom == to && what == order) {
            return Err(*at + interval);
        }
        if self.given.len() == REMEMBERED {
            self.given.pop_front();
        }
        self.given.push_back((now, to, order.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::fixture::at;

    #[test]
    fn the_same_order_is_given_again_only_after_the_interval() {
        let mut repeats = Repeats::new(Duration::from_millis(100));
        let (one, other) = (Control::Barrier(1), Control::Barrier(2));
        assert_eq!(repeats.give(at(0), NodeId(1), &one), Ok(()));
        assert_eq!(repeats.give(at(99), NodeId(1), &one), Err(at(100)));
        assert_eq!(repeats.give(at(99), NodeId(1), &other), Ok(()), "another order");
        assert_eq!(repeats.give(at(99), NodeId(2), &one), Ok(()), "to somebody else");
        assert_eq!(repeats.give(at(100), NodeId(1), &one), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut repeats = Repeats::new(Duration::from_secs(1));
        for n in 0..1_000 {
            assert_eq!(repeats.give(at(0), NodeId(1), &Control::Barrier(n)), Ok(()));
        }
        assert_eq!(repeats.given.len(), REMEMBERED);
    }
}
