//! How the app becomes another one: its memory is written by a transfer, page by page, and scanned now or later; then it takes
//! over what the other believed.

use super::{App, Belief};
use crate::memory::{CHUNK_LEN, Memory, PAGE_LEN, Prior};
use crate::pages::PageSet;
use crate::sums::Sums;

/// Where the digest of a memory that is taken over comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// From a scan of all of it.
    All,
    /// From scans of each part as it arrived, and one of the rest.
    Rest,
    /// Somebody's word. The scrub's first round, once the memory is complete, tells whether it is true.
    Later(u64),
}

impl<M: Memory> App<M> {
    /// Takes over what another app believed, and what the memory holds.
    pub fn adopt(&mut self, belief: Belief, scan: Scan) {
        match scan {
            Scan::All => self.sums = Sums::scan(&self.memory),
            Scan::Rest => self.sums.scan_rest(&self.memory),
            Scan::Later(claimed) => self.sums.claim(claimed),
        }
        self.belief = belief;
        self.next_scrub = 0;
    }

    /// The memory. The digest does not notice what is done to it.
    pub(crate) const fn memory_mut(&mut self) -> &mut M {
        &mut self.memory
    }

    /// The memory is about to be overwritten by a transfer. Where untouched pages cost nothing they cost nothing again;
    /// otherwise nothing is cleared, as all will be written.
    pub(crate) fn expect_transfer(&mut self) {
        match self.memory.prior() {
            Prior::Unknown => {
                self.memory.clear(0, self.memory.pages());
                self.sums = Sums::of_prior(self.memory.chunks());
            }
            Prior::FloorPlan => self.sums.forget(),
        }
    }

    /// Nothing of what is known of the memory's digest holds any more.
    pub(crate) fn forget_sums(&mut self) {
        self.sums.forget();
    }

    /// Pages of a transfer.
    pub(crate) fn write_pages(&mut self, first: usize, bytes: &[u8]) {
        self.memory.write(first * PAGE_LEN, bytes);
        self.sums.wrote(first, bytes.len().div_ceil(PAGE_LEN));
    }

    /// Pages of zeros of a transfer.
    pub(crate) fn clear_pages(&mut self, first: usize, count: usize) {
        const PAGES: usize = CHUNK_LEN / PAGE_LEN;
        self.memory.clear(first, count);
        self.sums.wrote(first, count);
        if self.memory.prior() == Prior::Unknown {
            let (from, to) = (first.div_ceil(PAGES), (first + count) / PAGES);
            (from..to).for_each(|chunk| self.sums.is_prior(chunk));
        }
    }

    /// Scans at most `max` of the chunks that a transfer has written; returns how many.
    pub(crate) fn scan_arrived(&mut self, max: usize) -> usize {
        self.sums.scan_arrived(&self.memory, max)
    }

    /// Digest of the memory without the pages that are `missing`.
    pub(crate) fn digest_without(&self, missing: &PageSet) -> u64 {
        self.sums.without(&self.memory, missing)
    }
}
