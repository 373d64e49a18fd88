//! The order in which the source of a post-copy sends its pages: those that the target waits for, then what lies around
//! them, then all others from the latest fault outwards. This is adaptive pre-paging by bubbling: M. Hines and K. Gopalan,
//! *Post-copy based live virtual machine migration using adaptive pre-paging and dynamic self-ballooning*, VEE 2009.

use crate::pages::PageSet;
use crate::transfer::PAGES_MAX;
use std::collections::VecDeque;
use std::ops::Range;

/// Pages around the first fault.
const WINDOW_FIRST: usize = 16;
/// Pages around a fault when all guesses were right.
const WINDOW_MAX: usize = 256;
/// A fault so near to what was pre-paged is at its edge: a little more would have held it.
const EDGE: usize = PAGES_MAX;
/// Windows that are remembered; the pages of older ones come in the background.
const WINDOWS_MAX: usize = 8;

/// Which pages to send next. Every missing page is given once.
#[derive(Clone, Debug)]
pub struct PullOrder {
    /// Pages that have not been given.
    missing: PageSet,
    /// Pages that have been waited for at any time: each counts once.
    faulted: PageSet,
    /// Those of them that have not been given, the oldest first.
    faults: VecDeque<usize>,
    /// Around the latest faults, the newest first.
    windows: VecDeque<Bubble>,
    window_len: usize,
    background: Bubble,
}

impl PullOrder {
    /// Of these pages. Without a fault they come from the first to the last.
    pub fn new(missing: PageSet) -> Self {
        Self {
            faulted: PageSet::none(missing.bound()),
            faults: VecDeque::new(),
            windows: VecDeque::new(),
            window_len: WINDOW_FIRST,
            background: Bubble::around(0, 0..missing.bound()),
            missing,
        }
    }

    /// The target waits for this page. What was given already is on its way; what does not exist is ignored.
    pub fn fault(&mut self, page: usize) {
        if !self.faulted.insert(page) {
            return;
        }
        let guessed = |bubble: &Bubble| {
            (bubble.within.start.saturating_sub(EDGE)..bubble.within.end + EDGE).contains(&page)
        };
        self.window_len = if self.windows.is_empty() {
            WINDOW_FIRST
        } else if self.windows.iter().any(guessed) {
            (self.window_len * 2).min(WINDOW_MAX)
        } else {
            (self.window_len / 2).max(1)
        };
        let start = page.saturating_sub(self.window_len / 2);
        let end = (start + self.window_len).max(page + 1).min(self.missing.bound());
        self.windows.push_front(Bubble::around(page, start..end));
        self.windows.truncate(WINDOWS_MAX);
        self.background = Bubble::around(page, 0..self.missing.bound());
        if self.missing.contains(page) {
            self.faults.push_back(page);
        }
    }

    /// Whether all pages have been given.
    pub fn is_done(&self) -> bool {
        self.missing.is_empty()
    }

    /// The page that has been waited for the longest, and what follows it in its window.
    fn next_fault(&mut self) -> Option<(usize, usize)> {
        loop {
            let page = self.faults.pop_front()?;
            if self.missing.contains(page) {
                let window = self.windows.iter().find(|bubble| bubble.within.contains(&page));
                let room = window.map_or(1, |bubble| bubble.within.end - page);
                return Some((page, self.missing.run_at(page, room.min(PAGES_MAX))));
            }
        }
    }

    fn next_around(&mut self) -> Option<(usize, usize)> {
        let missing = &self.missing;
        let near = self.windows.iter_mut().find_map(|bubble| bubble.next(missing));
        near.or_else(|| self.background.next(missing))
    }
}

/// Which pages to send: the first, and how many; [`PAGES_MAX`] in a row at the most.
impl Iterator for PullOrder {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let (first, count) = self.next_fault().or_else(|| self.next_around())?;
        self.missing.remove_run(first, count);
        Some((first, count))
    }
}

/// Pages from a pivot outwards.
#[derive(Clone, Debug)]
struct Bubble {
    pivot: usize,
    /// It grows no further than this.
    within: Range<usize>,
    /// Nothing is missing between these any more.
    grown: Range<usize>,
}

impl Bubble {
    const fn around(pivot: usize, within: Range<usize>) -> Self {
        Self { pivot, within, grown: pivot..pivot }
    }

    /// The missing pages that are the nearest to the pivot.
    fn next(&mut self, missing: &PageSet) -> Option<(usize, usize)> {
        if self.grown == self.within {
            return None;
        }
        let after = missing.next_from(self.grown.end).filter(|&page| page < self.within.end);
        let before = missing.last_before(self.grown.start).filter(|&page| page >= self.within.start);
        self.grown = before.map_or(self.within.start, |page| page + 1)..after.unwrap_or(self.within.end);
        match (before, after) {
            (None, None) => None,
            (Some(before), Some(after)) if after - self.pivot > self.pivot - before => {
                Some(self.ending_at(before, missing))
            }
            (Some(before), None) => Some(self.ending_at(before, missing)),
            (_, Some(after)) => {
                Some((after, missing.run_at(after, (self.within.end - after).min(PAGES_MAX))))
            }
        }
    }

    /// The run of pages that ends with `last`.
    fn ending_at(&self, last: usize, missing: &PageSet) -> (usize, usize) {
        let lowest = self.within.start.max((last + 1).saturating_sub(PAGES_MAX));
        let first = (lowest..=last).rev().take_while(|&page| missing.contains(page)).last().unwrap_or(last);
        (first, last + 1 - first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(pages: usize) -> PullOrder {
        PullOrder::new(PageSet::all(pages))
    }

    #[test]
    fn without_a_fault_pages_come_from_the_first_to_the_last_in_runs_of_sixteen() {
        let mut missing = PageSet::all(40);
        missing.remove(20);
        let runs: Vec<_> = PullOrder::new(missing).collect();
        assert_eq!(runs, [(0, 16), (16, 4), (21, 16), (37, 3)]);
    }

    #[test]
    fn a_fault_comes_first_then_its_window_then_all_others_from_it_outwards() {
        let mut order = all(100);
        order.fault(50);
        let runs: Vec<_> = order.by_ref().take(5).collect();
        assert_eq!(runs, [(50, 8), (42, 8), (58, 16), (26, 16), (74, 16)]);
    }

    #[test]
    fn the_oldest_of_several_faults_comes_first_and_the_newest_is_what_the_others_lie_around() {
        let mut order = all(10_000);
        order.fault(5_000);
        order.fault(2_000);
        order.fault(5_000);
        let firsts: Vec<_> = order.by_ref().map(|(first, _)| first).take(5).collect();
        assert_eq!(firsts[..2], [5_000, 2_000]);
        assert!(
            firsts[2..].iter().all(|first| (1_900..2_100).contains(first) || (4_980..5_020).contains(first))
        );
        assert!(
            order.take(20).all(|(first, _)| (1_600..2_400).contains(&first)),
            "from the latest fault outwards"
        );
    }

    #[test]
    fn the_window_grows_with_faults_that_were_foreseen_and_shrinks_with_those_that_were_not() {
        let mut order = all(1 << 20);
        let lens = |order: &mut PullOrder, faults: &[usize]| {
            let mut len_after = |&page: &usize| {
                order.fault(page);
                order.window_len
            };
            faults.iter().map(&mut len_after).collect::<Vec<_>>()
        };
        assert_eq!(
            lens(&mut order, &[1_000, 1_008, 1_030, 1_060, 1_130, 1_260]),
            [16, 32, 64, 128, 256, 256]
        );
        assert_eq!(lens(&mut order, &[1_260, 1_260]), [256, 256], "the same fault again tells nothing");
        let apart: Vec<usize> = (1..=10).map(|far| far * 50_000).collect();
        assert_eq!(lens(&mut order, &apart), [128, 64, 32, 16, 8, 4, 2, 1, 1, 1]);
        order.fault(900_000);
        assert!(order.any(|run| run == (900_000, 1)), "who guesses wrong sends the page alone");
    }

    #[test]
    fn what_was_given_is_not_given_again_and_what_does_not_exist_is_ignored() {
        let mut order = all(32);
        assert_eq!(order.next(), Some((0, 16)));
        order.fault(3);
        order.fault(32);
        order.fault(usize::MAX);
        assert_eq!((order.next(), order.next(), order.is_done()), (Some((16, 16)), None, true));
    }

    proptest! {
        #[test]
        fn every_missing_page_is_given_once_and_the_page_of_the_oldest_fault_is_always_next(
            gaps in proptest::collection::vec((0_usize..700, 1_usize..60), 0..12),
            steps in proptest::collection::vec(proptest::option::of(0_usize..720), 0..120),
        ) {
            let mut missing = PageSet::all(700);
            gaps.into_iter().for_each(|(first, count)| missing.remove_run(first, count));
            let mut left = missing.clone();
            let mut waiting: Vec<usize> = Vec::new();
            let mut order = PullOrder::new(missing);
            let mut steps = steps.into_iter();
            while !order.is_done() {
                if let Some(Some(page)) = steps.next() {
                    order.fault(page);
                    if left.contains(page) && !waiting.contains(&page) {
                        waiting.push(page);
                    }
                    continue;
                }
                let (first, count) = order.next().expect("not done");
                prop_assert!((1..=PAGES_MAX).contains(&count));
                prop_assert!(waiting.first().is_none_or(|page| (first..first + count).contains(page)));
                prop_assert!((first..first + count).all(|page| left.remove(page)), "given twice, or not missing");
                waiting.retain(|page| left.contains(*page));
            }
            prop_assert!(left.is_empty());
            prop_assert_eq!(order.next(), None);
        }
    }
}
