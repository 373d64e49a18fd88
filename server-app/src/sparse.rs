//! Memory for virtual time: pages exist once they differ from the prior and are shared between copies until written, so
//! that four servers with 2 GB of state each cost what they changed. A clone is an image of one instant. Stays in its thread.

use crate::memory::{BLOCK_LEN, CHUNK_LEN, Memory, PAGE_LEN, Prior};
use crate::pages::PageSet;
use std::fmt;
use std::rc::Rc;

const PAGES_PER_CHUNK: usize = CHUNK_LEN / PAGE_LEN;

type Page = [u8; PAGE_LEN];
/// The pages of a chunk; an absent one holds the prior. Grouped, so that an image of 2 GB is 30,000 references.
type Chunk = [Option<Rc<Page>>; PAGES_PER_CHUNK];

/// Pages behind reference counts.
#[derive(Clone)]
pub struct SparseMemory {
    /// An absent one holds the prior.
    chunks: Vec<Option<Rc<Chunk>>>,
    len: usize,
    prior: Prior,
}

impl SparseMemory {
    /// `len` bytes that hold the prior.
    pub fn new(len: usize, prior: Prior) -> Self {
        Self { chunks: vec![None; len.div_ceil(CHUNK_LEN)], len, prior }
    }

    /// Pages that have been written with something else than the prior: what it costs.
    pub fn pages_held(&self) -> usize {
        self.chunks.iter().flatten().map(|chunk| chunk.iter().flatten().count()).sum()
    }

    /// Pages that have been written since `earlier`, an image of the same memory, was taken: those that the two no longer
    /// share.
    pub fn changed_since(&self, earlier: &Self) -> PageSet {
        let mut changed = PageSet::none(self.pages());
        for (chunk, (now, then)) in self.chunks.iter().zip(&earlier.chunks).enumerate() {
            if is_shared(now.as_ref(), then.as_ref()) {
                continue;
            }
            for (nth, page) in (chunk * PAGES_PER_CHUNK..self.pages()).take(PAGES_PER_CHUNK).enumerate() {
                let held = |chunk: &Option<Rc<Chunk>>| chunk.as_ref().and_then(|pages| pages[nth].clone());
                if !is_shared(held(now).as_ref(), held(then).as_ref()) {
                    changed.insert(page);
                }
            }
        }
        changed
    }

    #[inline]
    fn held(&self, page: usize) -> Option<&Rc<Page>> {
        self.chunks[page / PAGES_PER_CHUNK].as_ref()?[page % PAGES_PER_CHUNK].as_ref()
    }

    #[inline]
    fn slot(&mut self, page: usize) -> &mut Option<Rc<Page>> {
        let chunk = self.chunks[page / PAGES_PER_CHUNK].get_or_insert_default();
        &mut Rc::make_mut(chunk)[page % PAGES_PER_CHUNK]
    }

    #[inline]
    fn page_mut(&mut self, page: usize) -> &mut Page {
        let prior = self.prior;
        let held = self.slot(page).get_or_insert_with(|| {
            let mut cells = Rc::new([0; PAGE_LEN]);
            let own: &mut Page = Rc::make_mut(&mut cells);
            prior.fill(page * PAGE_LEN, own);
            cells
        });
        Rc::make_mut(held)
    }

    /// A page that no image shares.
    #[inline]
    fn own(&mut self, page: usize) -> Option<&mut Page> {
        let chunk = self.chunks[page / PAGES_PER_CHUNK].as_mut().and_then(Rc::get_mut)?;
        chunk[page % PAGES_PER_CHUNK].as_mut().and_then(Rc::get_mut)
    }

    fn drop_page(&mut self, page: usize) {
        if self.held(page).is_some() {
            *self.slot(page) = None;
        }
    }
}

fn is_shared<T>(now: Option<&Rc<T>>, then: Option<&Rc<T>>) -> bool {
    match (now, then) {
        (Some(now), Some(then)) => Rc::ptr_eq(now, then),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

impl Memory for SparseMemory {
    fn len(&self) -> usize {
        self.len
    }

    fn prior(&self) -> Prior {
        self.prior
    }

    #[inline]
    fn get(&self, index: usize) -> u8 {
        assert!(index < self.len, "cell {index} of {}", self.len);
        self.held(index / PAGE_LEN).map_or_else(|| self.prior.at(index), |page| page[index % PAGE_LEN])
    }

    #[inline]
    fn set(&mut self, index: usize, value: u8) {
        assert!(index < self.len, "cell {index} of {}", self.len);
        self.page_mut(index / PAGE_LEN)[index % PAGE_LEN] = value;
    }

    #[inline]
    fn update(&mut self, index: usize, new: impl Fn(u8) -> u8) -> (u8, u8) {
        assert!(index < self.len, "cell {index} of {}", self.len);
        if let Some(page) = self.own(index / PAGE_LEN) {
            let cell = &mut page[index % PAGE_LEN];
            let old = std::mem::replace(cell, new(*cell));
            return (old, *cell);
        }
        let old = self.get(index);
        let new = new(old);
        if new != old {
            self.set(index, new);
        }
        (old, new)
    }

    fn page(&self, page: usize) -> Option<&[u8]> {
        let len = PAGE_LEN.min(self.len - page * PAGE_LEN);
        self.held(page).map(|cells| &cells[..len])
    }

    fn is_prior(&self, chunk: usize) -> bool {
        self.chunks[chunk].is_none()
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        assert!(
            at <= self.len && bytes.len() <= self.len - at,
            "{} bytes at {at} of {}",
            bytes.len(),
            self.len
        );
        let (mut at, mut bytes) = (at, bytes);
        while !bytes.is_empty() {
            let (page, within) = (at / PAGE_LEN, at % PAGE_LEN);
            let (now, later) = bytes.split_at(bytes.len().min(PAGE_LEN - within));
            let whole = within == 0 && (now.len() == PAGE_LEN || at + now.len() == self.len);
            if whole && self.prior.holds_in(at / BLOCK_LEN, now) {
                self.drop_page(page);
            } else {
                self.page_mut(page)[within..within + now.len()].copy_from_slice(now);
            }
            at += now.len();
            bytes = later;
        }
    }

    fn clear(&mut self, first_page: usize, pages: usize) {
        let to = first_page + pages;
        match self.prior {
            Prior::Unknown => (first_page..to).for_each(|page| self.drop_page(page)),
            Prior::FloorPlan => {
                let zeros = Rc::new([0; PAGE_LEN]);
                (first_page..to).for_each(|page| *self.slot(page) = Some(Rc::clone(&zeros)));
            }
        }
    }
}

impl fmt::Debug for SparseMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SparseMemory({} B, {:?}, {} pages held)", self.len, self.prior, self.pages_held())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEN: usize = 3 * PAGE_LEN + 100;

    fn bytes_of(memory: &SparseMemory) -> Vec<u8> {
        let mut bytes = Vec::new();
        for chunk in 0..memory.chunks() {
            memory.read_chunk(chunk, &mut bytes);
        }
        bytes
    }

    #[test]
    fn a_copy_keeps_its_instant_while_the_original_goes_on() {
        let mut memory = SparseMemory::new(LEN, Prior::FloorPlan);
        memory.set(5, 77);
        let image = memory.clone();
        memory.set(5, 78);
        memory.set(PAGE_LEN + 1, 79);
        assert_eq!((image.get(5), image.get(PAGE_LEN + 1)), (77, Prior::FloorPlan.at(PAGE_LEN + 1)));
        assert_eq!((image.pages_held(), memory.pages_held()), (1, 2));
    }

    #[test]
    fn receiving_pages_that_hold_the_prior_costs_nothing() {
        let full = SparseMemory::new(LEN, Prior::FloorPlan);
        let mut target = SparseMemory::new(LEN, Prior::FloorPlan);
        target.set(7, 1);
        target.set(LEN - 1, 1);
        target.write(0, &bytes_of(&full));
        assert_eq!(target.pages_held(), 0);
        assert_eq!(bytes_of(&target), bytes_of(&full));
    }

    #[test]
    fn cleared_pages_are_zeros_and_cost_nothing_where_nothing_is_known() {
        for (prior, held) in [(Prior::Unknown, 2), (Prior::FloorPlan, 4)] {
            let mut memory = SparseMemory::new(LEN, prior);
            (0..LEN).step_by(PAGE_LEN).for_each(|index| memory.set(index, 9));
            memory.clear(1, 2);
            let bytes = bytes_of(&memory);
            assert!(bytes[PAGE_LEN..3 * PAGE_LEN].iter().all(|&cell| cell == 0));
            assert_eq!((bytes[0], bytes[3 * PAGE_LEN]), (9, 9));
            assert_eq!(memory.pages_held(), held);
        }
    }

    #[test]
    fn what_was_written_since_an_image_is_known_without_looking_at_all_of_it() {
        let mut memory = SparseMemory::new(LEN, Prior::Unknown);
        memory.set(0, 1);
        memory.set(PAGE_LEN, 1);
        let image = memory.clone();
        assert!(memory.changed_since(&image).is_empty());
        memory.set(1, 2);
        memory.set(LEN - 1, 2);
        assert_eq!(memory.changed_since(&image).runs().collect::<Vec<_>>(), [(0, 1), (3, 1)]);
        memory.clear(1, 1);
        assert_eq!(memory.changed_since(&image).len(), 3, "a page that was dropped has changed, too");
    }

    #[test]
    #[should_panic(expected = "cell 12388 of 12388")]
    fn the_rest_of_the_last_page_is_beyond_the_end() {
        SparseMemory::new(LEN, Prior::Unknown).set(LEN, 1);
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_slice(
            writes in proptest::collection::vec((0..LEN, proptest::collection::vec(any::<u8>(), 0..6_000)), 1..8),
        ) {
            let mut memory = SparseMemory::new(LEN, Prior::FloorPlan);
            let mut model = bytes_of(&memory);
            prop_assert_eq!(model.len(), LEN);
            for (at, bytes) in writes {
                let bytes = &bytes[..bytes.len().min(LEN - at)];
                memory.write(at, bytes);
                model[at..at + bytes.len()].copy_from_slice(bytes);
            }
            prop_assert!((0..LEN).all(|index| memory.get(index) == model[index]));
            prop_assert_eq!(bytes_of(&memory), model);
        }
    }
}
