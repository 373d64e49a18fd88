//! Memory whose pages come later: whoever touches a page that is missing waits until it has been placed. Placing is the work of
//! another process (the pager), because the one that waits cannot; [`LazyPages`] is made before it is forked and used there.

use super::map::Mapping;
use super::userfault::Userfault;
use crate::memory::PAGE_LEN;
use crate::pages::PageSet;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};

/// The missing pages of a region, and the way to place them. The region keeps a handle of its own, so that the end of whoever
/// holds this leaves pages missing: they never become zeros by accident.
#[derive(Debug)]
pub struct LazyPages {
    userfault: Userfault,
    addresses: Range<usize>,
    missing: PageSet,
    /// A last page that is shorter than a page, made whole.
    last: Box<[u8; PAGE_LEN]>,
}

impl LazyPages {
    /// Faults of `mapping` must be asked for from `userfault` already.
    pub(super) fn new(userfault: Userfault, mapping: &Mapping, missing: PageSet) -> Self {
        let addresses = mapping.address()..mapping.address() + mapping.mapped_len();
        Self { userfault, addresses, missing, last: Box::new([0; PAGE_LEN]) }
    }

    /// What has not been placed yet.
    pub const fn missing(&self) -> &PageSet {
        &self.missing
    }

    /// Appends pages that somebody waits for. There may be more of them as long as the descriptor is readable.
    ///
    /// # Errors
    /// The process whose memory it is has ended.
    pub fn read_faults(&mut self, wanted: &mut Vec<usize>) -> io::Result<()> {
        let mut others = Vec::new();
        self.userfault.read(|address| {
            let page = address.saturating_sub(self.addresses.start) / PAGE_LEN;
            let list = if self.missing.contains(page) { &mut *wanted } else { &mut others };
            list.push(page);
        })?;
        // Placed in the meantime, or never written at either end: zeros then.
        others.into_iter().try_for_each(|page| self.userfault.zero(self.address(page), PAGE_LEN))
    }

    /// Puts pages in their places and wakes whoever waits for them. Those that are there already stay as they are. The memory's last
    /// page may be shorter than a page.
    ///
    /// # Errors
    /// `ESRCH`: the process whose memory it is has ended. `ENOMEM`. `EINVAL`: beyond the region's end.
    pub fn place(&mut self, first_page: usize, bytes: &[u8]) -> io::Result<()> {
        let (whole, rest) = bytes.split_at(bytes.len() / PAGE_LEN * PAGE_LEN);
        self.userfault.copy(self.address(first_page), whole)?;
        if !rest.is_empty() {
            self.last[..rest.len()].copy_from_slice(rest);
            let address = self.address(first_page) + whole.len();
            self.userfault.copy(address, self.last.as_slice())?;
        }
        self.missing.remove_run(first_page, bytes.len().div_ceil(PAGE_LEN));
        Ok(())
    }

    /// The same for pages that hold only zeros.
    ///
    /// # Errors
    /// As for [`LazyPages::place`].
    pub fn zero(&mut self, first_page: usize, count: usize) -> io::Result<()> {
        self.userfault.zero(self.address(first_page), count * PAGE_LEN)?;
        self.missing.remove_run(first_page, count);
        Ok(())
    }

    const fn address(&self, page: usize) -> usize {
        self.addresses.start + page * PAGE_LEN
    }
}

impl AsFd for LazyPages {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.userfault.as_fd()
    }
}
