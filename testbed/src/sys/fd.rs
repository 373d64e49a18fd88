//! Descriptors that are handed over by number from one process to the next, and the closing of all others.

#![allow(unsafe_code, reason = "wraps close_range and the adoption of an inherited descriptor")]

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The first descriptor that a program of this crate is started with: its line to whoever started it.
pub const CONTROL_FD: RawFd = 3;

/// Takes over the descriptor `number` that this process was started with, and marks it close-on-exec. Call it once a
/// number, at the start of `main`.
///
/// # Errors
/// `EBADF`: the process was not started with that descriptor.
pub fn adopt(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the borrow lasts for this one call; a number that is not open is answered with EBADF.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    // SAFETY: it is open, and by this function's contract nobody else in this process owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes every descriptor from `first` on except those in `keep`. For a process that has just been forked and will use nothing
/// else that it inherited; the values that own the closed ones must never be dropped there.
///
/// # Errors
/// The kernel is older than 5.9.
pub fn close_all_from(first: RawFd, keep: &[RawFd]) -> io::Result<()> {
    let mut keep: Vec<RawFd> = keep.iter().copied().filter(|&fd| fd >= first).collect();
    keep.sort_unstable();
    let mut from = first;
    for fd in keep {
        if fd > from {
            close_range(from, fd - 1)?;
        }
        from = fd + 1;
    }
    close_range(from, RawFd::MAX)
}

fn close_range(first: RawFd, last: RawFd) -> io::Result<()> {
    // SAFETY: only numbers are passed; what is closed is the caller's contract.
    match unsafe { libc::close_range(first as libc::c_uint, last as libc::c_uint, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
