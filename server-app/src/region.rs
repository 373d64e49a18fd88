//! Memory of a real server: one private anonymous mapping, populated before it is used, so that no request waits for the
//! kernel to find a page. The only module with unsafe code; it wraps `mmap`, `madvise` and `munmap`.
#![allow(unsafe_code, reason = "wraps the system calls that map memory")]

use crate::memory::{Memory, PAGE_LEN, Prior};
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use std::fmt;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

/// From this size on the kernel is asked for pages of 2 MB: forking then takes 2 ms for 2 GB instead of 30.
const HUGE_PAGE_LEN: usize = 2 * 1_024 * 1_024;

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

/// A private anonymous mapping that holds a state.
pub struct Region {
    start: NonNull<u8>,
    len: usize,
    prior: Prior,
}

// SAFETY: the mapping belongs to this value alone and moves with it; nothing in it is tied to a thread.
unsafe impl Send for Region {}
// SAFETY: through a shared reference the mapping can only be read.
unsafe impl Sync for Region {}

impl Region {
    /// Maps `len` bytes and writes the prior over all of them, which also populates them.
    pub fn new(len: usize, prior: Prior) -> Result<Self, RegionError> {
        let length = NonZeroUsize::new(len).ok_or(RegionError::Empty)?;
        let (access, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE);
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory in use.
        let start = unsafe { mmap_anonymous(None, length, access, flags) }
            .map_err(|errno| RegionError::Refused { len, errno })?;
        if len >= HUGE_PAGE_LEN {
            // SAFETY: the range is the mapping just made; the advice does not change what it holds.
            // A hint: a kernel without huge pages refuses it and nothing but time is lost.
            let _ = unsafe { madvise(start, len, MmapAdvise::MADV_HUGEPAGE) };
        }
        let mut region = Self { start: start.cast(), len, prior };
        prior.fill(0, region.as_mut_slice());
        Ok(region)
    }

    /// All of it.
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: `start` points to `len` mapped, initialised bytes that live as long as `self`, and they can only be
        // written through `&mut self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// All of it, for writing.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`; `&mut self` makes this the only way to the bytes.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range is the whole mapping that `new` made, and no slice of it outlives `self`. It can only fail
        // for a range that is not page-aligned or not mapped.
        let _ = unsafe { munmap(self.start.cast(), self.len) };
    }
}

impl Memory for Region {
    fn len(&self) -> usize {
        self.len
    }

    fn prior(&self) -> Prior {
        self.prior
    }

    #[inline]
    fn get(&self, index: usize) -> u8 {
        self.as_slice()[index]
    }

    #[inline]
    fn set(&mut self, index: usize, value: u8) {
        self.as_mut_slice()[index] = value;
    }

    fn page(&self, page: usize) -> Option<&[u8]> {
        let from = page * PAGE_LEN;
        Some(&self.as_slice()[from..self.len.min(from + PAGE_LEN)])
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.as_mut_slice()[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({} B, {:?})", self.len, self.prior)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_region_holds_the_prior_and_keeps_what_is_written() {
        for (len, prior) in [(PAGE_LEN + 10, Prior::FloorPlan), (HUGE_PAGE_LEN + 1, Prior::Unknown)] {
            let mut region = Region::new(len, prior).unwrap();
            assert!(prior.holds_in(0, region.as_slice()));
            region.set(len - 1, 9);
            region.write(3, &[1, 2]);
            assert_eq!((region.get(len - 1), region.get(3), region.get(4)), (9, 1, 2));
            assert_eq!(region.page(len / PAGE_LEN).map(<[u8]>::len), Some(len % PAGE_LEN));
        }
    }

    #[test]
    fn what_cannot_be_mapped_is_an_error() {
        assert_eq!(Region::new(0, Prior::Unknown).err(), Some(RegionError::Empty));
        assert!(matches!(Region::new(1 << 62, Prior::Unknown), Err(RegionError::Refused { .. })));
    }
}
