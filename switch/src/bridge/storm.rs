//! The storm limit: how many frames to everybody a port may send. A token bucket of one second's worth, so that a burst of a
//! new network's ARP goes through and a loop does not.

use zerogap_proto::Instant;

const SECOND_NS: u64 = 1_000_000_000;

/// One port's bucket.
#[derive(Clone, Debug)]
pub struct StormLimit {
    frames_per_s: u64,
    /// Tokens times a second.
    level: u64,
    last: Instant,
}

impl StormLimit {
    /// So many frames a second; 0 is no limit.
    pub fn new(frames_per_s: u32) -> Self {
        let frames_per_s = u64::from(frames_per_s);
        Self { frames_per_s, level: frames_per_s * SECOND_NS, last: Instant::ZERO }
    }

    /// Whether one more may pass now.
    pub fn admits(&mut self, now: Instant) -> bool {
        if self.frames_per_s == 0 {
            return true;
        }
        let passed_ns = now.since(self.last).as_nanos().min(SECOND_NS);
        self.last = self.last.max(now);
        self.level = (self.level + passed_ns * self.frames_per_s).min(self.frames_per_s * SECOND_NS);
        let admitted = self.level >= SECOND_NS;
        if admitted {
            self.level -= SECOND_NS;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zerogap_proto::Duration;

    #[test]
    fn a_seconds_worth_goes_at_once_and_then_as_many_as_the_limit_says() {
        let mut limit = StormLimit::new(10);
        let at = |ms: u64| Instant::ZERO + Duration::from_millis(ms);
        let admitted = |limit: &mut StormLimit, ms| (0..100).filter(|_| limit.admits(at(ms))).count();
        assert_eq!(admitted(&mut limit, 0), 10);
        assert_eq!(admitted(&mut limit, 99), 0);
        assert_eq!(admitted(&mut limit, 100), 1);
        assert_eq!(admitted(&mut limit, 60_000), 10, "a long silence saves up no more than a second");
    }

    #[test]
    fn zero_is_no_limit() {
        let mut limit = StormLimit::new(0);
        assert!((0..1_000_000).all(|_| limit.admits(Instant::ZERO)));
    }

    proptest! {
        #[test]
        fn in_no_span_do_more_pass_than_the_limit_and_a_burst(
            frames_per_s in 1_u32..100_000,
            gaps_ns in proptest::collection::vec(0_u64..50_000_000, 1..300),
        ) {
            let mut limit = StormLimit::new(frames_per_s);
            let (mut now, mut passed) = (Instant::ZERO, 0_u128);
            for gap_ns in gaps_ns {
                now += Duration::from_nanos(gap_ns);
                passed += u128::from(limit.admits(now));
                let most = u128::from(frames_per_s) * u128::from(now.as_nanos() + SECOND_NS);
                prop_assert!(passed * u128::from(SECOND_NS) <= most);
            }
        }
    }
}
