//! PAGEMAP_SCAN (Linux 6.7): which pages of a range were written since they were last protected, protecting them again in the
//! same step, so that no write falls in between.

#![allow(unsafe_code, reason = "wraps the ioctl PAGEMAP_SCAN")]

use linux_raw_sys::general::{
    PAGE_IS_WRITTEN, PM_SCAN_CHECK_WPASYNC, PM_SCAN_WP_MATCHING, page_region, pm_scan_arg,
};
use nix::errno::Errno;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd as _;

/// `_IOWR('f', 16, struct pm_scan_arg)`.
const PAGEMAP_SCAN: libc::Ioctl = 0xC060_6610;
/// Runs of pages told by one call.
const RUNS: usize = 512;

/// This process's pagemap.
#[derive(Debug)]
pub(super) struct Pagemap(File);

impl Pagemap {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self(File::open("/proc/self/pagemap")?))
    }

    /// Gives `found` every run of addresses that were written, and protects it again. The addresses must be registered for
    /// asynchronous write protection; whole pages.
    pub(super) fn take_written(
        &self,
        addresses: Range<usize>,
        mut found: impl FnMut(Range<usize>),
    ) -> io::Result<()> {
        let mut runs = [page_region { start: 0, end: 0, categories: 0 }; RUNS];
        let mut at = addresses.start as u64;
        while at < addresses.end as u64 {
            let mut scan = pm_scan_arg {
                size: size_of::<pm_scan_arg>() as u64,
                flags: u64::from(PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC),
                start: at,
                end: addresses.end as u64,
                walk_end: 0,
                vec: runs.as_mut_ptr().addr() as u64,
                vec_len: RUNS as u64,
                max_pages: 0,
                category_inverted: 0,
                category_mask: u64::from(PAGE_IS_WRITTEN),
                category_anyof_mask: 0,
                return_mask: u64::from(PAGE_IS_WRITTEN),
            };
            // SAFETY: the kernel writes the structure and at most RUNS runs, both of which outlive the call.
            let count = unsafe { libc::ioctl(self.0.as_raw_fd(), PAGEMAP_SCAN, &raw mut scan) };
            let count = match Errno::result(count) {
                Ok(count) => usize::try_from(count).unwrap_or(0),
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            runs.iter().take(count).for_each(|run| found(run.start as usize..run.end as usize));
            if scan.walk_end <= at {
                return Err(io::Error::other("the scan of the page map does not go on"));
            }
            at = scan.walk_end;
        }
        Ok(())
    }
}
