//! Which pages were written: the kernel's account where it keeps one, otherwise one that the write path keeps. Both tell exactly
//! the pages that were written since the account was opened or last taken.

use super::map::Mapping;
use super::pagemap::Pagemap;
use super::userfault::{Mode, Userfault};
use crate::memory::PAGE_LEN;
use crate::pages::PageSet;
use linux_raw_sys::general::UFFD_FEATURE_WP_ASYNC;
use std::io;
use std::ops::Range;

/// Who keeps the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// The kernel, by write protection: a page's first write after the account was taken costs a fault, all others nothing.
    Kernel,
    /// The write path: every write costs a look at a bit.
    WritePath,
}

/// An account of written pages.
#[derive(Debug)]
pub(super) enum Tracker {
    Kernel {
        userfault: Userfault,
        pagemap: Pagemap,
        addresses: Range<usize>,
        /// Pages that were discarded: the kernel forgets them, but they have changed.
        discarded: PageSet,
    },
    WritePath(PageSet),
}

impl Tracker {
    /// Opens an account of this kind.
    pub(super) fn open(tracking: Tracking, mapping: &Mapping) -> io::Result<Self> {
        let pages = mapping.mapped_len() / PAGE_LEN;
        match tracking {
            Tracking::WritePath => Ok(Self::WritePath(PageSet::none(pages))),
            Tracking::Kernel => {
                let userfault = Userfault::open(UFFD_FEATURE_WP_ASYNC)?;
                let addresses = mapping.address()..mapping.address() + mapping.mapped_len();
                userfault.register(&addresses, Mode::WriteProtect)?;
                let discarded = PageSet::none(pages);
                let mut tracker = Self::Kernel { userfault, pagemap: Pagemap::open()?, addresses, discarded };
                // Protects all that is there; what comes later shows as written by being there.
                tracker.take()?;
                Ok(tracker)
            }
        }
    }

    /// Who keeps it.
    pub(super) const fn tracking(&self) -> Tracking {
        match self {
            Self::Kernel { .. } => Tracking::Kernel,
            Self::WritePath(_) => Tracking::WritePath,
        }
    }

    /// Takes the account and opens the next.
    pub(super) fn take(&mut self) -> io::Result<PageSet> {
        match self {
            Self::WritePath(written) => {
                let next = PageSet::none(written.bound());
                Ok(std::mem::replace(written, next))
            }
            Self::Kernel { pagemap, addresses, discarded, .. } => {
                let mut written = PageSet::none(discarded.bound());
                pagemap.take_written(addresses.clone(), |run| {
                    let first = (run.start - addresses.start) / PAGE_LEN;
                    written.insert_run(first, run.len() / PAGE_LEN);
                })?;
                let next = PageSet::none(discarded.bound());
                written.insert_all(&std::mem::replace(discarded, next));
                Ok(written)
            }
        }
    }

    /// The write path tells of a page that it writes.
    #[inline]
    pub(super) fn writes(&mut self, page: usize) {
        match self {
            Self::WritePath(written) => {
                written.insert(page);
            }
            Self::Kernel { .. } => {}
        }
    }

    /// These pages were discarded.
    pub(super) fn discards(&mut self, first: usize, count: usize) {
        match self {
            Self::WritePath(pages) | Self::Kernel { discarded: pages, .. } => pages.insert_run(first, count),
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        match self {
            // Also lifts the protection.
            Self::Kernel { userfault, addresses, .. } => drop(userfault.unregister(addresses)),
            Self::WritePath(_) => {}
        }
    }
}
