//! The digest of a state: the sum, over all cells that differ from their prior, of a hash of position and value. A sum can
//! be kept up to date for what changes, computed from memory for what exists, and added up from pages in any order; all must
//! agree. It finds faults, it does not resist an attacker. Who keeps it is in `sums.rs`.

use crate::memory::{BLOCK_LEN, PAGE_LEN, Prior, is_all};

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

/// What whole pages from `first_page` on add to the sum when they hold `bytes`.
pub fn digest_of_pages(prior: Prior, first_page: usize, bytes: &[u8]) -> u64 {
    let mut sum = 0_u64;
    for (block, cells) in (first_page * (PAGE_LEN / BLOCK_LEN)..).zip(bytes.chunks(BLOCK_LEN)) {
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

/// What `count` pages of zeros from `first` on add to the sum, in a memory of `len` bytes.
pub fn digest_of_zeros(prior: Prior, first: usize, count: usize, len: usize) -> u64 {
    match prior {
        Prior::Unknown => 0,
        Prior::FloorPlan => (first..first + count)
            .map(|page| {
                let cells = PAGE_LEN.min(len - page * PAGE_LEN);
                digest_of_pages(prior, page, &[0; PAGE_LEN][..cells])
            })
            .fold(0, u64::wrapping_add),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEN: usize = 3 * PAGE_LEN + 77;

    #[test]
    fn the_order_of_words_counts() {
        let chain = |words: [u64; 2]| words.into_iter().fold(Chain::new(0), Chain::with).finish();
        assert_ne!(chain([1, 2]), chain([2, 1]));
        assert_ne!(chain([0, 0]), Chain::new(0).with(0).finish());
    }

    #[test]
    fn pages_of_zeros_add_what_their_cells_add() {
        for prior in [Prior::Unknown, Prior::FloorPlan] {
            let cells = |from: usize, to: usize| {
                (from..to).map(|index| of_cell(index, 0, prior.at(index))).fold(0, u64::wrapping_add)
            };
            assert_eq!(digest_of_zeros(prior, 1, 3, LEN), cells(PAGE_LEN, LEN));
            assert_eq!(digest_of_zeros(prior, 0, 1, LEN), cells(0, PAGE_LEN));
        }
    }

    proptest! {
        #[test]
        fn pages_can_be_added_up_in_any_order(
            bytes in proptest::collection::vec(any::<u8>(), LEN),
            order in Just([0_usize, 1, 2, 3]).prop_shuffle(),
            known in any::<bool>(),
        ) {
            let prior = if known { Prior::FloorPlan } else { Prior::Unknown };
            let page = |page: usize| &bytes[page * PAGE_LEN..LEN.min((page + 1) * PAGE_LEN)];
            let one_by_one = order.into_iter().map(|at| digest_of_pages(prior, at, page(at)));
            prop_assert_eq!(one_by_one.fold(0, u64::wrapping_add), digest_of_pages(prior, 0, &bytes));
        }
    }
}
