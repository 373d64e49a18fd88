//! How long a reader waits for an answer before it sends the request again: never less than configured, and more for a server whose
//! answers have taken longer, or else a busy machine would be given every request twice. The estimator is that of RFC 6298 (α = 1/8,
//! β = 1/4, K = 4), with one difference: what comes within the configured time counts as just that. So where a
//! server is idle the wait is what the configuration promises, whatever its answers' times vary by.

use zerogap_proto::Duration;

/// Doublings of the configured time, by waiting or by backing off, at the most.
const DOUBLINGS_MAX: u32 = 6;

/// A reader's patience with its server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    /// By how much answers take longer than the configured time.
    excess: Duration,
    /// How far single ones are from that.
    variation: Duration,
}

impl Patience {
    /// An answer took so long. Only for one that is known to be to the first sending (Karn's rule).
    pub(super) fn note(&mut self, took: Duration, least: Duration) {
        let excess = took.min(longest(least)) - least;
        let distance = (excess - self.excess) + (self.excess - excess);
        self.variation = weighed(self.variation, 3, distance);
        self.excess = weighed(self.excess, 7, excess);
    }

    /// How long to wait for an answer after this many repeats.
    pub(super) fn wait(&self, least: Duration, repeats: u32) -> Duration {
        let first = least + self.excess + self.variation.times(4);
        first.times(1 << repeats.min(DOUBLINGS_MAX)).min(longest(least))
    }
}

const fn longest(least: Duration) -> Duration {
    least.times(1 << DOUBLINGS_MAX)
}

/// The mean of `weight` times the old value and once the new one.
fn weighed(old: Duration, weight: u64, new: Duration) -> Duration {
    Duration::from_nanos((old.times(weight) + new).as_nanos() / (weight + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEAST: Duration = Duration::from_millis(2);

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn answers_within_the_configured_time_leave_it_as_it_is_however_they_vary() {
        let mut patience = Patience::default();
        (0..100)
            .for_each(|n| patience.note(Duration::from_micros(if n % 2 == 0 { 20 } else { 1_900 }), LEAST));
        assert_eq!(patience.wait(LEAST, 0), LEAST);
    }

    #[test]
    fn slow_answers_are_waited_for_and_quick_ones_bring_the_configured_time_back() {
        let mut patience = Patience::default();
        (0..50).for_each(|_| patience.note(ms(5), LEAST));
        assert!((ms(5)..ms(6)).contains(&patience.wait(LEAST, 0)), "{}", patience.wait(LEAST, 0));
        (0..40).for_each(|_| patience.note(ms(1), LEAST));
        assert!(patience.wait(LEAST, 0) < ms(3), "{}", patience.wait(LEAST, 0));
        (0..200).for_each(|_| patience.note(ms(1), LEAST));
        assert_eq!(patience.wait(LEAST, 0), LEAST);
    }

    #[test]
    fn every_repeat_doubles_the_wait() {
        let waits = [0, 1, 2, 6, 7].map(|repeats| Patience::default().wait(LEAST, repeats));
        assert_eq!(waits, [ms(2), ms(4), ms(8), ms(128), ms(128)]);
    }

    proptest! {
        #[test]
        fn whatever_is_measured_the_wait_is_the_configured_time_to_64_times_that(
            took in proptest::collection::vec(any::<u64>(), 0..50),
            repeats: u32,
        ) {
            let mut patience = Patience::default();
            took.into_iter().for_each(|ns| patience.note(Duration::from_nanos(ns), LEAST));
            prop_assert!((LEAST..=LEAST.times(64)).contains(&patience.wait(LEAST, repeats)));
        }
    }
}
