//! Forking without exec, from a single-threaded process only: for the copy-on-write image of a server's memory and for
//! probes that must not change the process that asks.

#![allow(unsafe_code, reason = "wraps fork and _exit")]

use crate::sys::pidfd::PidFd;
use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::io;

/// Forks; the child runs `work` and ends with the code that it returns, without running any destructor of the parent's.
///
/// # Errors
/// This process has several threads (a lock held by another one would stay locked for ever in the child), or the kernel
/// refuses (`EAGAIN`, `ENOMEM`).
pub fn fork_child(work: impl FnOnce() -> u8) -> io::Result<(Pid, PidFd)> {
    if thread_count()? != 1 {
        return Err(io::Error::other("a process with several threads cannot fork without exec"));
    }
    // SAFETY: the process is single-threaded, so the child may do all that the parent may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // A panic must not unwind into the parent's frames, of which the child has a copy.
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(101);
            exit_now(code)
        }
        ForkResult::Parent { child } => Ok((child, PidFd::open(child)?)),
    }
}

/// Runs `work` in a forked child and gives its result back: what `work` did to its process ends with the child.
///
/// # Errors
/// What `work` failed with, or `ECHILD`/`EAGAIN` if the child could not be run to its end.
pub fn probe(work: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
    let code = || work().map_or_else(|errno| u8::try_from(errno as i32).unwrap_or(u8::MAX), |()| 0);
    let (child, _) = fork_child(code).map_err(|e| e.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw))?;
    // Killed, not exited: by a seccomp filter, for example.
    let WaitStatus::Exited(_, code) = waitpid(child, None)? else { return Err(Errno::ECHILD) };
    if code == 0 { Ok(()) } else { Err(Errno::from_raw(code)) }
}

/// How many threads this process has.
///
/// # Errors
/// `/proc` is not mounted.
pub fn thread_count() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

fn exit_now(code: u8) -> ! {
    // SAFETY: ends the process without returning; nothing is run that the parent owns.
    unsafe { libc::_exit(i32::from(code)) }
}
