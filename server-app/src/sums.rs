//! The digest of a memory, chunk by chunk and in all: kept while cells change, computed for chunks as they arrive, or taken
//! from another server's word and checked later. A chunk is unknown from when it is written by a transfer until it has been
//! scanned.

use crate::digest::{digest_of_pages, of_cell};
use crate::memory::{CHUNK_LEN, Memory, PAGE_LEN, Prior};
use crate::pages::PageSet;

const PAGES_PER_CHUNK: usize = CHUNK_LEN / PAGE_LEN;

/// The sum of each chunk and of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Means something for chunks that are known.
    chunks: Vec<u64>,
    /// Chunks (not pages) whose sum is to be learned from the memory.
    unknown: PageSet,
    /// Those of them that have been written since they were last scanned.
    arrived: PageSet,
    total: u64,
}

impl Sums {
    /// Of a memory of `chunks` chunks that hold nothing but the prior.
    pub fn of_prior(chunks: usize) -> Self {
        let none = PageSet::none(chunks);
        Self { chunks: vec![0; chunks], unknown: none.clone(), arrived: none, total: 0 }
    }

    /// Of what `memory` really holds.
    pub fn scan<M: Memory>(memory: &M) -> Self {
        let mut sums = Self::of_prior(memory.chunks());
        sums.forget();
        sums.scan_rest(memory);
        sums
    }

    /// The cell at `index` changes from `old` to `new`.
    #[inline]
    pub fn change(&mut self, prior: Prior, index: usize, old: u8, new: u8) {
        let was = prior.at(index);
        let difference = of_cell(index, new, was).wrapping_sub(of_cell(index, old, was));
        // What becomes of an unknown chunk's sum does not matter.
        let chunk = &mut self.chunks[index / CHUNK_LEN];
        *chunk = chunk.wrapping_add(difference);
        self.total = self.total.wrapping_add(difference);
    }

    /// The sum of all cells. Means nothing between [`Sums::forget`] and the scan or the claim that follows.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Nothing is known any more, and nothing has arrived.
    pub fn forget(&mut self) {
        self.unknown = PageSet::all(self.chunks.len());
        self.arrived = PageSet::none(self.chunks.len());
    }

    /// Pages were written by a transfer.
    pub fn wrote(&mut self, first_page: usize, pages: usize) {
        let first = first_page / PAGES_PER_CHUNK;
        let count = (first_page + pages).div_ceil(PAGES_PER_CHUNK) - first;
        self.unknown.insert_run(first, count);
        self.arrived.insert_run(first, count);
    }

    /// A transfer left nothing but the prior in this chunk.
    pub fn is_prior(&mut self, chunk: usize) {
        self.learn(chunk, 0);
    }

    /// Scans at most `max` of the chunks that have arrived; returns how many.
    pub fn scan_arrived<M: Memory>(&mut self, memory: &M, max: usize) -> usize {
        let mut scanned = 0;
        while let Some(chunk) = self.arrived.next_from(0).filter(|_| scanned < max) {
            self.learn(chunk, of_chunk(memory, chunk));
            scanned += 1;
        }
        scanned
    }

    /// Scans every chunk that is unknown; from here on the total is that of the memory.
    pub fn scan_rest<M: Memory>(&mut self, memory: &M) {
        let mut from = 0;
        while let Some(chunk) = self.unknown.next_from(from) {
            self.learn(chunk, of_chunk(memory, chunk));
            from = chunk + 1;
        }
        self.total = self.sum_of_chunks();
    }

    /// The total is `total` by another's word; no chunk is known.
    pub fn claim(&mut self, total: u64) {
        self.forget();
        self.total = total;
    }

    /// Whether the `chunk`-th chunk of `memory` is what was kept. An unknown one is learned; with the last of them it shows
    /// whether the total is right.
    pub fn check<M: Memory>(&mut self, memory: &M, chunk: usize) -> bool {
        let really = of_chunk(memory, chunk);
        if !self.unknown.contains(chunk) {
            return self.chunks.get(chunk) == Some(&really);
        }
        self.learn(chunk, really);
        !self.unknown.is_empty() || self.sum_of_chunks() == self.total
    }

    /// The sum of all pages of `memory` that are not `missing`; those are not read.
    pub fn without<M: Memory>(&self, memory: &M, missing: &PageSet) -> u64 {
        let here = |chunk: usize| -> u64 {
            let pages = pages_of_chunk(memory, chunk);
            let whole = missing.next_from(pages.start).is_none_or(|page| page >= pages.end);
            if whole && !self.unknown.contains(chunk) {
                return self.chunks[chunk];
            }
            of_pages(memory, pages.filter(|&page| !missing.contains(page)))
        };
        (0..self.chunks.len()).map(here).fold(0, u64::wrapping_add)
    }

    fn learn(&mut self, chunk: usize, sum: u64) {
        self.chunks[chunk] = sum;
        self.unknown.remove(chunk);
        self.arrived.remove(chunk);
    }

    fn sum_of_chunks(&self) -> u64 {
        self.chunks.iter().fold(0, |sum: u64, &chunk| sum.wrapping_add(chunk))
    }
}

fn pages_of_chunk<M: Memory>(memory: &M, chunk: usize) -> std::ops::Range<usize> {
    let first = chunk * PAGES_PER_CHUNK;
    first..first + memory.chunk_len(chunk).div_ceil(PAGE_LEN)
}

fn of_chunk<M: Memory>(memory: &M, chunk: usize) -> u64 {
    if memory.is_prior(chunk) { 0 } else { of_pages(memory, pages_of_chunk(memory, chunk)) }
}

fn of_pages<M: Memory>(memory: &M, pages: impl Iterator<Item = usize>) -> u64 {
    pages
        .filter_map(|page| Some(digest_of_pages(memory.prior(), page, memory.page(page)?)))
        .fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SparseMemory;
    use proptest::prelude::*;

    const LEN: usize = 2 * CHUNK_LEN + PAGE_LEN + 77;

    /// A memory with a cell changed in every chunk.
    fn memory() -> SparseMemory {
        let mut memory = SparseMemory::new(LEN, Prior::FloorPlan);
        (0..LEN).step_by(PAGE_LEN).for_each(|index| memory.set(index, 1));
        memory
    }

    #[test]
    fn a_cell_that_leaves_its_prior_and_comes_back_leaves_no_trace() {
        let mut sums = Sums::of_prior(3);
        let prior = Prior::FloorPlan;
        sums.change(prior, 70_000, prior.at(70_000), 5);
        assert_ne!(sums, Sums::of_prior(3));
        sums.change(prior, 70_000, 5, prior.at(70_000));
        assert_eq!(sums, Sums::of_prior(3));
    }

    #[test]
    fn chunks_are_scanned_as_they_arrive_and_again_if_they_are_written_again() {
        let memory = memory();
        let mut sums = Sums::of_prior(3);
        sums.forget();
        assert_eq!(sums.scan_arrived(&memory, 9), 0, "nothing has arrived");
        sums.wrote(15, 2);
        assert_eq!([sums.scan_arrived(&memory, 1), sums.scan_arrived(&memory, 9)], [1, 1]);
        sums.wrote(0, 1);
        assert_eq!(sums.unknown.runs().collect::<Vec<_>>(), [(0, 1), (2, 1)]);
        sums.scan_rest(&memory);
        assert_eq!(sums, Sums::scan(&memory));
    }

    #[test]
    fn a_claimed_total_is_kept_and_held_against_the_chunks_when_the_last_is_learned() {
        let mut memory = memory();
        let right = Sums::scan(&memory).total();
        for (claimed, verdict) in [(right, true), (right ^ 1, false)] {
            let mut sums = Sums::of_prior(3);
            sums.claim(claimed);
            assert!(
                sums.check(&memory, 1) && sums.check(&memory, 0),
                "there is nothing to hold them against"
            );
            for index in [5, CHUNK_LEN + 5, 2 * CHUNK_LEN + 5] {
                let old = memory.get(index);
                memory.set(index, old ^ 4);
                sums.change(Prior::FloorPlan, index, old, old ^ 4);
            }
            assert_eq!(sums.check(&memory, 2), verdict);
            assert!(sums.check(&memory, 0) && sums.check(&memory, 2), "from now on chunk by chunk");
            (0..3).for_each(|chunk| {
                memory.set(chunk * CHUNK_LEN + 5, Prior::FloorPlan.at(chunk * CHUNK_LEN + 5))
            });
        }
    }

    proptest! {
        #[test]
        fn keeping_the_sum_is_the_same_as_scanning_for_it(
            changes in proptest::collection::vec((0..LEN, any::<u8>()), 0..200),
            known in any::<bool>(),
        ) {
            let prior = if known { Prior::FloorPlan } else { Prior::Unknown };
            let mut memory = SparseMemory::new(LEN, prior);
            let mut sums = Sums::of_prior(memory.chunks());
            for (index, value) in changes {
                sums.change(prior, index, memory.get(index), value);
                memory.set(index, value);
            }
            prop_assert_eq!(&Sums::scan(&memory), &sums);
            prop_assert!((0..memory.chunks()).all(|chunk| sums.check(&memory, chunk)));
        }

        #[test]
        fn what_is_missing_and_what_is_not_add_up(
            gaps in proptest::collection::vec((0..LEN.div_ceil(PAGE_LEN), 1_usize..20), 0..5),
            scanned in any::<bool>(),
        ) {
            let memory = memory();
            let mut missing = PageSet::none(memory.pages());
            gaps.into_iter().for_each(|(first, count)| missing.insert_run(first, count));
            let mut sums = Sums::scan(&memory);
            let total = sums.total();
            if !scanned {
                sums.forget();
            }
            let absent = of_pages(&memory, missing.runs().flat_map(|(first, count)| first..first + count));
            prop_assert_eq!(sums.without(&memory, &missing).wrapping_add(absent), total);
        }
    }
}
