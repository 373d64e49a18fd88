//! A set of pages of a memory: those that were written, that are missing, that are to be sent. One bit a page.

/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// Pages by index, all below a bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSet {
    words: Vec<u64>,
    bound: usize,
    len: usize,
}

impl PageSet {
    /// No page of a memory of `bound` pages.
    pub fn none(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(WORD)], bound, len: 0 }
    }

    /// All pages of a memory of `bound` pages.
    pub fn all(bound: usize) -> Self {
        let mut set = Self::none(bound);
        set.insert_run(0, bound);
        set
    }

    /// How many pages the memory has.
    pub const fn bound(&self) -> usize {
        self.bound
    }

    /// How many pages are in the set.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no page is.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether this page is in it; none beyond the bound ever is.
    pub fn contains(&self, page: usize) -> bool {
        self.words.get(page / WORD).is_some_and(|word| word >> (page % WORD) & 1 == 1)
    }

    /// Puts a page in; `false` if it was there, or lies beyond the bound.
    pub fn insert(&mut self, page: usize) -> bool {
        if page >= self.bound || self.contains(page) {
            return false;
        }
        self.words[page / WORD] |= 1 << (page % WORD);
        self.len += 1;
        true
    }

    /// Takes a page out; `false` if it was not there.
    pub fn remove(&mut self, page: usize) -> bool {
        if !self.contains(page) {
            return false;
        }
        self.words[page / WORD] &= !(1 << (page % WORD));
        self.len -= 1;
        true
    }

    /// Puts `count` pages in, as far as they lie below the bound.
    pub fn insert_run(&mut self, first: usize, count: usize) {
        for (at, bits) in self.words_of(first, count) {
            self.len += (bits & !self.words[at]).count_ones() as usize;
            self.words[at] |= bits;
        }
    }

    /// Takes `count` pages out.
    pub fn remove_run(&mut self, first: usize, count: usize) {
        for (at, bits) in self.words_of(first, count) {
            self.len -= (bits & self.words[at]).count_ones() as usize;
            self.words[at] &= !bits;
        }
    }

    /// The words in which a run below the bound lies, and its bits of each.
    fn words_of(&self, first: usize, count: usize) -> impl Iterator<Item = (usize, u64)> + use<> {
        let to = first.saturating_add(count).min(self.bound);
        let bits_before = |end: usize| 1_u64.checked_shl(end as u32).map_or(u64::MAX, |bit| bit - 1);
        (first / WORD..to.div_ceil(WORD)).map(move |at| {
            let start = at * WORD;
            (at, bits_before((to - start).min(WORD)) & !bits_before(first.saturating_sub(start)))
        })
    }

    /// Puts in all that is in `other`.
    pub fn insert_all(&mut self, other: &Self) {
        for (first, count) in other.runs() {
            self.insert_run(first, count);
        }
    }

    /// The first page of the set from `page` on.
    pub fn next_from(&self, page: usize) -> Option<usize> {
        let mut at = page / WORD;
        let mut word = self.words.get(at)? & (u64::MAX << (page % WORD));
        while word == 0 {
            at += 1;
            word = *self.words.get(at)?;
        }
        Some(at * WORD + word.trailing_zeros() as usize)
    }

    /// The last page of the set before `page`.
    pub fn last_before(&self, page: usize) -> Option<usize> {
        let last = page.min(self.bound).checked_sub(1)?;
        let mut at = last / WORD;
        let mut word = self.words[at] & (u64::MAX >> (WORD - 1 - last % WORD));
        while word == 0 {
            at = at.checked_sub(1)?;
            word = self.words[at];
        }
        Some(at * WORD + WORD - 1 - word.leading_zeros() as usize)
    }

    /// How many pages in a row are in the set from `page` on, `max` at the most.
    pub fn run_at(&self, page: usize, max: usize) -> usize {
        let mut run = 0;
        while run < max {
            let (at, bit) = ((page + run) / WORD, (page + run) % WORD);
            let ones = (!(self.words.get(at).copied().unwrap_or(0) >> bit)).trailing_zeros() as usize;
            run += ones;
            if ones < WORD - bit {
                break;
            }
        }
        run.min(max)
    }

    /// The longest runs, in order: first page and number of pages.
    pub fn runs(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let first = self.next_from(at)?;
            let count = self.run_at(first, self.bound - first);
            at = first + count;
            Some((first, count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_is_one_run_and_none_has_no_runs() {
        assert_eq!(PageSet::all(130).runs().collect::<Vec<_>>(), [(0, 130)]);
        assert_eq!(PageSet::none(130).runs().count(), 0);
        assert_eq!((PageSet::all(0).len(), PageSet::all(0).next_from(0)), (0, None));
    }

    proptest! {
        #[test]
        fn it_is_a_set(changes in proptest::collection::vec((any::<bool>(), 0_usize..220, 1_usize..90), 0..40)) {
            let (mut set, mut model) = (PageSet::none(200), BTreeSet::new());
            for (add, first, count) in changes {
                if add {
                    set.insert_run(first, count);
                    model.extend((first..first + count).filter(|&page| page < 200));
                } else {
                    set.remove_run(first, count);
                    model.retain(|page| !(first..first + count).contains(page));
                }
            }
            prop_assert_eq!(set.len(), model.len());
            let pages: Vec<usize> = set.runs().flat_map(|(first, count)| first..first + count).collect();
            prop_assert_eq!(pages, model.into_iter().collect::<Vec<_>>());
            prop_assert!((0..220).all(|page| set.next_from(page) == (page..200).find(|&p| set.contains(p))));
            let run_at = |page, max| (page..page + max).take_while(|&p| set.contains(p)).count();
            prop_assert!((0..220).all(|page| [0, 1, 63, 300].iter().all(|&m| set.run_at(page, m) == run_at(page, m))));
            prop_assert!((0..220).all(|page| set.last_before(page) == (0..page).rfind(|&p| set.contains(p))));
        }
    }
}
