//! Memory of a real server: one private anonymous mapping. It can be followed (which pages were written?), copied, and made lazy
//! (pages that are missing are waited for). Where every page is needed it is populated before it is used, so that no request
//! waits for the kernel to find one. The only part of this crate that makes system calls.

mod lazy;
mod map;
mod pagemap;
#[cfg(test)]
mod tests;
mod track;
mod userfault;

pub use lazy::LazyPages;
pub use track::Tracking;

use crate::memory::{Memory, PAGE_LEN, Prior};
use crate::pages::PageSet;
use map::Mapping;
use nix::errno::Errno;
use std::fmt;
use std::io;
use track::Tracker;
use userfault::{Mode, Userfault};

/// Why no region could be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// A region of no bytes was asked for.
    #[error("a state of 0 bytes cannot be mapped: give it a size")]
    Empty,
    /// The kernel refused.
    #[error(
        "{len} bytes of memory for the state cannot be mapped: {errno}; choose a smaller state or free memory"
    )]
    Refused {
        /// How many bytes were asked for.
        len: usize,
        /// What the kernel said.
        errno: Errno,
    },
}

/// A private anonymous mapping that holds a state. *Dense* if its prior fills it: then it is populated, and in pages of 2 MB if
/// the kernel has them, because forking 2 GB then takes 2 ms instead of 30. *Sparse* if its prior is zeros: then a page costs
/// nothing until it is written, which a page of 2 MB would undo by populating 512 at once.
pub struct Region {
    map: Mapping,
    prior: Prior,
    /// Sparse: the pages that were ever written.
    touched: Option<PageSet>,
    tracker: Option<Tracker>,
    /// While pages are missing: the region's own handle, see [`LazyPages`].
    lazy: Option<Userfault>,
    /// Whether writes must be told of to `touched` or `tracker`.
    telling: bool,
}

impl Region {
    /// Maps `len` bytes that hold the prior. A dense region's are written, which also populates them.
    pub fn new(len: usize, prior: Prior) -> Result<Self, RegionError> {
        let mut region = Self::unwritten(len, prior)?;
        match prior {
            Prior::FloorPlan => prior.fill(0, region.map.as_mut_slice()),
            Prior::Unknown => {}
        }
        Ok(region)
    }

    fn unwritten(len: usize, prior: Prior) -> Result<Self, RegionError> {
        let mut map = Mapping::new(len)?;
        let sparse = match prior {
            Prior::FloorPlan => false,
            Prior::Unknown => true,
        };
        map.prefer_huge_pages(!sparse);
        let touched = sparse.then(|| PageSet::none(len.div_ceil(PAGE_LEN)));
        Ok(Self { map, prior, telling: sparse, touched, tracker: None, lazy: None })
    }

    /// A region of its own that holds the same. Pages that nobody ever wrote are not copied.
    pub fn full_copy(&self) -> Result<Self, RegionError> {
        let mut copy = Self::unwritten(self.len(), self.prior)?;
        match &self.touched {
            None => copy.map.as_mut_slice().copy_from_slice(self.map.as_slice()),
            Some(touched) => {
                for (first, count) in touched.runs() {
                    let (from, to) = (first * PAGE_LEN, self.len().min((first + count) * PAGE_LEN));
                    copy.map.as_mut_slice()[from..to].copy_from_slice(&self.map.as_slice()[from..to]);
                }
                copy.touched = Some(touched.clone());
            }
        }
        Ok(copy)
    }

    /// Gives all pages back: it holds nothing but zeros from now on. For an image that has been copied, so that whoever shares its
    /// pages does not have to copy them as well.
    pub fn give_back(&mut self) {
        let pages = self.pages();
        // It cannot fail for a range that is mapped.
        let _ = self.map.discard(0, pages);
        if let Some(touched) = &mut self.touched {
            touched.remove_run(0, pages);
        }
        if let Some(tracker) = &mut self.tracker {
            tracker.discards(0, pages);
        }
    }

    /// Begins to follow which pages are written, anew if it did already. Says who keeps account.
    pub fn follow(&mut self) -> Tracking {
        if self.follow_by(Tracking::Kernel).is_err() {
            // The write path needs nothing of the kernel, so this cannot fail.
            let _ = self.follow_by(Tracking::WritePath);
        }
        self.tracker.as_ref().map_or(Tracking::WritePath, Tracker::tracking)
    }

    fn follow_by(&mut self, tracking: Tracking) -> io::Result<()> {
        self.unfollow();
        self.tracker = Some(Tracker::open(tracking, &self.map)?);
        self.telling |= tracking == Tracking::WritePath;
        Ok(())
    }

    /// Whether it is being followed.
    pub const fn is_followed(&self) -> bool {
        self.tracker.is_some()
    }

    /// The pages that were written since it began to be followed or since the last call, and no others. All of them if it is not
    /// followed.
    ///
    /// # Errors
    /// The kernel keeps account, and cannot tell.
    pub fn take_written(&mut self) -> io::Result<PageSet> {
        match &mut self.tracker {
            Some(tracker) => tracker.take(),
            None => Ok(PageSet::all(self.len().div_ceil(PAGE_LEN))),
        }
    }

    /// Ends following.
    pub fn unfollow(&mut self) {
        self.tracker = None;
        self.telling = self.touched.is_some();
    }

    /// Forgets the pages in `missing`: from now on whoever touches one waits until it has been placed by way of what is returned.
    /// Ends following. Pages of 2 MB are not made while it is lazy, because one page is placed at a time.
    ///
    /// # Errors
    /// The kernel refuses: then nothing is forgotten, unless it refuses to forget.
    pub fn make_lazy(&mut self, missing: &PageSet) -> io::Result<LazyPages> {
        self.unfollow();
        let userfault = Userfault::open(0)?;
        let theirs = userfault.try_clone()?;
        // All of it, not each run of what is missing: a process may have 65 530 mappings, and a hybrid has more runs. Of a dense
        // region the other pages are there and never fault; of a sparse one they fault once, and are zeros.
        userfault
            .register(&(self.map.address()..self.map.address() + self.map.mapped_len()), Mode::Missing)?;
        self.lazy = Some(userfault);
        self.map.prefer_huge_pages(false);
        for (first, count) in missing.runs() {
            self.map.discard(first, count)?;
        }
        if let Some(touched) = &mut self.touched {
            touched.insert_all(missing);
        }
        Ok(LazyPages::new(theirs, &self.map, missing.clone()))
    }

    /// Whether pages may be missing.
    pub const fn is_lazy(&self) -> bool {
        self.lazy.is_some()
    }

    /// Ends being lazy. What is missing still is zeros from now on: call it when nothing is, or when the state is given up.
    pub fn end_lazy(&mut self) {
        if let Some(userfault) = self.lazy.take() {
            let addresses = self.map.address()..self.map.address() + self.map.mapped_len();
            // It cannot fail for a range that is registered; the end of the handle does the same once it is the last.
            let _ = userfault.unregister(&addresses);
            self.map.prefer_huge_pages(self.touched.is_none());
        }
    }

    /// The write path is about to write `len` bytes at `at`, at least one.
    #[inline]
    fn tell(&mut self, at: usize, len: usize) {
        for page in at / PAGE_LEN..(at + len).div_ceil(PAGE_LEN) {
            if let Some(touched) = &mut self.touched {
                touched.insert(page);
            }
            if let Some(tracker) = &mut self.tracker {
                tracker.writes(page);
            }
        }
    }
}

impl Memory for Region {
    fn len(&self) -> usize {
        self.map.as_slice().len()
    }

    fn prior(&self) -> Prior {
        self.prior
    }

    #[inline]
    fn get(&self, index: usize) -> u8 {
        self.map.as_slice()[index]
    }

    #[inline]
    fn set(&mut self, index: usize, value: u8) {
        self.map.as_mut_slice()[index] = value;
        if self.telling {
            self.tell(index, 1);
        }
    }

    fn page(&self, page: usize) -> Option<&[u8]> {
        if self.touched.as_ref().is_some_and(|touched| !touched.contains(page)) {
            return None;
        }
        let from = page * PAGE_LEN;
        Some(&self.map.as_slice()[from..self.len().min(from + PAGE_LEN)])
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.map.as_mut_slice()[at..at + bytes.len()].copy_from_slice(bytes);
        if self.telling {
            self.tell(at, bytes.len());
        }
    }

    /// A sparse region gives the pages back; a dense one keeps them, so that nobody waits for the kernel to find new ones.
    fn clear(&mut self, first_page: usize, pages: usize) {
        let (from, to) = (first_page * PAGE_LEN, self.len().min((first_page + pages) * PAGE_LEN));
        let given_back = self.touched.is_some() && self.map.discard(first_page, pages).is_ok();
        if let Some(touched) = self.touched.as_mut().filter(|_| given_back) {
            touched.remove_run(first_page, pages);
            if let Some(tracker) = &mut self.tracker {
                tracker.discards(first_page, pages);
            }
        } else {
            self.map.as_mut_slice()[from..to].fill(0);
            if self.telling && from < to {
                self.tell(from, to - from);
            }
        }
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({} B, {:?})", self.len(), self.prior)
    }
}
