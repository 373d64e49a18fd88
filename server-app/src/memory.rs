//! The memory that holds the grid, one byte a cell, seen as pages and chunks. Two implementations: [`SparseMemory`] for
//! virtual time, [`Region`] for real servers. What a cell holds before anything was observed is its *prior*; digests count
//! only what differs from it.
//!
//! [`SparseMemory`]: crate::SparseMemory
//! [`Region`]: crate::Region

use crate::digest::mix;
use serde::{Deserialize, Serialize};

/// Length of a block in bytes: all cells of a block have one prior.
pub const BLOCK_LEN: usize = 64;
/// Length of a page in bytes.
pub const PAGE_LEN: usize = 4_096;
/// Length of a chunk in bytes: the unit of transfer, of scrubbing and of partial digests.
pub const CHUNK_LEN: usize = 64 * 1_024;

/// What the cells hold at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// The floor plan is known: no cell is 0, so the state really fills its memory.
    #[default]
    FloorPlan,
    /// Nothing is known: all cells are 0, and pages that nobody looked at stay so.
    Unknown,
}

impl Prior {
    /// The prior of every cell in the `block`-th block.
    #[inline]
    pub const fn of_block(self, block: usize) -> u8 {
        match self {
            // "Free, rather", between -1 and -32, told apart by place so that no two pages are the same.
            Self::FloorPlan => (mix(block as u64) as u8) | 0xe0,
            Self::Unknown => 0,
        }
    }

    /// The prior of the `index`-th cell.
    #[inline]
    pub const fn at(self, index: usize) -> u8 {
        self.of_block(index / BLOCK_LEN)
    }

    /// Writes the prior over `bytes`, the first of which is the `at`-th cell of the memory.
    pub fn fill(self, at: usize, bytes: &mut [u8]) {
        let (head, rest) = bytes.split_at_mut((at.next_multiple_of(BLOCK_LEN) - at).min(bytes.len()));
        head.fill(self.at(at));
        for (block, cells) in (at.div_ceil(BLOCK_LEN)..).zip(rest.chunks_mut(BLOCK_LEN)) {
            cells.fill(self.of_block(block));
        }
    }

    /// Whether `bytes`, beginning at the start of the `block`-th block, are all still the prior.
    #[inline]
    pub fn holds_in(self, block: usize, bytes: &[u8]) -> bool {
        (block..).zip(bytes.chunks(BLOCK_LEN)).all(|(block, cells)| is_all(cells, self.of_block(block)))
    }
}

/// Whether every cell of a block is `value`; a whole block is compared at once.
#[inline]
pub(crate) fn is_all(cells: &[u8], value: u8) -> bool {
    match <&[u8; BLOCK_LEN]>::try_from(cells) {
        // Compilers make a few wide instructions of this, and of `==` a call.
        Ok(block) => block.iter().fold(0, |differing, &cell| differing | (cell ^ value)) == 0,
        Err(_) => cells.iter().all(|&cell| cell == value),
    }
}

/// Cells, addressed by index, page or range. Panics like a slice when an index lies beyond the end: whoever takes
/// indices from outside checks them against [`Memory::len`] first.
pub trait Memory {
    /// Size in bytes.
    fn len(&self) -> usize;
    /// What untouched cells hold.
    fn prior(&self) -> Prior;
    /// The cell at `index`.
    fn get(&self, index: usize) -> u8;
    /// Overwrites the cell at `index`.
    fn set(&mut self, index: usize, value: u8);
    /// The `page`-th page; the last one may be shorter. `None` if it surely holds nothing but the prior.
    fn page(&self, page: usize) -> Option<&[u8]>;
    /// Overwrites the cell at `index` with what `new` makes of it: what it was, and what it is now.
    #[inline]
    fn update(&mut self, index: usize, new: impl Fn(u8) -> u8) -> (u8, u8) {
        let old = self.get(index);
        let new = new(old);
        if new != old {
            self.set(index, new);
        }
        (old, new)
    }
    /// Overwrites the cells from `at` on.
    fn write(&mut self, at: usize, bytes: &[u8]);

    /// Whether the `chunk`-th chunk is known to hold nothing but the prior, without looking at its pages.
    fn is_prior(&self, _chunk: usize) -> bool {
        false
    }

    /// Whether there is no cell at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of pages; the last one may be shorter.
    fn pages(&self) -> usize {
        self.len().div_ceil(PAGE_LEN)
    }

    /// Makes `pages` pages all zeros, whatever the prior.
    fn clear(&mut self, first_page: usize, pages: usize) {
        let (from, to) = (first_page * PAGE_LEN, ((first_page + pages) * PAGE_LEN).min(self.len()));
        for at in (from..to).step_by(PAGE_LEN) {
            self.write(at, &[0; PAGE_LEN][..PAGE_LEN.min(to - at)]);
        }
    }

    /// Appends the `page`-th page to `out`.
    fn read_page(&self, page: usize, out: &mut Vec<u8>) {
        match self.page(page) {
            Some(bytes) => out.extend_from_slice(bytes),
            None => {
                let (start, at) = (out.len(), page * PAGE_LEN);
                out.resize(start + PAGE_LEN.min(self.len() - at), 0);
                self.prior().fill(at, &mut out[start..]);
            }
        }
    }

    /// Number of chunks; the last one may be shorter.
    fn chunks(&self) -> usize {
        self.len().div_ceil(CHUNK_LEN)
    }

    /// Length in bytes of the `chunk`-th chunk, 0 beyond the end.
    fn chunk_len(&self, chunk: usize) -> usize {
        self.len().saturating_sub(chunk.saturating_mul(CHUNK_LEN)).min(CHUNK_LEN)
    }

    /// Appends the `chunk`-th chunk to `out`.
    fn read_chunk(&self, chunk: usize, out: &mut Vec<u8>) {
        let first = chunk * (CHUNK_LEN / PAGE_LEN);
        let pages = self.chunk_len(chunk).div_ceil(PAGE_LEN);
        (first..first + pages).for_each(|page| self.read_page(page, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_plan_leaves_no_cell_zero_and_differs_from_page_to_page() {
        let mut memory = vec![0; 4 * PAGE_LEN];
        Prior::FloorPlan.fill(0, &mut memory);
        assert!(memory.iter().all(|&cell| cell != 0));
        assert!(memory.chunks(PAGE_LEN).zip(memory.chunks(PAGE_LEN).skip(1)).all(|(a, b)| a != b));
        assert!(Prior::FloorPlan.holds_in(0, &memory));
        memory[PAGE_LEN + 17] ^= 1;
        assert!(!Prior::FloorPlan.holds_in(0, &memory));
    }

    #[test]
    fn filling_any_range_gives_each_cell_its_own_prior() {
        for prior in [Prior::FloorPlan, Prior::Unknown] {
            for (at, len) in [(0, 200), (1, 10), (63, 2), (64, 64), (100, 300), (127, 0)] {
                let mut bytes = vec![0xaa; len];
                prior.fill(at, &mut bytes);
                let expected: Vec<u8> = (at..at + len).map(|index| prior.at(index)).collect();
                assert_eq!(bytes, expected, "{prior:?} from {at}, {len} bytes");
            }
        }
    }
}
