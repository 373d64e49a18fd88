//! The digest of a state: the sum, over all cells that differ from their prior, of a hash of position and value. A sum can
//! be kept up to date for what changes and recomputed from memory for what exists; both must agree. It finds faults, it
//! does not resist an attacker.

use crate::memory::{BLOCK_LEN, CHUNK_LEN, Memory, PAGE_LEN, Prior, is_all};

/// The odd constant of SplitMix64, 2^64 divided by the golden ratio.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64 (G. Steele et al., *Fast splittable pseudorandom number generators*, 2014). One-to-one;
/// only 0 becomes 0.
#[inline]
pub const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// What one cell adds to the sum: nothing while it holds its prior. Two values of one cell never add the same, so a
/// single changed cell always shows.
#[inline]
pub const fn of_cell(index: usize, value: u8, prior: u8) -> u64 {
    if value == prior { 0 } else { mix(GAMMA.wrapping_add((index as u64) << 8 | value as u64)) }
}

/// A hash of several words in their order.
#[derive(Clone, Copy, Debug)]
pub struct Chain(u64);

impl Chain {
    /// Of no words. `domain` keeps hashes of different things apart.
    pub const fn new(domain: u64) -> Self {
        Self(mix(domain.wrapping_add(GAMMA)))
    }

    /// With one more word.
    pub const fn with(self, word: u64) -> Self {
        Self(mix(self.0.wrapping_add(GAMMA) ^ word))
    }

    /// With one more number, whatever its sign.
    pub const fn with_signed(self, word: i32) -> Self {
        self.with(word as i64 as u64)
    }

    /// The hash.
    pub const fn finish(self) -> u64 {
        self.0
    }
}

/// The sum of each chunk and of all, kept up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    chunks: Vec<u64>,
    total: u64,
}

impl Sums {
    /// Of a memory of `chunks` chunks that hold nothing but the prior.
    pub fn of_prior(chunks: usize) -> Self {
        Self { chunks: vec![0; chunks], total: 0 }
    }

    /// Of what `memory` really holds. Blocks that hold the prior are passed over in one comparison.
    pub fn scan<M: Memory>(memory: &M) -> Self {
        let chunks: Vec<u64> = (0..memory.chunks()).map(|chunk| of_chunk(memory, chunk)).collect();
        let total = chunks.iter().fold(0, |sum: u64, &chunk| sum.wrapping_add(chunk));
        Self { chunks, total }
    }

    /// The cell at `index` changes from `old` to `new`.
    #[inline]
    pub fn change(&mut self, prior: Prior, index: usize, old: u8, new: u8) {
        let was = prior.at(index);
        let difference = of_cell(index, new, was).wrapping_sub(of_cell(index, old, was));
        let chunk = &mut self.chunks[index / CHUNK_LEN];
        *chunk = chunk.wrapping_add(difference);
        self.total = self.total.wrapping_add(difference);
    }

    /// Whether the `chunk`-th chunk of `memory` is what was kept.
    pub fn agrees<M: Memory>(&self, memory: &M, chunk: usize) -> bool {
        self.chunks.get(chunk).is_some_and(|&kept| kept == of_chunk(memory, chunk))
    }

    /// The sum of all cells.
    pub const fn total(&self) -> u64 {
        self.total
    }
}

fn of_chunk<M: Memory>(memory: &M, chunk: usize) -> u64 {
    let first = chunk * (CHUNK_LEN / PAGE_LEN);
    let pages = memory.chunk_len(chunk).div_ceil(PAGE_LEN);
    (first..first + pages)
        .filter_map(|page| Some(of_page(memory.prior(), page * PAGE_LEN, memory.page(page)?)))
        .fold(0, u64::wrapping_add)
}

fn of_page(prior: Prior, at: usize, bytes: &[u8]) -> u64 {
    let mut sum = 0_u64;
    for (block, cells) in (at / BLOCK_LEN..).zip(bytes.chunks(BLOCK_LEN)) {
        let was = prior.of_block(block);
        if is_all(cells, was) {
            continue;
        }
        for (index, &cell) in (block * BLOCK_LEN..).zip(cells) {
            sum = sum.wrapping_add(of_cell(index, cell, was));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SparseMemory;
    use proptest::prelude::*;

    const LEN: usize = 2 * CHUNK_LEN + PAGE_LEN + 77;

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
    fn the_order_of_words_counts() {
        let chain = |words: [u64; 2]| words.into_iter().fold(Chain::new(0), Chain::with).finish();
        assert_ne!(chain([1, 2]), chain([2, 1]));
        assert_ne!(chain([0, 0]), Chain::new(0).with(0).finish());
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
            prop_assert!((0..memory.chunks()).all(|chunk| sums.agrees(&memory, chunk)));
        }
    }
}
