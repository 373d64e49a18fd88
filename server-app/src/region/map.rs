//! One private anonymous mapping: made, lent out as a slice, emptied page by page, given back. The only place that knows
//! where in the address space a state lies.

#![allow(unsafe_code, reason = "wraps mmap, madvise and munmap")]

use super::RegionError;
use crate::memory::PAGE_LEN;
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use std::num::NonZeroUsize;
use std::ptr::NonNull;

/// The kernel's larger pages.
const HUGE_PAGE_LEN: usize = 2 * 1_024 * 1_024;

/// A mapping of `len` bytes, all zero at first.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone and moves with it; nothing in it is tied to a thread.
unsafe impl Send for Mapping {}
// SAFETY: through a shared reference the mapping can only be read.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(super) fn new(len: usize) -> Result<Self, RegionError> {
        let length = NonZeroUsize::new(len).ok_or(RegionError::Empty)?;
        let (access, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE);
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory in use.
        let start = unsafe { mmap_anonymous(None, length, access, flags) }
            .map_err(|errno| RegionError::Refused { len, errno })?;
        Ok(Self { start: start.cast(), len })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        // SAFETY: `start` points to `len` mapped bytes that live as long as `self`; the kernel gives zeros for those that
        // nobody has written. They can only be written through `&mut self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`; `&mut self` makes this the only way to the bytes.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// Where it begins.
    pub(super) fn address(&self) -> usize {
        self.start.as_ptr().addr()
    }

    /// Its length in whole pages, which is what the kernel has mapped.
    pub(super) const fn mapped_len(&self) -> usize {
        self.len.next_multiple_of(PAGE_LEN)
    }

    /// Asks for pages of 2 MB, where they fit, or for none. A hint: a kernel without them refuses it and nothing but time is
    /// lost.
    pub(super) fn prefer_huge_pages(&mut self, prefer: bool) {
        let advice = if prefer { MmapAdvise::MADV_HUGEPAGE } else { MmapAdvise::MADV_NOHUGEPAGE };
        if !prefer || self.len >= HUGE_PAGE_LEN {
            // SAFETY: the range is the whole mapping; the advice does not change what it holds.
            let _ = unsafe { madvise(self.start.cast(), self.len, advice) };
        }
    }

    /// Gives these pages back to the kernel; they hold zeros from now on, or nothing while faults are trapped.
    pub(super) fn discard(&mut self, first_page: usize, pages: usize) -> Result<(), Errno> {
        let from = first_page.saturating_mul(PAGE_LEN).min(self.mapped_len());
        let len = pages.saturating_mul(PAGE_LEN).min(self.mapped_len() - from);
        // SAFETY: the offset lies within the mapping.
        let start = unsafe { self.start.add(from) };
        // SAFETY: the range lies within the mapping, whose bytes nobody else refers to because of `&mut self`; any content
        // is a valid one.
        unsafe { madvise(start.cast(), len, MmapAdvise::MADV_DONTNEED) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the whole mapping that `new` made, and no slice of it outlives `self`. It can only fail
        // for a range that is not page-aligned or not mapped.
        let _ = unsafe { munmap(self.start.cast(), self.len) };
    }
}
