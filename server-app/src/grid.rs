//! Where a place on the factory floor lies in memory. The grid is laid out in tiles of 64 × 64 cells, one page each, so
//! that what one scan touches lies on few pages. Its resolution follows from the size of the state; bytes that are left
//! over belong to the state and to its digest all the same.

use crate::memory::PAGE_LEN;
use serde::{Deserialize, Serialize};

/// Side of a tile in cells.
const TILE_SIDE: u64 = 64;
/// Fraction bits of cells per millimetre.
const SCALE_BITS: u32 = 32;
/// Longest side of a floor: 10 km.
pub const FLOOR_MAX_MM: u32 = 10_000_000;

const _: () = assert!(TILE_SIDE * TILE_SIDE == PAGE_LEN as u64);

/// The factory floor, its south-west corner at (0, 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// From west to east.
    pub w_mm: u32,
    /// From south to north.
    pub h_mm: u32,
}

/// The cells of a floor.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    floor: Floor,
    tiles_across: u64,
    cols_per_mm: u64,
    rows_per_mm: u64,
    cell_mm: i64,
}

impl Layout {
    /// The finest grid of roughly the floor's aspect that fits `state_bytes`, which must be at least a page and at most
    /// 2^36. The floor's sides must lie between 1 and [`FLOOR_MAX_MM`].
    pub fn new(floor: Floor, state_bytes: usize) -> Self {
        let tiles = (state_bytes / PAGE_LEN).max(1) as u64;
        let (w, h) = (u64::from(floor.w_mm), u64::from(floor.h_mm));
        let across = (tiles * w / h).isqrt().clamp(1, tiles);
        let (cols, rows) = (across * TILE_SIDE, tiles / across * TILE_SIDE);
        Self {
            floor,
            tiles_across: across,
            cols_per_mm: (cols << SCALE_BITS) / w,
            rows_per_mm: (rows << SCALE_BITS) / h,
            cell_mm: w.div_ceil(cols).max(h.div_ceil(rows)) as i64,
        }
    }

    /// The cell at a place in millimetres; `None` beyond the floor.
    #[inline]
    pub fn cell(&self, x_mm: i64, y_mm: i64) -> Option<usize> {
        let (x, y) = (u32::try_from(x_mm).ok()?, u32::try_from(y_mm).ok()?);
        if x >= self.floor.w_mm || y >= self.floor.h_mm {
            return None;
        }
        let col = (u64::from(x) * self.cols_per_mm) >> SCALE_BITS;
        let row = (u64::from(y) * self.rows_per_mm) >> SCALE_BITS;
        let tile = row / TILE_SIDE * self.tiles_across + col / TILE_SIDE;
        Some((tile * PAGE_LEN as u64 + row % TILE_SIDE * TILE_SIDE + col % TILE_SIDE) as usize)
    }

    /// The longer side of a cell, rounded up; at least 1.
    pub const fn cell_mm(&self) -> i64 {
        self.cell_mm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn more_memory_makes_a_finer_grid() {
        let floor = Floor { w_mm: 60_000, h_mm: 40_000 };
        let sides = [4_000_000, 40_000_000, 2_000_000_000].map(|bytes| Layout::new(floor, bytes).cell_mm());
        assert_eq!(sides, [25, 8, 2]);
    }

    #[test]
    fn places_one_cell_apart_are_different_cells() {
        let layout = Layout::new(Floor { w_mm: 20_000, h_mm: 15_000 }, 1_000_000);
        let step = layout.cell_mm() as usize;
        let places = (0..15_000).step_by(step).flat_map(|y| (0..20_000).step_by(step).map(move |x| (x, y)));
        let cells: Vec<_> = places.filter_map(|(x, y)| layout.cell(x, y)).collect();
        assert_eq!(cells.iter().collect::<BTreeSet<_>>().len(), cells.len());
        assert!(cells.len() > 500_000, "most of the memory is grid");
    }

    #[test]
    fn beyond_the_floor_there_is_no_cell() {
        let layout = Layout::new(Floor { w_mm: 100, h_mm: 50 }, PAGE_LEN);
        let outside = [(-1, 0), (0, -1), (100, 0), (0, 50), (i64::MAX, 0), (0, i64::MIN)];
        assert!(outside.into_iter().all(|(x, y)| layout.cell(x, y).is_none()));
        assert!(layout.cell(99, 49).is_some());
    }

    proptest! {
        #[test]
        fn every_cell_lies_in_the_state(
            w_mm in 1..=FLOOR_MAX_MM,
            h_mm in 1..=FLOOR_MAX_MM,
            pages in 1_usize..1 << 24,
            rest in 0..PAGE_LEN,
            x in any::<proptest::sample::Index>(),
            y in any::<proptest::sample::Index>(),
        ) {
            let bytes = pages * PAGE_LEN + rest;
            let layout = Layout::new(Floor { w_mm, h_mm }, bytes);
            let (last_x, last_y) = (i64::from(w_mm) - 1, i64::from(h_mm) - 1);
            let (x, y) = (x.index(w_mm as usize) as i64, y.index(h_mm as usize) as i64);
            for (x, y) in [(x, y), (last_x, y), (x, last_y), (last_x, last_y)] {
                prop_assert!(layout.cell(x, y).is_some_and(|cell| cell < bytes));
            }
        }
    }
}
