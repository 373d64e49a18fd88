//! The services' timers: one thread that sleeps until the earliest deadline and is woken when an earlier one is set. While frames
//! come it looks again at least as often as a deadline could end, so no worker has to wake it: only the first request after a
//! pause does.

use super::exits::Exits;
use super::{Shared, clock, services};
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicU64, Ordering};
use zerogap_proto::Instant;

/// How often it looks again after the last request before it sleeps for good.
const LOOKS: u32 = 200;
const NEVER: u64 = u64::MAX;

/// The bell of the thread.
#[derive(Debug)]
pub(super) struct Alarm {
    /// In nanoseconds: no deadline that is known is earlier. Only moved later by the thread, before it looks at the services.
    earliest_ns: AtomicU64,
    lock: Mutex<()>,
    bell: Condvar,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { earliest_ns: AtomicU64::new(NEVER), lock: Mutex::new(()), bell: Condvar::new() }
    }
}

impl Alarm {
    /// The thread is to look at `at` at the latest. Costs one read unless that is earlier than it would have.
    #[inline]
    pub(super) fn set(&self, at: Instant) {
        let at_ns = at.as_nanos();
        if at_ns < self.earliest_ns.load(Ordering::Acquire)
            && at_ns < self.earliest_ns.fetch_min(at_ns, Ordering::AcqRel)
        {
            self.ring();
        }
    }

    /// Wakes the thread.
    pub(super) fn ring(&self) {
        let _held = self.lock.lock();
        self.bell.notify_one();
    }

    fn wait(&self, shared: &Shared) {
        let mut held = self.lock.lock();
        while !shared.ending.load(Ordering::SeqCst) {
            let until_ns = self.earliest_ns.load(Ordering::Acquire);
            let left_ns = until_ns.saturating_sub(clock::exactly().as_nanos());
            if left_ns == 0 {
                return;
            }
            if until_ns == NEVER {
                self.bell.wait(&mut held);
            } else {
                self.bell.wait_for(&mut held, std::time::Duration::from_nanos(left_ns));
            }
        }
    }
}

/// Until the switch ends.
pub(super) fn run(shared: &Shared) {
    let (Some(books), Some(patience)) = (shared.books.last(), shared.services.patience()) else { return };
    let (mut exits, mut looks, mut before) = (Exits::default(), 0_u32, 0);
    while !shared.ending.load(Ordering::SeqCst) {
        // A deadline that is set from here on is seen below, or is earlier than this and rings.
        shared.alarm.earliest_ns.store(NEVER, Ordering::Release);
        let now = clock::exactly();
        let mut requests = 0;
        for (id, slot) in shared.services.all() {
            if slot.anchor.lock().deadline().is_some_and(|at| at <= now) {
                services::send_late(shared, books, &mut exits, slot, *id);
            }
            let anchor = slot.anchor.lock();
            requests += anchor.service().head().0;
            if let Some(at) = anchor.deadline() {
                shared.alarm.set(at);
            }
        }
        looks = if requests == before { looks.saturating_sub(1) } else { LOOKS };
        before = requests;
        if looks > 0 {
            shared.alarm.set(now + patience);
        }
        shared.alarm.wait(shared);
    }
}
