//! userfaultfd(2): the kernel's way to hand page faults of a range to a program. Here for two purposes: faults of pages that
//! are not there yet, and write protection that the kernel lifts by itself (`WP_ASYNC`, Linux 6.7), which leaves behind which
//! pages were written. Always in the mode that needs no privilege: faults that the kernel itself takes are not trapped.

#![allow(unsafe_code, reason = "wraps userfaultfd and its ioctls")]

use crate::memory::PAGE_LEN;
use linux_raw_sys::general::{
    UFFD_API, UFFD_EVENT_PAGEFAULT, UFFD_USER_MODE_ONLY, UFFDIO_REGISTER_MODE_MISSING,
    UFFDIO_REGISTER_MODE_WP, uffdio_api, uffdio_copy, uffdio_range, uffdio_register, uffdio_zeropage,
};
use linux_raw_sys::ioctl::{
    UFFDIO_API, UFFDIO_COPY, UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_WAKE, UFFDIO_ZEROPAGE,
};
use nix::errno::Errno;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

/// Length of a message (`struct uffd_msg`).
const MESSAGE_LEN: usize = 32;
/// Messages taken by one read.
const MESSAGES: usize = 16;

/// Which faults are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Of pages that are not there.
    Missing,
    /// Of pages that are write-protected.
    WriteProtect,
}

/// A userfaultfd. It belongs to the memory of the process that opened it, whoever holds it. When its last holder is gone, faults
/// are the kernel's affair again: what is missing then is zeros.
#[derive(Debug)]
pub(super) struct Userfault(File);

impl Userfault {
    /// Opens one with these features (`UFFD_FEATURE_*`). Reading it does not block.
    pub(super) fn open(features: u32) -> io::Result<Self> {
        let flags = libc::O_CLOEXEC | libc::O_NONBLOCK | UFFD_USER_MODE_ONLY as i32;
        // SAFETY: one integer goes in; the result is checked.
        let fd = Errno::result(unsafe { libc::syscall(libc::SYS_userfaultfd, flags) })?;
        // SAFETY: the kernel has just made this descriptor for us.
        let this = Self(File::from(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }));
        let mut api = uffdio_api { api: u64::from(UFFD_API), features: u64::from(features), ioctls: 0 };
        this.control(UFFDIO_API, &mut api)?;
        Ok(this)
    }

    /// Another handle to the same.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Asks for the faults of these addresses, in whole pages.
    pub(super) fn register(&self, addresses: &Range<usize>, mode: Mode) -> io::Result<()> {
        let mode = match mode {
            Mode::Missing => UFFDIO_REGISTER_MODE_MISSING,
            Mode::WriteProtect => UFFDIO_REGISTER_MODE_WP,
        };
        let mut register = uffdio_register { range: range(addresses), mode: u64::from(mode), ioctls: 0 };
        self.control(UFFDIO_REGISTER, &mut register)
    }

    /// No longer; write protection is lifted, and whoever waits is woken.
    pub(super) fn unregister(&self, addresses: &Range<usize>) -> io::Result<()> {
        self.control(UFFDIO_UNREGISTER, &mut range(addresses))
    }

    /// Wakes whoever waits for one of these addresses, to try again.
    pub(super) fn wake(&self, addresses: &Range<usize>) -> io::Result<()> {
        self.control(UFFDIO_WAKE, &mut range(addresses))
    }

    /// Puts `bytes`, whole pages, at `address` and wakes whoever waits for them. Pages that are there already stay as they are.
    pub(super) fn copy(&self, address: usize, bytes: &[u8]) -> io::Result<()> {
        let place = |done: usize| {
            let rest = &bytes[done..];
            let (dst, src) = ((address + done) as u64, rest.as_ptr().addr() as u64);
            let mut copy = uffdio_copy { dst, src, len: rest.len() as u64, mode: 0, copy: 0 };
            (self.control(UFFDIO_COPY, &mut copy), copy.copy)
        };
        self.all_pages(address, bytes.len(), place)
    }

    /// The same with zeros.
    pub(super) fn zero(&self, address: usize, len: usize) -> io::Result<()> {
        let place = |done: usize| {
            let range = uffdio_range { start: (address + done) as u64, len: (len - done) as u64 };
            let mut zero = uffdio_zeropage { range, mode: 0, zeropage: 0 };
            (self.control(UFFDIO_ZEROPAGE, &mut zero), zero.zeropage)
        };
        self.all_pages(address, len, place)
    }

    /// Repeats `place` until all is done: the kernel may stop in between, and it stops at every page that is there already.
    fn all_pages(
        &self,
        address: usize,
        len: usize,
        place: impl Fn(usize) -> (io::Result<()>, i64),
    ) -> io::Result<()> {
        let mut done = 0;
        while done < len {
            let (result, placed) = place(done);
            // What is negative is the error once more.
            done += usize::try_from(placed).unwrap_or(0);
            match result {
                Ok(()) => {}
                Err(error) if is(&error, Errno::EAGAIN) => {}
                Err(error) if is(&error, Errno::EEXIST) => {
                    self.wake(&(address + done..address + done + PAGE_LEN))?;
                    done += PAGE_LEN;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives `fault` the addresses of the faults that wait to be told, some of them.
    pub(super) fn read(&self, mut fault: impl FnMut(usize)) -> io::Result<()> {
        let mut messages = [0; MESSAGE_LEN * MESSAGES];
        let len = match (&self.0).read(&mut messages) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        for message in messages[..len].chunks_exact(MESSAGE_LEN) {
            if u32::from(message[0]) == UFFD_EVENT_PAGEFAULT {
                // event, reserved up to 8; flags up to 16; address up to 24.
                let mut address = [0; 8];
                address.copy_from_slice(&message[16..24]);
                fault(u64::from_ne_bytes(address) as usize);
            }
        }
        Ok(())
    }

    fn control<T>(&self, request: u32, argument: &mut T) -> io::Result<()> {
        // SAFETY: each caller pairs a request with its structure, which the kernel reads and writes during the call only. The
        // addresses in it are checked by the kernel; what it may put there is the content of missing pages.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::Ioctl::from(request), argument) };
        Errno::result(result).map(drop).map_err(io::Error::from)
    }
}

impl AsFd for Userfault {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn range(addresses: &Range<usize>) -> uffdio_range {
    uffdio_range { start: addresses.start as u64, len: addresses.len() as u64 }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}
