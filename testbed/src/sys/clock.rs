//! The monotonic clock as [`Instant`]s. CLOCK_MONOTONIC is one clock for all processes and namespaces of a machine, so a
//! run's origin, taken once and handed to every process, makes their instants comparable.

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};
use serde::{Deserialize, Serialize};
use zerogap_proto::{Duration, Instant};

/// The run's clock: nanoseconds of CLOCK_MONOTONIC since its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    origin_ns: u64,
}

impl Clock {
    /// A clock that starts now.
    pub fn starting_now() -> Self {
        Self { origin_ns: monotonic_ns() }
    }

    /// The time since the origin.
    pub fn now(self) -> Instant {
        Instant::from_nanos(monotonic_ns().saturating_sub(self.origin_ns))
    }

    /// How long until `at`; zero if it has passed.
    pub fn until(self, at: Instant) -> Duration {
        at.since(self.now())
    }

    /// Sleeps until `at` has passed, by absolute time: being interrupted or late once does not add up.
    pub fn sleep_until(self, at: Instant) {
        let at = timespec(self.origin_ns.saturating_add(at.as_nanos()));
        while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &at)
            == Err(Errno::EINTR)
        {}
    }
}

/// A duration for `ppoll` and its like.
pub fn timeout(duration: Duration) -> TimeSpec {
    timespec(duration.as_nanos())
}

fn timespec(ns: u64) -> TimeSpec {
    let seconds = i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX);
    TimeSpec::new(seconds, (ns % 1_000_000_000) as i64)
}

fn monotonic_ns() -> u64 {
    // The monotonic clock exists on every Linux; the only error is an unknown clock.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap_or(TimeSpec::new(0, 0));
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_never_ends_before_its_time() {
        let clock = Clock::starting_now();
        let until = clock.now() + Duration::from_millis(2);
        clock.sleep_until(until);
        assert!(clock.now() >= until);
        assert_eq!(clock.until(until), Duration::ZERO);
    }
}
