//! Processes as descriptors: no pid that could have been given to somebody else, and their end can be polled for.

#![allow(unsafe_code, reason = "wraps pidfd_open and pidfd_send_signal")]

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// A process. Readable when it has ended.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

impl PidFd {
    /// The process with this pid: a child that has not been waited for, or one that is known by other means.
    ///
    /// # Errors
    /// `ESRCH`: there is none.
    pub fn open(pid: Pid) -> io::Result<Self> {
        // SAFETY: two integers; the result is checked.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor (close-on-exec) for us.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }))
    }

    pub(crate) const fn from_owned(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Sends it a signal. One that has ended already is no error.
    ///
    /// # Errors
    /// `EPERM`.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let (fd, no_info) = (self.0.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
        // SAFETY: a null siginfo makes the kernel fill it in as kill() would.
        let result =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal as libc::c_int, no_info, 0) };
        match Errno::result(result) {
            Ok(_) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits for this child's end and reaps it.
    ///
    /// # Errors
    /// `ECHILD`: it is not a child of this process, or has been reaped.
    pub fn wait(&self) -> io::Result<WaitStatus> {
        self.wait_with(WaitPidFlag::WEXITED)
    }

    /// How this child ended, reaping it; `None` while it lives.
    ///
    /// # Errors
    /// As for [`PidFd::wait`].
    pub fn try_wait(&self) -> io::Result<Option<WaitStatus>> {
        let status = self.wait_with(WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG)?;
        Ok((status != WaitStatus::StillAlive).then_some(status))
    }

    fn wait_with(&self, flags: WaitPidFlag) -> io::Result<WaitStatus> {
        loop {
            match waitid(Id::PIDFd(self.0.as_fd()), flags) {
                Err(Errno::EINTR) => {}
                other => return Ok(other?),
            }
        }
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
