//! How much of something came along, in all and in its busiest second. What links and controllers are measured by when there
//! is too much of it to keep.

use zerogap_proto::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// A count over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    total: u64,
    busiest: u64,
    in_second: u64,
    second_ends: Instant,
}

impl Load {
    /// Counts `amount` more. Time does not go back.
    #[inline]
    pub fn add(&mut self, now: Instant, amount: u64) {
        if now >= self.second_ends {
            self.busiest = self.busiest.max(self.in_second);
            self.in_second = 0;
            let second = now.as_nanos() / SECOND.as_nanos();
            self.second_ends = Instant::ZERO + SECOND.times(second + 1);
        }
        self.in_second += amount;
        self.total += amount;
    }

    /// All of it.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The most of it from one full second to the next.
    pub fn busiest(&self) -> u64 {
        self.busiest.max(self.in_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_is_told_from_the_sum() {
        let mut load = Load::default();
        for (ms, amount) in [(0, 1), (999, 2), (1_000, 2), (5_500, 4), (6_000, 3)] {
            load.add(Instant::ZERO + Duration::from_millis(ms), amount);
        }
        assert_eq!((load.total(), load.busiest()), (12, 4));
    }
}
