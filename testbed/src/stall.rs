//! The stall meter: on each core in use a thread that only sleeps and looks at the clock. When it was not run for much
//! longer than it slept, nobody on that core was; requests late at that time are the machine's doing, not the scheme's.

use crate::place::Placement;
use crate::sys::clock::Clock;
use anyhow::{Context as _, Result};
use nix::sys::prctl;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use zerogap_proto::{Duration, Instant};

const NAP: Duration = Duration::from_millis(1);
/// From one look to the next: the nap and as much again.
const STALL_MIN: Duration = Duration::from_millis(2);
/// Stalls that one core lists; the longest is known beyond that.
const LISTED_MAX: usize = 10_000;

/// A time in which a core did not run its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// The core; `None` if the thread was not pinned.
    pub core: Option<usize>,
    /// When the thread was last seen running.
    pub start: Instant,
    /// How long until it ran again.
    pub length: Duration,
}

/// What the meter saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stalls {
    /// By start.
    pub stalls: Vec<Stall>,
    /// The longest of all.
    pub max: Duration,
    /// Stalls that found no room in the list.
    pub unlisted: u64,
}

/// The running meter. Dropping it ends its threads.
#[derive(Debug)]
pub struct StallMeter {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Stalls>>,
}

impl StallMeter {
    /// Starts a thread on each core of the placement, or a single one anywhere if it names none.
    ///
    /// # Errors
    /// A thread cannot be started, or not on its core.
    pub fn start(placement: &Placement, clock: Clock) -> Result<Self> {
        let mut meter = Self { stop: Arc::new(AtomicBool::new(false)), threads: Vec::new() };
        let cores: Vec<_> = match placement.cores() {
            none if none.is_empty() => vec![None],
            cores => cores.into_iter().map(Some).collect(),
        };
        for core in cores {
            let stop = Arc::clone(&meter.stop);
            let watch = move || {
                let pinned = Placement { request_core: core, ..Placement::of_cores(&[]) };
                // The core was checked below; a thread that is elsewhere still sees stalls of the whole machine.
                let _ = pinned.enter(crate::place::Work::Request);
                let _ = prctl::set_timerslack(1);
                watch(core, clock, &stop)
            };
            let thread = thread::Builder::new().name("zg-stall".to_string()).spawn(watch);
            meter.threads.push(thread.context("the stall meter cannot be started")?);
        }
        Ok(meter)
    }

    /// Ends the meter and tells what it saw.
    pub fn stop(mut self) -> Stalls {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Stalls::default();
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing to tell.
            let Ok(seen) = thread.join() else { continue };
            all.stalls.extend(seen.stalls);
            all.max = all.max.max(seen.max);
            all.unlisted += seen.unlisted;
        }
        all.stalls.sort_by_key(|stall| (stall.start, stall.core));
        all
    }
}

impl Drop for StallMeter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Stalls {
    /// Looks at one gap between two looks at the clock.
    fn look(&mut self, core: Option<usize>, before: Instant, now: Instant) {
        let length = now.since(before);
        if length <= STALL_MIN {
            return;
        }
        self.max = self.max.max(length);
        if self.stalls.len() < LISTED_MAX {
            self.stalls.push(Stall { core, start: before, length });
        } else {
            self.unlisted += 1;
        }
    }
}

fn watch(core: Option<usize>, clock: Clock, stop: &AtomicBool) -> Stalls {
    let mut seen = Stalls::default();
    let mut before = clock.now();
    while !stop.load(Ordering::Relaxed) {
        clock.sleep_until(before + NAP);
        let now = clock.now();
        seen.look(core, before, now);
        before = now;
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn only_gaps_beyond_the_nap_and_as_much_again_are_stalls() {
        let mut seen = Stalls::default();
        seen.look(Some(1), ms(10), ms(12));
        assert_eq!(seen, Stalls::default());
        seen.look(Some(1), ms(12), ms(20));
        let stall = Stall { core: Some(1), start: ms(12), length: Duration::from_millis(8) };
        assert_eq!(seen, Stalls { stalls: vec![stall], max: stall.length, unlisted: 0 });
    }

    #[test]
    fn the_list_is_bounded_and_the_longest_is_known_all_the_same() {
        let mut seen = Stalls::default();
        for _ in 0..LISTED_MAX {
            seen.look(None, ms(0), ms(3));
        }
        seen.look(None, ms(0), ms(50));
        assert_eq!((seen.stalls.len(), seen.unlisted, seen.max), (LISTED_MAX, 1, Duration::from_millis(50)));
    }

    #[test]
    fn a_meter_that_is_stopped_gives_its_stalls_in_order() {
        let clock = Clock::starting_now();
        let meter = StallMeter::start(&Placement::of_this_machine().unwrap(), clock).unwrap();
        clock.sleep_until(clock.now() + Duration::from_millis(20));
        let seen = meter.stop();
        assert!(seen.stalls.is_sorted_by_key(|stall| stall.start));
        assert!(seen.stalls.iter().all(|stall| stall.length > STALL_MIN && stall.length <= seen.max));
    }
}
