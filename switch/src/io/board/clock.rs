//! The time that workers go by.

use nix::time::{ClockId, clock_gettime};
use zerogap_proto::{Duration, Instant};

/// To a few milliseconds, which is all that limits need; a tenth of the price of the exact time.
pub(super) fn roughly() -> Instant {
    read(ClockId::CLOCK_MONOTONIC_COARSE)
}

/// To the nanosecond.
pub(super) fn exactly() -> Instant {
    read(ClockId::CLOCK_MONOTONIC)
}

/// Whole seconds.
pub(super) fn seconds(now: Instant) -> u32 {
    (now.as_nanos() / 1_000_000_000) as u32
}

fn read(clock: ClockId) -> Instant {
    // Every Linux has both clocks.
    let Ok(time) = clock_gettime(clock) else { return Instant::ZERO };
    Instant::ZERO + Duration::from_secs(time.tv_sec() as u64) + Duration::from_nanos(time.tv_nsec() as u64)
}
