//! The tables that all workers go by, swapped in as a whole: a frame is handled wholly by the old ones or wholly by the new, and a
//! barrier says when nobody goes by the old ones any more. Nobody who handles frames waits for who changes them.

use crate::table::{Bundle, BundleError, Tables};
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zerogap_proto::Instant;

/// In the place of a generation: the worker handles no frame.
const IDLE: u64 = u64::MAX;

/// The tables, and who goes by which.
pub(super) struct Rules {
    current: RwLock<Arc<Tables>>,
    generation: AtomicU64,
    /// What each worker goes by right now.
    in_use: Vec<InUse>,
}

/// Written by its worker twice a frame, so it has cache lines of its own (two: they are fetched in pairs).
#[repr(align(128))]
struct InUse(AtomicU64);

/// One worker's hold on the tables.
pub(super) struct Hold {
    worker: usize,
    tables: Arc<Tables>,
}

impl Rules {
    pub(super) fn new(tables: Tables, workers: usize) -> Self {
        Self {
            generation: AtomicU64::new(tables.generation()),
            current: RwLock::new(Arc::new(tables)),
            in_use: (0..workers).map(|_| InUse(AtomicU64::new(IDLE))).collect(),
        }
    }

    /// The tables as they are.
    pub(super) fn tables(&self) -> Arc<Tables> {
        Arc::clone(&self.current.read())
    }

    pub(super) fn hold(&self, worker: usize) -> Hold {
        Hold { worker, tables: self.tables() }
    }

    /// Makes all changes of a bundle, or none. Returns the tables that came of it; frames that a worker takes from now on go by them.
    pub(super) fn change(&self, now: Instant, bundle: &Bundle) -> Result<Arc<Tables>, BundleError> {
        let mut current = self.current.write();
        let next = Arc::new(current.with(now, bundle)?);
        *current = Arc::clone(&next);
        self.generation.store(next.generation(), Ordering::SeqCst);
        Ok(next)
    }

    /// Whether no worker is still at a frame by older tables than these.
    pub(super) fn is_passed(&self, generation: u64) -> bool {
        self.in_use.iter().all(|InUse(in_use)| in_use.load(Ordering::SeqCst) >= generation)
    }
}

impl Hold {
    /// The tables for the frame that the worker is about to handle; it holds on to them until [`Hold::release`].
    #[inline]
    pub(super) fn take(&mut self, rules: &Rules) -> &Tables {
        let InUse(in_use) = &rules.in_use[self.worker];
        in_use.store(self.tables.generation(), Ordering::SeqCst);
        // Said first and looked at then: whoever changes the tables either sees this worker at the old ones, or is seen.
        while rules.generation.load(Ordering::SeqCst) != self.tables.generation() {
            self.tables = rules.tables();
            in_use.store(self.tables.generation(), Ordering::SeqCst);
        }
        &self.tables
    }

    /// The frame is done with.
    #[inline]
    pub(super) fn release(&self, rules: &Rules) {
        rules.in_use[self.worker].0.store(IDLE, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_passed_when_who_was_at_a_frame_by_the_old_tables_is_done() {
        let rules = Rules::new(Tables::default(), 2);
        let (mut busy, idle) = (rules.hold(0), rules.hold(1));
        let old = busy.take(&rules).generation();
        let new = rules.change(Instant::ZERO, &Bundle::default()).expect("nothing to change").generation();
        assert!(new > old && !rules.is_passed(new), "one is still at a frame by the old ones");
        busy.release(&rules);
        assert!(rules.is_passed(new));
        assert_eq!(busy.take(&rules).generation(), new, "the next frame goes by the new ones");
        assert!(rules.is_passed(new));
        drop(idle);
    }
}
